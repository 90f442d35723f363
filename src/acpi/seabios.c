/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SeaBIOS: a command that fails is reported on the debug console and left out, and the next one runs. Afterwards the F
 * segment is searched for an RSDP; without one SeaBIOS falls back to tables of its own, which are not the host's.
 */
#include "interpreter.h"

#include "cursor.h"
#include "acpi_table.h"

enum { MIN_ALIGN = 16 };

static enum hf_acpi_step begin(struct hf_acpi_machine *m)
{
    if (m->bundle->script_size % sizeof(struct hf_acpi_record) == 0)
        return HF_ACPI_NEXT;
    hf_acpi_fault_add(m, HF_ACPI_AT_END, HF_ACPI_BAD_SCRIPT_SIZE);
    return HF_ACPI_END;
}

static enum hf_acpi_step fail(struct hf_acpi_machine *m, uint32_t index, enum hf_acpi_reason reason)
{
    hf_acpi_fault_add(m, index, reason);
    return HF_ACPI_NEXT;
}

/* The allocator's zone; false for a zone byte that this SeaBIOS does not know. Its zone "high" is below 4 GiB. */
static bool zone_known(const struct hf_acpi_machine *m, uint8_t zone, enum hf_acpi_place *place)
{
    if (m->options->features & HF_ACPI_FEATURE_NOACPI)
        zone &= (uint8_t)~HF_ACPI_CONTENT_NOACPI;
    *place = zone == HF_ACPI_ZONE_FSEG ? HF_ACPI_PLACE_FSEG : HF_ACPI_PLACE_LOW;
    return zone == HF_ACPI_ZONE_HIGH || zone == HF_ACPI_ZONE_FSEG ||
           (zone == HF_ACPI_ZONE_64BIT && m->options->features & HF_ACPI_FEATURE_64BIT);
}

static enum hf_acpi_step allocate(struct hf_acpi_machine *m, uint32_t index, const struct hf_acpi_cmd *c)
{
    enum hf_acpi_place place;
    uint64_t address;

    if (c->align & (c->align - 1))
        return fail(m, index, HF_ACPI_ALIGN_NOT_POWER);
    if (!zone_known(m, c->zone, &place))
        return fail(m, index, HF_ACPI_ZONE_UNKNOWN);
    if (c->dest == HF_ACPI_NO_NAME)
        return fail(m, index, HF_ACPI_NAME_NOT_ENDED);
    if (c->dest == HF_ACPI_NO_FILE)
        return fail(m, index, HF_ACPI_FILE_MISSING);
    if (m->bundle->files[c->dest].size == 0)
        return fail(m, index, HF_ACPI_FILE_EMPTY);
    address = hf_acpi_place(m, &m->bundle->files[c->dest], c->align < MIN_ALIGN ? MIN_ALIGN : c->align, place);
    if (address == 0)
        return fail(m, index, HF_ACPI_NO_MEMORY);
    if (hf_acpi_blob_of(m, c->dest))
        return fail(m, index, HF_ACPI_TWICE); /* loaded again, but every later command finds the first */
    (void)hf_acpi_load(m, c->dest, address, place);
    return HF_ACPI_NEXT;
}

/* Its sums are 32 bits wide and it checks that they do not wrap. */
static bool inside(uint32_t offset, uint32_t length, size_t size)
{
    return hf_range_ok(offset, length, size);
}

static enum hf_acpi_step add_pointer(struct hf_acpi_machine *m, uint32_t index, const struct hf_acpi_cmd *c)
{
    struct hf_acpi_blob *dest = hf_acpi_blob_of(m, c->dest), *src = hf_acpi_blob_of(m, c->src);
    uint8_t *field;

    if (!dest || !src)
        return fail(m, index, HF_ACPI_NOT_ALLOCATED);
    if (!inside(c->offset, c->size, dest->file->size))
        return fail(m, index, HF_ACPI_FIELD_RANGE);
    if (!hf_acpi_is_width(c->size))
        return fail(m, index, HF_ACPI_FIELD_SIZE);
    field = dest->bytes + c->offset;
    hf_acpi_put(field, c->size, hf_acpi_get(field, c->size) + src->address);
    return HF_ACPI_NEXT;
}

static enum hf_acpi_step add_checksum(struct hf_acpi_machine *m, uint32_t index, const struct hf_acpi_cmd *c)
{
    struct hf_acpi_blob *blob = hf_acpi_blob_of(m, c->dest);

    if (!blob)
        return fail(m, index, HF_ACPI_NOT_ALLOCATED);
    if (c->offset >= blob->file->size || !inside(c->start, c->length, blob->file->size))
        return fail(m, index, HF_ACPI_CHECKSUM_RANGE);
    blob->bytes[c->offset] = (uint8_t)(blob->bytes[c->offset] - hf_acpi_sum(blob->bytes + c->start, c->length));
    return HF_ACPI_NEXT;
}

static enum hf_acpi_step write_pointer(struct hf_acpi_machine *m, uint32_t index, const struct hf_acpi_cmd *c)
{
    struct hf_acpi_blob *src = hf_acpi_blob_of(m, c->src);
    uint64_t value;

    if (c->dest < 0)
        return fail(m, index, HF_ACPI_NO_SUCH_WRITABLE);
    if (!src)
        return fail(m, index, HF_ACPI_NOT_ALLOCATED);
    if (!inside(c->offset, c->size, m->bundle->files[c->dest].size))
        return fail(m, index, HF_ACPI_FIELD_RANGE);
    if (c->src_offset >= src->file->size)
        return fail(m, index, HF_ACPI_TARGET_RANGE);
    if (!hf_acpi_is_width(c->size))
        return fail(m, index, HF_ACPI_FIELD_SIZE);
    value = src->address + c->src_offset;
    if (!hf_acpi_fits(value, c->size))
        return fail(m, index, HF_ACPI_DOES_NOT_FIT);
    if (!m->bundle->files[c->dest].writable)
        return fail(m, index, HF_ACPI_NOT_WRITABLE);
    hf_acpi_told_add(m, index, c, value);
    return HF_ACPI_NEXT;
}

/* The first RSDP on a 16-byte boundary of the F segment. */
static uint64_t find_root(const struct hf_acpi_machine *m)
{
    uint64_t best = 0;

    for (size_t i = 0; i < m->blob_count; i++) {
        const struct hf_acpi_blob *b = &m->blobs[i];

        for (size_t at = (size_t)(-b->address & 15); b->place == HF_ACPI_PLACE_FSEG && at < b->file->size; at += 16)
            if (hf_acpi_is_rsdp(b->bytes + at, b->file->size - at) && (best == 0 || b->address + at < best))
                best = b->address + at;
    }
    return best;
}

static enum hf_acpi_verdict finish(struct hf_acpi_machine *m, bool ended)
{
    (void)ended;
    m->root = find_root(m);
    if (m->root)
        return hf_acpi_walk(m);
    hf_acpi_fault_add(m, HF_ACPI_AT_END, HF_ACPI_NO_ROOT);
    return HF_ACPI_NONE;
}

const struct hf_acpi_interpreter hf_acpi_seabios = {
    .name = "seabios",
    .begin = begin,
    .handlers = {[HF_ACPI_ALLOCATE] = allocate,
                 [HF_ACPI_ADD_POINTER] = add_pointer,
                 [HF_ACPI_ADD_CHECKSUM] = add_checksum,
                 [HF_ACPI_WRITE_POINTER] = write_pointer},
    .finish = finish,
};
