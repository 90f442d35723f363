/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "options.h"

static int never(struct hf_invocation *inv, struct hf_error *err)
{
    (void)inv;
    (void)err;
    return 0;
}

static const struct hf_option options[] = {
    {.name = "firmware", .arg = "NAME|PATH", .help = "firmware"},
    {.name = "boots", .arg = "N", .help = "boots"},
    {.name = "reset", .arg = "KIND", .help = "reset", .words = "warm cold"},
    {.name = "allow", .arg = "WHAT", .help = "allow", .repeat = true},
    {.name = "reveal", .help = "reveal"},
    {.name = NULL},
};
static const struct hf_verb create = {.name = "create",
                                      .flags = HF_VERB_CHANGES,
                                      .help = "Create",
                                      .synopsis = "G.hold",
                                      .min_operands = 1,
                                      .max_operands = 2,
                                      .options = options,
                                      .run = never};
static const struct hf_verb run_verb = {.name = "run",
                                        .flags = HF_VERB_TAIL,
                                        .help = "Run",
                                        .synopsis = "G.hold -- ARGS",
                                        .min_operands = 1,
                                        .max_operands = 1,
                                        .options = options,
                                        .run = never};
static const struct hf_verb list = {
    .name = "vars list", .flags = HF_VERB_REPORTS, .help = "List", .synopsis = "", .max_operands = -1, .run = never};
static const struct hf_verb get = {.name = "vars get", .help = "Get", .synopsis = "", .max_operands = -1, .run = never};
static const struct hf_verb *const verbs[] = {&create, &run_verb, &list, &get, NULL};

static struct hf_invocation inv;
static struct hf_error err;

#define PARSE(verb, ...)                                                                                               \
    ({                                                                                                                 \
        static char *words_[] = {__VA_ARGS__};                                                                         \
                                                                                                                       \
        hf_parse(verb, (int)(sizeof words_ / sizeof words_[0]), words_, &inv, &err);                                   \
    })

static void options_and_operands_mix(void **state)
{
    assert_int_equal(PARSE(&create, "--firmware", "ovmf", "G.hold", "--boots=3", "--reveal", "--dry-run", "-"), 0);
    assert_int_equal(inv.operand_count, 2);
    assert_string_equal(inv.operands[0], "G.hold");
    assert_string_equal(inv.operands[1], "-");
    assert_null(inv.operands[2]);
    assert_string_equal(hf_value(&inv, "firmware"), "ovmf");
    assert_string_equal(hf_value(&inv, "boots"), "3");
    assert_true(hf_given(&inv, "reveal"));
    assert_null(hf_value(&inv, "reset"));
    assert_true(inv.dry_run);
    hf_invocation_done(&inv);
}

static void two_dashes_end_the_options(void **state)
{
    assert_int_equal(PARSE(&create, "--", "--firmware"), 0);
    assert_string_equal(inv.operands[0], "--firmware");
    hf_invocation_done(&inv);
    assert_int_equal(PARSE(&run_verb, "G.hold", "--", "-m", "256", "--", "--reveal"), 0);
    assert_int_equal(inv.operand_count, 1);
    assert_int_equal(inv.tail_count, 4);
    assert_string_equal(inv.tail[0], "-m");
    assert_string_equal(inv.tail[3], "--reveal");
    assert_false(hf_given(&inv, "reveal"));
    hf_invocation_done(&inv);
}

static void repeated_values_keep_their_order(void **state)
{
    assert_int_equal(PARSE(&create, "G", "--allow=a", "--allow", "b", "--allow="), 0);
    assert_string_equal(hf_value_at(&inv, "allow", 0), "a");
    assert_string_equal(hf_value_at(&inv, "allow", 1), "b");
    assert_string_equal(hf_value(&inv, "allow"), "");
    assert_null(hf_value_at(&inv, "allow", 3));
    hf_invocation_done(&inv);
}

#define WRONG(verb, wanted, ...)                                                                                       \
    do {                                                                                                               \
        assert_int_equal(PARSE(verb, __VA_ARGS__), -HF_EUSAGE);                                                        \
        assert_string_equal(err.text, wanted);                                                                         \
        hf_invocation_done(&inv);                                                                                      \
    } while (0)

