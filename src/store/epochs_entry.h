/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Internal to the store: an entry of the host's register (epochs.h), one small text file per container, replaced by
 * rename:
 *
 *      epoch 7
 *      departed 0                      (1: to that host; 2: granted to it, and not heard)
 *      host-id 0123...
 *      host-name alpha
 *      uuid 0f1e...
 *      revoked 0
 *      place /var/lib/guests/web1.hold
 *      end
 */
#ifndef HF_EPOCHS_ENTRY_H
#define HF_EPOCHS_ENTRY_H

#include "epochs.h"

#define HF_EPOCH_TEXT_MAX (PATH_MAX + 1024)

/* False: it is incomplete. `text` is taken apart. */
bool hf_epoch_parse(char *text, struct hf_epoch *seen);
/* Its size. */
size_t hf_epoch_format(const struct hf_epoch *seen, char text[HF_EPOCH_TEXT_MAX]);

#endif
