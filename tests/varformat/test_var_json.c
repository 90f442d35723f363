/* SPDX-License-Identifier: BSD-2-Clause */
#include "files.h"

#include "certdb.h"
#include "var_json.h"

static struct hf_var vars[8192];

static void read_bad(const char *text, enum hf_code code, const char *says)
{
    struct hf_var_set set = {0};
    struct hf_error err = {0};

    assert_int_equal(hf_var_json_read(text, strlen(text), &set, &err), -(int)code);
    if (!strstr(err.text, says))
        fail_msg("'%s' does not say '%s'", err.text, says);
    assert_int_equal(set.count, 0);
}

#define VAR(members) "{\"version\": 2, \"variables\": [{" members "}]}"
#define G            "\"guid\": \"8be4df61-93ca-11d2-aa0d-00e098032b8c\""

static void what_is_wrong_is_named(void **state)
{
    read_bad("", HF_EDAMAGED, "invalid JSON");
    read_bad("[]", HF_EDAMAGED, "'version'");
    read_bad("{\"version\": 3, \"variables\": []}", HF_EVERSION, "version 3");
    read_bad(VAR("\"name\": \"\", " G ", \"attr\": 7, \"data\": \"00\""), HF_EDAMAGED, "'name'");
    read_bad(VAR("\"name\": \"a\\u0000b\", " G ", \"attr\": 7, \"data\": \"00\""), HF_EDAMAGED, "invalid JSON");
    read_bad(VAR("\"name\": \"a\", \"guid\": \"Shim\", \"attr\": 7, \"data\": \"00\""), HF_EDAMAGED, "'guid'");
    read_bad(VAR("\"name\": \"a\", " G ", \"attr\": -1, \"data\": \"00\""), HF_EDAMAGED, "'attr'");
    read_bad(VAR("\"name\": \"a\", " G ", \"attr\": 7, \"data\": \"0\""), HF_EDAMAGED, "'data'");
    read_bad(VAR("\"name\": \"a\", " G ", \"attr\": 7, \"data\": \"0g\""), HF_EDAMAGED, "'data'");
    read_bad(VAR("\"name\": \"a\", " G ", \"attr\": 7, \"data\": \"00\", \"time\": \"00\""), HF_EDAMAGED, "'time'");
    read_bad(VAR("\"name\": \"a\", " G ", \"attr\": 7, \"data\": \"00\", \"digest\": 1"), HF_EDAMAGED, "'digest'");
    read_bad(VAR("\"name\": \"a\", " G ", \"attr\": 7, \"data\": \"00\", \"x\": 1"), HF_EDAMAGED, "'x'");
    read_bad("{\"version\": 2, \"variables\": [{\"name\": \"a\", " G ", \"attr\": 7, \"data\": \"00\"},"
             "{\"name\": \"a\", " G ", \"attr\": 3, \"data\": \"01\"}]}",
             HF_EDAMAGED, "variables[1]");
}

