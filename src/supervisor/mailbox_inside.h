/* SPDX-License-Identifier: BSD-2-Clause */
/* What mailbox_watch.c, mailbox_arrival.c and mailbox_files.c share; nobody else includes it. */
#ifndef HF_MAILBOX_INSIDE_H
#define HF_MAILBOX_INSIDE_H

#include "mailbox_watch.h"

/* The state in the container that says how far the firmware came in this boot: hf_mailbox_stage_name(). */
#define HF_MAILBOX_STAGE_STATE "mailbox.stage"

/* The host's half anew, all domains open, under another generation. Nothing is written into the container. */
int hf_mailbox_make(struct hf_mailbox_watch *m, const struct hf_negotiate_domain *list, size_t count,
                    struct hf_error *err);

/* NULL: the domain is not offered. */
struct hf_agreement *hf_mailbox_agreement_of(struct hf_mailbox_watch *m, const char *domain);
void hf_mailbox_fill_offers(struct hf_mailbox_watch *m, const struct hf_negotiate_domain *list, size_t count);

/* Does what the stage means for a trial. */
void hf_mailbox_look_at_stage(struct hf_mailbox_watch *m);

/* mailbox_files.c. find_device: QEMU runs nothing yet. give: once acpi-loader is agreed, once in a boot. */
int hf_mailbox_files_find_device(struct hf_mailbox_watch *m, struct hf_error *err);
void hf_mailbox_files_give(struct hf_mailbox_watch *m);

/* For hf_mailbox_watch_publish(). */
int hf_mailbox_arrival_publish(struct hf_mailbox_watch *m, struct hf_error *err);

#endif
