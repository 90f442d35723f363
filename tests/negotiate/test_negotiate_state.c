/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <holdfast/negotiate_guest.h>
#include <holdfast/negotiate_host.h>

#include "crc32.h"

static const struct hf_negotiate_rule strict[] = {{1, 0}};

struct host {
    _Alignas(16) uint8_t memory[4096];
    struct hf_negotiate *n;
};

static void start(struct host *h, const struct hf_negotiate_domain *domains, size_t n)
{
    assert_int_equal(hf_negotiate_init(h->memory, sizeof h->memory, domains, n, 1, &h->n, NULL), 0);
}

static void agree(struct host *h, const char *name, uint64_t bits)
{
    struct hf_bits set = hf_bits_of(bits);
    struct hf_negotiate_answer a;
    struct hf_negotiate_request q;

    assert_int_equal(hf_negotiate_request_fill(&q, name, 1, &set), 0);
    assert_int_equal(hf_negotiate_request(h->n, &q, sizeof q, &a), HF_NEGOTIATE_ACCEPTED);
}

static const struct hf_negotiate_domain source[] = {
    {.name = "a", .version = 1, .supported = {{7}}},
    {.name = "b", .version = 1, .supported = {{1}}},
    {.name = "c", .version = 1, .supported = {{1}}},
};

static int moved(const struct hf_negotiate_domain *there, size_t n, uint64_t a_bits, struct hf_error *err)
{
    static struct host from, to;
    uint8_t bytes[1024];
    size_t size;
    struct hf_bits got;
    int r;

    start(&from, source, 3);
    agree(&from, "a", a_bits);
    agree(&from, "b", 0);
    start(&to, there, n);
    assert_int_equal(hf_negotiate_save(from.n, bytes, sizeof bytes, &size, NULL), 0);
    assert_int_equal(size, hf_negotiate_state_size(from.n));
    r = hf_negotiate_load(to.n, bytes, size, err);
    assert_int_equal(r, hf_negotiate_would_load(to.n, bytes, size, NULL));
    assert_int_equal(hf_negotiate_agreed(to.n, "a", &got), r == 0 && n > 0);
    if (r == 0 && n > 0)
        assert_int_equal(got.byte[0], a_bits);
    assert_false(hf_negotiate_agreed(to.n, "c", &got));
    return r;
}

static void what_was_agreed_arrives_or_the_load_is_refused(void **state)
{
    struct hf_negotiate_domain more = {.name = "a", .version = 1, .supported = {{15}}};
    struct hf_negotiate_domain less = {.name = "a", .version = 1, .supported = {{3}}};
    struct hf_negotiate_domain other = {.name = "a", .version = 2, .supported = {{15}}};
    struct hf_negotiate_domain ruled = {.name = "a", .version = 1, .supported = {{7}}, .rules = strict, .n_rules = 1};
    struct hf_error err;

    assert_int_equal(moved(source, 3, 5, &err), 0);
    assert_int_equal(moved(&more, 1, 5, &err), 0);
    assert_int_equal(moved(&less, 1, 3, &err), 0);
    assert_int_equal(moved(&less, 1, 5, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "contract");
    assert_string_equal(err.text, "domain 'a': bit 2 was agreed with the guest; this host does not support it");
    assert_int_equal(moved(&other, 1, 5, &err), -HF_EREFUSED);
    assert_int_equal(moved(&ruled, 1, 2, &err), -HF_EREFUSED);
    assert_int_equal(moved(NULL, 0, 1, &err), -HF_EREFUSED);
    assert_int_equal(moved(NULL, 0, 0, &err), 0); /* an empty promise */
}

static void every_flipped_bit_and_every_cut_is_found(void **state)
{
    static struct host h;
    uint8_t bytes[1024], now[1024];
    struct hf_bits got;
    size_t n, m;

    start(&h, source, 3);
    agree(&h, "a", 5);
    assert_int_equal(hf_negotiate_save(h.n, bytes, sizeof bytes, &n, NULL), 0);
    agree(&h, "c", 1);
    for (size_t i = 0; i < n * 8; i++) {
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_true(hf_negotiate_load(h.n, bytes, n, NULL) < 0);
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t cut = 0; cut < n; cut++)
        assert_true(hf_negotiate_load(h.n, bytes, cut, NULL) < 0);
    assert_true(hf_negotiate_agreed(h.n, "c", &got));
    assert_int_equal(hf_negotiate_load(h.n, bytes, n, NULL), 0);
    assert_false(hf_negotiate_agreed(h.n, "c", &got));
    assert_int_equal(hf_negotiate_save(h.n, now, sizeof now, &m, NULL), 0);
    assert_int_equal(m, n);
    assert_memory_equal(now, bytes, n);
}

static void a_newer_state_loads_if_it_says_so(void **state)
{
    static struct host h;
    uint8_t bytes[1024];
    size_t n;

    start(&h, source, 3);
    agree(&h, "a", 5);
    assert_int_equal(hf_negotiate_save(h.n, bytes, sizeof bytes, &n, NULL), 0);
    for (uint8_t min_reader = 1; min_reader <= 2; min_reader++) {
        hf_le32 crc = hf_le32_of(0);

        bytes[4] = 2;
        bytes[8] = min_reader;
        memcpy(bytes + 24, &crc, 4);
        crc = hf_le32_of(hf_crc32(0, bytes, n));
        memcpy(bytes + 24, &crc, 4);
        assert_int_equal(hf_negotiate_load(h.n, bytes, n, NULL), min_reader == 1 ? 0 : -HF_EVERSION);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_agreed_arrives_or_the_load_is_refused),
        cmocka_unit_test(a_newer_state_loads_if_it_says_so),
        cmocka_unit_test(every_flipped_bit_and_every_cut_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
