/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of verbs, in the order of `holdfast help`. One line per verb; each is defined in verb_NAME.c. */
#ifndef HF_VERBS_H
#define HF_VERBS_H

#include "verb.h"

#define HF_VERBS(X)                                                                                                    \
    X(acpi_check)                                                                                                      \
    X(acpi_run)                                                                                                        \
    X(acpi_show)                                                                                                       \
    X(caps)                                                                                                            \
    X(completion)                                                                                                      \
    X(help)                                                                                                            \
    X(preflight)                                                                                                       \
    X(qemu_args)                                                                                                       \
    X(run)

#define HF_VERB_DECLARE(name) extern const struct hf_verb hf_verb_##name;
HF_VERBS(HF_VERB_DECLARE)
#undef HF_VERB_DECLARE

#endif
