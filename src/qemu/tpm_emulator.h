/* SPDX-License-Identifier: BSD-2-Clause */
/* The TPM emulators (swtpm) that a guest's arguments name: whether they are there, as QEMU will find out at its start.
 */
#ifndef HF_TPM_EMULATOR_H
#define HF_TPM_EMULATOR_H

#include <holdfast/error.h>

/* Asks each one that is reached by a unix socket for what it can do, and changes nothing. HF_ENOTFOUND: one does not
 * answer within 5 seconds; HF_ENOMEM, HF_EUSAGE (an option that cannot be read). Waits. */
int hf_tpm_emulators_check(char *const *argv, int argc, struct hf_error *err);

#endif
