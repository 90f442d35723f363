/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's half against the host's, and against hosts that lie. */
#include "unit.h"

#include <holdfast/negotiate_guest.h>
#include <holdfast/negotiate_host.h>

#include <time.h>

struct link {
    _Alignas(16) uint8_t memory[4096];
    struct hf_negotiate *n;
    unsigned exchanges;
    void (*twist)(struct hf_negotiate_answer *a); /* what a lying host makes of an answer */
};

static int read_directory(void *opaque, uint32_t offset, void *to, uint32_t size)
{
    size_t total;
    const uint8_t *bytes = (const uint8_t *)hf_negotiate_directory(((struct link *)opaque)->n, &total);

    if (offset > total || size > total - offset)
        return -HF_EPROTO;
    memcpy(to, bytes + offset, size);
    return 0;
}

static int exchange(void *opaque, const struct hf_negotiate_request *q, struct hf_negotiate_answer *a)
{
    struct link *l = (struct link *)opaque;

    l->exchanges++;
    (void)hf_negotiate_request(l->n, q, sizeof *q, a);
    if (l->twist)
        l->twist(a);
    return 0;
}

static struct hf_negotiate_port connect(struct link *l, const struct hf_negotiate_domain *d, size_t n)
{
    assert_int_equal(hf_negotiate_init(l->memory, sizeof l->memory, d, n, 1, &l->n, NULL), 0);
    l->exchanges = 0;
    l->twist = NULL;
    return (struct hf_negotiate_port){read_directory, exchange, l};
}

static int want(const struct hf_negotiate_port *p, uint64_t bits, const struct hf_negotiate_rule *rules, size_t n,
                struct hf_bits *got)
{
    struct hf_negotiate_want w = {"d", 1, hf_bits_of(bits), rules, n};

    return hf_negotiate_guest(p, &w, got, NULL);
}

/* Bit 2 needs 1, bit 1 needs 0. Every pair of what a guest wants and a (closed) host supports, with a guest that knows
 * all rules, one that knows the first only, and one that knows none. */
static void takes_the_largest_set_that_both_know(void **state)
{
    static const struct hf_negotiate_rule rules[] = {{1, 0}, {2, 1}};
    static const uint8_t closed[] = {0, 1, 3, 7, 8, 9, 11, 15};
    static struct link l;

    for (size_t h = 0; h < sizeof closed; h++)
        for (uint64_t w = 0; w < 16; w++)
            for (size_t known = 0; known <= 2; known++) {
                struct hf_negotiate_domain d = {
                    .name = "d", .version = 1, .supported = hf_bits_of(closed[h]), .rules = rules, .n_rules = 2};
                struct hf_negotiate_port p = connect(&l, &d, 1);
                struct hf_bits got, ideal = hf_bits_of(closed[h] & w);

                hf_negotiate_close(&ideal, rules, 2);
                assert_int_equal(want(&p, w, rules, known, &got), 0);
                assert_memory_equal(&got, &ideal, sizeof got);
                assert_true(l.exchanges <= (known == 2 ? 1u : 4u));
            }
}

static uint64_t draw(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random >> 8;
}

