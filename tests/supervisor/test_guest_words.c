/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <string.h>

#include "guest_words.h"
#include "mailbox_wire.h"

static void nothing_of_the_text_gets_to_the_guest(void **state)
{
    static const char *const rules[] = {"fallback", "pair", "size", "permissions", "epoch", "never heard of"};
    struct hf_error err;

    for (unsigned code = HF_EIO; code < HF_CODE_MAX; code++) {
        (void)hf_error_set(&err, (enum hf_code)code, "/srv/guests/secret.hold: an error");
        assert_null(strstr(hf_guest_words(&err), "secret"));
        assert_non_null(strchr(hf_guest_words(&err), ' '));
    }
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        (void)hf_error_refuse(&err, rules[i], "/srv/guests/secret.hold: a refusal");
        assert_null(strstr(hf_guest_words(&err), "secret"));
        assert_non_null(strchr(hf_guest_words(&err), ' '));
    }
}

/* What the guest's user can do something about is said; a rule of the host's own files is not explained there. */
static void a_rule_about_the_guest_has_its_own_words(void **state)
{
    struct hf_error err;

    (void)hf_error_refuse(&err, "variables", "x");
    assert_non_null(strstr(hf_guest_words(&err), "--variables=current"));
    (void)hf_error_refuse(&err, "permissions", "x");
    assert_non_null(strstr(hf_guest_words(&err), "log"));
    (void)hf_error_set(&err, HF_ENOSPC, "x");
    assert_non_null(strstr(hf_guest_words(&err), "room"));
}

/* A reply cuts what is longer. */
static void every_sentence_fits_a_reply(void **state)
{
    static const char *const rules[] = {"architecture", "fallback", "guest-confirm", "host-decided", "image",
                                        "kind",         "layout",   "pair",          "policy",       "rollback",
                                        "same-image",   "size",     "smm",           "staged",       "tpm-aware",
                                        "trial",        "unknown",  "variables"};
    struct hf_error err;

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        (void)hf_error_refuse(&err, rules[i], "x");
        assert_in_range(strlen(hf_guest_words(&err)), 20, sizeof((struct hf_mailbox_reply *)NULL)->text - 1);
        assert_null(strstr(hf_guest_words(&err), "the log there"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_of_the_text_gets_to_the_guest),
        cmocka_unit_test(a_rule_about_the_guest_has_its_own_words),
        cmocka_unit_test(every_sentence_fits_a_reply),
    };

    return cmocka_run_group_tests_name("supervisor-guest-words", tests, NULL, NULL);
}
