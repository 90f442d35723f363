/* SPDX-License-Identifier: BSD-2-Clause */
/* The mailbox and the contract, for `show`. */
#ifndef HF_SHOW_MAILBOX_H
#define HF_SHOW_MAILBOX_H

#include "container.h"
#include "verb.h"

int hf_show_mailbox(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err);

#endif