static void wrong_words_are_named(void **state)
{
    WRONG(&create, "unknown option '--fimrware'; did you mean '--firmware'?", "G", "--fimrware=x");
    WRONG(&create, "unknown option '--zzzzzzzz'", "G", "--zzzzzzzz");
    WRONG(&create, "unknown option '--json'", "G", "--json");
    WRONG(&create, "unknown option '-f'; options start with two dashes", "G", "-f");
    WRONG(&create, "option '--firmware': value missing: NAME|PATH", "G", "--firmware");
    WRONG(&create, "option '--firmware': value missing: NAME|PATH", "G", "--firmware", "--reveal");
    WRONG(&create, "option '--reveal': takes no value", "G", "--reveal=yes");
    WRONG(&run_verb, "unknown option '-m'; options start with two dashes, and QEMU's follow after '--'", "G", "-m");
    WRONG(&create, "option '--boots': given twice", "G", "--boots=1", "--boots=2");
    WRONG(&create, "operands missing; usage: holdfast create G.hold", "--reveal");
    WRONG(&create, "too many operands: 'c'; usage: holdfast create G.hold", "a", "b", "c");
}

static void a_hostile_option_is_bounded(void **state)
{
    static char word[70000];
    char *argv[] = {word, NULL};

    memset(word, 'x', sizeof word - 1);
    memcpy(word, "--", 2);
    assert_int_equal(hf_parse(&create, 1, argv, &inv, &err), -HF_EUSAGE);
    assert_true(strlen(err.text) < 200);
    hf_invocation_done(&inv);
}

static void numbers_have_limits(void **state)
{
    static const char *const bad[] = {"", "-1", "+1", " 1", "1x", "0", "11", "99999999999999999999", "0x1"};
    uint64_t n = 77;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char word[64];
        char *argv[] = {"G", word, NULL};

        snprintf(word, sizeof word, "--boots=%s", bad[i]);
        assert_int_equal(hf_parse(&create, 2, argv, &inv, &err), 0);
        assert_int_equal(hf_number(&inv, "boots", 1, 10, 3, &n, &err), -HF_EUSAGE);
        assert_non_null(strstr(err.text, "from 1 to 10"));
        assert_int_equal(n, 77);
        hf_invocation_done(&inv);
    }
    assert_int_equal(PARSE(&create, "G", "--boots=10"), 0);
    assert_int_equal(hf_number(&inv, "boots", 1, 10, 3, &n, &err), 0);
    assert_int_equal(n, 10);
    hf_invocation_done(&inv);
}

static void a_choice_lists_its_words(void **state)
{
    static const char *const kinds[] = {"warm", "cold", NULL};
    int kind = 9;

    assert_int_equal(PARSE(&create, "G", "--reset=hot"), 0);
    assert_int_equal(hf_choice(&inv, "reset", kinds, 0, &kind, &err), -HF_EUSAGE);
    assert_string_equal(err.text, "--reset 'hot': invalid; use one of warm, cold");
    hf_invocation_done(&inv);
    assert_int_equal(PARSE(&create, "G", "--reset=cold"), 0);
    assert_int_equal(hf_choice(&inv, "reset", kinds, 0, &kind, &err), 0);
    assert_int_equal(kind, 1);
    hf_invocation_done(&inv);
}

#define FIND(...)                                                                                                      \
    ({                                                                                                                 \
        static char *words_[] = {__VA_ARGS__};                                                                         \
                                                                                                                       \
        hf_find_verb(verbs, (int)(sizeof words_ / sizeof words_[0]), words_, &verb, &used, &err);                      \
    })

static void verbs_of_one_and_two_words(void **state)
{
    const struct hf_verb *verb = NULL;
    int used = 0;

    assert_int_equal(FIND("create", "vars"), 0);
    assert_ptr_equal(verb, &create);
    assert_int_equal(used, 1);
    assert_int_equal(FIND("vars", "get"), 0);
    assert_ptr_equal(verb, &get);
    assert_int_equal(used, 2);
    assert_int_equal(FIND("craete"), -HF_EUSAGE);
    assert_string_equal(err.text, "unknown verb 'craete'; did you mean 'create'?");
    assert_int_equal(FIND("vars", "gte"), -HF_EUSAGE);
    assert_string_equal(err.text, "unknown verb 'vars gte'; did you mean 'get'?");
    assert_int_equal(FIND("vars"), -HF_EUSAGE);
    assert_non_null(strstr(err.text, "second word missing"));
    assert_int_equal(FIND("var"), -HF_EUSAGE);
    assert_int_equal(FIND(""), -HF_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_operands_mix),         cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(repeated_values_keep_their_order), cmocka_unit_test(wrong_words_are_named),
        cmocka_unit_test(a_hostile_option_is_bounded),      cmocka_unit_test(numbers_have_limits),
        cmocka_unit_test(a_choice_lists_its_words),         cmocka_unit_test(verbs_of_one_and_two_words),
    };

    return cmocka_run_group_tests_name("cli-options", tests, NULL, NULL);
}
