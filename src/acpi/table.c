/* SPDX-License-Identifier: BSD-2-Clause */
#include "acpi_table.h"

#include <holdfast/acpi_script.h>

/* Eight bytes at a time, in four lanes of 16 bits: 128 rounds cannot overflow a lane. The order of bytes in the word
 * does not matter to their sum. Tables are summed several times on their way, so this is where the time goes. */
static uint64_t sum_words(const uint8_t *p, size_t words)
{
    const uint64_t low = UINT64_C(0x00ff00ff00ff00ff);
    uint64_t lanes = 0;

    for (size_t i = 0; i < words; i++) {
        uint64_t word;

        memcpy(&word, p + 8 * i, sizeof word);
        lanes += (word & low) + (word >> 8 & low);
    }
    return lanes + (lanes >> 16) + (lanes >> 32) + (lanes >> 48);
}

uint8_t hf_acpi_sum(const uint8_t *p, size_t size)
{
    uint64_t sum = 0;

    while (size >= 8) {
        size_t words = size / 8 < 128 ? size / 8 : 128;

        sum += sum_words(p, words);
        p += 8 * words;
        size -= 8 * words;
    }
    for (size_t i = 0; i < size; i++)
        sum += p[i];
    return (uint8_t)sum;
}

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
