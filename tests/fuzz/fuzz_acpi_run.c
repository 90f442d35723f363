/* SPDX-License-Identifier: BSD-2-Clause */
/* Every interpreter and the disassembler over a stranger's script. */
#include "acpi_input.h"

#include <holdfast/acpi_run.h>

static void look_at(const struct hf_acpi_bundle *bundle, const struct hf_acpi_outcome *o)
{
    unsigned sum = 0;

    MUST(o->fault_count <= 2 * hf_acpi_command_count(bundle) + 8);
    MUST(o->told_count <= hf_acpi_command_count(bundle));
    MUST(o->verdict != HF_ACPI_COMPLETE || (o->fault_count == 0 && o->table_count > 0));
    for (size_t i = 0; i < o->table_count; i++)
        for (uint32_t j = 0; j < o->tables[i].length; j++)
            sum += o->tables[i].bytes[j];
    for (size_t i = 0; i < o->blob_count; i++)
        for (size_t j = 0; j < o->blobs[i].file->size; j++)
            sum += o->blobs[i].bytes[j];
    MUST(sum != 1 || o->verdict <= HF_ACPI_STOPPED);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct acpi_input in;
    size_t room;
    void *work;

    acpi_input_init(&in, bytes, size);
    room = hf_acpi_run_room(&in.bundle);
    work = malloc(room);
    MUST(work);
    for (unsigned c = 0; c < HF_ACPI_CONSUMERS; c++) {
        struct hf_acpi_options options = {.features = in.features};
        struct hf_acpi_outcome outcome;

        MUST(hf_acpi_run(&in.bundle, (enum hf_acpi_consumer)c, &options, work, room, &outcome, NULL) == 0);
        look_at(&in.bundle, &outcome);
    }
    for (size_t i = 0; i < hf_acpi_command_count(&in.bundle); i++) {
        char line[256];

        MUST(hf_acpi_show(&in.bundle, i, line, sizeof line) < sizeof line);
    }
    free(work);
    acpi_input_done(&in);
    return 0;
}
