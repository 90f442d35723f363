/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <holdfast/negotiate_guest.h>
#include <holdfast/negotiate_host.h>

static const struct hf_negotiate_rule rules[] = {{1, 0}, {200, 100}};

static struct hf_negotiate_domain acpi(uint64_t low)
{
    struct hf_negotiate_domain d = {
        .name = "acpi-loader", .version = 1, .supported = hf_bits_of(low), .rules = rules, .n_rules = 1};

    return d;
}

static struct hf_negotiate *start(const struct hf_negotiate_domain *domains, size_t n)
{
    static _Alignas(16) uint8_t memory[4096];
    struct hf_negotiate *ret = NULL;

    assert_int_equal(hf_negotiate_init(memory, sizeof memory, domains, n, 7, &ret, NULL), 0);
    return ret;
}

static enum hf_negotiate_status ask(struct hf_negotiate *n, const char *name, uint32_t version, uint64_t bits,
                                    struct hf_negotiate_answer *a)
{
    struct hf_bits set = hf_bits_of(bits);
    struct hf_negotiate_request q;

    assert_int_equal(hf_negotiate_request_fill(&q, name, version, &set), 0);
    q.tag = hf_le32_of(99);
    return hf_negotiate_request(n, &q, sizeof q, a);
}

static void answers_with_every_status(void **state)
{
    struct hf_negotiate_domain d = acpi(7);
    struct hf_negotiate *n = start(&d, 1);
    struct hf_negotiate_answer a;
    struct hf_bits got;

    hf_negotiate_no_answer(n, &a);
    assert_int_equal(hf_le32_get(a.status), HF_NEGOTIATE_NONE);
    assert_int_equal(ask(n, "other", 1, 0, &a), HF_NEGOTIATE_UNKNOWN_DOMAIN);
    assert_int_equal(ask(n, "acpi-loader", 2, 0, &a), HF_NEGOTIATE_OTHER_VERSION);
    assert_int_equal(hf_le32_get(a.domain_version), 1);
    assert_int_equal(ask(n, "acpi-loader", 1, 0x19, &a), HF_NEGOTIATE_UNSUPPORTED);
    assert_int_equal(hf_le32_get(a.bit), 3);
    assert_int_equal(ask(n, "acpi-loader", 1, 6, &a), HF_NEGOTIATE_NOT_CLOSED);
    assert_int_equal(hf_le32_get(a.bit), 1);
    assert_int_equal(hf_le32_get(a.needs), 0);
    assert_false(hf_negotiate_agreed(n, "acpi-loader", &got));
    assert_int_equal(ask(n, "acpi-loader", 1, 5, &a), HF_NEGOTIATE_ACCEPTED);
    assert_int_equal(hf_le32_get(a.tag), 99);
    assert_int_equal(hf_le32_get(a.generation), 7);
    assert_int_equal(a.agreed.byte[0], 5);
    assert_int_equal(ask(n, "acpi-loader", 1, 5, &a), HF_NEGOTIATE_ACCEPTED);
    assert_int_equal(ask(n, "acpi-loader", 1, 4, &a), HF_NEGOTIATE_IS_LOCKED);
    assert_int_equal(a.agreed.byte[0], 5);
    assert_true(hf_negotiate_agreed(n, "acpi-loader", &got));
    assert_int_equal(got.byte[0], 5);
    hf_negotiate_reset(n);
    assert_false(hf_negotiate_agreed(n, "acpi-loader", &got));
    assert_int_equal(got.byte[0], 0);
    assert_int_equal(ask(n, "acpi-loader", 1, 0, &a), HF_NEGOTIATE_ACCEPTED);
}

