/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <unistd.h>

#include "output.h"
#include "text.h"

static void strangers_text_cannot_reach_the_terminal(void **state)
{
    char buf[256] = "";
    FILE *f = fmemopen(buf, sizeof buf, "w");

    hf_print_safely(f, "a\nb\x1b[2Jc\x7f \xc3\xa9 \xc2\x9b \xff \xe2\x80\xae \xc0\x80");
    fclose(f);
    assert_string_equal(buf, "a\\x0ab\\x1b[2Jc\\x7f \xc3\xa9 \\xc2\\x9b \\xff \\xe2\\x80\\xae \\xc0\\x80");
}

static void utf8_is_strict(void **state)
{
    assert_int_equal(hf_utf8_length("a"), 1);
    assert_int_equal(hf_utf8_length("\xe2\x82\xac"), 3);
    assert_int_equal(hf_utf8_length("\xf0\x9f\x98\x80"), 4);
    assert_int_equal(hf_utf8_length("\xe2\x82"), 0);
    assert_int_equal(hf_utf8_length("\xed\xa0\x80"), 0);
    assert_int_equal(hf_utf8_length("\xf4\x90\x80\x80"), 0);
    assert_int_equal(hf_utf8_length("\xe0\x80\x80"), 0);
    assert_int_equal(hf_utf8_width("\xe2\x82\xac\xff\n"), 9);
}

static void other_bytes_reach_json_escaped(void **state)
{
    json_t *o = json_object();

    hf_put_text(o, "name", "a\xff");
    hf_put_text(o, "none", NULL);
    assert_string_equal(json_string_value(json_object_get(o, "name")), "a\\xff");
    assert_true(json_is_null(json_object_get(o, "none")));
    json_decref(o);
}

static void sizes_read_well(void **state)
{
    char text[HF_SIZE_TEXT_MAX];

    assert_string_equal(hf_size_text(0, text), "0 bytes");
    assert_string_equal(hf_size_text(1023, text), "1023 bytes");
    assert_string_equal(hf_size_text(540672, text), "528 KiB");
    assert_string_equal(hf_size_text(3653632, text), "3.5 MiB");
    assert_string_equal(hf_size_text(UINT64_MAX, text), "16777216 TiB");
}

static void times_are_utc(void **state)
{
    char text[HF_TIME_TEXT_MAX];

    assert_string_equal(hf_time_text(0, text), "never");
    assert_string_equal(hf_time_text(86400, text), "1970-01-02 00:00:00 UTC");
    assert_non_null(hf_time_text(INT64_MAX, text));
}

/* What the table prints, on standard output. */
static char *printed(const struct hf_table *table)
{
    static const struct hf_invocation inv = {.json = false};
    char name[] = "/tmp/holdfast-table-XXXXXX";
    int fd = mkstemp(name), before = dup(STDOUT_FILENO);
    off_t size;
    char *text;

    assert_true(fd >= 0 && before >= 0);
    unlink(name);
    fflush(stdout);
    dup2(fd, STDOUT_FILENO);
    hf_table_print(&inv, table);
    fflush(stdout);
    dup2(before, STDOUT_FILENO);
    close(before);
    size = lseek(fd, 0, SEEK_END);
    text = calloc(1, (size_t)size + 1);
    assert_int_equal(pread(fd, text, (size_t)size, 0), size);
    close(fd);
    return text;
}

static void one_very_long_cell_pads_no_other_row(void **state)
{
    static const char *const headings[] = {"NAME", "SIZE", NULL};
    struct hf_table *table = hf_table_new(headings);
    static char name[100001];
    char *text;

    memset(name, 'n', sizeof name - 1);
    hf_table_cell(table, "%s", "short");
    hf_table_cell(table, "%d", 1);
    hf_table_cell(table, "%s", name);
    hf_table_cell(table, "%d", 2);
    text = printed(table);
    assert_int_equal(strncmp(text, "NAME   SIZE\nshort  1\n", 21), 0);
    assert_int_equal(strlen(text), 12 + 9 + sizeof name - 1 + 4);
    free(text);
    hf_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_text_cannot_reach_the_terminal),
        cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(other_bytes_reach_json_escaped),
        cmocka_unit_test(sizes_read_well),
        cmocka_unit_test(times_are_utc),
        cmocka_unit_test(one_very_long_cell_pads_no_other_row),
    };

    return cmocka_run_group_tests_name("cli-output", tests, NULL, NULL);
}
