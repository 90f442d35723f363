/* SPDX-License-Identifier: BSD-2-Clause */
#include "acpi_table.h"

#include <holdfast/acpi_script.h>

bool hf_acpi_is_signature(const uint8_t *p)
{
    for (unsigned i = 0; i < 4; i++) {
        bool ok = (p[i] >= 'A' && p[i] <= 'Z') || (p[i] >= '0' && p[i] <= '9') || p[i] == '_' || p[i] == '!';

        if (!ok)
            return false;
    }
    return true;
}

static bool is_facs(const uint8_t *p, size_t left)
{
    uint32_t length;

    if (left < HF_ACPI_FACS_SIZE || memcmp(p, "FACS", 4) != 0)
        return false;
    length = hf_acpi_get32(p + 4);
    return length >= HF_ACPI_FACS_SIZE && length <= left;
}

bool hf_acpi_may_be_table(const uint8_t *p, size_t left)
{
    uint32_t length;

    if (left < HF_ACPI_TABLE_HEADER)
        return false;
    length = hf_acpi_get32(p + 4);
    return length >= HF_ACPI_TABLE_HEADER && length <= left;
}

uint32_t hf_acpi_probe(const uint8_t *p, size_t left)
{
    uint32_t length;

    if (is_facs(p, left))
        return hf_acpi_get32(p + 4);
    if (!hf_acpi_may_be_table(p, left))
        return 0;
    length = hf_acpi_get32(p + 4);
    return hf_acpi_sum(p, length) == 0 ? length : 0;
}
