/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "probe_told.h"

/* A view with one file below etc/ that ends with zeros, and one that was not read. */
static struct hf_fwcfg_view *view_of(const char *name, uint32_t size)
{
    struct hf_fwcfg_view *v = calloc(1, sizeof *v);
    uint8_t *bytes = calloc(1, size);

    assert_non_null(v);
    assert_non_null(bytes);
    strcpy(v->directory[0].name, name);
    v->directory[0].key = 0x21;
    v->directory[0].size = size;
    bytes[0] = 0xab;
    v->files[0] = (struct hf_acpi_file){.name = v->directory[0].name, .bytes = bytes, .size = size};
    strcpy(v->directory[1].name, "genroms/x");
    v->directory[1].key = 0x22;
    v->directory[1].size = 7;
    v->files[1].name = v->directory[1].name;
    v->count = 2;
    return v;
}

static json_t *told_of(const char *name, uint32_t size)
{
    struct hf_fwcfg_view *view = view_of(name, size);
    const struct hf_probe_side side = {.program = "/usr/bin/qemu", .version = {7, 2, 22}, .view = view};
    json_t *told = hf_probe_told_write(&side);

    hf_fwcfg_view_free(view);
    assert_non_null(told);
    return told;
}

static json_t *told_why(const char *why)
{
    return hf_probe_told_write(&(const struct hf_probe_side){.program = "qemu", .why = why});
}

static int compare(json_t *here, json_t *there, struct hf_verdict *v)
{
    const struct hf_guest_needs guest = {.kind = "seabios", .running = true};
    int r;

    memset(v, 0, sizeof *v);
    r = hf_preflight_told(&guest, here, there, NULL, v, NULL);
    json_decref(here);
    json_decref(there);
    return r;
}

static void equal_sides_find_nothing(void **state)
{
    struct hf_verdict v;

    assert_int_equal(compare(told_of("etc/a", 4096), told_of("etc/a", 4096), &v), 0);
    assert_int_equal(v.count, 0);
}

static void what_differs_is_found(void **state)
{
    struct hf_verdict v;

    assert_int_equal(compare(told_of("etc/a", 4096), told_of("etc/b", 4096), &v), 0);
    assert_true(v.refused_next_reset);
    assert_string_equal(v.finding[0].rule, "fw-cfg-files");
    assert_int_equal(compare(told_of("etc/vmcoreinfo", 16), told_of("etc/vmcoreinfo", 32), &v), 0);
    assert_string_equal(v.finding[0].rule, "fw-cfg-sizes");
}

static void a_machine_that_only_the_destination_does_not_build_is_refused(void **state)
{
    struct hf_verdict v;

    assert_int_equal(compare(told_of("etc/a", 16), told_why("no igb"), &v), 0);
    assert_true(v.refused_now);
    assert_string_equal(v.finding[0].rule, "probe-start");
    assert_non_null(strstr(v.finding[0].text, "no igb"));
}

static void a_machine_that_nobody_builds_is_no_reason(void **state)
{
    struct hf_verdict v;

    assert_int_equal(compare(told_why("cannot"), told_why("cannot"), &v), 0);
    assert_false(v.refused_now || v.refused_next_reset);
    assert_int_equal(v.count, 1);
}

static void what_is_no_probe_is_an_error(void **state)
{
    static const char *const texts[] = {
        "null",
        "[]",
        "{}",
        "{'schema':2}",
        "{'schema':1,'program':'q','version':[7,2,0]}",
        "{'schema':1,'program':'q\\u0007','version':[7,2,0],'files':[]}",
        "{'schema':1,'program':'q','version':[-1,2,0],'files':[]}",
        "{'schema':1,'program':'q','version':[7,2,0],'why':'a\\nb'}",
        "{'schema':1,'program':'q','version':[7,2,0],'files':{}}",
        "{'schema':1,'program':'q','version':[7,2,0],'files':[7]}",
        "{'schema':1,'program':'q','version':[7,2,0],'files':[{'name':'etc/a','key':1,'size':1,'bytes':'0102'}]}",
        "{'schema':1,'program':'q','version':[7,2,0],'files':[{'name':'etc/a','key':1,'size':2,'bytes':'012'}]}",
        "{'schema':1,'program':'q','version':[7,2,0],'files':[{'name':'etc/a','key':1,'size':2,'bytes':'0x'}]}",
        "{'schema':1,'program':'q','version':[7,2,0],'files':[{'name':'etc/a','key':1,'size':4194305,'bytes':''}]}",
        "{'schema':1,'program':'q','version':[7,2,0],'files':[{'name':'etc/a','key':65536,'size':2}]}",
        ("{'schema':1,'program':'q','version':[7,2,0],'files':[{'name':'"
         "etc/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','key':1,'size':2}]}"),
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char text[512];
        struct hf_verdict v;
        json_t *json;

        strcpy(text, texts[i]);
        for (char *p = text; *p; p++)
            *p = *p == '\'' ? '"' : *p;
        json = json_loads(text, JSON_DECODE_ANY, NULL);
        assert_non_null(json);
        if (compare(told_of("etc/a", 16), json, &v) != -HF_EPROTO)
            fail_msg("taken: %s", text);
        assert_int_equal(v.count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_sides_find_nothing),
        cmocka_unit_test(what_differs_is_found),
        cmocka_unit_test(a_machine_that_only_the_destination_does_not_build_is_refused),
        cmocka_unit_test(a_machine_that_nobody_builds_is_no_reason),
        cmocka_unit_test(what_is_no_probe_is_an_error),
    };

    return cmocka_run_group_tests_name("preflight-probe_told", tests, NULL, NULL);
}
