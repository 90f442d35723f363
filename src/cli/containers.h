/* SPDX-License-Identifier: BSD-2-Clause */
/* What verbs over a container share. */
#ifndef HF_CONTAINERS_H
#define HF_CONTAINERS_H

#include "container.h"
#include "digest.h"
#include "output.h"

/* Seconds since 1970; the clock of every verb. */
int64_t hf_now(void);

/* Brings in what a server of operand 0 that died had answered for, before it is copied; not with --dry-run. */
int hf_settle_operand(const struct hf_invocation *inv, struct hf_error *err);
/* Opens operand 0 with hf_guest_open(). With --dry-run HF_OPEN_EDIT becomes
 * hf_container_open_rehearsal(): a dry run changes nothing, not even the epoch, and is refused as the change would be. */
int hf_open_operand(const struct hf_invocation *inv, enum hf_open_mode mode, struct hf_container **out,
                    struct hf_error *err);

/* After `path` was restored or taken: flash writes that a server left before that are not this copy's; they are moved
 * aside and the user is told where. */
int hf_set_writes_aside(const struct hf_invocation *inv, const char *path, struct hf_error *err);

/* hf_close_after(), for what decides about the guest's next reset: when the guest runs, its supervisor has then seen to
 * it. A supervisor that is busy otherwise (a reset, a move) is not waited for longer than two seconds. */
int hf_close_noticed(const struct hf_invocation *inv, struct hf_container *c, int r, struct hf_error *err);

/* hf_begin(), `change`, then hf_commit() or hf_abort(). */
int hf_change(struct hf_container *c, int (*change)(struct hf_container *c, void *ctx, struct hf_error *err), void *ctx,
              struct hf_error *err);

/* The first 12 digits, enough for people. */
#define HF_DIGEST_SHORT_SIZE 13
const char *hf_digest_short(const struct hf_digest *digest, char text[HF_DIGEST_SHORT_SIZE]);
void hf_put_digest(json_t *object, const char *key, const struct hf_digest *digest);
void hf_put_guest(json_t *object, const struct hf_guest *guest);

#endif
