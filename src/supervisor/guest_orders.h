/* SPDX-License-Identifier: BSD-2-Clause */
/* What the guest's operating system orders through the mailbox. guest_words.h: what it is told of a failure;
 * guest_work.h: the long part of an order, in a thread. */
#ifndef HF_GUEST_ORDERS_H
#define HF_GUEST_ORDERS_H

#include "mailbox_watch.h"

/* The host's half was made anew. */
void hf_guest_orders_publish(struct hf_mailbox_watch *m);
/* True when something was ordered. */
bool hf_guest_orders_poll(struct hf_mailbox_watch *m);
/* Nobody there hears an answer; an image that came whole is worked on all the same, and staged when that is done. */
void hf_guest_orders_end(struct hf_mailbox_watch *m);
/* Not even that; waits. */
void hf_guest_orders_drop(struct hf_mailbox_watch *m);

#endif
