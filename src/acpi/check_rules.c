/* SPDX-License-Identifier: BSD-2-Clause */
#include "check_rules.h"

#include "cursor.h"
#include "acpi_table.h"

#include <string.h>

#define BIT(c) HF_ACPI_CONSUMER_BIT(HF_ACPI_##c)
#define EVERY  HF_ACPI_EVERY_CONSUMER

static const struct hf_acpi_file *file_of(const struct hf_acpi_checker *k, int32_t index)
{
    return &k->bundle->files[index];
}

static bool overlap(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size)
{
    return a < b + (uint64_t)b_size && b < a + (uint64_t)a_size;
}

/* Any command. */

static bool is_unknown(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    (void)k, (void)i;
    return c->command > HF_ACPI_WRITE_POINTER;
}

static bool follows_padding(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    return c->command != HF_ACPI_PADDING && i > 0 && k->commands[i - 1].command == HF_ACPI_PADDING;
}

static bool has_endless_name(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    (void)k, (void)i;
    return c->dest == HF_ACPI_NO_NAME || c->src == HF_ACPI_NO_NAME;
}

/* ALLOCATE. */

static bool file_is_missing(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    (void)k, (void)i;
    return c->dest < 0;
}

static bool file_is_empty(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    (void)i;
    return file_of(k, c->dest)->size == 0;
}

static bool file_is_beyond_20(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    (void)k, (void)i;
    return c->dest >= 20;
}

static bool is_allocated_twice(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    return k->allocated[c->dest] < i;
}

static bool align_is_odd(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    (void)k, (void)i;
    return c->align == 0 || (c->align & (c->align - 1)) != 0;
}

static bool align_is_big(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    (void)k, (void)i;
    return c->align > 4096;
}

static bool zone_is_not_agreed(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    uint8_t place = c->zone & (uint8_t)~HF_ACPI_CONTENT_NOACPI;

    (void)i;
    if (c->zone & HF_ACPI_CONTENT_NOACPI && !(k->features & HF_ACPI_FEATURE_NOACPI))
        return true;
    if (place == HF_ACPI_ZONE_64BIT)
        return !(k->features & HF_ACPI_FEATURE_64BIT);
    return place != HF_ACPI_ZONE_HIGH && place != HF_ACPI_ZONE_FSEG;
}

/* References. */

static bool is_loaded(const struct hf_acpi_checker *k, uint32_t i, int32_t file)
{
    return file >= 0 && k->allocated[file] < i;
}

static bool dest_is_not_loaded(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    return !is_loaded(k, i, c->dest);
}

static bool src_is_not_loaded(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    return !is_loaded(k, i, c->src);
}

static bool field_is_narrow(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    (void)k, (void)i;
    return c->size != 4 && c->size != 8;
}

static bool field_is_outside(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    (void)i;
    return !hf_range_ok(c->offset, c->size, file_of(k, c->dest)->size);
}

static bool src_is_high_but_field_narrow(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    uint8_t zone = k->commands[k->allocated[c->src]].zone;

    (void)i;
    return c->size < 8 && (zone & (uint8_t)~HF_ACPI_CONTENT_NOACPI) == HF_ACPI_ZONE_64BIT;
}

/* ADD_POINTER. */

static uint64_t target_of(const struct hf_acpi_checker *k, const struct hf_acpi_cmd *c)
{
    return hf_acpi_get(file_of(k, c->dest)->bytes + c->offset, c->size);
}

static bool is_patched_twice(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    for (uint32_t j = 0; j < i; j++) {
        const struct hf_acpi_cmd *p = &k->commands[j];

        if (p->command == HF_ACPI_ADD_POINTER && p->dest == c->dest && overlap(p->offset, p->size, c->offset, c->size))
            return true;
    }
    return false;
}

static bool is_patched_after_its_checksum(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    for (uint32_t j = 0; j < i; j++) {
        const struct hf_acpi_cmd *p = &k->commands[j];

        if (p->command == HF_ACPI_ADD_CHECKSUM && p->dest == c->dest &&
            (overlap(p->start, p->length, c->offset, c->size) || overlap(p->offset, 1, c->offset, c->size)))
            return true;
    }
    return false;
}

