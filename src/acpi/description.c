/* SPDX-License-Identifier: BSD-2-Clause */
#include "description.h"

#include "cursor.h"
#include "acpi_table.h"

#include <string.h>

static bool overlap(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size)
{
    return a < b + (uint64_t)b_size && b < a + (uint64_t)a_size;
}

static bool is_power(uint32_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

static int check_part(const struct hf_acpi_description *d, uint32_t i, struct hf_error *err)
{
    const struct hf_acpi_part *p = &d->parts[i];
    size_t length = strlen(p->file);

    if (length == 0 || length >= HF_ACPI_NAME_SIZE)
        return hf_error_refuse(err, "description", "part %u: file name of %zu bytes; use 1 to 55", i, length);
    for (uint32_t j = 0; j < i; j++)
        if (strlen(d->parts[j].file) == length && memcmp(d->parts[j].file, p->file, length) == 0)
            return hf_error_refuse(err, "description", "parts %u and %u are both named '%s'", j, i, p->file);
    if (p->size == 0 || hf_acpi_part_file_size(p, 4096) > HF_ACPI_FILE_MAX)
        return hf_error_refuse(err, "limits", "part %u ('%s'): %zu bytes of data; use 1 to %d", i, p->file, p->size,
                               HF_ACPI_FILE_MAX - 4096);
    if (!is_power(p->align) || p->align > 4096)
        return hf_error_refuse(err, "description",
                               "part %u ('%s'): invalid alignment %u; use a power of two up to 4096", i, p->file,
                               p->align);
    if (p->align_data != 0 && (!is_power(p->align_data) || p->align_data > p->align))
        return hf_error_refuse(err, "description",
                               "part %u ('%s'): invalid data alignment %u; use a power of two up to the part's own %u",
                               i, p->file, p->align_data, p->align);
    return 0;
}

/* Does some pointer field before the i-th, or a bias field up to it, share a byte with [at, at+size) of the part? */
static bool field_taken(const struct hf_acpi_description *d, size_t i, uint32_t part, uint32_t at, uint32_t size)
{
    for (size_t j = 0; j < i; j++) {
        const struct hf_acpi_pointer *q = &d->pointers[j];

        if (q->part == part && (overlap(at, size, q->offset, q->size) ||
                                (q->bias_size && overlap(at, size, q->bias_offset, q->bias_size))))
            return true;
    }
    return false;
}

static int check_pointer(const struct hf_acpi_description *d, size_t i, struct hf_error *err)
{
    const struct hf_acpi_pointer *p = &d->pointers[i];

    if (p->part >= d->part_count || p->target_part >= d->part_count)
        return hf_error_refuse(err, "description", "pointer %zu: invalid: from part %u to part %u; there are %zu parts",
                               i, p->part, p->target_part, d->part_count);
    if (p->size != 4 && p->size != 8)
        return hf_error_refuse(err, "description", "pointer %zu: invalid width of %u bytes; use 4 or 8", i, p->size);
    if (p->bias_size != 0 && !hf_acpi_is_width(p->bias_size))
        return hf_error_refuse(err, "description", "pointer %zu: invalid bias width of %u bytes; use 0, 1, 2, 4 or 8",
                               i, p->bias_size);
    if (!hf_range_ok(p->offset, p->size, d->parts[p->part].size) ||
        !hf_range_ok(p->bias_offset, p->bias_size, d->parts[p->part].size))
        return hf_error_refuse(err, "description", "pointer %zu: field 0x%x or bias 0x%x is outside '%s' (%zu bytes)",
                               i, p->offset, p->bias_offset, d->parts[p->part].file, d->parts[p->part].size);
    if (p->target_offset >= d->parts[p->target_part].size)
        return hf_error_refuse(err, "description", "pointer %zu: target 0x%x is outside '%s' (%zu bytes)", i,
                               p->target_offset, d->parts[p->target_part].file, d->parts[p->target_part].size);
    if (field_taken(d, i, p->part, p->offset, p->size) ||
        (p->bias_size && (field_taken(d, i, p->part, p->bias_offset, p->bias_size) ||
                          overlap(p->offset, p->size, p->bias_offset, p->bias_size))))
        return hf_error_refuse(err, "description",
                               "pointer %zu: field 0x%x of '%s', or its bias, shares bytes with "
                               "another",
                               i, p->offset, d->parts[p->part].file);
    return 0;
}

static int check_checksum(const struct hf_acpi_description *d, size_t i, struct hf_error *err)
{
    const struct hf_acpi_checksum *c = &d->checksums[i];

    if (c->part >= d->part_count)
        return hf_error_refuse(err, "description", "checksum %zu: invalid part %u; there are %zu parts", i, c->part,
                               d->part_count);
    if (c->length == 0 || !hf_range_ok(c->start, c->length, d->parts[c->part].size) || c->result < c->start ||
        c->result - c->start >= c->length)
        return hf_error_refuse(err, "description",
                               "checksum %zu: byte 0x%x over 0x%x, %u bytes, of '%s' (%zu bytes): "
                               "the byte must lie in the range and the range in the part",
                               i, c->result, c->start, c->length, d->parts[c->part].file, d->parts[c->part].size);
    if (field_taken(d, d->pointer_count, c->part, c->result, 1))
        return hf_error_refuse(err, "description", "checksum %zu: byte 0x%x of '%s' is part of a pointer or a bias", i,
                               c->result, d->parts[c->part].file);
    for (size_t j = 0; j < i; j++)
        if (d->checksums[j].part == c->part && d->checksums[j].result == c->result)
            return hf_error_refuse(err, "description", "checksums %zu and %zu are both at 0x%x of '%s'", j, i,
                                   c->result, d->parts[c->part].file);
    return 0;
}

static int check_tell(const struct hf_acpi_description *d, size_t i, struct hf_error *err)
{
    const struct hf_acpi_tell *t = &d->tells[i];

    if (strlen(t->file) == 0 || strlen(t->file) >= HF_ACPI_NAME_SIZE)
        return hf_error_refuse(err, "description", "tell %zu: file name of %zu bytes; use 1 to 55", i, strlen(t->file));
    if (t->size != 4 && t->size != 8)
        return hf_error_refuse(err, "description", "tell %zu: invalid width of %u bytes; use 4 or 8", i, t->size);
    if (t->target_part >= d->part_count || t->target_offset >= d->parts[t->target_part].size)
        return hf_error_refuse(err, "description", "tell %zu: invalid place: part %u, offset 0x%x", i, t->target_part,
                               t->target_offset);
    return 0;
}

int hf_acpi_description_check(const struct hf_acpi_description *d, struct hf_error *err)
{
    size_t commands = d->part_count + d->pointer_count + d->checksum_count + d->tell_count;
    int r = 0;

    if (d->part_count > HF_ACPI_FILES_MAX || d->pointer_count > HF_ACPI_COMMANDS_MAX ||
        d->checksum_count > HF_ACPI_COMMANDS_MAX || d->tell_count > HF_ACPI_COMMANDS_MAX ||
        commands > HF_ACPI_COMMANDS_MAX)
        return hf_error_refuse(err, "limits", "script: too many commands: %zu; the limit is %d", commands,
                               HF_ACPI_COMMANDS_MAX);
    for (uint32_t i = 0; r == 0 && i < d->part_count; i++)
        r = check_part(d, i, err);
    for (size_t i = 0; r == 0 && i < d->pointer_count; i++)
        r = check_pointer(d, i, err);
    for (size_t i = 0; r == 0 && i < d->checksum_count; i++)
        r = check_checksum(d, i, err);
    for (size_t i = 0; r == 0 && i < d->tell_count; i++)
        r = check_tell(d, i, err);
    return r;
}

size_t hf_acpi_part_file_size(const struct hf_acpi_part *p, size_t gap)
{
    size_t size = p->size + gap, rest = p->multiple ? size % p->multiple : 0;

    return rest ? size + p->multiple - rest : size;
}

/* Bytes 4 to 7 of the target decide, unless something is written there later: then they could become anything. */
bool hf_acpi_pointer_is_risky(const struct hf_acpi_description *d, const struct hf_acpi_pointer *p)
{
    const struct hf_acpi_part *t = &d->parts[p->target_part];
    size_t left = hf_acpi_part_file_size(t, 0) - p->target_offset;
    uint8_t length[4] = {0};
    uint32_t at = p->target_offset + 4;

    if (left < HF_ACPI_TABLE_HEADER)
        return false;
    if (field_taken(d, d->pointer_count, p->target_part, at, 4))
        return true;
    for (size_t i = 0; i < d->checksum_count; i++)
        if (d->checksums[i].part == p->target_part && overlap(at, 4, d->checksums[i].result, 1))
            return true;
    for (uint32_t i = 0; i < 4; i++)
        length[i] = at + i < t->size ? t->bytes[at + i] : 0;
    return hf_acpi_get32(length) >= HF_ACPI_TABLE_HEADER && hf_acpi_get32(length) <= left;
}

uint32_t hf_acpi_part_gap(const struct hf_acpi_description *d, uint32_t part)
{
    uint32_t unit = d->parts[part].align_data ? d->parts[part].align_data : 8;

    if (!(d->parts[part].flags & HF_ACPI_PART_DATA))
        return 0;
    for (size_t i = 0; i < d->pointer_count; i++)
        if (d->pointers[i].target_part == part && hf_acpi_pointer_is_risky(d, &d->pointers[i]))
            return (HF_ACPI_GAP + unit - 1) & ~(unit - 1);
    return 0;
}

bool hf_acpi_part_may_be_high(const struct hf_acpi_description *d, uint32_t part)
{
    if (d->parts[part].flags & HF_ACPI_PART_FSEG)
        return false;
    for (size_t i = 0; i < d->pointer_count; i++)
        if (d->pointers[i].target_part == part && d->pointers[i].size < 8)
            return false;
    for (size_t i = 0; i < d->tell_count; i++)
        if (d->tells[i].target_part == part && d->tells[i].size < 8)
            return false;
    return true;
}
