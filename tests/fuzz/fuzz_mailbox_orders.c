/* SPDX-License-Identifier: BSD-2-Clause */
/* Orders from a hostile guest: each 128 bytes of the input are an order, given with a number of its own, and stand in the
 * piece area as well. */
#include "fuzz.h"

#include "mailbox_orders.h"

#include <string.h>

#define GENERATION 1
#define ROOM       (1u << 20)

static _Alignas(4096) uint8_t window[HF_MAILBOX_SIZE];
static uint8_t room[ROOM + 1];
static struct hf_mailbox_orders orders;

static void do_job(const struct hf_mailbox_job *job)
{
    struct hf_mailbox_reply reply = {.done = hf_le32_of(HF_MAILBOX_DONE)};

    MUST(job->command > 0 && job->command < HF_MAILBOX_COMMAND_MAX && job->command != HF_MAILBOX_PIECE);
    MUST((job->flags & ~(uint32_t)HF_MAILBOX_FLAGS) == 0);
    if (job->command == HF_MAILBOX_BEGIN) {
        MUST(job->size > 0 && job->size <= HF_MAILBOX_IMAGE_MAX);
        if (job->size <= ROOM)
            hf_mailbox_orders_expect(&orders, job, room);
    } else if (job->command == HF_MAILBOX_END) {
        MUST(orders.image && orders.received == orders.size);
        (void)hf_mailbox_orders_forget(&orders);
    }
    hf_mailbox_orders_reply(&orders, &reply);
}

static void give(const uint8_t *bytes, uint32_t number)
{
    hf_le32 generation = hf_le32_of(GENERATION), order = hf_le32_of(number);
    hf_le32 done;
    struct hf_mailbox_job job;
    enum hf_mailbox_orders_saw saw;

    memcpy(window + HF_MAILBOX_ORDER_AT, bytes, sizeof(struct hf_mailbox_order));
    memcpy(window + HF_MAILBOX_ORDER_AT, &order, sizeof order);
    memcpy(window + HF_MAILBOX_ORDER_AT + 4, &generation, sizeof generation);
    memcpy(window + HF_MAILBOX_PIECE_AT, bytes, sizeof(struct hf_mailbox_order));
    saw = hf_mailbox_orders_poll(&orders, (int64_t)number * 1000, &job);
    MUST(saw != HF_MAILBOX_SAW_NOTHING);
    if (saw == HF_MAILBOX_SAW_JOB)
        do_job(&job);
    memcpy(&done, window + HF_MAILBOX_REPLY_AT, sizeof done);
    MUST(hf_le32_get(done) == number);
    memcpy(&done, window + HF_MAILBOX_REPLY_AT + offsetof(struct hf_mailbox_reply, done), sizeof done);
    MUST(hf_le32_get(done) > 0 && hf_le32_get(done) < HF_MAILBOX_DONE_MAX);
    MUST(orders.received <= orders.size && orders.size <= ROOM);
    MUST(room[ROOM] == 0xa5);
    MUST(hf_mailbox_orders_poll(&orders, (int64_t)number * 1000, &job) == HF_MAILBOX_SAW_NOTHING);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    orders = (struct hf_mailbox_orders){.window = window};
    hf_mailbox_orders_publish(&orders, window, GENERATION, HF_MAILBOX_MODE_ALWAYS);
    room[ROOM] = 0xa5;
    for (uint32_t number = 1; size >= sizeof(struct hf_mailbox_order); number++) {
        give(bytes, number);
        bytes += sizeof(struct hf_mailbox_order);
        size -= sizeof(struct hf_mailbox_order);
    }
    return 0;
}
