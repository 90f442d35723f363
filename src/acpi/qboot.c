/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * qboot: any doubt stops the guest; a command of zero ends the script well. It does not check what it patches: where a
 * field lies outside its file it would write over something else, which counts as stopped here.
 */
#include "interpreter.h"

#include "cursor.h"
#include "acpi_table.h"

enum { FILES_MAX = 20, MIN_ALIGN = 16 };

static enum hf_acpi_step begin(struct hf_acpi_machine *m)
{
    (void)m;
    return HF_ACPI_NEXT; /* a trailing part of a command is ignored */
}

static enum hf_acpi_step stop(struct hf_acpi_machine *m, uint32_t index, enum hf_acpi_reason reason)
{
    hf_acpi_fault_add(m, index, reason);
    return HF_ACPI_END;
}

static enum hf_acpi_step quit(struct hf_acpi_machine *m, uint32_t index, const struct hf_acpi_cmd *c)
{
    (void)m, (void)index, (void)c;
    return HF_ACPI_END;
}

static enum hf_acpi_step unknown(struct hf_acpi_machine *m, uint32_t index, const struct hf_acpi_cmd *c)
{
    (void)c;
    return stop(m, index, HF_ACPI_UNKNOWN_COMMAND);
}

/* Names are looked up by position in the fw_cfg directory, in a table of 20 without a bounds check. */
static enum hf_acpi_reason name_fault(int32_t file)
{
    if (file == HF_ACPI_NO_NAME)
        return HF_ACPI_NAME_NOT_ENDED;
    if (file == HF_ACPI_NO_FILE)
        return HF_ACPI_FILE_MISSING;
    return file >= FILES_MAX ? HF_ACPI_FILE_INDEX : HF_ACPI_OK;
}

static enum hf_acpi_step allocate(struct hf_acpi_machine *m, uint32_t index, const struct hf_acpi_cmd *c)
{
    enum hf_acpi_reason reason = name_fault(c->dest);
    enum hf_acpi_place place = HF_ACPI_PLACE_LOW;
    uint64_t address;

    if (c->zone == HF_ACPI_ZONE_FSEG ||
        (m->options->features & HF_ACPI_FEATURE_NOACPI && c->zone == (HF_ACPI_ZONE_FSEG | HF_ACPI_CONTENT_NOACPI)))
        place = HF_ACPI_PLACE_FSEG;
    if (reason != HF_ACPI_OK)
        return stop(m, index, reason);
    address = hf_acpi_place(m, &m->bundle->files[c->dest], c->align < MIN_ALIGN ? MIN_ALIGN : c->align, place);
    if (address == 0)
        return stop(m, index, HF_ACPI_NO_MEMORY);
    if (hf_acpi_blob_of(m, c->dest)) {
        struct hf_acpi_blob *again = hf_acpi_blob_of(m, c->dest);

        hf_acpi_fault_add(m, index, HF_ACPI_TWICE); /* a fresh copy replaces the first; what pointed there is stale */
        memcpy(again->bytes, again->file->bytes, again->file->size);
        again->address = address;
        again->place = place;
        return HF_ACPI_NEXT;
    }
    (void)hf_acpi_load(m, c->dest, address, place);
    if (place == HF_ACPI_PLACE_FSEG && m->bundle->files[c->dest].size >= HF_ACPI_RSDP_SIZE &&
        memcmp(m->bundle->files[c->dest].bytes, "RSD PTR ", 8) == 0)
        m->root = address;
    return HF_ACPI_NEXT;
}

static enum hf_acpi_step add_pointer(struct hf_acpi_machine *m, uint32_t index, const struct hf_acpi_cmd *c)
{
    enum hf_acpi_reason src_fault = name_fault(c->src), dest_fault = name_fault(c->dest);
    struct hf_acpi_blob *dest = hf_acpi_blob_of(m, c->dest), *src = hf_acpi_blob_of(m, c->src);
    uint8_t *field;

    if (src_fault != HF_ACPI_OK || dest_fault != HF_ACPI_OK)
        return stop(m, index, src_fault != HF_ACPI_OK ? src_fault : dest_fault);
    if (!src || !dest)
        return stop(m, index, HF_ACPI_NOT_ALLOCATED);
    if (c->size > 8)
        return stop(m, index, HF_ACPI_FIELD_SIZE);
    if (!hf_range_ok(c->offset, c->size, dest->file->size))
        return stop(m, index, HF_ACPI_FIELD_RANGE);
    field = dest->bytes + c->offset;
    hf_acpi_put(field, c->size, hf_acpi_get(field, c->size) + src->address);
    return HF_ACPI_NEXT;
}

static enum hf_acpi_step add_checksum(struct hf_acpi_machine *m, uint32_t index, const struct hf_acpi_cmd *c)
{
    enum hf_acpi_reason reason = name_fault(c->dest);
    struct hf_acpi_blob *blob = hf_acpi_blob_of(m, c->dest);

    if (reason != HF_ACPI_OK || !blob)
        return stop(m, index, reason != HF_ACPI_OK ? reason : HF_ACPI_NOT_ALLOCATED);
    if (c->offset >= blob->file->size || !hf_range_ok(c->start, c->length, blob->file->size))
        return stop(m, index, HF_ACPI_CHECKSUM_RANGE);
    blob->bytes[c->offset] = (uint8_t)(blob->bytes[c->offset] - hf_acpi_sum(blob->bytes + c->start, c->length));
    return HF_ACPI_NEXT;
}

static bool stopped(const struct hf_acpi_machine *m)
{
    for (size_t i = 0; i < m->fault_count; i++)
        if (m->faults[i].reason != HF_ACPI_TWICE)
            return true;
    return false;
}

static enum hf_acpi_verdict finish(struct hf_acpi_machine *m, bool ended)
{
    size_t left = 0;

    if (ended && stopped(m))
        return HF_ACPI_STOPPED;
    if (m->root && hf_acpi_at(m, m->root, &left) && hf_acpi_is_rsdp(hf_acpi_at(m, m->root, &left), left))
        return hf_acpi_walk(m);
    hf_acpi_fault_add(m, HF_ACPI_AT_END, HF_ACPI_NO_ROOT);
    return HF_ACPI_NONE;
}

const struct hf_acpi_interpreter hf_acpi_qboot = {
    .name = "qboot",
    .begin = begin,
    .handlers = {[HF_ACPI_PADDING] = quit,
                 [HF_ACPI_ALLOCATE] = allocate,
                 [HF_ACPI_ADD_POINTER] = add_pointer,
                 [HF_ACPI_ADD_CHECKSUM] = add_checksum},
    .unknown = unknown,
    .finish = finish,
};