static void both_forms_give_back_what_they_took(void **state)
{
    static const char *const paths[] = {"/usr/share/OVMF/OVMF_VARS_4M.ms.fd", "/usr/share/AAVMF/AAVMF_VARS.ms.fd"};

    for (size_t i = 0; i < 4; i++) {
        struct file f = file_read(paths[i / 2]);
        enum hf_var_format format = i % 2 ? HF_FORMAT_QEMU : HF_FORMAT_VIRT_FIRMWARE;
        struct hf_var_set set = {0};
        struct hf_error err = {0};
        struct hf_varstore s;
        char *text;

        assert_int_equal(hf_varstore_open(f.bytes, f.size, HF_VARSTORE_STRICT, vars, 8192, NULL, NULL, &s, NULL), 0);
        assert_int_equal(hf_var_losses(s.vars, s.count, format, NULL, NULL), 0);
        assert_int_equal(hf_var_json_write(s.vars, s.count, format, &text, &err), 0);
        if (hf_var_json_read(text, strlen(text), &set, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(set.count, s.count);
        for (size_t k = 0; k < s.count; k++)
            assert_true(hf_var_equal(&set.vars[k], &s.vars[k]));
        hf_var_set_done(&set);
        free(text);
        free(f.bytes);
    }
}

static void digests_become_certdb_and_come_back(void **state)
{
    static const char text[] = VAR("\"name\": \"Own\", " G ", \"attr\": 39, \"data\": \"aa\", \"time\": "
                                   "\"e907030a02351e000000000000000000\", \"digest\": "
                                   "\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"");
    struct hf_var_set set = {0}, again = {0};
    struct hf_error err = {0};
    char *out;

    assert_int_equal(hf_var_json_read(text, strlen(text), &set, &err), 0);
    assert_int_equal(set.count, 2);
    assert_int_equal(hf_certdb_find(hf_certdb_in(set.vars, 2), &set.vars[0])[31], 31);
    assert_int_equal(hf_var_json_write(set.vars, set.count, HF_FORMAT_QEMU, &out, &err), 0);
    assert_non_null(strstr(out, "\"digest\": \"0001"));
    assert_int_equal(hf_var_json_read(out, strlen(out), &again, &err), 0);
    assert_int_equal(again.count, 2);
    assert_true(hf_var_equal(&again.vars[1], &set.vars[1]));
    free(out);
    hf_var_set_done(&again);
    hf_var_set_done(&set);
}

static void remember(void *opaque, const struct hf_var *var, const char *what)
{
    strcat((char *)opaque, what);
}

static void losses_are_told_beforehand(void **state)
{
    static const uint8_t name[] = {'a', 0, 0, 0}, umlaut[] = {0xE4, 0, 0, 0};
    struct hf_var v[2] = {
        {.name = name, .name_size = 4, .data = name, .data_size = 1, .attributes = 7, .count = 1},
        {.name = name, .name_size = 4, .data = name, .data_size = 1, .attributes = 7, .key_index = 1}};
    char said[1024] = "";

    v[1].guid.b[0] = 1;
    assert_int_equal(hf_var_losses(v, 2, HF_FORMAT_RAW, remember, said), 0);
    assert_int_equal(hf_var_losses(v, 2, HF_FORMAT_QEMU, remember, said), 2);
    assert_non_null(strstr(said, "monotonic count"));
    assert_non_null(strstr(said, "key index"));
    assert_int_equal(hf_var_losses(v, 2, HF_FORMAT_VIRT_FIRMWARE, remember, said), 4);
    assert_non_null(strstr(said, "virt-firmware keeps one"));
    v[0].name = umlaut;
    v[0].count = 0;
    v[0].time[12] = 60;
    assert_int_equal(hf_var_losses(v, 1, HF_FORMAT_QEMU, remember, said), 2);
    assert_int_equal(hf_var_losses(v, 1, HF_FORMAT_VIRT_FIRMWARE, remember, said), 1);
}

static void a_variable_whose_name_a_form_cannot_hold_is_left_out(void **state)
{
    static const uint8_t name[] = {'a', 0, 0, 0}, umlaut[] = {0xE4, 0, 0, 0}, half[] = {0, 0xD8, 0, 0};
    const struct hf_var v[] = {{.name = name, .name_size = 4, .data = name, .data_size = 1, .attributes = 7},
                               {.name = umlaut, .name_size = 4, .data = name, .data_size = 1, .attributes = 7},
                               {.name = half, .name_size = 4, .data = name, .data_size = 1, .attributes = 7}};
    static const size_t kept[HF_FORMAT_MAX] = {[HF_FORMAT_QEMU] = 1, [HF_FORMAT_VIRT_FIRMWARE] = 2};

    for (int format = HF_FORMAT_QEMU; format <= HF_FORMAT_VIRT_FIRMWARE; format++) {
        struct hf_var_set again = {0};
        struct hf_error err = {0};
        char *text;

        assert_int_equal(hf_var_losses(v, 3, (enum hf_var_format)format, NULL, NULL), 3 - kept[format]);
        assert_int_equal(hf_var_json_write(v, 3, (enum hf_var_format)format, &text, &err), 0);
        assert_int_equal(hf_var_json_read(text, strlen(text), &again, &err), 0);
        assert_int_equal(again.count, kept[format]);
        hf_var_set_done(&again);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(both_forms_give_back_what_they_took),
        cmocka_unit_test(digests_become_certdb_and_come_back),
        cmocka_unit_test(losses_are_told_beforehand),
        cmocka_unit_test(a_variable_whose_name_a_form_cannot_hold_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
