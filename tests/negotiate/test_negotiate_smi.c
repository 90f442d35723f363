/* SPDX-License-Identifier: BSD-2-Clause */
/* The view of the SMI domain, against QEMU's rules written down a second time. */
#include "unit.h"

#include <holdfast/negotiate_guest.h>
#include <holdfast/negotiate_smi.h>

static _Alignas(16) uint8_t memory[1024];

static struct hf_smi_view start(uint64_t mask)
{
    struct hf_negotiate_domain d = hf_smi_domain(mask);
    struct hf_negotiate *n;
    struct hf_smi_view v;

    assert_int_equal(hf_negotiate_init(memory, sizeof memory, &d, 1, 1, &n, NULL), 0);
    assert_int_equal(hf_smi_view_init(&v, n, NULL), 0);
    return v;
}

static bool qemu_accepts(uint64_t host, uint64_t requested)
{
    if (requested & ~host)
        return false;
    if ((requested & 6) && !(requested & 1))
        return false;
    return !((requested & 4) && !(requested & 2));
}

static void accepts_exactly_what_qemu_accepts(void **state)
{
    static const uint64_t hosts[] = {0, 1, 3, 7};

    for (size_t h = 0; h < 4; h++)
        for (uint64_t r = 0; r < 32; r++) {
            struct hf_smi_view v = start(hosts[h]);

            assert_int_equal(hf_le64_get(v.supported), hosts[h]);
            v.requested = hf_le64_of(r);
            hf_smi_view_commit(&v);
            assert_int_equal(v.ok, qemu_accepts(hosts[h], r));
        }
}

static void stays_locked_until_reset(void **state)
{
    struct hf_smi_view v = start(7);
    struct hf_bits got;

    v.requested = hf_le64_of(2);
    hf_smi_view_commit(&v);
    assert_int_equal(v.ok, 0); /* refused is not final */
    v.requested = hf_le64_of(3);
    hf_smi_view_commit(&v);
    assert_int_equal(v.ok, 1);
    v.requested = hf_le64_of(0xff); /* may still be written, means nothing */
    hf_smi_view_commit(&v);
    assert_int_equal(v.ok, 1);
    assert_true(hf_negotiate_agreed(v.n, HF_SMI_DOMAIN, &got));
    assert_int_equal(got.byte[0], 3);
    hf_negotiate_reset(v.n);
    hf_smi_view_reset(&v);
    assert_int_equal(v.ok, 0);
    assert_int_equal(hf_le64_get(v.requested), 0);
    hf_smi_view_commit(&v);
    assert_int_equal(v.ok, 1); /* the empty set locks */
}

static void is_a_view_of_the_domain(void **state)
{
    struct hf_smi_view v = start(7);
    struct hf_bits set = hf_bits_of(1);
    struct hf_negotiate_answer a;
    struct hf_negotiate_request q;

    assert_int_equal(hf_negotiate_request_fill(&q, HF_SMI_DOMAIN, 1, &set), 0);
    assert_int_equal(hf_negotiate_request(v.n, &q, sizeof q, &a), HF_NEGOTIATE_ACCEPTED);
    hf_smi_view_commit(&v);
    assert_int_equal(v.ok, 1);
    assert_true(hf_negotiate_agreed(v.n, HF_SMI_DOMAIN, &set));
    assert_int_equal(set.byte[0], 1);
}

static void a_host_set_that_is_not_closed_is_refused(void **state)
{
    struct hf_negotiate_domain d = hf_smi_domain(2);
    struct hf_negotiate *n;

    assert_int_equal(hf_negotiate_init(memory, sizeof memory, &d, 1, 1, &n, NULL), -HF_EREFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_exactly_what_qemu_accepts),
        cmocka_unit_test(stays_locked_until_reset),
        cmocka_unit_test(is_a_view_of_the_domain),
        cmocka_unit_test(a_host_set_that_is_not_closed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
