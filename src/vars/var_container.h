/* SPDX-License-Identifier: BSD-2-Clause */
/* The variable bank of a container, as a whole. */
#ifndef HF_VAR_CONTAINER_H
#define HF_VAR_CONTAINER_H

#include <stdint.h>

#include <holdfast/error.h>
#include <holdfast/flash_image.h>

#include "digest.h"

/* Beside a running guest, too: one consistent moment. The caller frees *bytes. `secure_boot`: the
 * active image has it. HF_ENOTFOUND: it keeps no variables. */
int hf_var_container_read(const char *path, uint8_t **bytes, uint64_t *size, enum hf_answer *secure_boot,
                          struct hf_error *err);

/* Before a change: hf_tpm_ask() where it changes keys that PCR 7 measures. */
int hf_var_container_ask(const char *path, const uint8_t *bytes, uint64_t size, bool tpm_aware, struct hf_error *err);

/* How a change of the operator's is told. */
struct hf_var_note {
    const char *kind, *text; /* of the log entry */
    const char *snapshot;    /* the reason of a snapshot that is taken before; NULL: none */
};

/* HF_EOWNED while the guest runs: its firmware has its own view of the store. HF_EREFUSED "changed": the bank is not,
 * or with what a server that died had left is no more, what the change began with. One durable commit and log entry. */
int hf_var_container_write(const char *path, const struct hf_digest *was, const uint8_t *bytes, uint64_t size,
                           const struct hf_var_note *note, struct hf_error *err);

#endif
