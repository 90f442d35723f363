/* SPDX-License-Identifier: BSD-2-Clause */
#include "output.h"
#include "own_caps.h"
#include "verb.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "-";
}

static void say_qemus(const struct hf_invocation *inv, const json_t *host)
{
    static const char *const headings[] = {"QEMU", "ARCHITECTURE", "VERSION", "MACHINE TYPES", "SMM", NULL};
    __attribute__((cleanup(hf_table_cleanup))) struct hf_table *t = hf_table_new(headings);
    const json_t *qemu;
    size_t i;

    json_array_foreach(json_object_get(host, "qemu"), i, qemu) {
        hf_table_cell(t, "%s", text_of(qemu, "program"));
        hf_table_cell(t, "%s", text_of(qemu, "arch"));
        hf_table_cell(t, "%s", text_of(qemu, "version"));
        hf_table_cell(t, "%zu", json_array_size(json_object_get(qemu, "machines")));
        hf_table_cell(t, "%s", json_is_true(json_object_get(qemu, "smm")) ? "yes" : "no");
    }
    hf_table_print(inv, t);
}

static void say_firmware(const struct hf_invocation *inv, const json_t *host)
{
    static const char *const headings[] = {"FIRMWARE", "ARCHITECTURE", "DIGEST", "FILE", NULL};
    __attribute__((cleanup(hf_table_cleanup))) struct hf_table *t = hf_table_new(headings);
    const json_t *firmware;
    size_t i;

    json_array_foreach(json_object_get(host, "firmware"), i, firmware) {
        hf_table_cell(t, "%s", text_of(firmware, "name"));
        hf_table_cell(t, "%s", text_of(firmware, "arch"));
        hf_table_cell(t, "%.16s", text_of(firmware, "digest"));
        hf_table_cell(t, "%s", text_of(firmware, "path"));
    }
    hf_table_print(inv, t);
}

static void say_host(const struct hf_invocation *inv, const json_t *host)
{
    char size[HF_SIZE_TEXT_MAX];

    hf_field(inv, "Host", "%s", text_of(host, "host"));
    hf_field(inv, "Holdfast", "%s", text_of(host, "holdfast"));
    hf_field(inv, "nbdkit", "%s", text_of(host, "nbdkit"));
    hf_field(inv, "swtpm", "%s", json_is_true(json_object_get(host, "swtpm")) ? "yes" : "no");
    hf_field(inv, "Free", "%s", hf_size_text((uint64_t)json_integer_value(json_object_get(host, "free-bytes")), size));
    hf_field(inv, "Option ROMs", "%zu", json_array_size(json_object_get(host, "roms")));
    hf_say(inv, "%s", "");
    say_qemus(inv, host);
    hf_say(inv, "%s", "");
    say_firmware(inv, host);
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    json_t *host = NULL;
    int r = hf_own_caps(inv, hf_given(inv, "dir") ? hf_value(inv, "dir") : ".", &host, err);

    if (r < 0)
        return r;
    json_object_update(inv->report, host);
    say_host(inv, host);
    json_decref(host);
    return 0;
}

static const struct hf_option options[] = {
    {.name = "qemu", .arg = "PROGRAM", .help = "a QEMU to describe; default: those in PATH", .repeat = true},
    {.name = "dir", .arg = "DIR", .help = "where containers are, for the free space; default: here"},
    {.name = NULL},
};

const struct hf_verb hf_verb_caps = {
    .name = "caps",
    .group = HF_GROUP_MOVE,
    .flags = HF_VERB_REPORTS,
    .help = "Describe this host, for preflight on another",
    .synopsis = "",
    .options = options,
    .run = run,
};
