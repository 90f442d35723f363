/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <holdfast/error.h>

#include "exit_status.h"
#include "format.h"

#define SAME_AS_LIBC(...)                                                                                              \
    do {                                                                                                               \
        char ours_[128], libc_[128];                                                                                   \
                                                                                                                       \
        snprintf(libc_, sizeof libc_, __VA_ARGS__);                                                                    \
        assert_int_equal(hf_format(ours_, sizeof ours_, __VA_ARGS__), strlen(libc_));                                  \
        assert_string_equal(ours_, libc_);                                                                             \
    } while (0)

static void formats_like_libc(void **state)
{
    SAME_AS_LIBC("%s and %.*s, %.2s", "text", 2, "abc", "xyz");
    SAME_AS_LIBC("%d %i %u %x %X %c%%", -5, 7, 9U, 0xbeefU, 0xbeefU, '!');
    SAME_AS_LIBC("[%5d] [%-5d] [%05d] [%08x] [%*d]", 42, 42, -42, 0xffU, 6, 1);
    SAME_AS_LIBC("%ld %lu %lx %lld %llu %zu", -1L, 1UL, 0x7fffffffffffffffUL, INT64_MIN + 0LL, ~0ULL, (size_t)3);
    SAME_AS_LIBC("%04o %o %#x %#llX %#x [%#8x] %u", 0755U, 8U, 0xbeefU, 0xbeefULL, 0U, 0x12U, 9U);
    SAME_AS_LIBC("%hhx %hu [%10s] [%-10s]", (unsigned char)0xab, (unsigned short)65535, "r", "l");
}

static void cuts_what_does_not_fit(void **state)
{
    char buf[8];

    assert_int_equal(hf_format(buf, sizeof buf, "%s", "0123456789"), 7);
    assert_string_equal(buf, "0123...");
    assert_int_equal(hf_format(buf, sizeof buf, "%s", "0123456"), 7);
    assert_string_equal(buf, "0123456");
}

static void an_error_returns_minus_its_code(void **state)
{
    struct hf_error err;

    assert_int_equal(hf_error_set(&err, HF_EDAMAGED, "page %u: digest", 7U), -HF_EDAMAGED);
    assert_string_equal(err.text, "page 7: digest");
    assert_string_equal(err.rule, "");
    assert_int_equal(hf_error_set(NULL, HF_EIO, "nobody listens"), -HF_EIO);
    assert_int_equal(hf_error_refuse(&err, "pair", "2M code"), -HF_EREFUSED);
    assert_string_equal(err.rule, "pair");
    assert_int_equal(hf_error_prefix(&err, -HF_EREFUSED, "%s: ", "G.hold"), -HF_EREFUSED);
    assert_string_equal(err.text, "G.hold: 2M code");
}

/* As one that came from a peer, in a buffer that is used again. */
static void a_rule_is_kept_by_the_error(void **state)
{
    char rule[80] = "epoch";
    struct hf_error err;

    (void)hf_error_refuse(&err, rule, "stale");
    memset(rule, 'x', sizeof rule - 1);
    rule[sizeof rule - 1] = '\0';
    assert_true(hf_error_is_rule(&err, "epoch"));
    assert_false(hf_error_is_rule(&err, "departed"));
    (void)hf_error_set(&err, HF_EIO, "a disk");
    assert_false(hf_error_is_rule(&err, "epoch"));
    assert_false(hf_error_is_rule(&err, ""));
    (void)hf_error_refuse(&err, rule, "too long a name");
    assert_int_equal(strlen(err.rule), HF_ERROR_RULE_MAX - 1);
}

static void every_code_has_words_and_an_exit_status(void **state)
{
    for (int code = 0; code < HF_CODE_MAX; code++) {
        assert_non_null(hf_code_text((enum hf_code)code));
        assert_in_range(hf_exit_status(-code), code == 0 ? 0 : 1, 7);
    }
    assert_int_equal(hf_exit_status(-HF_EREFUSED), 3);
    assert_int_equal(hf_exit_status(HF_EOWNED), 6);
    assert_int_equal(hf_exit_status(-HF_EUNSYNCED), 7);
    assert_int_equal(hf_exit_status(-4711), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_like_libc),
        cmocka_unit_test(cuts_what_does_not_fit),
        cmocka_unit_test(an_error_returns_minus_its_code),
        cmocka_unit_test(a_rule_is_kept_by_the_error),
        cmocka_unit_test(every_code_has_words_and_an_exit_status),
    };

    return cmocka_run_group_tests_name("base-error", tests, NULL, NULL);
}
