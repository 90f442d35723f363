/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole variable bank that is written over the guest's variables by somebody who was not told to: QEMU, when a guest
 * goes on from a saved state or arrives, a client that copies a file in, the guest's memory after a server died. The
 * variables before stay as a snapshot, and a bank that is no variable store, or a blank one, where one was is an alarm:
 * both are logged.
 */
#ifndef HF_REPLACED_H
#define HF_REPLACED_H

#include "container.h"

enum hf_bank_contents {
    HF_BANK_NO_STORE, /* firmware would not read it */
    HF_BANK_BLANK,    /* firmware formats it at its next start */
    HF_BANK_STORE,
};

/* What a whole bank holds; HF_BANK_NO_STORE: *why says what is wrong. HF_ENOMEM. */
int hf_bank_look(const uint8_t *bytes, size_t size, enum hf_bank_contents *contents, struct hf_error *why);

/* For `check`: 1 and one line for people where the guest's variables are no store and should be one. 0: fine, or the
 * guest's firmware is unknown and nothing can be told of its variables. */
int hf_bank_check(struct hf_container *c, char line[HF_ERROR_TEXT_MAX], struct hf_error *err);

struct hf_replaced {
    bool was_store;   /* what is replaced could be read, and was not blank */
    int64_t snapshot; /* of it */
};

/* Before the first byte that differs is stored: one durable transaction. A snapshot of the same variables that is there
 * already is used. `by`: who writes, for the log. HF_EREFUSED "snapshots": no room for one more. */
int hf_replaced_begin(struct hf_container *c, const char *by, int64_t now, struct hf_replaced *out,
                      struct hf_error *err);

/* After the last byte, `bytes` is the bank as it is now: 1 when it is no store, or blank, and was one. That is logged,
 * durably where that can be, and alarm->text is for the operator. 0: fine. */
int hf_replaced_end(struct hf_container *c, const struct hf_replaced *before, const uint8_t *bytes, size_t size,
                    int64_t now, struct hf_error *alarm);

#endif
