/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory of a write queue as a dead process left it, the input over a queue that holds two batches: refused, or
 * every page of it can be seen, written, sealed and committed. The first two bytes say where the input lies. */
#include "fuzz.h"

#include "write_queue.h"

#define PAGES     5u
#define BANK_SIZE (PAGES * HF_WRITE_QUEUE_PAGE)

static _Alignas(4096) uint8_t memory[1u << 20];

static int load(void *opaque, uint32_t page, uint8_t *bytes, struct hf_error *err)
{
    (void)opaque;
    (void)err;
    MUST(page < PAGES);
    memset(bytes, 0xff, HF_WRITE_QUEUE_PAGE);
    return 0;
}

static const struct hf_write_queue_ops ops = {.load = load};

static void fill(void)
{
    static const uint8_t key[HF_WRITE_QUEUE_KEY_SIZE] = "key", bytes[6000] = {1};
    struct hf_write_queue q;

    MUST(hf_write_queue_memory_size(BANK_SIZE) <= sizeof memory);
    memset(memory, 0, sizeof memory);
    hf_write_queue_init(&q, memory, BANK_SIZE, key, &ops);
    MUST(hf_write_queue_write(&q, 100, bytes, sizeof bytes, NULL) == 1);
    MUST(hf_write_queue_seal(&q));
    MUST(hf_write_queue_write(&q, 3 * HF_WRITE_QUEUE_PAGE, bytes, 10, NULL) == 1);
}

static void use(struct hf_write_queue *q)
{
    uint32_t page = 0;
    size_t offset, size;

    MUST(hf_write_queue_waiting(q) <= 2 * PAGES);
    MUST(hf_write_queue_write(q, 0, "x", 1, NULL) >= 0);
    for (int batch = 0; batch < 2 && hf_write_queue_seal(q); batch++) {
        for (page = 0; hf_write_queue_sealed(q, &page); page++)
            MUST(page < PAGES);
        hf_write_queue_committed(q);
    }
    MUST(hf_write_queue_waiting(q) == 0);
    if (hf_write_queue_trim(q, &offset, &size))
        MUST(offset <= sizeof memory && size <= sizeof memory - offset);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    size_t head = hf_write_queue_head_size(BANK_SIZE), at;
    struct hf_write_queue q;
    uint32_t waiting;
    int64_t behind;

    if (size < 2)
        return 0;
    fill();
    at = ((size_t)bytes[0] << 8 | bytes[1]) % head;
    memcpy(memory + at, bytes + 2, size - 2 < head - at ? size - 2 : head - at);
    (void)hf_write_queue_peek(memory, hf_write_queue_peek_size(), &behind, &waiting, NULL);
    if (hf_write_queue_attach(&q, memory, BANK_SIZE, &ops, NULL) == 0) {
        MUST(hf_write_queue_recover(&q, NULL) >= 0);
        use(&q);
    }
    return 0;
}
