/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "sample.h"

static void reads_what_a_host_says(void **state)
{
    json_t *json = json_of(sample_caps);
    struct hf_host_caps *caps = NULL;
    const struct hf_qemu_caps *qemu;

    assert_non_null(json);
    assert_int_equal(hf_host_caps_read(json, &caps, NULL), 0);
    json_decref(json);
    assert_string_equal(caps->host, "beta");
    assert_int_equal(caps->qemu_count, 2);
    assert_int_equal(caps->domains[0].bits.byte[0], 3);
    qemu = hf_host_caps_qemu(caps, "x86_64", "q35");
    assert_int_equal(qemu->version.major, 10);
    assert_string_equal(hf_qemu_machine(qemu, "q35")->name, "pc-q35-10.0");
    assert_null(hf_host_caps_qemu(caps, "aarch64", NULL));
    assert_null(hf_host_caps_qemu(caps, "x86_64", "pc-q35-2.4"));
    assert_true(hf_qemu_has(qemu->devices, "ivshmem-plain"));
    assert_false(hf_qemu_has(qemu->devices, "ivshmem"));
    hf_host_caps_free(caps);
}

/* Puts `value` (JSON, single quotes) where `path` (dots between keys, numbers for array places) points. */
static int read_with(const char *path, const char *value, struct hf_error *err)
{
    json_t *json = json_of(sample_caps), *at = json, *put = json_of(value);
    struct hf_host_caps *caps = NULL;
    char *copy = strdup(path), *save = NULL, *key = strtok_r(copy, ".", &save), *next;
    int r;

    for (; (next = strtok_r(NULL, ".", &save)); key = next)
        at = json_is_array(at) ? json_array_get(at, (size_t)atoi(key)) : json_object_get(at, key);
    if (json_is_array(at))
        json_array_set_new(at, (size_t)atoi(key), json_array_get(put, 0) ? json_incref(json_array_get(put, 0)) : NULL);
    else
        json_object_set(at, key, json_array_get(put, 0));
    r = hf_host_caps_read(json, &caps, err);
    hf_host_caps_free(caps);
    json_decref(put);
    json_decref(json);
    free(copy);
    return r;
}

static void every_wrong_value_is_named(void **state)
{
    static const struct {
        const char *path, *value, *named;
    } wrong[] = {
        {"host", "[7]", "'host'"},
        {"holdfast", "[null]", "'holdfast'"},
        {"container.reads", "[-1]", "'container.reads'"},
        {"free-bytes", "['many']", "'free-bytes'"},
        {"qemu", "[{}]", "'qemu'"},
        {"qemu.0", "[5]", "'qemu'"},
        {"qemu.0.version", "['new']", "'new'"},
        {"qemu.0.version", "['7']", "'7'"},
        {"qemu.0.version", "['99999.1']", "9999"},
        {"qemu.0.devices", "[[1]]", "'qemu.devices'"},
        {"qemu.0.machines", "[[1]]", "'machines'"},
        {"qemu.0.machines.0.name", "[{}]", "'machines.name'"},
        {"firmware.0.digest", "['ABCD']", "'firmware.digest'"},
        {"roms.0.size", "[5000000000]", "'roms.size'"},
        {"domains.0.bits", "['xyz']", "'domains.bits'"},
        {"domains.0.bits", "['']", "'domains.bits'"},
        {"domains.0.version", "[70000]", "'domains.version'"},
        {"epochs.0.epoch", "[1.5]", "'epochs.epoch'"},
    };
    struct hf_error err;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(read_with(wrong[i].path, wrong[i].value, &err), -HF_EUSAGE);
        if (!strstr(err.text, wrong[i].named))
            fail_msg("%s: %s", wrong[i].path, err.text);
    }
    assert_int_equal(read_with("schema", "[2]", &err), -HF_EVERSION);
}

static void what_an_older_holdfast_leaves_out_is_empty(void **state)
{
    json_t *json = json_of(sample_caps);
    struct hf_host_caps *caps = NULL;

    json_object_del(json, "domains");
    json_object_del(json, "nbdkit");
    assert_int_equal(hf_host_caps_read(json, &caps, NULL), 0);
    assert_int_equal(caps->domain_count, 0);
    assert_null(caps->nbdkit);
    hf_host_caps_free(caps);
    json_decref(json);
}

static void too_long_an_array_is_refused(void **state)
{
    json_t *json = json_of(sample_caps), *roms = json_object_get(json, "roms");
    struct hf_host_caps *caps = NULL;

    while (json_array_size(roms) <= HF_CAPS_ENTRIES_MAX)
        json_array_append(roms, json_array_get(roms, 0));
    assert_int_equal(hf_host_caps_read(json, &caps, NULL), -HF_EUSAGE);
    json_decref(json);
}

static void versions_are_ordered(void **state)
{
    struct hf_vmm_version a, b;

    assert_int_equal(hf_vmm_version_parse("7.2", &a, NULL), 0);
    assert_int_equal(hf_vmm_version_parse("10.0.13", &b, NULL), 0);
    assert_true(hf_vmm_version_compare(a, b) < 0);
    assert_true(hf_vmm_version_compare(b, a) > 0);
    assert_int_equal(hf_vmm_version_compare(a, a), 0);
    assert_int_equal(hf_vmm_version_parse("7.2.", &a, NULL), -HF_EUSAGE);
    assert_int_equal(hf_vmm_version_parse("7.2.1.4", &a, NULL), -HF_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_a_host_says),
        cmocka_unit_test(every_wrong_value_is_named),
        cmocka_unit_test(what_an_older_holdfast_leaves_out_is_empty),
        cmocka_unit_test(too_long_an_array_is_refused),
        cmocka_unit_test(versions_are_ordered),
    };

    return cmocka_run_group_tests_name("preflight-host_caps", tests, NULL, NULL);
}
