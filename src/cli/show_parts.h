/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of `show`: each reads from one transaction that the verb has begun, prints its lines and fills its members
 * of the report. */
#ifndef HF_SHOW_PARTS_H
#define HF_SHOW_PARTS_H

#include "containers.h"

typedef int hf_show_part(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err);

hf_show_part hf_show_slots, hf_show_outlook, hf_show_secure_boot, hf_show_roms;  /* show_firmware.c */
hf_show_part hf_show_variables, hf_show_keys, hf_show_snapshots, hf_show_writes; /* show_variables.c */
hf_show_part hf_show_owner;                                                      /* with who runs it */
hf_show_part hf_show_mailbox;                                                    /* with the contract */

/* All of them, in their order. */
hf_show_part hf_show_all; /* verb_show.c */

/* On the one screen only what somebody set; with `all` every key, its value, what it may be. */
int hf_show_settings(const struct hf_invocation *inv, struct hf_container *c, bool all, struct hf_error *err);

#endif
