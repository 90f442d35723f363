/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's half of orders from inside the guest. It checks the record, takes an image piece by piece, and limits how
 * often anything happens; what an order means is the caller's: hf_mailbox_orders_poll() hands out what is to be done,
 * hf_mailbox_orders_reply() says how it went.
 *
 * The guest changes its pages at any time: everything is copied once and only the copy is looked at. No file, no clock
 * (the time goes in), no allocation (the room for an image is the caller's). One thread at a time.
 */
#ifndef HF_MAILBOX_ORDERS_H
#define HF_MAILBOX_ORDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mailbox_wire.h"

#define HF_MAILBOX_ORDERS_PER_10S 20  /* pieces are not counted */
#define HF_MAILBOX_BEGINS_PER_MIN 6   /* images that begin */
#define HF_MAILBOX_ORDER_MS       500 /* what LATER tells a guest at least */

struct hf_mailbox_limit {
    int64_t since_ms;
    unsigned spent;
};

struct hf_mailbox_orders {
    uint8_t *window; /* HF_MAILBOX_SIZE bytes, shared */
    uint32_t generation, replied, mode;
    struct hf_mailbox_limit orders, begins;

    uint8_t *image; /* the caller's room for the image that is coming; NULL: none */
    uint64_t size, received;
    uint8_t digest[32];
    uint32_t flags; /* of its BEGIN */
};

/* What the caller is to do; then hf_mailbox_orders_reply(). */
struct hf_mailbox_job {
    enum hf_mailbox_command command; /* never PIECE */
    uint32_t flags;                  /* END: those of its BEGIN */
    uint64_t size;                   /* BEGIN: at most HF_MAILBOX_IMAGE_MAX, never 0 */
    uint8_t digest[32];              /* BEGIN and END */
};

enum hf_mailbox_orders_saw {
    HF_MAILBOX_SAW_NOTHING,
    HF_MAILBOX_SAW_ORDER, /* and replied to it: poll again soon */
    HF_MAILBOX_SAW_JOB,   /* *job is filled */
};

/* The host's half is made: no order was given yet, no image is coming (the caller gives its room back before). Call it
 * together with hf_mailbox_publish() and hf_mailbox_reset(), with the same generation. An order that the guest gave to
 * another generation is not looked at; the guest gives it again. */
void hf_mailbox_orders_publish(struct hf_mailbox_orders *o, uint8_t *window, uint32_t generation,
                               enum hf_mailbox_answering mode);

/* Looks once. */
enum hf_mailbox_orders_saw hf_mailbox_orders_poll(struct hf_mailbox_orders *o, int64_t now_ms,
                                                  struct hf_mailbox_job *job);

/* Lends `room` (job->size bytes) to the image of a BEGIN, until hf_mailbox_orders_forget(). */
void hf_mailbox_orders_expect(struct hf_mailbox_orders *o, const struct hf_mailbox_job *job, uint8_t *room);

/* No image is coming any more; gives the room back, or NULL. */
uint8_t *hf_mailbox_orders_forget(struct hf_mailbox_orders *o);

/* The reply to the job that poll handed out; `number`, `mode` and `received` are filled here. */
void hf_mailbox_orders_reply(struct hf_mailbox_orders *o, const struct hf_mailbox_reply *reply);

#endif
