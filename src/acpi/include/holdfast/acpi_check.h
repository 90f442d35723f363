/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is a script safe for every firmware it is meant for? The checker names the first command that breaks a rule for one
 * of them, before the script is sent. A rule is stricter than any one consumer's code: what works only by luck (a
 * pointer to data whose bytes happen not to sum to zero) is refused. Last, the interpreters run the script for every
 * asked consumer, so that what passes is also known to give each of them a complete set of tables.
 *
 * Nothing is allocated; no state; any thread.
 */
#ifndef HOLDFAST_ACPI_CHECK_H
#define HOLDFAST_ACPI_CHECK_H

#include <holdfast/acpi_run.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hf_acpi_finding {
    uint32_t command;   /* index in the script, or HF_ACPI_AT_END when the script as a whole is at fault */
    const char *rule;   /* its short name: a string literal; `holdfast acpi check --json` prints it */
    const char *text;   /* one sentence, a string literal */
    unsigned consumers; /* HF_ACPI_CONSUMER_BIT of those asked for that the command is not safe for */
};

struct hf_acpi_question {
    unsigned consumers;           /* HF_ACPI_CONSUMER_BIT of each that may read the script; 0 for every one */
    uint64_t features;            /* what every one of them understands beyond the baseline */
    struct hf_acpi_memory memory; /* as in hf_acpi_options */
    uint64_t reserved[2];         /* 0; for members of later versions. Anything else is HF_EUSAGE */
};

HF_PUBLIC size_t hf_acpi_check_room(const struct hf_acpi_bundle *bundle);

/* 0: safe. HF_EREFUSED: not; err->rule is the rule's name, the text names command, rule and consumers, and *ret (when
 * not NULL) is filled: the one out-parameter of this library that is set on a refusal. HF_ENOMEM: `size` is below
 * hf_acpi_check_room(). */
HF_PUBLIC int hf_acpi_check(const struct hf_acpi_bundle *bundle, const struct hf_acpi_question *question, void *work,
                            size_t size, struct hf_acpi_finding *ret, struct hf_error *err);

/* The rules, for documentation and tests: the n-th from 0, false when there is none. */
HF_PUBLIC bool hf_acpi_rule(unsigned n, const char **name, const char **text, unsigned *consumers);

#ifdef __cplusplus
}
#endif
#endif
