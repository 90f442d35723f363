/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bundle out of a fuzzer's bytes: one byte of features (bits 0, 1) and of left-over bytes (bits 4 to 7), one byte
 * with the number of commands, the commands, 36 bytes of etc/acpi/rsdp, 104 of etc/device_page, and the rest
 * etc/acpi/tables. Every file is a copy of exactly its size, so that a byte too far is seen.
 */
#ifndef HF_FUZZ_ACPI_INPUT_H
#define HF_FUZZ_ACPI_INPUT_H

#include "fuzz.h"

#include <holdfast/acpi_script.h>

#include <stdlib.h>

struct acpi_input {
    uint64_t features;
    struct hf_acpi_bundle bundle;
    struct hf_acpi_file files[4];
    uint8_t *script;
};

static uint8_t *acpi_take(const uint8_t **bytes, size_t *left, size_t want, size_t *got)
{
    uint8_t *copy;

    *got = want < *left ? want : *left;
    copy = malloc(*got ? *got : 1);
    MUST(copy);
    if (*got)
        memcpy(copy, *bytes, *got);
    *bytes += *got;
    *left -= *got;
    return copy;
}

static void acpi_input_init(struct acpi_input *in, const uint8_t *bytes, size_t size)
{
    static const char *const names[4] = {"etc/acpi/rsdp", "etc/device_page", "etc/acpi/tables", "etc/device_addr"};
    static const size_t most[4] = {36, 104, 8192, 8};
    static const uint8_t address[8];
    const uint8_t *p = bytes + (size < 2 ? size : 2);
    size_t left = size < 2 ? 0 : size - 2, got;

    in->features = size > 0 ? bytes[0] & 3u : 0;
    in->script = acpi_take(&p, &left, size > 1 ? bytes[1] * 128u + (bytes[0] >> 4) : 0, &got);
    in->bundle = (struct hf_acpi_bundle){.script = in->script, .script_size = got, .files = in->files, .count = 4};
    for (unsigned i = 0; i < 3; i++) {
        in->files[i] = (struct hf_acpi_file){.name = names[i]};
        in->files[i].bytes = acpi_take(&p, &left, most[i], &in->files[i].size);
    }
    in->files[3] = (struct hf_acpi_file){.name = names[3], .bytes = address, .size = 8, .writable = true};
}

static void acpi_input_done(struct acpi_input *in)
{
    for (unsigned i = 0; i < 3; i++)
        free((void *)(uintptr_t)in->files[i].bytes);
    free(in->script);
}

#endif
