/* SPDX-License-Identifier: BSD-2-Clause */
#include "owner_steps.h"

#include <string.h>
#include <unistd.h>

#include "epochs.h"
#include "eventlog.h"
#include "handle.h"
#include "transfer.h"

int hf_container_open_giving(const char *path, enum hf_open_mode mode, int64_t now, struct hf_container **out,
                             struct hf_error *err)
{
    const struct hf_open_request request = {.mode = mode, .now = now, .lock_fd = -1, .giving = true};

    return hf_open(path, &request, out, err);
}

int hf_container_open_incoming(const char *path, int64_t now, struct hf_container **out, struct hf_error *err)
{
    const struct hf_open_request request = {.mode = HF_OPEN_RUN, .now = now, .lock_fd = -1, .incoming = true};

    return hf_open(path, &request, out, err);
}

int hf_container_open_received(const char *path, enum hf_open_mode mode, int64_t now, struct hf_container **out,
                               struct hf_error *err)
{
    const struct hf_open_request request = {.mode = mode, .now = now, .lock_fd = -1, .any_owner = true};

    return hf_open(path, &request, out, err);
}

int hf_owner_say_granted(const struct hf_container *c, const char *to, struct hf_error *err)
{
    return hf_error_refuse(err, "granted",
                           "%s: hand-over interrupted after the grant (%s), not known to be claimed; repeat 'holdfast "
                           "migrate' to that host, or if it is lost, 'holdfast owner --take --because TEXT'",
                           c->place.path, to);
}

int hf_owner_standing(struct hf_container *c, struct hf_owner *owner, struct hf_error *err)
{
    struct hf_owner o;
    struct hf_epoch seen;
    int r = hf_owner_get(c, &o, err);

    if (r < 0)
        return r;
    r = o.state == HF_OWNER_HELD || o.state == HF_OWNER_GRANTED ? hf_epoch_look(c->id, &seen, err) : 0;
    if (r < 0)
        return r;
    if (r > 0 && o.state == HF_OWNER_HELD && seen.granted && seen.epoch == o.epoch) {
        o.state = HF_OWNER_GRANTED;
        snprintf(o.reason, sizeof o.reason, "to host '%.100s'", seen.host_name);
    }
    if (r > 0 && o.state == HF_OWNER_GRANTED && seen.departed && !seen.granted && seen.epoch > o.epoch) {
        o.state = HF_OWNER_DEPARTED;
        o.epoch = seen.epoch;
        memcpy(o.host_id, seen.host_id, sizeof o.host_id);
        memcpy(o.host_name, seen.host_name, sizeof o.host_name);
    }
    *owner = o;
    return 0;
}

int hf_owner_wrong_step(const struct hf_container *c, const struct hf_owner *owner, const char *step,
                        struct hf_error *err)
{
    return hf_error_refuse(err, "step", "%s: cannot %s: it is %s by host '%s' at epoch %llu, attempt %u", c->place.path,
                           step, hf_owner_state_text(owner->state), owner->host_name, (unsigned long long)owner->epoch,
                           owner->attempt);
}

int hf_owner_finish(struct hf_container *c, int r, struct hf_error *err)
{
    if (r == 0)
        return hf_commit(c, HF_DURABLE, err);
    hf_abort(c);
    return r;
}

#define ATTEMPTS_AT_ONCE 1000000 /* another host's word alone does not use the numbers up */

int hf_owner_offer(struct hf_container *c, uint32_t above, uint32_t *attempt, struct hf_error *err)
{
    struct hf_owner owner;
    int r = hf_begin(c, err);

    if (r < 0)
        return r;
    r = hf_owner_get(c, &owner, err);
    if (r == 0 && (owner.attempt == UINT32_MAX || (above > owner.attempt && above - owner.attempt > ATTEMPTS_AT_ONCE)))
        r = hf_error_refuse(err, "step", "%s: attempt %u here, %u on the peer: no higher attempt number is left",
                            c->place.path, owner.attempt, above);
    owner.attempt = (above > owner.attempt ? above : owner.attempt) + 1;
    if (r == 0)
        r = hf_owner_put(c, &owner, err);
    r = hf_owner_finish(c, r, err);
    if (r == 0)
        *attempt = owner.attempt;
    return r;
}

int hf_owner_begin_granted(struct hf_container *c, const char *step, struct hf_owner *owner, struct hf_error *err)
{
    int r = hf_begin_unowned(c, err);

    if (r < 0)
        return r;
    r = hf_owner_standing(c, owner, err);
    if (r == 0 && (owner->state != HF_OWNER_GRANTED || strcmp(owner->host_id, c->host_id) != 0))
        r = hf_owner_wrong_step(c, owner, step, err);
    if (r < 0)
        hf_abort(c);
    return r;
}

