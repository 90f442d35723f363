/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The S3 section of docs/negotiation.md, as a boot script would do it: memory writes, I/O writes and polls, recorded
 * before the suspend, with nothing but fixed selectors; played after the wake by an interpreter that knows no more.
 */
#include "unit.h"

#include "fwcfg_machine.h"

#include <holdfast/fwcfg_negotiate.h>
#include <holdfast/negotiate_guest.h>

enum opcode { MEM_WRITE, IO_WRITE32, MEM_POLL32, END };

struct operation {
    enum opcode opcode;
    uint32_t at;    /* address or port */
    uint32_t value; /* IO_WRITE32, MEM_POLL32, as the CPU has it */
    const void *bytes;
    size_t size;
};

enum { REQUEST = 0x1000, D1 = 0x1100, D2 = 0x1200, D3 = 0x1300, STATUS = 0x1400 };

/* False when a poll would wait for ever: everything here is synchronous, so one look is enough. */
static bool play(struct machine *m, const struct operation *script)
{
    for (; script->opcode != END; script++) {
        const hf_le32 value = hf_le32_of(script->value);

        switch (script->opcode) {
        case MEM_WRITE:
            memcpy(m->ram + script->at, script->bytes, script->size);
            break;
        case IO_WRITE32:
            (void)hf_fwcfg_port_write(m->device, script->at - HF_FWCFG_PORT_BASE, &value, 4);
            break;
        default:
            if (memcmp(m->ram + script->at, &value, 4) != 0)
                return false;
        }
    }
    return true;
}

#define TRANSFER(descriptor, bytes)                                                                                    \
    {MEM_WRITE, descriptor, 0, bytes, 16}, {IO_WRITE32, 0x514, 0, NULL, 0},                                            \
        {IO_WRITE32, 0x518, __builtin_bswap32(descriptor), NULL, 0},                                                   \
    {                                                                                                                  \
        MEM_POLL32, descriptor, 0, NULL, 0                                                                             \
    }

static bool replay(struct machine *m, const struct hf_negotiate_request *q)
{
    static const uint8_t d1[16] = {0, 0x1f, 0, 0x18, 0, 0, 0, 0x60, 0, 0, 0, 0, 0, 0, REQUEST >> 8, 0};
    static const uint8_t d2[16] = {0, 0x1f, 0, 0x0c, 0, 0, 0, 0x60};
    static const uint8_t d3[16] = {0, 0, 0, 0x02, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, STATUS >> 8, 0};
    const struct operation script[] = {
        {MEM_WRITE, REQUEST, 0, q, sizeof *q},
        TRANSFER(D1, d1),
        TRANSFER(D2, d2),
        TRANSFER(D3, d3),
        {MEM_POLL32, STATUS, HF_NEGOTIATE_ACCEPTED, NULL, 0},
        {END, 0, 0, NULL, 0},
    };

    return play(m, script);
}

static void a_recorded_script_agrees_again_after_the_wake(void **state)
{
    static _Alignas(16) uint8_t memory[1024];
    static struct machine m;
    static struct hf_fwcfg_negotiate glue;
    const struct hf_negotiate_domain domain = {.name = "lifecycle", .version = 3, .supported = hf_bits_of(7)};
    const struct hf_bits wanted = hf_bits_of(5), more = hf_bits_of(15);
    struct hf_fwcfg_config config = machine_config(&m);
    struct hf_negotiate_request q, too_much;
    struct hf_negotiate *n;
    struct hf_bits got;

    assert_int_equal(machine_init(&m, &config, NULL), 0);
    assert_int_equal(hf_negotiate_init(memory, sizeof memory, &domain, 1, 1, &n, NULL), 0);
    assert_int_equal(hf_fwcfg_negotiate_attach(&glue, m.device, n, NULL), 0);
    hf_fwcfg_seal(m.device);
    assert_int_equal(hf_negotiate_request_fill(&q, "lifecycle", 3, &wanted), 0);
    assert_int_equal(hf_negotiate_request_fill(&too_much, "lifecycle", 3, &more), 0);
    for (int wake = 0; wake < 3; wake++) {
        assert_true(replay(&m, &q));
        assert_true(replay(&m, &q));
        assert_true(hf_negotiate_agreed(n, "lifecycle", &got));
        assert_memory_equal(&got, &wanted, sizeof got);
        assert_false(replay(&m, &too_much));
        hf_fwcfg_reset(m.device);
        hf_fwcfg_negotiate_reset(&glue);
        assert_false(hf_negotiate_agreed(n, "lifecycle", &got));
    }
    machine_done(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_recorded_script_agrees_again_after_the_wake)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
