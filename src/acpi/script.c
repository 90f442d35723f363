/* SPDX-License-Identifier: BSD-2-Clause */
#include <holdfast/acpi_script.h>

#include "acpi_table.h"

#include <string.h>

/* Compares a name of a command, NUL within 56 bytes for certain, with a file's name of any length. */
static bool same_name(const char *in_command, const char *name)
{
    size_t i = 0;

    while (in_command[i] != 0 && in_command[i] == name[i])
        i++;
    return in_command[i] == name[i];
}

static int32_t find_file(const struct hf_acpi_bundle *b, const char *name)
{
    if (name[HF_ACPI_NAME_SIZE - 1] != 0)
        return HF_ACPI_NO_NAME;
    for (size_t i = 0; i < b->count; i++)
        if (same_name(name, b->files[i].name))
            return (int32_t)i;
    return HF_ACPI_NO_FILE;
}

static void decode_allocate(const struct hf_acpi_bundle *b, const struct hf_acpi_record *r, struct hf_acpi_cmd *c)
{
    c->dest = find_file(b, r->u.allocate.file);
    c->align = hf_le32_get(r->u.allocate.align);
    c->zone = r->u.allocate.zone;
}

static void decode_pointer(const struct hf_acpi_bundle *b, const struct hf_acpi_record *r, struct hf_acpi_cmd *c)
{
    c->dest = find_file(b, r->u.pointer.dest);
    c->src = find_file(b, r->u.pointer.src);
    c->offset = hf_le32_get(r->u.pointer.offset);
    c->size = r->u.pointer.size;
}

static void decode_checksum(const struct hf_acpi_bundle *b, const struct hf_acpi_record *r, struct hf_acpi_cmd *c)
{
    c->dest = find_file(b, r->u.checksum.file);
    c->offset = hf_le32_get(r->u.checksum.result);
    c->start = hf_le32_get(r->u.checksum.start);
    c->length = hf_le32_get(r->u.checksum.length);
}

static void decode_write(const struct hf_acpi_bundle *b, const struct hf_acpi_record *r, struct hf_acpi_cmd *c)
{
    c->dest = find_file(b, r->u.write.dest);
    c->src = find_file(b, r->u.write.src);
    c->offset = hf_le32_get(r->u.write.dest_offset);
    c->src_offset = hf_le32_get(r->u.write.src_offset);
    c->size = r->u.write.size;
}

struct hf_acpi_cmd hf_acpi_decode(const struct hf_acpi_bundle *b, size_t index)
{
    static void (*const decode[])(const struct hf_acpi_bundle *, const struct hf_acpi_record *,
                                  struct hf_acpi_cmd *) = {
        [HF_ACPI_ALLOCATE] = decode_allocate,
        [HF_ACPI_ADD_POINTER] = decode_pointer,
        [HF_ACPI_ADD_CHECKSUM] = decode_checksum,
        [HF_ACPI_WRITE_POINTER] = decode_write,
    };
    struct hf_acpi_cmd c = {.dest = HF_ACPI_NO_FILE, .src = HF_ACPI_NO_FILE};
    struct hf_acpi_record r;

    memcpy(&r, b->script + index * sizeof r, sizeof r);
    c.command = hf_le32_get(r.command);
    if (c.command < sizeof decode / sizeof decode[0] && decode[c.command])
        decode[c.command](b, &r, &c);
    return c;
}

int hf_acpi_bundle_check(const struct hf_acpi_bundle *b, struct hf_error *err)
{
    if (b->script_size > HF_ACPI_SCRIPT_MAX)
        return hf_error_refuse(err, "limits", "%s: too large: %zu bytes; the limit is %d", HF_ACPI_SCRIPT_FILE,
                               b->script_size, HF_ACPI_SCRIPT_MAX);
    if (b->count > HF_ACPI_FILES_MAX)
        return hf_error_refuse(err, "limits", "too many files: %zu; the limit is %d", b->count, HF_ACPI_FILES_MAX);
    for (size_t i = 0; i < b->count; i++)
        if (b->files[i].size > HF_ACPI_FILE_MAX)
            return hf_error_refuse(err, "limits", "'%s': too large: %zu bytes; the limit is %d", b->files[i].name,
                                   b->files[i].size, HF_ACPI_FILE_MAX);
    return 0;
}

void hf_acpi_assume_writable(const struct hf_acpi_bundle *b, struct hf_acpi_file *files)
{
    for (size_t i = 0; i < hf_acpi_command_count(b); i++) {
        struct hf_acpi_cmd c = hf_acpi_decode(b, i);

        if (c.command == HF_ACPI_WRITE_POINTER && c.dest >= 0)
            files[c.dest].writable = true;
    }
}
