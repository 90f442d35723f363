/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpreter.h"

#include "cursor.h"
#include "reserved.h"

#include <string.h>

static const struct hf_acpi_interpreter *const interpreters[] = {
    [HF_ACPI_SEABIOS] = &hf_acpi_seabios,
    [HF_ACPI_OVMF] = &hf_acpi_ovmf,
    [HF_ACPI_QBOOT] = &hf_acpi_qboot,
};
_Static_assert(sizeof interpreters / sizeof interpreters[0] == HF_ACPI_CONSUMERS, "one row per consumer");

const char *hf_acpi_consumer_name(enum hf_acpi_consumer consumer)
{
    return interpreters[consumer]->name;
}

int hf_acpi_consumer_find(const char *name, enum hf_acpi_consumer *ret, struct hf_error *err)
{
    for (unsigned i = 0; i < HF_ACPI_CONSUMERS; i++) {
        const char *known = interpreters[i]->name;

        if (strlen(known) == strlen(name) && memcmp(known, name, strlen(name)) == 0) {
            *ret = (enum hf_acpi_consumer)i;
            return 0;
        }
    }
    return hf_error_set(err, HF_ENOTFOUND, "'%s': unknown firmware; use seabios, ovmf (AAVMF too) or qboot", name);
}

const char *hf_acpi_verdict_text(enum hf_acpi_verdict verdict)
{
    static const char *const texts[] = {
        [HF_ACPI_COMPLETE] = "complete",
        [HF_ACPI_DAMAGED] = "damaged",
        [HF_ACPI_NONE] = "none",
        [HF_ACPI_STOPPED] = "stopped",
    };
    return texts[verdict];
}

const char *hf_acpi_reason_text(enum hf_acpi_reason reason)
{
    static const char *const texts[] = {
        [HF_ACPI_OK] = "no fault",
        [HF_ACPI_BAD_SCRIPT_SIZE] = "the script's size is not a multiple of 128 bytes",
        [HF_ACPI_UNKNOWN_COMMAND] = "unknown command",
        [HF_ACPI_NAME_NOT_ENDED] = "a file name has no NUL within 56 bytes",
        [HF_ACPI_ALIGN_NOT_POWER] = "the alignment is not a power of two",
        [HF_ACPI_ALIGN_TOO_BIG] = "the alignment is above 4096",
        [HF_ACPI_ZONE_UNKNOWN] = "the zone is unknown to this firmware",
        [HF_ACPI_FILE_MISSING] = "no such file in the fw_cfg directory",
        [HF_ACPI_FILE_EMPTY] = "the file is empty",
        [HF_ACPI_FILE_INDEX] = "the file is not among the first 20 of the fw_cfg directory",
        [HF_ACPI_NO_MEMORY] = "no memory of that kind is left",
        [HF_ACPI_TWICE] = "the file is allocated twice",
        [HF_ACPI_NOT_ALLOCATED] = "the file is not allocated",
        [HF_ACPI_FIELD_SIZE] = "the field is not 1, 2, 4 or 8 bytes wide",
        [HF_ACPI_FIELD_RANGE] = "the field is not inside the file",
        [HF_ACPI_TARGET_RANGE] = "the field's value is not an offset inside the file it points into",
        [HF_ACPI_DOES_NOT_FIT] = "the address does not fit the field",
        [HF_ACPI_CHECKSUM_RANGE] = "the checksum or its range is not inside the file",
        [HF_ACPI_NO_SUCH_WRITABLE] = "no such file to tell the address through",
        [HF_ACPI_NOT_WRITABLE] = "the file to tell the address through is read-only",
        [HF_ACPI_TOO_MANY_TABLES] = "more tables than the firmware can hold",
        [HF_ACPI_TABLE_TWICE] = "a second table of a kind that may be there once",
        [HF_ACPI_TABLE_UNSOUND] = "a table's length or checksum is wrong",
        [HF_ACPI_NO_ROOT] = "no RSDP in the F segment",
        [HF_ACPI_NO_FADT] = "no FADT",
        [HF_ACPI_NO_DSDT] = "no DSDT",
    };
    _Static_assert(sizeof texts / sizeof texts[0] == HF_ACPI_REASONS, "one text per reason");
    return texts[reason];
}

