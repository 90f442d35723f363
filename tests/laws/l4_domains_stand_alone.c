/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * L4: each domain negotiates alone, anew after every reset, with whatever firmware runs then; it locks when accepted,
 * until the next reset; what was agreed is consulted when a payload is built. Reading never commits anything.
 *
 * Exhaustive: every sequence of up to LENGTH actions of a guest and its machine, on two domains and the two files in a
 * real device, against a model of a dozen lines.
 */
#include "unit.h"

#include "fwcfg_machine.h"

#include <holdfast/fwcfg_negotiate.h>
#include <holdfast/negotiate_guest.h>

#define LENGTH 4

struct world {
    struct machine m;
    struct hf_fwcfg_negotiate glue;
    _Alignas(16) uint8_t memory[2048];
    struct hf_negotiate *n;
};

struct model {
    bool locked;
    uint8_t agreed;
};

static const struct hf_negotiate_rule rules[] = {{1, 0}};
static const struct hf_negotiate_domain domains[2] = {
    {.name = "a", .version = 1, .supported = {{3}}, .rules = rules, .n_rules = 1},
    {.name = "b", .version = 1, .supported = {{3}}, .rules = rules, .n_rules = 1},
};

static void start(struct world *w)
{
    struct hf_fwcfg_config config = machine_config(&w->m);

    assert_int_equal(machine_init(&w->m, &config, NULL), 0);
    assert_int_equal(hf_negotiate_init(w->memory, sizeof w->memory, domains, 2, 1, &w->n, NULL), 0);
    assert_int_equal(hf_fwcfg_negotiate_attach(&w->glue, w->m.device, w->n, NULL), 0);
    hf_fwcfg_seal(w->m.device);
}

static void restart(struct world *w)
{
    hf_fwcfg_reset(w->m.device);
    hf_fwcfg_negotiate_reset(&w->glue);
}

/* Actions 0 .. 9: request {0, 1, 2, 3, 4} in domain a, then in b. */
#define N_REQUESTS 10
enum { READ_EVERYTHING = N_REQUESTS, WRITE_A_PIECE, WRITE_GARBAGE, MOVE, RESET, N_ACTIONS };

static void request(struct world *w, struct model *models, unsigned action)
{
    unsigned domain = action / 5, bits = action % 5;
    struct model *model = &models[domain];
    struct hf_bits set = hf_bits_of(bits);
    struct hf_negotiate_request q;
    hf_le32 status;
    bool accepted;

    assert_int_equal(hf_negotiate_request_fill(&q, domains[domain].name, 1, &set), 0);
    memcpy(w->m.ram + 0x1000, &q, sizeof q);
    assert_int_equal(machine_dma(&w->m, 0x100, HF_NEGOTIATE_WINDOW_KEY << 16 | 0x18, sizeof q, 0x1000), 0);
    accepted = model->locked ? bits == model->agreed : bits == 0 || bits == 1 || bits == 3;
    /* The write has done it; nothing waits for a look at the answer. */
    assert_int_equal(hf_negotiate_agreed(w->n, domains[domain].name, &set), model->locked || accepted);
    machine_dma(&w->m, 0x100, HF_NEGOTIATE_WINDOW_KEY << 16 | 0x0c, HF_NEGOTIATE_STATUS_OFFSET, 0);
    machine_dma(&w->m, 0x100, 0x02, 4, 0x2000);
    memcpy(&status, w->m.ram + 0x2000, sizeof status);
    assert_int_equal(hf_le32_get(status) == HF_NEGOTIATE_ACCEPTED, accepted);
    if (accepted)
        *model = (struct model){true, (uint8_t)bits};
}

/* As an operating system does that lists fw_cfg: every key, by register and by DMA. */
static void read_everything(struct world *w)
{
    for (uint32_t key = 0; key < 0x40; key++) {
        machine_select(&w->m, (uint16_t)key);
        machine_byte(&w->m);
        assert_int_equal(machine_dma(&w->m, 0x100, key << 16 | 0x0a, 4096, 0x4000), 0);
    }
}

static void write_bytes(struct world *w, uint32_t size, uint8_t fill)
{
    memset(w->m.ram + 0x1000, fill, size);
    machine_dma(&w->m, 0x100, HF_NEGOTIATE_WINDOW_KEY << 16 | 0x18, size, 0x1000);
}

/* To a device of the same kind in the same memory: state out, everything made anew, state in. */
static void move(struct world *w)
{
    uint8_t device[8192], agreed[1024];
    size_t n_device, n_agreed;

    assert_int_equal(hf_fwcfg_save(w->m.device, device, sizeof device, &n_device, NULL), 0);
    assert_int_equal(hf_negotiate_save(w->n, agreed, sizeof agreed, &n_agreed, NULL), 0);
    machine_done(&w->m);
    start(w);
    assert_int_equal(hf_negotiate_load(w->n, agreed, n_agreed, NULL), 0);
    assert_int_equal(hf_fwcfg_load(w->m.device, device, n_device, NULL), 0);
    hf_fwcfg_negotiate_loaded(&w->glue);
}

static void act(struct world *w, struct model *models, unsigned action)
{
    switch (action) {
    case READ_EVERYTHING:
        read_everything(w);
        break;
    case WRITE_A_PIECE:
        write_bytes(w, 48, 0);
        break;
    case WRITE_GARBAGE:
        write_bytes(w, sizeof(struct hf_negotiate_request), 0x55);
        break;
    case MOVE:
        move(w);
        break;
    case RESET:
        restart(w);
        models[0] = models[1] = (struct model){false, 0};
        break;
    default:
        request(w, models, action);
    }
}

static void check(const struct world *w, const struct model *models, const unsigned *actions, unsigned n)
{
    for (unsigned d = 0; d < 2; d++) {
        struct hf_bits got;
        bool locked = hf_negotiate_agreed(w->n, domains[d].name, &got);

        if (locked != models[d].locked || got.byte[0] != models[d].agreed)
            fail_msg("actions %u %u %u %u (%u done): domain %s is %s with %u", actions[0], actions[1], actions[2],
                     actions[3], n, domains[d].name, locked ? "locked" : "open", got.byte[0]);
    }
}

static void every_sequence_keeps_the_law(void **state)
{
    static struct world w;
    unsigned actions[LENGTH] = {0}, sequences = 0, at;

    start(&w);
    do {
        struct model models[2] = {{false, 0}, {false, 0}};

        restart(&w);
        for (unsigned i = 0; i < LENGTH; i++) {
            act(&w, models, actions[i]);
            check(&w, models, actions, i + 1);
        }
        sequences++;
        for (at = 0; at < LENGTH && ++actions[at] == N_ACTIONS; at++)
            actions[at] = 0;
    } while (at < LENGTH);
    print_message("# %u sequences of %d actions\n", sequences, LENGTH);
    machine_done(&w.m);
}

static void a_payload_built_after_reset_knows_nothing_of_before(void **state)
{
    static struct world w;
    struct model models[2] = {{false, 0}, {false, 0}};
    struct hf_bits got;

    start(&w);
    act(&w, models, 3);
    assert_true(hf_negotiate_agreed(w.n, "a", &got));
    restart(&w);
    assert_false(hf_negotiate_agreed(w.n, "a", &got));
    assert_int_equal(got.byte[0], 0);
    machine_done(&w.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sequence_keeps_the_law),
        cmocka_unit_test(a_payload_built_after_reset_knows_nothing_of_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
