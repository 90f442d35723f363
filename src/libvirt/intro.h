/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first thing that the source of a domain's move says to the destination, before the two hand the container over
 * (docs/handover.md): a length of four bytes, big endian, and a JSON object of that length. It says for which domain,
 * and what the destination needs to know of its adoption. Hostile: everything is checked here.
 */
#ifndef HF_INTRO_H
#define HF_INTRO_H

#include "adoption.h"

struct hf_intro {
    struct hf_adoption adoption; /* heard without container, published and nvram: these are the destination's own */
    char *original;              /* the domain's XML from before it was adopted; hf_intro_done() frees it */
    bool live;                   /* libvirt moves the running domain meanwhile */
    bool settle;                 /* an earlier attempt was cut off after its grant: nothing new is sent */
};

/* *bytes (length included) is the caller's to free(). */
int hf_intro_format(const struct hf_intro *intro, uint8_t **bytes, size_t *size, struct hf_error *err);

/* Instead of one: why there is none. It becomes the error of hf_intro_read(), HF_ENOTFOUND when it is that. */
int hf_intro_refuse(int fd, const struct hf_error *why, int timeout_ms, struct hf_error *err);

/* HF_ETIMEDOUT: nothing of it was taken for `timeout_ms`. */
int hf_intro_send(int fd, const struct hf_intro *intro, int timeout_ms, struct hf_error *err);

/* Reads from `fd`, waiting at most a minute. HF_EPROTO: it is not what is described above. */
int hf_intro_read(int fd, struct hf_intro *intro, struct hf_error *err);
void hf_intro_done(struct hf_intro *intro);

/* Pure: the JSON alone. */
int hf_intro_parse(const char *text, size_t size, struct hf_intro *intro, struct hf_error *err);

#endif
