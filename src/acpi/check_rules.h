/* SPDX-License-Identifier: BSD-2-Clause */
/* The checker's rules, one row each. */
#ifndef HF_ACPI_CHECK_RULES_H
#define HF_ACPI_CHECK_RULES_H

#include <holdfast/acpi_check.h>

#define HF_ACPI_NEVER UINT32_MAX

struct hf_acpi_checker {
    const struct hf_acpi_bundle *bundle;
    uint64_t features;
    struct hf_acpi_cmd *commands;
    uint32_t count;
    uint32_t *allocated; /* by file index: the first ALLOCATE, or HF_ACPI_NEVER */
};

/* `broken` is asked about commands of the kind `command` (HF_ACPI_ANY_COMMAND: about all) and says whether the i-th
 * breaks the rule. A rule may rely on those above it that bind
 * every consumer: they hold for the command when it is asked. */
#define HF_ACPI_ANY_COMMAND UINT32_MAX
struct hf_acpi_rule_row {
    const char *name;
    const char *text;
    unsigned consumers;
    uint32_t command;
    bool (*broken)(const struct hf_acpi_checker *k, uint32_t i, const struct hf_acpi_cmd *c);
};
extern const struct hf_acpi_rule_row hf_acpi_rules[];
extern const unsigned hf_acpi_rule_count;

#endif