static bool target_is_outside(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    (void)i;
    return target_of(k, c) >= file_of(k, c->src)->size;
}

/* Is some byte of [at, at+size) of the file written by any command but a checksum at `except`? */
static bool is_written(const struct hf_acpi_checker *k, int32_t file, uint32_t at, uint32_t size, uint32_t except)
{
    for (uint32_t j = 0; j < k->count; j++) {
        const struct hf_acpi_cmd *p = &k->commands[j];

        if (p->dest != file)
            continue;
        if (p->command == HF_ACPI_ADD_POINTER && overlap(p->offset, p->size, at, size))
            return true;
        if (p->command == HF_ACPI_ADD_CHECKSUM && p->offset != except && overlap(p->offset, 1, at, size))
            return true;
    }
    return false;
}

static bool has_own_checksum(const struct hf_acpi_checker *k, int32_t file, uint32_t at, uint32_t length)
{
    for (uint32_t j = 0; j < k->count; j++) {
        const struct hf_acpi_cmd *p = &k->commands[j];

        if (p->command == HF_ACPI_ADD_CHECKSUM && p->dest == file && p->start == at && p->length == length &&
            p->offset == at + HF_ACPI_TABLE_CHECKSUM)
            return true;
    }
    return false;
}

/* Fine: a table that is one for certain, or data that is none for certain. Anything between is luck. */
static bool target_may_be_mistaken(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    uint32_t at = (uint32_t)target_of(k, c), length;
    const uint8_t *p = file_of(k, c->src)->bytes + at;
    size_t left = file_of(k, c->src)->size - at;

    (void)i;
    if (k->features & HF_ACPI_FEATURE_NOACPI && k->commands[k->allocated[c->src]].zone & HF_ACPI_CONTENT_NOACPI)
        return false;
    if (left < HF_ACPI_TABLE_HEADER)
        return false;
    if (is_written(k, c->src, at + 4, 4, HF_ACPI_NEVER))
        return true;
    if (!hf_acpi_may_be_table(p, left))
        return false;
    if (!hf_acpi_is_signature(p))
        return true;
    length = hf_acpi_get32(p + 4);
    if (memcmp(p, "FACS", 4) == 0)
        return length < HF_ACPI_FACS_SIZE;
    if (has_own_checksum(k, c->src, at, length))
        return false;
    return hf_acpi_sum(p, length) != 0 || is_written(k, c->src, at, length, HF_ACPI_NEVER);
}

/* ADD_CHECKSUM. */

static bool range_is_outside(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    (void)i;
    return !hf_range_ok(c->start, c->length, file_of(k, c->dest)->size) || c->offset < c->start ||
           c->offset - c->start >= c->length;
}

static bool result_is_not_zero(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    (void)i;
    return file_of(k, c->dest)->bytes[c->offset] != 0 || is_written(k, c->dest, c->offset, 1, c->offset);
}

static bool spoils_an_earlier_checksum(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    for (uint32_t j = 0; j < i; j++) {
        const struct hf_acpi_cmd *p = &k->commands[j];

        if (p->command == HF_ACPI_ADD_CHECKSUM && p->dest == c->dest && overlap(p->start, p->length, c->offset, 1))
            return true;
    }
    return false;
}

/* WRITE_POINTER. */

static bool is_any(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    (void)k, (void)i, (void)c;
    return true;
}

static bool told_file_is_read_only(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    (void)i;
    return !file_of(k, c->dest)->writable;
}

static bool told_place_is_outside(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c)
{
    (void)i;
    return c->src_offset >= file_of(k, c->src)->size;
}

