/* SPDX-License-Identifier: BSD-2-Clause */
#include <holdfast/acpi_build.h>

#include "description.h"
#include "acpi_table.h"
#include "reserved.h"

#include <string.h>

struct builder {
    const struct hf_acpi_description *d;
    uint64_t features;
    struct hf_acpi_file *files;
    uint8_t **bytes; /* of each file, for writing */
    uint32_t *gap;   /* of each part */
    uint8_t *script;
    size_t script_size, commands;
};

#define ALIGNED(n) (((n) + 15) & ~(size_t)15)

static size_t rounded(size_t size, size_t multiple)
{
    size_t rest = multiple ? size % multiple : 0;

    return rest ? size + multiple - rest : size;
}

static size_t script_size(const struct hf_acpi_description *d)
{
    size_t commands = d->part_count + d->pointer_count + d->checksum_count + d->tell_count;

    return rounded(commands * sizeof(struct hf_acpi_record), d->script_multiple);
}

size_t hf_acpi_build_room(const struct hf_acpi_description *d)
{
    size_t room = 16 + ALIGNED(d->part_count * sizeof(struct hf_acpi_file)) +
                  ALIGNED(d->part_count * sizeof(uint8_t *)) + ALIGNED(d->part_count * sizeof(uint32_t)) +
                  ALIGNED(script_size(d));

    for (size_t i = 0; i < d->part_count; i++)
        room += ALIGNED(hf_acpi_part_file_size(&d->parts[i], 4096));
    return room;
}

static void *take(uint8_t **at, size_t size)
{
    uint8_t *p = *at;

    *at += ALIGNED(size);
    return p;
}

/* Copies the parts into their files, each behind its gap. */
static void lay_out(struct builder *b, uint8_t *at)
{
    const struct hf_acpi_description *d = b->d;

    at += -(uintptr_t)at & 15;
    b->files = take(&at, d->part_count * sizeof *b->files);
    b->bytes = take(&at, d->part_count * sizeof *b->bytes);
    b->gap = take(&at, d->part_count * sizeof *b->gap);
    b->script_size = script_size(d);
    b->script = take(&at, b->script_size);
    memset(b->script, 0, b->script_size);
    for (uint32_t i = 0; i < d->part_count; i++) {
        const struct hf_acpi_part *p = &d->parts[i];
        size_t size;

        b->gap[i] = b->features & HF_ACPI_FEATURE_NOACPI ? 0 : hf_acpi_part_gap(d, i);
        size = hf_acpi_part_file_size(p, b->gap[i]);
        b->bytes[i] = take(&at, size);
        memset(b->bytes[i], 0, size);
        memcpy(b->bytes[i] + b->gap[i], p->bytes, p->size);
        b->files[i] = (struct hf_acpi_file){.name = p->file, .bytes = b->bytes[i], .size = size};
    }
}

static struct hf_acpi_record *next_record(struct builder *b, enum hf_acpi_command command)
{
    /* The record has alignment 1, so any byte address will do. */
    struct hf_acpi_record *r = (struct hf_acpi_record *)(void *)(b->script + b->commands++ * sizeof *r);

    r->command = hf_le32_of(command);
    return r;
}

static void put_name(char to[HF_ACPI_NAME_SIZE], const char *name)
{
    memcpy(to, name, strlen(name));
}

static uint8_t zone_of(const struct builder *b, uint32_t part)
{
    const struct hf_acpi_part *p = &b->d->parts[part];
    uint8_t zone = HF_ACPI_ZONE_HIGH;

    if (p->flags & HF_ACPI_PART_FSEG)
        zone = HF_ACPI_ZONE_FSEG;
    else if (b->features & HF_ACPI_FEATURE_64BIT && hf_acpi_part_may_be_high(b->d, part))
        zone = HF_ACPI_ZONE_64BIT;
    if (b->features & HF_ACPI_FEATURE_NOACPI && p->flags & HF_ACPI_PART_DATA)
        zone |= HF_ACPI_CONTENT_NOACPI;
    return zone;
}

static void emit_allocate(struct builder *b, uint32_t part)
{
    struct hf_acpi_record *r = next_record(b, HF_ACPI_ALLOCATE);

    put_name(r->u.allocate.file, b->d->parts[part].file);
    r->u.allocate.align = hf_le32_of(b->d->parts[part].align);
    r->u.allocate.zone = zone_of(b, part);
}

static int emit_pointer(struct builder *b, size_t i, struct hf_error *err)
{
    const struct hf_acpi_pointer *p = &b->d->pointers[i];
    const struct hf_acpi_part *target = &b->d->parts[p->target_part];
    uint32_t gap = b->gap[p->target_part];
    bool risky = gap && hf_acpi_pointer_is_risky(b->d, p);
    uint32_t value = risky ? 0 : gap + p->target_offset, bias = risky ? gap + p->target_offset : 0;
    struct hf_acpi_record *r;

    if (risky && p->bias_size == 0)
        return hf_error_refuse(err, "suppressor",
                               "pointer %zu leads to 0x%x of '%s', which firmware could take for an "
                               "ACPI table; give the pointer a bias field, or begin that place with 36 zero bytes",
                               i, p->target_offset, target->file);
    if (!hf_acpi_fits(bias, p->bias_size ? p->bias_size : 8))
        return hf_error_refuse(err, "suppressor", "pointer %zu: the distance 0x%x does not fit a bias of %u bytes", i,
                               bias, p->bias_size);
    r = next_record(b, HF_ACPI_ADD_POINTER);
    put_name(r->u.pointer.dest, b->d->parts[p->part].file);
    put_name(r->u.pointer.src, target->file);
    r->u.pointer.offset = hf_le32_of(p->offset + b->gap[p->part]);
    r->u.pointer.size = (uint8_t)p->size;
    hf_acpi_put(b->bytes[p->part] + b->gap[p->part] + p->offset, p->size, value);
    if (p->bias_size)
        hf_acpi_put(b->bytes[p->part] + b->gap[p->part] + p->bias_offset, p->bias_size, bias);
    return 0;
}

