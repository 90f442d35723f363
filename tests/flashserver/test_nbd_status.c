/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "nbd_server.h"
#include "nbd_status.h"

static void every_status_survives_its_line(void **state)
{
    static const struct hf_nbd_status all[] = {
        {.kind = HF_NBD_READY},
        {.kind = HF_NBD_CAUGHT_UP},
        {.kind = HF_NBD_WANTED},
        {.kind = HF_NBD_WRITER, .pid = 4711},
        {.kind = HF_NBD_WHOLE, .pid = 4712},
        {.kind = HF_NBD_ALARM, .text = "variables: no store"},
        {.kind = HF_NBD_FAILED, .code = HF_EOWNED, .text = "G.hold: pid 7 on 'a' runs it since 2026-01-01"},
        {.kind = HF_NBD_BEHIND, .since = 1767225600, .bytes = 8192, .text = "no room on the disk"},
    };

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        char line[HF_NBD_STATUS_LINE_MAX];
        struct hf_nbd_status got;
        size_t n = hf_nbd_status_format(&all[i], line);

        assert_int_equal(n, strlen(line));
        assert_int_equal(line[n - 1], '\n');
        line[n - 1] = '\0';
        assert_int_equal(hf_nbd_status_parse(line, &got, NULL), 0);
        assert_int_equal(got.kind, all[i].kind);
        assert_int_equal(got.code, all[i].code);
        assert_int_equal(got.pid, all[i].pid);
        assert_int_equal(got.since, all[i].since);
        assert_int_equal(got.bytes, all[i].bytes);
        assert_string_equal(got.text, all[i].text);
    }
}

static void a_text_cannot_make_lines_of_its_own(void **state)
{
    struct hf_nbd_status s = {.kind = HF_NBD_FAILED, .code = HF_EIO}, got;
    char line[HF_NBD_STATUS_LINE_MAX];

    memset(s.text, 'x', sizeof s.text - 1);
    memcpy(s.text, "a\ncaught-up\n", 12);
    line[hf_nbd_status_format(&s, line) - 1] = '\0';
    assert_null(strchr(line, '\n'));
    assert_int_equal(hf_nbd_status_parse(line, &got, NULL), 0);
    assert_int_equal(got.kind, HF_NBD_FAILED);
}

static void other_lines_are_refused(void **state)
{
    static const char *const lines[] = {"",         "Ready",        "ready ",     "failed",         "failed 0 x",
                                        "failed x", "failed 999 x", "behind 1",   "behind x 2 why", "caught-up now",
                                        "writer",   "writer -1",    "writer 7 x", "whole",          "alarm"};
    struct hf_nbd_status got = {.since = 77};
    struct hf_error err;

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_int_equal(hf_nbd_status_parse(lines[i], &got, &err), -HF_EPROTO);
    assert_int_equal(got.since, 77);
}

static void a_uri_quotes_its_socket(void **state)
{
    char uri[200], small[32];

    hf_nbd_server_uri("/run/holdfast/a b&c.sock", "vars", uri, sizeof uri);
    assert_string_equal(uri, "nbd+unix:///vars?socket=/run/holdfast/a%20b%26c.sock");
    hf_nbd_server_uri("/run/holdfast/nbd.sock", "code", small, sizeof small);
    assert_true(strlen(small) < sizeof small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_survives_its_line),
        cmocka_unit_test(a_text_cannot_make_lines_of_its_own),
        cmocka_unit_test(other_lines_are_refused),
        cmocka_unit_test(a_uri_quotes_its_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