int hf_owner_depart(struct hf_container *c, const struct hf_host *to, int64_t now, struct hf_error *err)
{
    struct hf_owner owner;
    int r = hf_owner_begin_granted(c, "depart", &owner, err);

    if (r < 0)
        return r;
    owner.state = HF_OWNER_DEPARTED;
    owner.epoch++;
    owner.since = now;
    memcpy(owner.host_id, to->id, sizeof owner.host_id);
    memcpy(owner.host_name, to->name, sizeof owner.host_name);
    snprintf(owner.reason, sizeof owner.reason, "handed over");
    r = hf_event_append(c, now, "departed", err, "to host '%s' at epoch %llu", to->name,
                        (unsigned long long)owner.epoch);
    if (r == 0)
        r = hf_owner_put(c, &owner, err);
    if (r == 0)
        r = hf_owner_register(c, &owner, err);
    r = hf_owner_finish(c, r, err);
    if (r == 0)
        c->epoch = owner.epoch;
    return r;
}

/* A host that it was not granted to can promise what it likes: the other one may run it. */
static int check_grantee(struct hf_container *c, const struct hf_host *from, struct hf_error *err)
{
    struct hf_epoch seen;
    int r = hf_epoch_look(c->id, &seen, err);

    if (r <= 0 || !seen.granted || strcmp(seen.host_id, from->id) == 0)
        return r < 0 ? r : 0;
    return hf_error_refuse(err, "granted",
                           "%s: granted to host '%s' (%s); host '%s' (%s) cannot tell whether it was claimed: ask the "
                           "granted host with 'holdfast migrate'",
                           c->place.path, seen.host_name, seen.host_id, from->name, from->id);
}

int hf_owner_resume(struct hf_container *c, const struct hf_host *from, int64_t now, struct hf_error *err)
{
    struct hf_owner owner;
    int r = hf_owner_begin_granted(c, "resume", &owner, err);

    if (r < 0)
        return r;
    r = check_grantee(c, from, err);
    if (r == 0)
        r = hf_owner_here(c, owner.epoch + 2, now, "resumed", &owner, err);
    if (r == 0)
        r = hf_owner_put(c, &owner, err);
    if (r == 0)
        r = hf_event_append(c, now, "resumed", err, "by host '%s' at epoch %llu: attempt %u was not taken",
                            c->host_name, (unsigned long long)owner.epoch, owner.attempt);
    if (r < 0) {
        hf_abort(c);
        return r;
    }
    r = hf_owner_commit_at(c, owner.epoch, err);
    if (r == 0)
        hf_owner_register_soon(c);
    return r;
}

/* The host's own word against the claim: a promise, a higher epoch, another place. */
static int check_register(struct hf_container *c, uint32_t attempt, uint64_t epoch, struct hf_error *err)
{
    struct hf_epoch seen = {0};
    int r = hf_epoch_look(c->id, &seen, err);

    if (r < 0)
        return r;
    if (epoch <= c->epoch || epoch <= seen.epoch)
        return hf_error_refuse(
            err, "epoch", "%s: claim at epoch %llu is stale: the container is at %llu, and this host has seen %llu",
            c->place.path, (unsigned long long)epoch, (unsigned long long)c->epoch, (unsigned long long)seen.epoch);
    if (hf_epoch_is_held(&seen))
        return hf_error_refuse(err, "held", "%s: this host owns the container already, at epoch %llu", c->place.path,
                               (unsigned long long)seen.epoch);
    if (attempt <= seen.revoked)
        return hf_error_refuse(err, "incoming", "%s: attempt %u was revoked on this host and cannot be claimed",
                               c->place.path, attempt);
    if (seen.place[0] && strcmp(seen.place, c->place.path) != 0)
        return hf_error_refuse(err, "copy", "%s: a copy; the container was received as %s", c->place.path, seen.place);
    return 0;
}

static int check_claim(struct hf_container *c, uint32_t attempt, uint64_t epoch, struct hf_error *err)
{
    struct hf_owner owner;
    int r = hf_owner_get(c, &owner, err);

    if (r < 0)
        return r;
    if (owner.state != HF_OWNER_INCOMING || owner.attempt != attempt)
        return hf_error_refuse(err, "incoming", "%s: %s at epoch %llu, attempt %u; attempt %u cannot be claimed",
                               c->place.path, hf_owner_state_text(owner.state), (unsigned long long)owner.epoch,
                               owner.attempt, attempt);
    c->epoch = owner.epoch;
    return check_register(c, attempt, epoch, err);
}

