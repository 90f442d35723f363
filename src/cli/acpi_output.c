/* SPDX-License-Identifier: BSD-2-Clause */
#include "acpi_output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "output.h"
#include "whole_file.h"

static void report_tables(const struct hf_invocation *inv, const struct hf_acpi_outcome *o, json_t *into)
{
    static const char *const headings[] = {"TABLE", "ADDRESS", "BYTES", "", NULL};
    hf_auto(hf_table_cleanup) struct hf_table *t = hf_table_new(headings);
    json_t *list = hf_put_array(into, "tables");

    for (size_t i = 0; i < o->table_count; i++) {
        const struct hf_acpi_table *x = &o->tables[i];
        char signature[5] = {0};
        json_t *row = hf_append_object(list);

        memcpy(signature, x->bytes, 4);
        hf_table_cell(t, "%s", signature);
        hf_table_cell(t, "0x%llx", (unsigned long long)x->address);
        hf_table_cell(t, "%u", x->length);
        hf_table_cell(t, "%s", x->sound ? "" : "checksum is wrong");
        hf_put_text(row, "signature", signature);
        hf_put_number(row, "address", (int64_t)x->address);
        hf_put_number(row, "length", x->length);
        hf_put_bool(row, "sound", x->sound);
    }
    if (o->table_count)
        hf_table_print(inv, t);
}

static void report_files(const struct hf_acpi_outcome *o, json_t *into)
{
    json_t *list = hf_put_array(into, "files");

    for (size_t i = 0; i < o->blob_count; i++) {
        json_t *row = hf_append_object(list);

        hf_put_text(row, "file", o->blobs[i].file->name);
        hf_put_number(row, "address", (int64_t)o->blobs[i].address);
        hf_put_bool(row, "kept", o->blobs[i].kept);
    }
}

static void report_told(const struct hf_invocation *inv, const struct hf_acpi_outcome *o, json_t *into)
{
    json_t *list = hf_put_array(into, "told");

    for (size_t i = 0; i < o->told_count; i++) {
        const struct hf_acpi_told *x = &o->told[i];
        json_t *row = hf_append_object(list);

        hf_say(inv, "told: %s+0x%x = 0x%llx%s", x->file->name, x->offset, (unsigned long long)x->value,
               x->replayed ? ", again after S3" : "");
        hf_put_text(row, "file", x->file->name);
        hf_put_number(row, "offset", x->offset);
        hf_put_number(row, "value", (int64_t)x->value);
        hf_put_bool(row, "replayed", x->replayed);
    }
}

static void report_fault(const struct hf_invocation *inv, const struct hf_acpi_bundle *b, const struct hf_acpi_fault *f,
                         json_t *list)
{
    char line[320] = "";
    json_t *row = hf_append_object(list);

    if (f->command == HF_ACPI_AT_END) {
        hf_say(inv, "after the script: %s", hf_acpi_reason_text(f->reason));
        hf_put(row, "command", json_null());
    } else {
        (void)hf_acpi_show(b, f->command, line, sizeof line);
        hf_say(inv, "command %u: %s: %s", f->command, hf_acpi_reason_text(f->reason), line);
        hf_put_number(row, "command", f->command);
    }
    hf_put_text(row, "reason", hf_acpi_reason_text(f->reason));
}

void hf_acpi_report(const struct hf_invocation *inv, const struct hf_acpi_bundle *bundle,
                    const struct hf_acpi_outcome *o, json_t *into)
{
    static const char *const words[] = {
        [HF_ACPI_COMPLETE] = "a complete set of tables",
        [HF_ACPI_DAMAGED] = "tables, but with faults",
        [HF_ACPI_NONE] = "none of the host's tables",
        [HF_ACPI_STOPPED] = "nothing: the firmware stops",
    };
    json_t *faults;

    hf_put_text(into, "as", hf_acpi_consumer_name(o->consumer));
    hf_put_text(into, "verdict", hf_acpi_verdict_text(o->verdict));
    if (o->root)
        hf_put_number(into, "root", (int64_t)o->root);
    hf_say(inv, "%s: the guest gets %s", hf_acpi_consumer_name(o->consumer), words[o->verdict]);
    report_tables(inv, o, into);
    report_files(o, into);
    report_told(inv, o, into);
    faults = hf_put_array(into, "faults");
    for (size_t i = 0; i < o->fault_count; i++)
        report_fault(inv, bundle, &o->faults[i], faults);
}

/* Relative, and no part of it "." or ".." or empty: nothing that leads out of the directory. */
static bool is_plain(const char *name)
{
    while (true) {
        size_t n = strcspn(name, "/");

        if (n == 0 || (n <= 2 && !strncmp(name, "..", n)))
            return false;
        if (!name[n])
            return true;
        name += n + 1;
    }
}

static int make_parents(char *path, size_t from, struct hf_error *err)
{
    for (char *p = path + from; (p = strchr(p, '/')) != NULL; p++) {
        *p = 0;
        if (mkdir(path, 0777) < 0 && errno != EEXIST)
            return hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
        *p = '/';
    }
    return 0;
}

static int write_one(const char *directory, const char *name, const uint8_t *bytes, size_t size, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *path = NULL;
    int r;

    if (!is_plain(name))
        return hf_error_refuse(err, "name", "'%s': not a plain relative path; it is not written", name);
    if (asprintf(&path, "%s/%s", directory, name) < 0) {
        path = NULL;
        return hf_error_nomem(err);
    }
    r = make_parents(path, strlen(directory) + 1, err);
    return r < 0 ? r : hf_file_write_new(path, bytes, size, 0666, err);
}

static void plain_signature(char to[5], const uint8_t *from)
{
    for (int i = 0; i < 4; i++)
        to[i] = (from[i] >= 'A' && from[i] <= 'Z') || (from[i] >= '0' && from[i] <= '9') ? (char)from[i] : '_';
    to[4] = 0;
}

int hf_acpi_write_out(const char *path, const struct hf_acpi_outcome *o, struct hf_error *err)
{
    int r = 0;

    if (mkdir(path, 0777) < 0)
        return errno == EEXIST ? hf_error_refuse(err, "exists", "%s: exists already; name a new directory", path)
                               : hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    for (size_t i = 0; r == 0 && i < o->blob_count; i++)
        r = write_one(path, o->blobs[i].file->name, o->blobs[i].bytes, o->blobs[i].file->size, err);
    for (size_t i = 0; r == 0 && i < o->table_count; i++) {
        char name[48], signature[5];

        plain_signature(signature, o->tables[i].bytes);
        (void)snprintf(name, sizeof name, "tables/%02zu-%s.aml", i, signature);
        r = write_one(path, name, o->tables[i].bytes, o->tables[i].length, err);
    }
    return r;
}
