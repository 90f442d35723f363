/* SPDX-License-Identifier: BSD-2-Clause */
/* The checker over a stranger's script: what passes gives everybody it is meant for a complete set of tables. */
#include "acpi_input.h"

#include <holdfast/acpi_check.h>

static void check_for(struct acpi_input *in, unsigned consumers, void *work, size_t room)
{
    struct hf_acpi_question question = {.consumers = consumers, .features = in->features};
    struct hf_acpi_finding finding = {.rule = NULL};
    struct hf_error err = {.rule = ""};
    int r = hf_acpi_check(&in->bundle, &question, work, room, &finding, &err);

    if (r < 0) {
        MUST(r == -HF_EREFUSED && finding.rule && finding.text && (finding.consumers & consumers) != 0);
        MUST(finding.command == HF_ACPI_AT_END || finding.command < hf_acpi_command_count(&in->bundle));
        return;
    }
    for (unsigned c = 0; c < HF_ACPI_CONSUMERS; c++) {
        struct hf_acpi_options options = {.features = in->features};
        struct hf_acpi_outcome outcome;

        if (!(consumers & HF_ACPI_CONSUMER_BIT(c)))
            continue;
        MUST(hf_acpi_run(&in->bundle, (enum hf_acpi_consumer)c, &options, work, room, &outcome, NULL) == 0);
        MUST(outcome.verdict == HF_ACPI_COMPLETE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct acpi_input in;
    size_t room;
    void *work;

    acpi_input_init(&in, bytes, size);
    room = hf_acpi_check_room(&in.bundle);
    work = malloc(room);
    MUST(work);
    for (unsigned consumers = 1; consumers <= HF_ACPI_EVERY_CONSUMER; consumers++)
        check_for(&in, consumers, work, room);
    free(work);
    acpi_input_done(&in);
    return 0;
}