void hf_acpi_fault_add(struct hf_acpi_machine *m, uint32_t index, enum hf_acpi_reason reason)
{
    /* Room for two faults per command and a few at the end; what does not fit is not the first anyway. */
    if (m->fault_count < 2 * m->count + 8)
        m->faults[m->fault_count++] = (struct hf_acpi_fault){.command = index, .reason = reason};
}

/* Downwards from *top, not below `base`. */
static uint64_t place_down(uint64_t *top, uint64_t base, uint64_t size, uint64_t align)
{
    uint64_t address;

    if (size > *top - base)
        return 0;
    address = (*top - size) & (0 - align);
    if (address < base || address == 0)
        return 0;
    return *top = address;
}

uint64_t hf_acpi_place(struct hf_acpi_machine *m, const struct hf_acpi_file *f, uint32_t align,
                       enum hf_acpi_place place)
{
    const struct hf_acpi_memory *mem = &m->memory;
    uint64_t address, unit = align ? align : 1;

    if (m->options->where)
        return m->options->where(m->options->context, f, align, place);
    if (place == HF_ACPI_PLACE_FSEG) {
        address = (m->fseg_next + unit - 1) & (0 - unit);
        if (address < mem->fseg || !hf_range_ok(address - mem->fseg, f->size, mem->fseg_size))
            return 0;
        m->fseg_next = address + f->size;
        return address;
    }
    if (place == HF_ACPI_PLACE_ANY && mem->high_size) {
        address = place_down(&m->high_top, mem->high, f->size, unit);
        if (address)
            return address;
    }
    return place_down(&m->low_top, mem->low, f->size, unit);
}

struct hf_acpi_blob *hf_acpi_load(struct hf_acpi_machine *m, int32_t file, uint64_t address, enum hf_acpi_place place)
{
    const struct hf_acpi_file *f = &m->bundle->files[file];
    struct hf_acpi_blob *blob = &m->blobs[m->blob_count];

    *blob = (struct hf_acpi_blob){.file = f, .bytes = m->files, .address = address, .place = place, .kept = true};
    m->files += f->size;
    if (f->size)
        memcpy(blob->bytes, f->bytes, f->size);
    m->blob_of[file] = (int32_t)m->blob_count++;
    return blob;
}

struct hf_acpi_blob *hf_acpi_blob_of(const struct hf_acpi_machine *m, int32_t file)
{
    return file >= 0 && m->blob_of[file] >= 0 ? &m->blobs[m->blob_of[file]] : NULL;
}

const uint8_t *hf_acpi_at(const struct hf_acpi_machine *m, uint64_t address, size_t *left)
{
    for (size_t i = 0; i < m->blob_count; i++) {
        const struct hf_acpi_blob *b = &m->blobs[i];

        if (address >= b->address && address - b->address < b->file->size) {
            *left = b->file->size - (size_t)(address - b->address);
            return b->bytes + (address - b->address);
        }
    }
    return NULL;
}

void hf_acpi_told_add(struct hf_acpi_machine *m, uint32_t index, const struct hf_acpi_cmd *c, uint64_t value)
{
    m->told[m->told_count++] = (struct hf_acpi_told){
        .command = index,
        .file = &m->bundle->files[c->dest],
        .offset = c->offset,
        .size = c->size,
        .value = value,
        .replayed = !m->options->no_s3,
    };
}

void hf_acpi_table_add(struct hf_acpi_machine *m, uint64_t address, const uint8_t *bytes, uint32_t length, bool sound)
{
    if (m->table_count == HF_ACPI_TABLES_MAX) {
        hf_acpi_fault_add(m, HF_ACPI_AT_END, HF_ACPI_TOO_MANY_TABLES);
        return;
    }
    m->tables[m->table_count++] =
        (struct hf_acpi_table){.address = address, .bytes = bytes, .length = length, .sound = sound};
}