static void emit_checksum(struct builder *b, const struct hf_acpi_checksum *c)
{
    struct hf_acpi_record *r = next_record(b, HF_ACPI_ADD_CHECKSUM);
    uint32_t gap = b->gap[c->part];

    put_name(r->u.checksum.file, b->d->parts[c->part].file);
    r->u.checksum.result = hf_le32_of(c->result + gap);
    r->u.checksum.start = hf_le32_of(c->start + gap);
    r->u.checksum.length = hf_le32_of(c->length);
    b->bytes[c->part][gap + c->result] = 0;
}

/* Must `a` be computed before `b`, because its result lies in b's range? */
static bool feeds(const struct hf_acpi_checksum *a, const struct hf_acpi_checksum *b)
{
    return a->part == b->part && a->result >= b->start && a->result - b->start < b->length;
}

/* From the inside out; otherwise in the description's order. */
static int emit_checksums(struct builder *b, struct hf_error *err)
{
    const struct hf_acpi_description *d = b->d;
    bool done[HF_ACPI_COMMANDS_MAX] = {false};

    for (size_t n = 0; n < d->checksum_count; n++) {
        size_t i, j = 0;

        for (i = 0; i < d->checksum_count; i++) {
            for (j = 0; j < d->checksum_count; j++)
                if (j != i && !done[j] && feeds(&d->checksums[j], &d->checksums[i]))
                    break;
            if (!done[i] && j == d->checksum_count)
                break;
        }
        if (i == d->checksum_count)
            return hf_error_refuse(err, "description",
                                   "the ranges of some checksums in '%s' contain each other's bytes",
                                   d->parts[d->checksums[0].part].file);
        emit_checksum(b, &d->checksums[i]);
        done[i] = true;
    }
    return 0;
}

static void emit_tell(struct builder *b, const struct hf_acpi_tell *t)
{
    struct hf_acpi_record *r = next_record(b, HF_ACPI_WRITE_POINTER);

    put_name(r->u.write.dest, t->file);
    put_name(r->u.write.src, b->d->parts[t->target_part].file);
    r->u.write.dest_offset = hf_le32_of(t->file_offset);
    r->u.write.src_offset = hf_le32_of(t->target_offset + b->gap[t->target_part]);
    r->u.write.size = (uint8_t)t->size;
}

static int emit(struct builder *b, struct hf_error *err)
{
    int r = 0;

    for (uint32_t i = 0; i < b->d->part_count; i++)
        emit_allocate(b, i);
    for (size_t i = 0; r == 0 && i < b->d->pointer_count; i++)
        r = emit_pointer(b, i, err);
    if (r == 0)
        r = emit_checksums(b, err);
    for (size_t i = 0; r == 0 && i < b->d->tell_count; i++)
        emit_tell(b, &b->d->tells[i]);
    return r;
}

int hf_acpi_build(const struct hf_acpi_description *d, uint64_t features, void *room, size_t size,
                  struct hf_acpi_built *ret, struct hf_error *err)
{
    struct builder b = {.d = d, .features = features};
    int r;

    if (!HF_RESERVED_IS_ZERO(d))
        return hf_error_set(err, HF_EUSAGE, "ACPI description: its reserved members are not 0");
    r = hf_acpi_description_check(d, err);
    if (r < 0)
        return r;
    if (features & ~HF_ACPI_FEATURES)
        return hf_error_refuse(err, "limits", "features 0x%llx: unsupported; supported are 0x%llx",
                               (unsigned long long)features, (unsigned long long)HF_ACPI_FEATURES);
    if (script_size(d) > HF_ACPI_SCRIPT_MAX)
        return hf_error_refuse(err, "limits", "script too large: %zu bytes; the limit is %d", script_size(d),
                               HF_ACPI_SCRIPT_MAX);
    if (size < hf_acpi_build_room(d))
        return hf_error_set(err, HF_ENOMEM, "script buffer too small: %zu bytes are needed, %zu were given",
                            hf_acpi_build_room(d), size);
    lay_out(&b, room);
    r = emit(&b, err);
    if (r < 0)
        return r;
    *ret = (struct hf_acpi_built){
        .features = features,
        .script = {.name = HF_ACPI_SCRIPT_FILE, .bytes = b.script, .size = b.script_size},
        .files = b.files,
        .count = d->part_count,
    };
    return 0;
}

struct hf_acpi_bundle hf_acpi_built_bundle(const struct hf_acpi_built *built, const struct hf_acpi_file *more,
                                           size_t more_count, struct hf_acpi_file *into)
{
    memcpy(into, built->files, built->count * sizeof *into);
    if (more_count)
        memcpy(into + built->count, more, more_count * sizeof *into);
    return (struct hf_acpi_bundle){.script = built->script.bytes,
                                   .script_size = built->script.size,
                                   .files = into,
                                   .count = built->count + more_count};
}
