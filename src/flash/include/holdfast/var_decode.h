/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What variables mean, for people. Freestanding; any thread.
 */
#ifndef HOLDFAST_VAR_DECODE_H
#define HOLDFAST_VAR_DECODE_H

#include <holdfast/varstore.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One line about the data, cut with "..." at `size` (at least 64). False, with the first bytes in hex, when they mean
 * nothing to us (or not what their name promises). Control characters become '?'. Never prints a secret: see
 * hf_var_secret(). */
HF_PUBLIC bool hf_var_describe(const struct hf_var *var, char *text, size_t size);

/* Does it hold a password or the like (MokPW, iSCSI CHAP)? Its data are shown only when asked for. */
HF_PUBLIC bool hf_var_secret(const struct hf_var *var);

/* Variables whose data are signature lists (siglist.h). */
HF_PUBLIC bool hf_var_holds_signatures(const struct hf_var *var);

/* "NV+BS+RT+TA"; out must have 32 bytes. */
HF_PUBLIC void hf_var_attributes_text(uint32_t attributes, char out[32]);

/* "2025-03-10 02:53:30", "" for a time of zeros. */
HF_PUBLIC void hf_var_time_text(const uint8_t time[16], char out[32]);

struct hf_secure_boot {
    bool setup_mode;           /* no PK: anybody may enrol keys */
    enum hf_answer enforced;   /* as far as the variables say; the code must be a build that knows Secure Boot */
    unsigned pk, kek, db, dbx; /* signatures in each */
};
HF_PUBLIC void hf_secure_boot_read(const struct hf_varstore *store, struct hf_secure_boot *state);

#ifdef __cplusplus
}
#endif
#endif
