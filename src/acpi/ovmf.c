/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OVMF and AAVMF: a first pass runs every command, the first that fails undoes everything. A second pass looks at what
 * each ADD_POINTER points to and installs a copy of all that looks like a table; the firmware makes RSDP, RSDT and XSDT
 * itself. Files that held nothing but tables are freed, unless the host was told an address in them.
 *
 * The zone byte is ignored: what may lie above 4 GiB follows from the widths of the pointers.
 */
#include "interpreter.h"

#include "cursor.h"
#include "acpi_table.h"

enum { PAGE = 4096, INSTALLED_MAX = 128 };

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
    return HF_ACPI_END;
}

/* Does some narrow pointer lead into the file? */
static bool must_be_low(const struct hf_acpi_machine *m, int32_t file)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct hf_acpi_cmd *c = &m->commands[i];

        if (c->command == HF_ACPI_ADD_POINTER && c->size < 8 && c->src == file)
            return true;
    }
    return false;
}

static enum hf_acpi_step allocate(struct hf_acpi_machine *m, uint32_t index, const struct hf_acpi_cmd *c)
{
    enum hf_acpi_place place;
    uint64_t address;

    if (c->dest == HF_ACPI_NO_NAME)
        return fail(m, index, HF_ACPI_NAME_NOT_ENDED);
    if (c->align > PAGE)
        return fail(m, index, HF_ACPI_ALIGN_TOO_BIG);
    if (c->dest == HF_ACPI_NO_FILE)
        return fail(m, index, HF_ACPI_FILE_MISSING);
    if (m->bundle->files[c->dest].size == 0)
        return fail(m, index, HF_ACPI_FILE_EMPTY);
    if (hf_acpi_blob_of(m, c->dest))
        return fail(m, index, HF_ACPI_TWICE);
    place = must_be_low(m, c->dest) ? HF_ACPI_PLACE_LOW : HF_ACPI_PLACE_ANY;
    address = hf_acpi_place(m, &m->bundle->files[c->dest], PAGE, place);
    if (address == 0)
        return fail(m, index, HF_ACPI_NO_MEMORY);
    (void)hf_acpi_load(m, c->dest, address, place);
    return HF_ACPI_NEXT;
}

static enum hf_acpi_step add_pointer(struct hf_acpi_machine *m, uint32_t index, const struct hf_acpi_cmd *c)
{
    struct hf_acpi_blob *dest = hf_acpi_blob_of(m, c->dest), *src = hf_acpi_blob_of(m, c->src);
    uint64_t value;

    if (c->dest == HF_ACPI_NO_NAME || c->src == HF_ACPI_NO_NAME)
        return fail(m, index, HF_ACPI_NAME_NOT_ENDED);
    if (!dest || !src)
        return fail(m, index, HF_ACPI_NOT_ALLOCATED);
    if (!hf_acpi_is_width(c->size))
        return fail(m, index, HF_ACPI_FIELD_SIZE);
    if (!hf_range_ok(c->offset, c->size, dest->file->size))
        return fail(m, index, HF_ACPI_FIELD_RANGE);
    value = hf_acpi_get(dest->bytes + c->offset, c->size);
    if (value >= src->file->size)
        return fail(m, index, HF_ACPI_TARGET_RANGE);
    if (!hf_acpi_fits(value + src->address, c->size))
        return fail(m, index, HF_ACPI_DOES_NOT_FIT);
    hf_acpi_put(dest->bytes + c->offset, c->size, value + src->address);
    return HF_ACPI_NEXT;
}

/* The old value of the result byte is part of the sum and then overwritten: right only when it was zero. */
static enum hf_acpi_step add_checksum(struct hf_acpi_machine *m, uint32_t index, const struct hf_acpi_cmd *c)
{
    struct hf_acpi_blob *blob = hf_acpi_blob_of(m, c->dest);

    if (c->dest == HF_ACPI_NO_NAME)
        return fail(m, index, HF_ACPI_NAME_NOT_ENDED);
    if (!blob)
        return fail(m, index, HF_ACPI_NOT_ALLOCATED);
    if (c->offset >= blob->file->size || !hf_range_ok(c->start, c->length, blob->file->size))
        return fail(m, index, HF_ACPI_CHECKSUM_RANGE);
    blob->bytes[c->offset] = (uint8_t)-hf_acpi_sum(blob->bytes + c->start, c->length);
    return HF_ACPI_NEXT;
}

/* A read-only destination goes unnoticed: the write has no answer, the host merely does not see it. */
static enum hf_acpi_step write_pointer(struct hf_acpi_machine *m, uint32_t index, const struct hf_acpi_cmd *c)
{
    struct hf_acpi_blob *src = hf_acpi_blob_of(m, c->src);
    uint64_t value;

    if (c->dest == HF_ACPI_NO_NAME || c->src == HF_ACPI_NO_NAME)
        return fail(m, index, HF_ACPI_NAME_NOT_ENDED);
    if (c->dest < 0)
        return fail(m, index, HF_ACPI_NO_SUCH_WRITABLE);
    if (!src)
        return fail(m, index, HF_ACPI_NOT_ALLOCATED);
    if (!hf_acpi_is_width(c->size))
        return fail(m, index, HF_ACPI_FIELD_SIZE);
    if (!hf_range_ok(c->offset, c->size, m->bundle->files[c->dest].size))
        return fail(m, index, HF_ACPI_FIELD_RANGE);
    if (c->src_offset >= src->file->size)
        return fail(m, index, HF_ACPI_TARGET_RANGE);
    value = src->address + c->src_offset;
    if (!hf_acpi_fits(value, c->size))
        return fail(m, index, HF_ACPI_DOES_NOT_FIT);
    hf_acpi_told_add(m, index, c, value);
    if (!m->bundle->files[c->dest].writable)
        hf_acpi_fault_add(m, index, HF_ACPI_NOT_WRITABLE);
    return HF_ACPI_NEXT;
}