int hf_begin_claim(struct hf_container *c, uint32_t attempt, uint64_t epoch, int64_t now, struct hf_error *err)
{
    struct hf_owner owner;
    int r = hf_begin_unowned(c, err);

    if (r < 0)
        return r;
    r = check_claim(c, attempt, epoch, err);
    if (r == 0)
        r = hf_owner_here(c, epoch, now, "claim", &owner, err);
    if (r == 0)
        r = hf_owner_put(c, &owner, err);
    if (r == 0)
        r = hf_event_append(c, now, "claimed", err, "by host '%s' at epoch %llu", c->host_name,
                            (unsigned long long)epoch);
    if (r < 0) {
        hf_abort(c);
        return r;
    }
    c->claiming = true;
    c->claim_epoch = epoch;
    return 0;
}

void hf_owner_note(struct hf_container *c)
{
    if (c->unregistered)
        hf_owner_register_soon(c);
}

int hf_commit_claim(struct hf_container *c, struct hf_error *err)
{
    int r;

    c->note_later = true;
    r = hf_commit(c, HF_DURABLE, err);
    c->note_later = false;
    return r;
}

int hf_owner_follow(struct hf_container *c, struct hf_error *err)
{
    struct hf_owner owner;
    int r = hf_owner_get(c, &owner, err);

    if (r < 0)
        return r;
    if (owner.state != HF_OWNER_HELD || strcmp(owner.host_id, c->host_id) != 0 || owner.epoch < c->epoch ||
        c->lock_fd < 0)
        return hf_owner_wrong_step(c, &owner, "follow a claim", err);
    c->epoch = owner.epoch;
    c->incoming = false;
    return 0;
}

/* `path`: of the copy that is asked about; "": none. The register follows a claim's commit, so where this host has a copy
 * is where it is asked about. */
static int promise(const char *container_id, const char *path, uint32_t attempt, uint64_t epoch,
                   const struct hf_host *from, struct hf_error *err)
{
    struct hf_epoch seen = {0};
    int r = hf_epoch_look(container_id, &seen, err);

    if (r < 0)
        return r;
    r = hf_epoch_check_peer(container_id, &seen, epoch, from->id, err);
    if (r < 0)
        return r;
    if (seen.place[0] && strcmp(seen.place, path) != 0 && access(seen.place, F_OK) == 0)
        return hf_error_refuse(err, "elsewhere", "container %s: this host has a copy at %s; name that file",
                               container_id, seen.place);
    if (seen.epoch < epoch)
        hf_epoch_depart(&seen, epoch, from->id, from->name);
    seen.revoked = attempt;
    return hf_epoch_set(container_id, &seen, err);
}

/* What is granted was received before; only where the copy was lost can an attempt be asked about that it never saw. A
 * promise about far more than that would keep the container from here for ever. */
static int check_promised(const char *container_id, uint32_t received, uint32_t attempt, struct hf_error *err)
{
    if (attempt <= received || attempt <= ATTEMPTS_AT_ONCE)
        return 0;
    return hf_error_refuse(err, "step", "container %s: attempt %u was not received here; the last was %u", container_id,
                           attempt, received);
}

int hf_owner_refuse(struct hf_container *c, const char *container_id, uint32_t attempt, uint64_t epoch,
                    const struct hf_host *from, int64_t now, struct hf_error *err)
{
    struct hf_owner owner;
    int r = c ? hf_begin_unowned(c, err) : 0;

    if (r < 0)
        return r;
    if (!c) {
        r = check_promised(container_id, 0, attempt, err);
        return r < 0 ? r : promise(container_id, "", attempt, epoch, from, err);
    }
    r = hf_owner_get(c, &owner, err);
    if (r == 0)
        r = check_promised(container_id, owner.attempt, attempt, err);
    if (r == 0 && (owner.state == HF_OWNER_HELD || owner.attempt > attempt))
        r = hf_owner_wrong_step(c, &owner, "promise not to claim", err);
    if (r == 0)
        r = promise(container_id, c->place.path, attempt, epoch, from, err);
    owner.state = HF_OWNER_REVOKED;
    owner.attempt = attempt;
    owner.since = now;
    if (r == 0)
        r = hf_owner_put(c, &owner, err);
    r = hf_owner_finish(c, r, err);
    if (r == 0)
        c->incoming = false;
    return r;
}