#define ANY      HF_ACPI_ANY_COMMAND
#define ALLOCATE HF_ACPI_ALLOCATE
#define POINTER  HF_ACPI_ADD_POINTER
#define CHECKSUM HF_ACPI_ADD_CHECKSUM
#define WRITE    HF_ACPI_WRITE_POINTER
const struct hf_acpi_rule_row hf_acpi_rules[] = {
    {"command", "the command is unknown: some firmware stops at it, the others skip it", EVERY, ANY, is_unknown},
    {"padding", "a command follows padding, where qboot has stopped reading", BIT(QBOOT), ANY, follows_padding},
    {"name", "a file name has no NUL within 56 bytes", EVERY, ANY, has_endless_name},

    {"file", "the file is not in the fw_cfg directory", EVERY, ALLOCATE, file_is_missing},
    {"empty", "the file is empty: SeaBIOS and OVMF cannot allocate it", BIT(SEABIOS) | BIT(OVMF), ALLOCATE,
     file_is_empty},
    {"directory", "the file is not among the first 20 of the fw_cfg directory, which is all qboot has room for",
     BIT(QBOOT), ALLOCATE, file_is_beyond_20},
    {"twice", "the file is allocated twice", EVERY, ALLOCATE, is_allocated_twice},
    {"align", "the alignment is not a power of two", EVERY, ALLOCATE, align_is_odd},
    {"align-4096", "OVMF refuses an alignment above 4096", BIT(OVMF), ALLOCATE, align_is_big},
    {"zone", "the zone needs an agreement that this firmware has not made", EVERY, ALLOCATE, zone_is_not_agreed},

    {"dest", "the file that holds the field is not allocated by an earlier command", EVERY, POINTER,
     dest_is_not_loaded},
    {"source", "the file it points into is not allocated by an earlier command", EVERY, POINTER, src_is_not_loaded},
    {"width", "an address needs a field of 4 or 8 bytes", EVERY, POINTER, field_is_narrow},
    {"field", "the field is not inside its file", EVERY, POINTER, field_is_outside},
    {"target", "the field's value is not an offset inside the file it points into", EVERY, POINTER, target_is_outside},
    {"high", "a narrow field points into a file that may lie above 4 GiB", EVERY, POINTER,
     src_is_high_but_field_narrow},
    {"patched-twice", "another pointer shares bytes with the field", EVERY, POINTER, is_patched_twice},
    {"late-pointer", "the field lies in a range whose checksum was computed before", EVERY, POINTER,
     is_patched_after_its_checksum},
    {"suppressor", "the pointer leads to bytes that OVMF may or may not take for a table", BIT(OVMF), POINTER,
     target_may_be_mistaken},

    {"dest", "the file with the checksum is not allocated by an earlier command", EVERY, CHECKSUM, dest_is_not_loaded},
    {"range", "the checksum is not inside its range, or the range not inside the file", EVERY, CHECKSUM,
     range_is_outside},
    {"result", "the checksum byte is not zero in the file: OVMF would compute a wrong one", BIT(OVMF), CHECKSUM,
     result_is_not_zero},
    {"checksum-order", "the checksum byte lies in a range whose checksum was computed before", EVERY, CHECKSUM,
     spoils_an_earlier_checksum},

    {"write-pointer", "qboot knows no WRITE_POINTER and stops", BIT(QBOOT), WRITE, is_any},
    {"told-file", "the file to tell the address through is not in the fw_cfg directory", EVERY, WRITE, file_is_missing},
    {"read-only", "the file to tell the address through is read-only", EVERY, WRITE, told_file_is_read_only},
    {"source", "the file whose address is told is not allocated by an earlier command", EVERY, WRITE,
     src_is_not_loaded},
    {"width", "an address needs a field of 4 or 8 bytes", EVERY, WRITE, field_is_narrow},
    {"field", "the field is not inside its file", EVERY, WRITE, field_is_outside},
    {"target", "the place to tell is not inside its file", EVERY, WRITE, told_place_is_outside},
    {"high", "a narrow field for the address of a file that may lie above 4 GiB", EVERY, WRITE,
     src_is_high_but_field_narrow},
};
const unsigned hf_acpi_rule_count = sizeof hf_acpi_rules / sizeof hf_acpi_rules[0];
