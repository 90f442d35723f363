/* SPDX-License-Identifier: BSD-2-Clause */
/* The builder's questions about a description. */
#ifndef HF_ACPI_DESCRIPTION_H
#define HF_ACPI_DESCRIPTION_H

#include <holdfast/acpi_build.h>

#define HF_ACPI_COMMANDS_MAX (HF_ACPI_SCRIPT_MAX / 128)

/* Names, sizes, alignments, ranges, overlaps. HF_EREFUSED (rules "description", "limits"). */
int hf_acpi_description_check(const struct hf_acpi_description *d, struct hf_error *err);

/* The size of a part's file with `gap` bytes in front, padded. */
size_t hf_acpi_part_file_size(const struct hf_acpi_part *p, size_t gap);

/* Could firmware without NOACPI take what the pointer leads to for a table? Only asked of DATA parts. */
bool hf_acpi_pointer_is_risky(const struct hf_acpi_description *d, const struct hf_acpi_pointer *p);

/* The bytes in front of a part's own when NOACPI is not agreed: 0, or the gap's size. */
uint32_t hf_acpi_part_gap(const struct hf_acpi_description *d, uint32_t part);

/* May the part lie anywhere, going by the widths of what points to it? */
bool hf_acpi_part_may_be_high(const struct hf_acpi_description *d, uint32_t part);

#endif
