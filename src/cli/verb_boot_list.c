/* SPDX-License-Identifier: BSD-2-Clause */
/* boot list, boot add */
#include <stdlib.h>
#include <string.h>

#include <holdfast/devpath.h>
#include <holdfast/ucs2.h>

#include "boot_edit.h"
#include "boot_path.h"
#include "cleanup.h"
#include "disk_file.h"
#include "output.h"

/* boot list */

static void say_entry(const struct hf_invocation *inv, json_t *array, struct hf_table *table,
                      const struct hf_boot_entries *all, const struct hf_boot_entry *entry)
{
    char label[256] = "", path[512] = "";
    json_t *o = hf_append_object(array);
    bool next = all->has_next && all->next == entry->number;
    bool active = entry->readable && entry->option.attributes & HF_LOAD_ACTIVE;

    if (entry->readable) {
        (void)hf_ucs2_to_utf8(entry->option.description, entry->option.description_size, label, sizeof label);
        (void)hf_devpath_format(entry->option.path, entry->option.path_size, path, sizeof path);
    }
    hf_put_number(o, "number", entry->number);
    hf_put_bool(o, "ordered", entry->ordered);
    hf_put_bool(o, "next", next);
    hf_put_bool(o, "readable", entry->readable);
    hf_put_bool(o, "active", active);
    hf_put_bool(o, "hidden", entry->readable && entry->option.attributes & HF_LOAD_HIDDEN);
    hf_put_text(o, "label", entry->readable ? label : NULL);
    hf_put_text(o, "path", entry->readable ? path : NULL);
    hf_put_number(o, "data_bytes", (int64_t)entry->option.data_size);
    if (inv->json)
        return;
    hf_table_cell(table, "%04X", entry->number);
    hf_table_cell(table, "%s%s%s", entry->ordered ? "ordered" : "not in BootOrder", next ? ", next" : "",
                  !entry->readable ? ", unreadable"
                  : active         ? ""
                                   : ", inactive");
    hf_table_cell(table, "%s", label);
    hf_table_cell(table, "%s", path);
}

static int list(struct hf_invocation *inv, struct hf_error *err)
{
    static const char *const headings[] = {"ENTRY", "STATE", "LABEL", "PATH", NULL};
    hf_auto(hf_var_source_done) struct hf_var_source source = {0};
    hf_auto(hf_boot_entries_done) struct hf_boot_entries entries = {0};
    hf_auto(hf_table_cleanup) struct hf_table *table = hf_table_new(headings);
    json_t *array = hf_put_array(inv->report, "entries"), *missing = hf_put_array(inv->report, "missing");
    const struct hf_var *vars;
    size_t count;
    int r = hf_var_source_open(inv->operands[0], NULL, NULL, &source, err);

    if (r < 0)
        return r;
    vars = hf_var_source_vars(&source, &count);
    r = hf_boot_entries_read(vars, count, &entries, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < entries.count; i++)
        say_entry(inv, array, table, &entries, &entries.list[i]);
    if (entries.count)
        hf_table_print(inv, table);
    for (size_t i = 0; i < entries.order_count; i++)
        if (!hf_boot_entry_find(&entries, entries.order[i])) {
            char text[8];

            (void)snprintf(text, sizeof text, "%04X", entries.order[i]);
            hf_append_text(missing, text);
            hf_say(inv, "BootOrder names %s, which does not exist; `boot prune` mends it", text);
        }
    return 0;
}

const struct hf_verb hf_verb_boot_list = {
    .name = "boot list",
    .group = HF_GROUP_FIRMWARE,
    .flags = HF_VERB_REPORTS,
    .help = "List what a guest's firmware boots, in its order",
    .synopsis = "G.hold|FILE",
    .min_operands = 1,
    .max_operands = 1,
    .run = list,
};

/* boot add */

/* The partition that --disk and --partition name. */
static int find_partition(const struct hf_invocation *inv, struct hf_gpt_partition *ret, struct hf_error *err)
{
    const char *path = hf_value(inv, "disk");
    struct hf_disk_file disk;
    uint64_t number;
    int r = hf_number(inv, "partition", 1, 1024, 0, &number, err);

    if (r == 0)
        r = hf_disk_file_open(path, &disk, err);
    if (r < 0)
        return r;
    r = hf_gpt_find(&disk.gpt, (uint32_t)number, ret, err);
    hf_disk_file_done(&disk);
    return r < 0 ? hf_error_prefix(err, r, "%s: ", path) : 0;
}

static int make_path(const struct hf_invocation *inv, const struct hf_var_source *source, struct hf_boot_path *ret,
                     struct hf_error *err)
{
    const char *file = hf_value(inv, "path"), *uri = hf_value(inv, "uri"), *app = hf_value(inv, "app");
    struct hf_gpt_partition partition;
    int r;

