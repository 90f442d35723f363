/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a hand-over changes of a container's owner: the durable half of the steps in docs/handover.md. Each is one commit,
 * durable when it returns, and the host's register of epochs is right at each moment in between: a crash leaves what the
 * step before left, or what this one leaves, or a container that this host refuses until it asked the other one.
 *
 * Who may take which step is asked here as well: a step that does not fit what the container says is HF_EREFUSED "step".
 */
#ifndef HF_OWNER_STEPS_H
#define HF_OWNER_STEPS_H

#include "digest.h"
#include "owner.h"

/* The other host. */
struct hf_host {
    char id[HF_ID_TEXT_SIZE];
    char name[HF_HOST_NAME_SIZE];
};

/* What the container says together with the register, which is written first: a step that was interrupted between the
 * two counts as taken. */
int hf_owner_standing(struct hf_container *c, struct hf_owner *owner, struct hf_error *err);

/*
 * Source. hf_container_open_giving(): for a container that this host holds or granted. HF_OPEN_RUN keeps everybody else
 * from running it meanwhile and, unlike hf_container_open(), leaves the epoch; HF_OPEN_EDIT works beside a runner. A
 * handle of a granted container only reads until hf_owner_resume().
 */
int hf_container_open_giving(const char *path, enum hf_open_mode mode, int64_t now, struct hf_container **out,
                             struct hf_error *err);

/* A new attempt, above the container's own and above the one that the other host's copy stands at. */
int hf_owner_offer(struct hf_container *c, uint32_t above, uint32_t *attempt, struct hf_error *err);
/* Ahead of the grant, what can be done for it without changing anything: a paused guest then waits for a shorter time.
 * A failure is none of the grant's. */
int hf_owner_prepare_grant(struct hf_container *c, const struct hf_host *to, struct hf_error *err);
/* The commit point on this side. `state` is what the other host has (transfer.h), compared inside the transaction:
 * HF_EREFUSED "changed". From then on no handle writes this container on this host. */
int hf_owner_grant(struct hf_container *c, uint32_t attempt, const struct hf_digest *state, const struct hf_host *to,
                   int64_t now, struct hf_error *err);
/* The same in two parts, for a caller with other work during the sync. After the first the container is
 * granted to all who open it on this host, but nothing is: the other host may hear of it only after the second, which any
 * thread may do, and which frees *pending, whatever comes of it. */
struct hf_owner_pending;
int hf_owner_promise(struct hf_container *c, uint32_t attempt, const struct hf_digest *state, const struct hf_host *to,
                     int64_t now, struct hf_owner_pending **out, struct hf_error *err);
int hf_owner_promise_finish(struct hf_owner_pending *pending, struct hf_error *err);
/* Instead of letting the other host hear of it: held here again, at the same epoch, as before. Only by the process that
 * made the grant, and after the second part; `doubtful`: that failed. */
int hf_owner_retract(struct hf_container *c, bool doubtful, int64_t now, struct hf_error *err);
/* Heard that the other host owns it. */
int hf_owner_depart(struct hf_container *c, const struct hf_host *to, int64_t now, struct hf_error *err);
/* Heard that the other host, `from`, never will: held here again, at an epoch two higher. This handle writes again; others
 * that were opened before the grant do not. HF_EREFUSED "granted": it was granted to another host than that. */
int hf_owner_resume(struct hf_container *c, const struct hf_host *from, int64_t now, struct hf_error *err);

/*
 * Destination. hf_container_open_incoming(): with the owner lock, for the server of the copy: it reads, and hf_begin()
 * is refused ("incoming") until it is claimed. hf_container_open_child() opens an incoming container, too.
 * hf_container_open_received(): for the steps alone, whatever state it is in.
 */
int hf_container_open_incoming(const char *path, int64_t now, struct hf_container **out, struct hf_error *err);
int hf_container_open_received(const char *path, enum hf_open_mode mode, int64_t now, struct hf_container **out,
                               struct hf_error *err);

/* Begins the transaction whose commit makes this host the owner at `epoch`, which must be higher than the container's and
 * than any this host saw (HF_EREFUSED "epoch"), and this host must not own it (HF_EREFUSED "held"); `attempt` must be the
 * copy's, not promised away, and the copy must lie where it was received. After its commit, which is always durable, the
 * handle writes. */
int hf_begin_claim(struct hf_container *c, uint32_t attempt, uint64_t epoch, int64_t now, struct hf_error *err);
/* Such a commit for a guest that waits: the host's register is left to hf_owner_note(), before the other host hears of the
 * claim, or to the next commit. In between, the register is as after a crash between the two: it refuses every older copy. */
int hf_commit_claim(struct hf_container *c, struct hf_error *err);
void hf_owner_note(struct hf_container *c);
/* After a claim by another handle: this one, of the same run (same owner lock), writes from now on. HF_EREFUSED "step":
 * the container is not claimed. */
int hf_owner_follow(struct hf_container *c, struct hf_error *err);

/* Promises never to claim `attempt`: in the register and, unless `c` is NULL (there is no copy), in the copy. `from` and
 * `epoch` are the asking host's. HF_EREFUSED "epoch": this host has seen a higher one, so it may have been claimed here;
 * "held", "granted" as in epochs.h; "elsewhere": this host has the copy at another path; "step": an attempt far above any
 * that was received. */
int hf_owner_refuse(struct hf_container *c, const char *container_id, uint32_t attempt, uint64_t epoch,
                    const struct hf_host *from, int64_t now, struct hf_error *err);

#endif
