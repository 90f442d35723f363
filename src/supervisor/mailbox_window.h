/* SPDX-License-Identifier: BSD-2-Clause */
/* The file that is the window's memory: in the guest's runtime directory, its owner's alone, whole before QEMU maps it. */
#ifndef HF_MAILBOX_WINDOW_H
#define HF_MAILBOX_WINDOW_H

#include <limits.h>
#include <stdint.h>

#include <holdfast/error.h>

struct hf_mailbox_window {
    char path[PATH_MAX];
    uint8_t *bytes; /* HF_MAILBOX_SIZE, shared with QEMU; NULL: there is none */
};

/* A new file of zeros in `dir`, in place of one that an earlier run left. HF_ENOSPC: the runtime directory has no room;
 * HF_EIO. */
int hf_mailbox_window_open(const char *dir, struct hf_mailbox_window *w, struct hf_error *err);

/* Harmless when there is none. */
void hf_mailbox_window_close(struct hf_mailbox_window *w);

#endif
