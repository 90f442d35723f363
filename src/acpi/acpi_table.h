/* SPDX-License-Identifier: BSD-2-Clause */
/* What an ACPI table looks like from outside: header, checksum, and the few fields that point at other tables. */
#ifndef HF_ACPI_TABLE_H
#define HF_ACPI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <holdfast/endian.h>

#define HF_ACPI_FACS_SIZE      64u
#define HF_ACPI_RSDP_SIZE      20u /* revision 0; revision 2 has 36 and says so at offset 20 */
#define HF_ACPI_TABLE_CHECKSUM 9u  /* offset of the checksum in a table's header */
#define HF_ACPI_RSDP_CHECKSUM  8u

static inline uint32_t hf_acpi_get32(const uint8_t *p)
{
    hf_le32 v;

    memcpy(&v, p, sizeof v);
    return hf_le32_get(v);
}

/* A little-endian number of 1 to 8 bytes. */
static inline uint64_t hf_acpi_get(const uint8_t *p, unsigned size)
{
    hf_le64 v = {{0}};

    memcpy(&v, p, size);
    return hf_le64_get(v);
}

static inline void hf_acpi_put(uint8_t *p, unsigned size, uint64_t n)
{
    hf_le64 v = hf_le64_of(n);

    memcpy(p, &v, size);
}

/* The sum of all bytes, modulo 256. */
uint8_t hf_acpi_sum(const uint8_t *p, size_t size);

/* Does n fit a field of `size` bytes? */
static inline bool hf_acpi_fits(uint64_t n, unsigned size)
{
    return size >= 8 || n >> 8 * size == 0;
}

static inline bool hf_acpi_is_width(unsigned size)
{
    return size == 1 || size == 2 || size == 4 || size == 8;
}

/* Four letters, digits or underscores: what a table's signature is made of. */
bool hf_acpi_is_signature(const uint8_t *p);

/* The probe of edk2's ACPI driver: the length of what looks like a table at p, with `left` bytes from there to the end
 * of the file; 0 when nothing does. FACS counts by name and length, all else by length and an 8-bit sum of zero. */
uint32_t hf_acpi_probe(const uint8_t *p, size_t left);

/* Could the probe take these bytes for a table, whatever their sum turns out to be? */
bool hf_acpi_may_be_table(const uint8_t *p, size_t left);

#endif
