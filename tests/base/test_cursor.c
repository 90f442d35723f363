/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "crc32.h"
#include "cursor.h"

static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static void reads_both_byte_orders(void **state)
{
    struct hf_cursor c = hf_cursor_of(bytes, sizeof bytes);

    assert_int_equal(hf_cursor_le16(&c), 0x0201);
    assert_int_equal(hf_cursor_be16(&c), 0x0304);
    assert_int_equal(hf_cursor_be32(&c), 0x05060708);
    assert_int_equal(hf_cursor_u8(&c), 9);
    assert_false(c.bad);
    assert_int_equal(hf_cursor_left(&c), 0);
    c = hf_cursor_of(bytes, sizeof bytes);
    assert_true(hf_cursor_le64(&c) == 0x0807060504030201ULL);
    hf_cursor_seek(&c, 1);
    assert_true(hf_cursor_be64(&c) == 0x0203040506070809ULL);
    hf_cursor_seek(&c, 0);
    assert_int_equal(hf_cursor_le32(&c), 0x04030201);
}

static void is_bad_for_ever_after_the_first_short_read(void **state)
{
    struct hf_cursor c = hf_cursor_of(bytes, 3);

    assert_int_equal(hf_cursor_le32(&c), 0);
    assert_true(c.bad);
    assert_int_equal(hf_cursor_u8(&c), 0);
    assert_null(hf_cursor_take(&c, 0));
    hf_cursor_seek(&c, 0);
    assert_true(c.bad);
    assert_int_equal(hf_cursor_left(&c), 0);
}

static void a_huge_length_does_not_wrap(void **state)
{
    struct hf_cursor c = hf_cursor_of(bytes, sizeof bytes), sub;

    (void)hf_cursor_u8(&c);
    assert_null(hf_cursor_take(&c, UINT64_MAX));
    assert_true(c.bad);
    c = hf_cursor_of(bytes, sizeof bytes);
    sub = hf_cursor_sub(&c, sizeof bytes + 1);
    assert_true(sub.bad && c.bad);
    assert_false(hf_range_ok(UINT64_MAX, 2, UINT64_MAX));
    assert_true(hf_range_ok(4, 0, 4));
    assert_false(hf_range_ok(5, 0, 4));
}

static void a_sub_cursor_sees_only_its_part(void **state)
{
    struct hf_cursor c = hf_cursor_of(bytes, sizeof bytes), sub;

    sub = hf_cursor_sub(&c, 2);
    assert_int_equal(hf_cursor_be16(&sub), 0x0102);
    assert_int_equal(hf_cursor_u8(&sub), 0);
    assert_true(sub.bad);
    assert_false(c.bad);
    assert_int_equal(hf_cursor_u8(&c), 3);
}

static void wire_integers_survive_the_round_trip(void **state)
{
    assert_int_equal(hf_le16_get(hf_le16_of(0xBEEF)), 0xBEEF);
    assert_int_equal(hf_be16_get(hf_be16_of(0xBEEF)), 0xBEEF);
    assert_int_equal(hf_le32_get(hf_le32_of(0xDEADBEEF)), 0xDEADBEEF);
    assert_int_equal(hf_be32_get(hf_be32_of(0xDEADBEEF)), 0xDEADBEEF);
    assert_true(hf_le64_get(hf_le64_of(0x0123456789ABCDEFULL)) == 0x0123456789ABCDEFULL);
    assert_true(hf_be64_get(hf_be64_of(0x0123456789ABCDEFULL)) == 0x0123456789ABCDEFULL);
    assert_int_equal(hf_be32_of(1).b[3], 1);
    assert_int_equal(hf_le32_of(1).b[0], 1);
}

static void crc32_is_the_ieee_one(void **state)
{
    assert_int_equal(hf_crc32(0, "123456789", 9), 0xCBF43926);
    assert_int_equal(hf_crc32(hf_crc32(0, "1234", 4), "56789", 5), 0xCBF43926);
    assert_int_equal(hf_crc32c(0, "123456789", 9), 0xE3069283); /* RFC 3720 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_both_byte_orders),
        cmocka_unit_test(is_bad_for_ever_after_the_first_short_read),
        cmocka_unit_test(a_huge_length_does_not_wrap),
        cmocka_unit_test(a_sub_cursor_sees_only_its_part),
        cmocka_unit_test(wire_integers_survive_the_round_trip),
        cmocka_unit_test(crc32_is_the_ieee_one),
    };

    return cmocka_run_group_tests_name("base-cursor", tests, NULL, NULL);
}