static bool seen_before(const struct hf_acpi_machine *m, uint32_t index, uint64_t target)
{
    for (uint32_t i = 0; i < index; i++) {
        const struct hf_acpi_cmd *c = &m->commands[i];
        const struct hf_acpi_blob *dest = hf_acpi_blob_of(m, c->dest);

        if (c->command == HF_ACPI_ADD_POINTER && hf_acpi_get(dest->bytes + c->offset, c->size) == target)
            return true;
    }
    return false;
}

static bool is_one_of_a_kind(const uint8_t *table)
{
    return memcmp(table, "FACP", 4) == 0 || memcmp(table, "DSDT", 4) == 0 || memcmp(table, "FACS", 4) == 0;
}

/* EFI_ACPI_TABLE_PROTOCOL takes a copy. */
static enum hf_acpi_reason install(struct hf_acpi_machine *m, uint64_t address, const uint8_t *p, uint32_t length)
{
    if (m->table_count == INSTALLED_MAX)
        return HF_ACPI_TOO_MANY_TABLES;
    for (size_t i = 0; i < m->table_count; i++)
        if (is_one_of_a_kind(p) && memcmp(m->tables[i].bytes, p, 4) == 0)
            return HF_ACPI_TABLE_TWICE;
    hf_acpi_table_add(m, address, p, length, /* sound= */ true);
    return HF_ACPI_OK;
}

/* Whether the firmware was promised that the file holds no table, and knows what that means. */
static bool is_promised_opaque(const struct hf_acpi_machine *m, int32_t file)
{
    if (!(m->options->features & HF_ACPI_FEATURE_NOACPI))
        return false;
    for (size_t i = 0; i < m->count; i++)
        if (m->commands[i].command == HF_ACPI_ALLOCATE && m->commands[i].dest == file)
            return m->commands[i].zone & HF_ACPI_CONTENT_NOACPI;
    return false;
}

static enum hf_acpi_reason second_pass(struct hf_acpi_machine *m, uint32_t index, const struct hf_acpi_cmd *c)
{
    struct hf_acpi_blob *dest = hf_acpi_blob_of(m, c->dest), *src = hf_acpi_blob_of(m, c->src);
    uint64_t target = hf_acpi_get(dest->bytes + c->offset, c->size);
    const uint8_t *p;
    uint32_t length;
    size_t left;

    /* A later command may have written over the field: an assertion there, nothing sensible in a release build. */
    if (target < src->address || target - src->address >= src->file->size)
        return HF_ACPI_TARGET_RANGE;
    if (seen_before(m, index, target))
        return HF_ACPI_OK;
    left = src->file->size - (size_t)(target - src->address);
    p = src->bytes + (target - src->address);
    length = is_promised_opaque(m, c->src) ? 0 : hf_acpi_probe(p, left);
    if (length == 0) {
        src->kept = true;
        return HF_ACPI_OK;
    }
    if (memcmp(p, "RSDT", 4) == 0 || memcmp(p, "XSDT", 4) == 0)
        return HF_ACPI_OK;
    return install(m, target, p, length);
}

/* `kept` says "not only tables" from here on; telling the host an address does that too. */
static void decide_what_is_kept(struct hf_acpi_machine *m)
{
    for (size_t i = 0; i < m->blob_count; i++)
        m->blobs[i].kept = false;
    for (size_t i = 0; i < m->told_count; i++)
        hf_acpi_blob_of(m, m->commands[m->told[i].command].src)->kept = true;
}

static void roll_back(struct hf_acpi_machine *m)
{
    m->table_count = 0;
    for (size_t i = 0; i < m->told_count; i++) {
        m->told[i].value = 0;
        m->told[i].replayed = false;
    }
    for (size_t i = 0; i < m->blob_count; i++)
        m->blobs[i].kept = false;
}

static enum hf_acpi_verdict finish(struct hf_acpi_machine *m, bool ended)
{
    enum hf_acpi_reason reason = HF_ACPI_OK;

    decide_what_is_kept(m);
    for (uint32_t i = 0; !ended && i < m->count && reason == HF_ACPI_OK; i++)
        if (m->commands[i].command == HF_ACPI_ADD_POINTER) {
            reason = second_pass(m, i, &m->commands[i]);
            if (reason != HF_ACPI_OK)
                hf_acpi_fault_add(m, i, reason);
        }
    if (!ended && reason == HF_ACPI_OK)
        return hf_acpi_judge(m);
    roll_back(m);
    return HF_ACPI_NONE;
}

const struct hf_acpi_interpreter hf_acpi_ovmf = {
    .name = "ovmf",
    .begin = begin,
    .handlers = {[HF_ACPI_ALLOCATE] = allocate,
                 [HF_ACPI_ADD_POINTER] = add_pointer,
                 [HF_ACPI_ADD_CHECKSUM] = add_checksum,
                 [HF_ACPI_WRITE_POINTER] = write_pointer},
    .finish = finish,
};
