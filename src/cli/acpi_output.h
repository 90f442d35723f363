/* SPDX-License-Identifier: BSD-2-Clause */
/* What `acpi run` prints and writes. */
#ifndef HF_ACPI_OUTPUT_H
#define HF_ACPI_OUTPUT_H

#include <holdfast/acpi_run.h>

#include "verb.h"

/* For people on standard output, or into the JSON object `into`. */
void hf_acpi_report(const struct hf_invocation *inv, const struct hf_acpi_bundle *bundle,
                    const struct hf_acpi_outcome *outcome, json_t *into);

/* Makes the directory `path`: the files under their own names, the tables as tables/NN-SIGN.aml. A name that is no
 * plain relative path is HF_EREFUSED (rule "name"); an existing directory HF_EREFUSED (rule "exists"); HF_EIO. */
int hf_acpi_write_out(const char *path, const struct hf_acpi_outcome *outcome, struct hf_error *err);

#endif
