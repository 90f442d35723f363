/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <fcntl.h>
#include <unistd.h>

#include "intro.h"

static struct hf_error err;

static struct hf_intro example(void)
{
    return (struct hf_intro){
        .adoption = {.uuid = "b8960a51-5ffa-4f40-8e81-887af75991db",
                     .name = "web 1",
                     .loader = "/usr/share/OVMF/OVMF_CODE_4M.fd",
                     .nvram = "/var/lib/libvirt/qemu/nvram/web_VARS.fd",
                     .secure = true},
        .original = (char *)(uintptr_t) "<domain>&lt;\n</domain>",
        .live = true,
    };
}

static void what_one_says_the_other_hears(void **state)
{
    struct hf_intro said = example(), heard;
    uint8_t *bytes;
    size_t size;
    int pipe_ends[2];

    assert_int_equal(hf_intro_format(&said, &bytes, &size, &err), 0);
    assert_int_equal(pipe(pipe_ends), 0);
    assert_int_equal(write(pipe_ends[1], bytes, size), size);
    assert_int_equal(hf_intro_read(pipe_ends[0], &heard, &err), 0);
    assert_string_equal(heard.adoption.uuid, said.adoption.uuid);
    assert_string_equal(heard.adoption.name, "web 1");
    assert_string_equal(heard.adoption.loader, said.adoption.loader);
    assert_string_equal(heard.adoption.nvram, ""); /* `release` writes here, so it is not for another host to choose */
    assert_string_equal(heard.original, said.original);
    assert_true(heard.live && heard.adoption.secure);
    assert_false(heard.settle || heard.adoption.reconnect || heard.adoption.container[0]);
    hf_intro_done(&heard);

    /* Cut short anywhere it is an error. */
    assert_int_equal(write(pipe_ends[1], bytes, size - 1), size - 1);
    close(pipe_ends[1]);
    assert_int_equal(hf_intro_read(pipe_ends[0], &heard, &err), -HF_EPROTO);
    assert_int_equal(hf_intro_read(pipe_ends[0], &heard, &err), -HF_EPROTO);
    close(pipe_ends[0]);
    free(bytes);
}

static void what_would_leave_its_place_is_refused(void **state)
{
    static const struct {
        const char *key, *value;
    } bad[] = {
        {"\"uuid\":\"", "../../../../../../../../../../etc/cron"},
        {"\"uuid\":\"", ""},
        {"\"name\":\"", "../x"},
        {"\"name\":\"", ""},
        {"\"name\":\"", ".hidden"},
        {"\"nvram\":\"", "relative"},
        {"\"nvram\":\"", "/a/../b"},
        {"\"loader\":\"", "x"},
    };
    struct hf_intro said = example(), heard;
    uint8_t *bytes;
    size_t size;

    assert_int_equal(hf_intro_format(&said, &bytes, &size, &err), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[2048];
        char *whole = strndup((char *)bytes + 4, size - 4), *at = strstr(whole, bad[i].key);
        const char *end = strchr(at + strlen(bad[i].key), '"');

        snprintf(text, sizeof text, "%.*s%s%s%s", (int)(at - whole), whole, bad[i].key, bad[i].value, end);
        assert_int_equal(hf_intro_parse(text, strlen(text), &heard, &err), -HF_EPROTO);
        free(whole);
    }
    free(bytes);
}

static void what_is_no_introduction_is_refused(void **state)
{
    static const char *const bad[] = {"", "{", "[]", "{\"schema\":2}", "{\"schema\":1}", "{\"schema\":1,\"uuid\":7}"};
    struct hf_intro heard;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_true(hf_intro_parse(bad[i], strlen(bad[i]), &heard, &err) < 0);
}

static void a_source_that_refuses_says_why(void **state)
{
    struct hf_error why;
    struct hf_intro heard;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    (void)hf_error_refuse(&why, "shut-off", "it is \"off\"");
    assert_int_equal(hf_intro_refuse(ends[1], &why, 1000, &err), 0);
    assert_int_equal(hf_intro_read(ends[0], &heard, &err), -HF_EPROTO);
    assert_non_null(strstr(err.text, "it is \"off\""));
    (void)hf_error_set(&why, HF_ENOTFOUND, "nothing");
    assert_int_equal(hf_intro_refuse(ends[1], &why, 1000, &err), 0);
    assert_int_equal(hf_intro_read(ends[0], &heard, &err), -HF_ENOTFOUND);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_says_the_other_hears),
        cmocka_unit_test(a_source_that_refuses_says_why),
        cmocka_unit_test(what_would_leave_its_place_is_refused),
        cmocka_unit_test(what_is_no_introduction_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