/* Random rules over all 256 bits; a host whose supported set is closed, a guest that knows some of the rules. */
static void any_rules_and_sets_end_in_the_largest_common_set(void **state)
{
    const char *given = getenv("HOLDFAST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 2654435761u + 1, random = seed;
    static struct link l;

    print_message("# HOLDFAST_SEED=0x%llx\n", (unsigned long long)seed);
    for (int round = 0; round < 300; round++) {
        struct hf_negotiate_rule rules[40];
        size_t n = draw(&random) % 40;
        struct hf_negotiate_domain d = {.name = "d", .version = 1, .rules = rules, .n_rules = n};
        struct hf_negotiate_port p;
        struct hf_negotiate_want w = {.domain = "d", .version = 1, .rules = rules, .n_rules = draw(&random) % (n + 1)};
        struct hf_bits ideal, got;

        for (size_t i = 0; i < n; i++)
            rules[i] = (struct hf_negotiate_rule){(uint8_t)draw(&random), (uint8_t)draw(&random)};
        for (size_t i = 0; i < sizeof d.supported.byte; i++) {
            d.supported.byte[i] = (uint8_t)(draw(&random) | draw(&random));
            w.bits.byte[i] = (uint8_t)(draw(&random) | draw(&random));
        }
        hf_negotiate_close(&d.supported, rules, n);
        p = connect(&l, &d, 1);
        for (size_t i = 0; i < sizeof ideal.byte; i++)
            ideal.byte[i] = d.supported.byte[i] & w.bits.byte[i];
        hf_negotiate_close(&ideal, rules, n);
        assert_int_equal(hf_negotiate_guest(&p, &w, &got, NULL), 0);
        assert_memory_equal(&got, &ideal, sizeof got);
        assert_true(l.exchanges <= n + 1);
    }
}

static void without_the_domain_the_baseline_stands(void **state)
{
    static struct link l;
    struct hf_negotiate_domain d = {.name = "dd", .version = 1}, v = {.name = "d", .version = 2};
    struct hf_negotiate_port p = connect(&l, &d, 1);
    struct hf_bits got;

    assert_int_equal(want(&p, 1, NULL, 0, &got), -HF_ENOTFOUND);
    p = connect(&l, &v, 1);
    assert_int_equal(want(&p, 1, NULL, 0, &got), -HF_ENOTFOUND);
    assert_int_equal(l.exchanges, 0);
}

static void a_second_instance_of_a_driver_takes_what_the_first_agreed(void **state)
{
    static struct link l;
    struct hf_negotiate_domain d = {.name = "d", .version = 1, .supported = hf_bits_of(7)};
    struct hf_negotiate_port p = connect(&l, &d, 1);
    struct hf_bits got;

    assert_int_equal(want(&p, 3, NULL, 0, &got), 0);
    assert_int_equal(want(&p, 7, NULL, 0, &got), 0);
    assert_int_equal(got.byte[0], 3);
    assert_int_equal(want(&p, 1, NULL, 0, &got), -HF_EREFUSED); /* bit 1 is on and this instance does not know it */
}

static void a_replay_agrees_to_the_same_after_reset(void **state)
{
    static struct link l;
    struct hf_negotiate_domain d = {.name = "d", .version = 1, .supported = hf_bits_of(7)};
    struct hf_negotiate_port p = connect(&l, &d, 1);
    struct hf_negotiate_want w = {"d", 1, hf_bits_of(5), NULL, 0};
    struct hf_negotiate_request record;
    struct hf_bits got;

    assert_int_equal(hf_negotiate_guest(&p, &w, &got, &record), 0);
    assert_int_equal(hf_negotiate_replay(&p, &record), 0); /* idempotent */
    hf_negotiate_reset(l.n);
    assert_int_equal(hf_negotiate_replay(&p, &record), 0);
    assert_true(hf_negotiate_agreed(l.n, "d", &got));
    assert_int_equal(got.byte[0], 5);
    hf_negotiate_reset(l.n);
    assert_int_equal(want(&p, 1, NULL, 0, &got), 0);
    assert_int_equal(hf_negotiate_replay(&p, &record), -HF_EREFUSED);
}

static void says_other_set(struct hf_negotiate_answer *a)
{
    a->agreed.byte[0] ^= 2;
}
static void says_never(struct hf_negotiate_answer *a)
{
    a->status = hf_le32_of(HF_NEGOTIATE_UNSUPPORTED);
    a->bit = hf_le32_of(77);
}
static void says_nonsense(struct hf_negotiate_answer *a)
{
    a->status = hf_le32_of(12345);
}
static void says_another_tag(struct hf_negotiate_answer *a)
{
    a->tag = hf_le32_of(0);
}

static void a_host_that_lies_gets_no_agreement(void **state)
{
    static void (*const twists[])(struct hf_negotiate_answer *) = {says_other_set, says_never, says_nonsense,
                                                                   says_another_tag};
    static struct link l;
    struct hf_negotiate_domain d = {.name = "d", .version = 1, .supported = hf_bits_of(7)};

    for (size_t i = 0; i < sizeof twists / sizeof twists[0]; i++) {
        struct hf_negotiate_port p = connect(&l, &d, 1);
        struct hf_bits got;

        l.twist = twists[i];
        assert_int_equal(want(&p, 7, NULL, 0, &got), -HF_EPROTO);
        assert_true(l.exchanges <= 2);
    }
}

static void a_directory_that_lies_is_bounded(void **state)
{
    static struct link l;
    struct hf_negotiate_domain d = {.name = "x", .version = 1};
    struct hf_negotiate_port p = connect(&l, &d, 1);
    struct hf_negotiate_directory *head;
    struct hf_bits got;
    size_t size;

    head = (struct hf_negotiate_directory *)(uintptr_t)hf_negotiate_directory(l.n, &size);
    head->count = hf_le32_of(0xffffffff);
    assert_int_equal(want(&p, 1, NULL, 0, &got), -HF_EPROTO);
    head->count = hf_le32_of(2); /* more than there are bytes */
    assert_int_equal(want(&p, 1, NULL, 0, &got), -HF_EPROTO);
    head->count = hf_le32_of(1);
    head->row_size = hf_le32_of(1);
    assert_int_equal(want(&p, 1, NULL, 0, &got), -HF_EPROTO);
    head->row_size = hf_le32_of(128);
    head->version = hf_le32_of(2);
    assert_int_equal(want(&p, 1, NULL, 0, &got), -HF_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_largest_set_that_both_know),
        cmocka_unit_test(any_rules_and_sets_end_in_the_largest_common_set),
        cmocka_unit_test(without_the_domain_the_baseline_stands),
        cmocka_unit_test(a_second_instance_of_a_driver_takes_what_the_first_agreed),
        cmocka_unit_test(a_replay_agrees_to_the_same_after_reset),
        cmocka_unit_test(a_host_that_lies_gets_no_agreement),
        cmocka_unit_test(a_directory_that_lies_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