/* Breaks one byte of a good request at a time: each is refused as a record, unless it is a field with a meaning. */
static void a_broken_record_is_not_a_request(void **state)
{
    struct hf_negotiate_domain d = acpi(1);
    struct hf_negotiate *n = start(&d, 1);
    struct hf_negotiate_answer a;
    struct hf_negotiate_request good, q;
    struct hf_bits none = hf_bits_of(0);

    assert_int_equal(hf_negotiate_request_fill(&good, "acpi-loader", 1, &none), 0);
    for (size_t i = 0; i < sizeof q; i++) {
        enum hf_negotiate_status got, want = HF_NEGOTIATE_BAD_RECORD;

        q = good;
        ((uint8_t *)&q)[i] ^= 0xff;
        got = hf_negotiate_request(n, &q, sizeof q, &a);
        if (i >= offsetof(struct hf_negotiate_request, tag) && i < offsetof(struct hf_negotiate_request, tag) + 4)
            want = HF_NEGOTIATE_ACCEPTED;
        else if (i >= 12 && i < 16)
            want = HF_NEGOTIATE_OTHER_VERSION;
        else if (i >= 16 && i < 16 + strlen("acpi-loader") + 1)
            want = HF_NEGOTIATE_UNKNOWN_DOMAIN;
        else if (i >= 48 && i < 80)
            want = HF_NEGOTIATE_UNSUPPORTED;
        if (got != want)
            fail_msg("byte %zu: status %d, not %d", i, got, want);
        hf_negotiate_reset(n);
    }
    memset(good.domain, 'x', sizeof good.domain);
    assert_int_equal(hf_negotiate_request(n, &good, sizeof good, &a), HF_NEGOTIATE_BAD_RECORD);
    assert_int_equal(hf_negotiate_request(n, &good, sizeof good - 1, &a), HF_NEGOTIATE_BAD_WRITE);
    assert_int_equal(hf_negotiate_request(n, &good, 0, &a), HF_NEGOTIATE_BAD_WRITE);
}

static void a_set_that_is_not_closed_is_refused_when_declared(void **state)
{
    static uint8_t memory[4096];
    struct hf_negotiate_domain d[2] = {acpi(2), acpi(0)};
    struct hf_negotiate *n;
    struct hf_error err;

    assert_int_equal(hf_negotiate_init(memory, sizeof memory, d, 1, 1, &n, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "closed");
    d[0] = acpi(3);
    assert_int_equal(hf_negotiate_init(memory, sizeof memory, d, 2, 1, &n, &err), -HF_EUSAGE); /* twice */
    d[1].name = "Upper";
    assert_int_equal(hf_negotiate_init(memory, sizeof memory, d, 2, 1, &n, &err), -HF_EUSAGE);
    d[1].name = "0123456789012345678901234567890"; /* 31 */
    assert_int_equal(hf_negotiate_init(memory, sizeof memory, d, 2, 1, &n, &err), 0);
    d[1].name = "01234567890123456789012345678901";
    assert_int_equal(hf_negotiate_init(memory, sizeof memory, d, 2, 1, &n, &err), -HF_EUSAGE);
    d[1].name = "x";
    d[1].reserved[1] = 1;
    assert_int_equal(hf_negotiate_init(memory, sizeof memory, d, 2, 1, &n, &err), -HF_EUSAGE);
    assert_int_equal(hf_negotiate_init(memory, 10, d, 1, 1, &n, &err), -HF_ENOMEM);
    assert_int_equal(hf_negotiate_init(NULL, hf_negotiate_size(1), d, 1, 1, &n, &err), -HF_ENOMEM);
    assert_int_equal(hf_negotiate_init(memory, sizeof memory, NULL, 0, 1, &n, &err), 0);
}

static void the_high_bits_are_bits_too(void **state)
{
    struct hf_negotiate_domain d = {.name = "d", .version = 1, .rules = rules, .n_rules = 2};
    struct hf_negotiate *n;
    struct hf_negotiate_answer a;
    struct hf_negotiate_request q;
    struct hf_bits set = hf_bits_of(0);

    for (unsigned i = 0; i < HF_NEGOTIATE_BITS - 1; i++)
        hf_bits_add(&d.supported, i);
    n = start(&d, 1);
    hf_bits_add(&set, 200);
    assert_int_equal(hf_negotiate_request_fill(&q, "d", 1, &set), 0);
    assert_int_equal(hf_negotiate_request(n, &q, sizeof q, &a), HF_NEGOTIATE_NOT_CLOSED);
    assert_int_equal(hf_le32_get(a.needs), 100);
    hf_bits_add(&q.wanted, 255);
    assert_int_equal(hf_negotiate_request(n, &q, sizeof q, &a), HF_NEGOTIATE_UNSUPPORTED);
    assert_int_equal(hf_le32_get(a.bit), 255);
    hf_bits_drop(&q.wanted, 255);
    hf_bits_add(&q.wanted, 100);
    assert_int_equal(hf_negotiate_request(n, &q, sizeof q, &a), HF_NEGOTIATE_ACCEPTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_with_every_status),
        cmocka_unit_test(a_broken_record_is_not_a_request),
        cmocka_unit_test(a_set_that_is_not_closed_is_refused_when_declared),
        cmocka_unit_test(the_high_bits_are_bits_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
