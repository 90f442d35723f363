/* SPDX-License-Identifier: BSD-2-Clause */
/* How two sides introduce themselves: the JSON of HELLO and WANT. Internal to the hand-over; a peer's text is hostile. */
#ifndef HF_EXCHANGE_GREETING_H
#define HF_EXCHANGE_GREETING_H

#include "exchange.h"
#include "images.h"

struct hf_greeting {
    struct hf_host host;
    enum hf_side side;
    enum hf_holder holder;
    json_t *extra; /* a reference of its own; NULL: none */

    char nonce[HF_ID_TEXT_SIZE]; /* of a destination: made for this exchange; a grant has to name it */

    /* Of a source. */
    char container[HF_ID_TEXT_SIZE];
    struct hf_guest guest;
    uint64_t bytes, free_bytes;
    struct hf_image images[HF_IMAGES_MAX]; /* digest, kind, size, stored */
    size_t image_count;
};
void hf_greeting_done(struct hf_greeting *g);

/* Compact text, at most 64 KiB (HF_EUSAGE: `extra` is too large); free it. */
int hf_greeting_write(const struct hf_greeting *g, char **text, struct hf_error *err);
/* HF_EPROTO names the member. */
int hf_greeting_read(const void *text, size_t size, struct hf_greeting *g, struct hf_error *err);

/* The images that a destination lacks. */
int hf_want_write(const struct hf_digest *wanted, size_t count, char **text, struct hf_error *err);
int hf_want_read(const void *text, size_t size, struct hf_digest wanted[HF_IMAGES_MAX], size_t *count,
                 struct hf_error *err);

#endif
