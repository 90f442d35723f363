/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The account of what happened to the guest: append-only, each entry with the hash of the one before. It is an account,
 * not a proof, unless its head is kept elsewhere. An event equal (kind and text) to one of the last 16 entries becomes
 * one more repetition of that entry. Beyond 4 MiB the oldest half goes; the first entry that stays still names the hash
 * of the last that went.
 */
#ifndef HF_EVENTLOG_H
#define HF_EVENTLOG_H

#include "container.h"
#include "digest.h"

#define HF_EVENT_KIND_SIZE 32
#define HF_EVENT_TEXT_SIZE 1024
#define HF_EVENTLOG_MAX    (4U << 20)

struct hf_event {
    int64_t seq; /* counts up from 1 */
    int64_t first, last;
    int64_t count;
    char kind[HF_EVENT_KIND_SIZE]; /* "created", "set", "stage", "apply", ...: [a-z-] */
    char text[HF_EVENT_TEXT_SIZE]; /* one line for people; longer is cut */
    struct hf_digest before;       /* hash of the entry before; zeros for the first */
    struct hf_digest hash;         /* SHA-256 over before, seq, first, kind, text: see docs/container.md */
};

/* In a transaction. */
int hf_event_append(struct hf_container *c, int64_t now, const char *kind, struct hf_error *err, const char *fmt, ...)
    HF_PRINTF(5, 6);

/* Calls `each` for every entry from `from_seq` on, in order; it stops early when `each` returns non-zero, and returns
 * that. The entry is valid during the call only. */
int hf_event_list(struct hf_container *c, int64_t from_seq, int (*each)(void *ctx, const struct hf_event *event),
                  void *ctx, struct hf_error *err);

/* What event->hash must be. */
struct hf_digest hf_event_hash(const struct hf_event *event);

/* The newest entry's number and hash; seq 0 and zeros for an empty log. */
int hf_event_head(struct hf_container *c, int64_t *seq, struct hf_digest *hash, struct hf_error *err);

#endif