    if (!!file + !!uri + !!app != 1)
        return hf_error_set(err, HF_EUSAGE, "boot target: give one of --path, --uri, --app");
    if ((hf_given(inv, "disk") && !file) || (hf_given(inv, "partition") && !hf_given(inv, "disk")))
        return hf_error_set(err, HF_EUSAGE, "--disk: only with --path; --partition: only with --disk");
    if (uri)
        return hf_boot_path_uri(uri, ret, err);
    if (app)
        return hf_boot_path_app(app, source->bytes ? source->store.layout : HF_LAYOUT_4M, ret, err);
    if (!hf_given(inv, "disk"))
        return hf_boot_path_file(NULL, file, ret, err);
    r = find_partition(inv, &partition, err);
    return r < 0 ? r : hf_boot_path_file(&partition, file, ret, err);
}

/* 16-bit text with its NUL; NULL text: nothing. */
static int to_ucs2(const char *option, const char *text, uint8_t **bytes, size_t *size, struct hf_error *err)
{
    size_t room = text ? 2 * (strlen(text) + 1) : 0;
    hf_auto(hf_cleanup_free) uint8_t *out = (uint8_t *)malloc(room + 1);
    int n;

    if (!out)
        return hf_error_set(err, HF_ENOMEM, "--%s: out of memory", option);
    n = text ? hf_ucs2_from_utf8(text, out, room) : 0;
    if (n < 0)
        return hf_error_set(err, HF_EUSAGE, "--%s '%s': not valid UTF-8", option, text);
    *bytes = hf_take_ptr(out);
    *size = (size_t)n;
    return 0;
}

static int make_option(const struct hf_invocation *inv, const struct hf_var_source *source, uint8_t **bytes,
                       uint32_t *size, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *label = NULL, *words = NULL;
    struct hf_load_option option = {.attributes = hf_given(inv, "inactive") ? 0 : HF_LOAD_ACTIVE};
    struct hf_boot_path path;
    int r;

    if (!hf_given(inv, "label"))
        return hf_error_set(err, HF_EUSAGE, "--label missing: give the entry's name in the boot menu");
    r = to_ucs2("label", hf_value(inv, "label"), &label, &option.description_size, err);
    if (r == 0)
        r = to_ucs2("args", hf_value(inv, "args"), &words, &option.data_size, err);
    if (r == 0)
        r = make_path(inv, source, &path, err);
    if (r < 0)
        return r;
    option.description = label;
    option.data = words;
    option.path = path.bytes;
    option.path_size = path.size;
    r = hf_load_option_write(&option, bytes, size, err);
    free(path.bytes);
    return r;
}

static int add(struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(hf_boot_edit_done) struct hf_boot_edit edit = {0};
    hf_auto(hf_cleanup_free) uint8_t *data = NULL;
    uint16_t number = 0;
    uint32_t size = 0;
    char text[8];
    int r = hf_boot_edit_open(inv, &edit, err);

    if (r == 0)
        r = make_option(inv, &edit.source, &data, &size, err);
    if (r == 0)
        r = hf_boot_number_free(&edit.entries, &number, err);
    if (r == 0)
        r = hf_boot_entry_set(&edit, number, data, size, err);
    if (r == 0)
        r = hf_boot_order_insert(&edit.entries, hf_given(inv, "first") ? 0 : SIZE_MAX, number, err);
    if (r == 0)
        r = hf_boot_order_write(&edit, err);
    if (r < 0)
        return r;
    (void)snprintf(text, sizeof text, "%04X", number);
    hf_put_text(inv->report, "added", text);
    hf_say(inv, "Boot%s", text);
    return hf_boot_edit_write(&edit, inv, err);
}

static int add_again(struct hf_invocation *inv, struct hf_error *err)
{
    return hf_var_again(inv, add, err);
}

static const struct hf_option add_options[] = {
    {.name = "label", .arg = "TEXT", .help = "what firmware's menu calls it", .words = ""},
    {.name = "path", .arg = "FILE", .help = "a file on the disk: /EFI/debian/shimx64.efi", .words = ""},
    {.name = "disk",
     .arg = "IMAGE",
     .help = "the raw image, or block device, with the file's partition; else any disk"},
    {.name = "partition", .arg = "N", .help = "its number; else the EFI System Partition", .words = ""},
    {.name = "uri", .arg = "URI", .help = "over HTTP: http:// or https://", .words = ""},
    {.name = "app", .arg = "APP", .help = "of firmware's own: ui (its menus) or shell", .words = HF_BOOT_APP_WORDS},
    {.name = "args", .arg = "TEXT", .help = "handed to what is started, as 16-bit characters", .words = ""},
    {.name = "first", .help = "before all others; else behind them"},
    {.name = "inactive", .help = "only when chosen in firmware's menu"},
    HF_VAR_TARGET_OPTIONS,
    {0},
};

const struct hf_verb hf_verb_boot_add = {
    .name = "boot add",
    .group = HF_GROUP_FIRMWARE,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,
    .help = "Add a boot entry and put it into the boot order",
    .synopsis = "G.hold|FILE",
    .min_operands = 1,
    .max_operands = 1,
    .options = add_options,
    .run = add_again,
};
