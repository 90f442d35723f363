/* SPDX-License-Identifier: BSD-2-Clause */
/* How verbs that change variables are told where the result goes, and what they say of it. */
#ifndef HF_VAR_WRITE_H
#define HF_VAR_WRITE_H

#include "var_place.h"
#include "verb.h"

/* The options --out, --in-place and --backup: where the changed store goes. */
#define HF_VAR_TARGET_OPTIONS                                                                                          \
    {.name = "out", .arg = "NEW", .help = "write the result to a new file"},                                           \
        {.name = "tpm-aware", .help = "change a container's keys although the guest's TPM will measure them"},         \
        {.name = "in-place", .help = "replace the file; the old one is kept beside it as FILE.bak"},                   \
    {                                                                                                                  \
        .name = "backup", .arg = "FILE", .help = "with --in-place: keep the old store in FILE; wanted for a device"    \
    }

/* HF_EUSAGE unless exactly one of --out and --in-place was given (a container is always changed in place). To be called
 * first. */
int hf_var_target_check(const struct hf_invocation *inv, const char *path, struct hf_error *err);

/* Calls `change`, which reads a store, changes it and writes it with hf_var_source_write(), again when somebody else
 * changed the store in between: for a minute at most. */
int hf_var_again(struct hf_invocation *inv, int (*change)(struct hf_invocation *inv, struct hf_error *err),
                 struct hf_error *err);

/* Writes what was changed, or says what would be written (--dry-run), and reports it. `note` is for a container's log;
 * NULL: variables changed by the operator. */
int hf_var_source_write(struct hf_var_source *source, const struct hf_var_note *note, struct hf_invocation *inv,
                        struct hf_error *err);

#endif