/* The work area, cut into the machine's arrays. With `at` NULL only counts. */
#define ALIGNED(n) (((n) + 15) & ~(size_t)15)
static size_t cut(struct hf_acpi_machine *m, uint8_t *at)
{
    size_t n = hf_acpi_command_count(m->bundle), used = 0, all = 0;

    for (size_t i = 0; i < m->bundle->count; i++)
        all += m->bundle->files[i].size;
#define CUT(field, number)                                                                                             \
    do {                                                                                                               \
        if (at)                                                                                                        \
            m->field = (void *)(at + used);                                                                            \
        used += ALIGNED(sizeof *m->field * (number));                                                                  \
    } while (0)
    CUT(commands, n);
    CUT(blob_of, m->bundle->count);
    CUT(blobs, n);
    CUT(faults, 2 * n + 8);
    CUT(tables, HF_ACPI_TABLES_MAX);
    CUT(told, n);
    CUT(files, all);
#undef CUT
    return used;
}

size_t hf_acpi_run_room(const struct hf_acpi_bundle *bundle)
{
    struct hf_acpi_machine m = {.bundle = bundle};

    return cut(&m, NULL) + 16;
}

static void machine_init(struct hf_acpi_machine *m, uint8_t *work)
{
    static const struct hf_acpi_memory usual = {
        .fseg = 0xf8000,
        .fseg_size = 0x8000,
        .low = 0x7c000000,
        .low_size = 0x4000000,
        .high = 0x1fc000000,
        .high_size = 0x4000000,
    };
    const struct hf_acpi_memory *given = &m->options->memory;

    (void)cut(m, work + (-(uintptr_t)work & 15));
    m->memory = given->fseg_size || given->low_size || given->high_size ? *given : usual;
    m->fseg_next = m->memory.fseg;
    m->low_top = m->memory.low + m->memory.low_size;
    m->high_top = m->memory.high + m->memory.high_size;
    m->count = hf_acpi_command_count(m->bundle);
    for (size_t i = 0; i < m->count; i++)
        m->commands[i] = hf_acpi_decode(m->bundle, i);
    for (size_t i = 0; i < m->bundle->count; i++)
        m->blob_of[i] = -1;
}

static enum hf_acpi_verdict run(struct hf_acpi_machine *m, const struct hf_acpi_interpreter *with)
{
    if (with->begin(m) == HF_ACPI_END)
        return HF_ACPI_NONE;
    for (uint32_t i = 0; i < m->count; i++) {
        const struct hf_acpi_cmd *c = &m->commands[i];
        hf_acpi_handler *handler = c->command <= HF_ACPI_WRITE_POINTER ? with->handlers[c->command] : NULL;

        if (!handler)
            handler = with->unknown;
        if (handler && handler(m, i, c) == HF_ACPI_END)
            return with->finish(m, true);
    }
    return with->finish(m, false);
}

int hf_acpi_run(const struct hf_acpi_bundle *bundle, enum hf_acpi_consumer consumer,
                const struct hf_acpi_options *options, void *work, size_t size, struct hf_acpi_outcome *ret,
                struct hf_error *err)
{
    static const struct hf_acpi_options none;
    struct hf_acpi_machine m = {.bundle = bundle, .options = options ? options : &none};
    enum hf_acpi_verdict verdict;
    int r = hf_acpi_bundle_check(bundle, err);

    if (r < 0)
        return r;
    if (!HF_RESERVED_IS_ZERO(m.options))
        return hf_error_set(err, HF_EUSAGE, "interpreting the script: the options' reserved members are not 0");
    if (size < hf_acpi_run_room(bundle))
        return hf_error_set(err, HF_ENOMEM,
                            "work area too small: interpreting the script needs %zu bytes, %zu were given",
                            hf_acpi_run_room(bundle), size);
    machine_init(&m, work);
    verdict = run(&m, interpreters[consumer]);
    *ret = (struct hf_acpi_outcome){
        .consumer = consumer,
        .verdict = verdict,
        .root = m.root,
        .faults = m.faults,
        .fault_count = m.fault_count,
        .blobs = m.blobs,
        .blob_count = m.blob_count,
        .tables = m.tables,
        .table_count = m.table_count,
        .told = m.told,
        .told_count = m.told_count,
    };
    return 0;
}

const struct hf_acpi_table *hf_acpi_outcome_table(const struct hf_acpi_outcome *o, const char *signature, unsigned n)
{
    for (size_t i = 0; i < o->table_count; i++)
        if (memcmp(o->tables[i].bytes, signature, 4) == 0 && n-- == 0)
            return &o->tables[i];
    return NULL;
}
