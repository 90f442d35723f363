/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "firmware_policy.h"

static char page[16384];

static int read_page(void **state)
{
    char path[4096];
    size_t n;
    FILE *f;

    snprintf(path, sizeof path, "%s/docs/policies.md", getenv("HOLDFAST_SOURCE_ROOT"));
    f = fopen(path, "re");
    if (f == NULL)
        return -1;
    n = fread(page, 1, sizeof page - 1, f);
    page[n] = '\0';
    return fclose(f);
}

static const char *source(enum hf_policy policy, bool other, bool pinned, enum hf_moment moment)
{
    struct hf_policy_case c = {.policy = policy, .moment = moment, .other_vmm = other, .pinned = pinned};

    return hf_policy_decide(&c) == HF_SOURCE_HOST ? "host" : "container";
}

static void every_cell_of_the_page_is_what_the_code_does(void **state)
{
    unsigned rows = 0;

    for (unsigned p = 0; p < HF_POLICY_MAX; p++) {
        for (unsigned k = 0; k < 4; k++) {
            bool other = k & 2U, pinned = !(k & 1U);
            char row[128];

            snprintf(row, sizeof row, "\n| %s | %s | %s | %s | %s | %s |\n", hf_policy_name(p),
                     other ? "other" : "same", pinned ? "pinned" : "alias",
                     source(p, other, pinned, HF_MOMENT_POWER_ON), source(p, other, pinned, HF_MOMENT_WARM_RESET),
                     source(p, other, pinned, HF_MOMENT_COLD_RESET));
            if (strstr(page, row) == NULL)
                fail_msg("docs/policies.md lacks the row%s", row);
            rows++;
        }
    }
    for (const char *at = strstr(page, "| --- |"); (at = strstr(at, "\n| ")) != NULL; at++)
        rows--;
    assert_int_equal(rows, 0);
}

/* The three sentences of the policies, each said in another way than the code says it. */
static void the_rules_in_words(void **state)
{
    for (unsigned m = 0; m < HF_MOMENT_MAX; m++) {
        for (unsigned k = 0; k < 4; k++) {
            bool other = k & 2U, pinned = k & 1U;

            assert_string_equal(source(HF_POLICY_GUEST, other, pinned, m), "container");
            assert_string_equal(source(HF_POLICY_HOST, other, pinned, m), "host");
            if (!other || pinned || m == HF_MOMENT_WARM_RESET)
                assert_string_equal(source(HF_POLICY_VERSIONED, other, pinned, m), "container");
        }
    }
    assert_string_equal(source(HF_POLICY_VERSIONED, true, false, HF_MOMENT_POWER_ON), "host");
    assert_string_equal(source(HF_POLICY_VERSIONED, true, false, HF_MOMENT_COLD_RESET), "host");
}

static void names_read_back(void **state)
{
    enum hf_policy p;
    struct hf_error err;

    for (unsigned i = 0; i < HF_POLICY_MAX; i++) {
        assert_int_equal(hf_policy_parse(hf_policy_name(i), &p, &err), 0);
        assert_int_equal(p, i);
        assert_non_null(hf_moment_name(i));
    }
    assert_int_equal(hf_policy_parse("Guest", &p, &err), -HF_EUSAGE);
    assert_non_null(strstr(err.text, "versioned"));
    assert_true(hf_policy_needs_every_reset(HF_POLICY_HOST));
    assert_false(hf_policy_needs_every_reset(HF_POLICY_VERSIONED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_of_the_page_is_what_the_code_does),
        cmocka_unit_test(the_rules_in_words),
        cmocka_unit_test(names_read_back),
    };

    return cmocka_run_group_tests_name("lifecycle-firmware_policy", tests, read_page, NULL);
}
