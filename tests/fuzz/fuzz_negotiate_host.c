/* SPDX-License-Identifier: BSD-2-Clause */
/* Request records from a hostile guest, then a saved state from a hostile host. */
#include "fuzz.h"

#include <holdfast/negotiate_guest.h>
#include <holdfast/negotiate_host.h>

#include "crc32.h"

#include <string.h>

#define CRC_AT 24

static const struct hf_negotiate_rule rules[] = {{1, 0}, {255, 1}};
static struct hf_negotiate_domain domains[2] = {
    {.name = "a", .version = 1, .supported = {{3}}, .rules = rules, .n_rules = 2},
    {.name = "acpi-loader", .version = 2, .supported = {{7}}},
};
static struct hf_negotiate *n;

/* Whatever is locked is supported and closed; the other domain is as it was. */
static void check(void)
{
    for (size_t i = 0; i < 2; i++) {
        struct hf_bits got;

        (void)hf_negotiate_agreed(n, domains[i].name, &got);
        MUST(hf_bits_missing(&got, &domains[i].supported) == HF_NEGOTIATE_NO_BIT);
        MUST(!hf_negotiate_broken_rule(&got, domains[i].rules, domains[i].n_rules));
    }
}

static void request(const uint8_t *bytes, size_t size)
{
    struct hf_bits before[2], after[2];
    bool locked[2], now[2];
    struct hf_negotiate_answer a;

    for (size_t i = 0; i < 2; i++)
        locked[i] = hf_negotiate_agreed(n, domains[i].name, &before[i]);
    memset(&a, 0xee, sizeof a);
    MUST(hf_negotiate_request(n, bytes, size, &a) == hf_le32_get(a.status));
    MUST(hf_le32_get(a.status) < HF_NEGOTIATE_STATUS_MAX && hf_le32_get(a.status) != HF_NEGOTIATE_NONE);
    for (size_t i = 0; i < 2; i++) {
        now[i] = hf_negotiate_agreed(n, domains[i].name, &after[i]);
        MUST(!locked[i] || (now[i] && hf_bits_equal(&before[i], &after[i])));
        MUST(now[i] == locked[i] || hf_le32_get(a.status) == HF_NEGOTIATE_ACCEPTED);
    }
    MUST((now[0] != locked[0]) + (now[1] != locked[1]) <= 1);
    check();
}

static void load(const uint8_t *bytes, size_t size)
{
    uint8_t copy[1024];
    hf_le32 crc = {{0}};

    size = size < sizeof copy ? size : sizeof copy;
    if (size != 0)
        memcpy(copy, bytes, size);
    if (size >= CRC_AT + 4) {
        memcpy(copy + CRC_AT, &crc, 4);
        crc = hf_le32_of(hf_crc32(0, copy, size));
        memcpy(copy + CRC_AT, &crc, 4);
    }
    (void)hf_negotiate_load(n, copy, size, NULL);
    check();
}

/* The first byte says how the rest is cut: 0xff is a state, others are requests of 96 - 3 + (byte % 7) bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static _Alignas(16) uint8_t memory[4096];
    size_t piece;

    if (size == 0)
        return 0;
    domains[0].supported.byte[31] = 0x80;
    MUST(hf_negotiate_init(memory, sizeof memory, domains, 2, 1, &n, NULL) == 0);
    if (bytes[0] == 0xff) {
        load(bytes + 1, size - 1);
        return 0;
    }
    piece = sizeof(struct hf_negotiate_request) - 3 + bytes[0] % 7;
    for (bytes++, size--; size != 0; bytes += piece, size -= piece) {
        piece = piece < size ? piece : size;
        request(bytes, piece);
    }
    return 0;
}
