/* SPDX-License-Identifier: BSD-2-Clause */
#include "owner.h"

#include <stdio.h>
#include <string.h>

#include "counter.h"
#include "epochs.h"
#include "eventlog.h"
#include "handle.h"
#include "lock.h"

const char *hf_owner_state_text(enum hf_owner_state state)
{
    static const char *const texts[] = {"unknown", "held", "departed", "incoming", "backup", "granted", "revoked"};

    return (unsigned)state < HF_ARRAY_SIZE(texts) ? texts[state] : texts[0];
}

int hf_runner_elsewhere(struct hf_container *c, struct hf_runner *runner, struct hf_error *err)
{
    int r = hf_runner_look(c->id, runner, err);

    if (r == 0)
        r = hf_lock_look_beside(&c->place, runner, err);
    else if (r > 0)
        r = 0;
    if (r == 0)
        return hf_error_set(err, HF_ENOTFOUND, "%s: not running on another host", c->place.path);
    return r > 0 ? 0 : r;
}

int hf_owner_get(struct hf_container *c, struct hf_owner *owner, struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    struct hf_owner o = {0};
    int r = hf_row_find(c, HF_T_OWNER, 1, &rows, err);

    if (r == 0)
        return hf_damaged(c, err, "its owner is missing");
    if (r > 0)
        r = hf_row_text(&rows, 2, o.host_id, sizeof o.host_id, err);
    if (r == 0)
        r = hf_row_text(&rows, 3, o.host_name, sizeof o.host_name, err);
    if (r == 0)
        r = hf_row_text(&rows, 5, o.reason, sizeof o.reason, err);
    if (r < 0)
        return r;
    if (rows.v[0].n < HF_OWNER_HELD || rows.v[0].n > HF_OWNER_REVOKED || rows.v[1].n <= 0 || rows.v[6].n < 0 ||
        rows.v[6].n > UINT32_MAX)
        return hf_damaged(c, err, "owner state %lld, epoch %lld, attempt %lld", (long long)rows.v[0].n,
                          (long long)rows.v[1].n, (long long)rows.v[6].n);
    o.state = (enum hf_owner_state)rows.v[0].n;
    o.epoch = (uint64_t)rows.v[1].n;
    o.since = rows.v[4].n;
    o.attempt = (uint32_t)rows.v[6].n;
    *owner = o;
    return 0;
}

int hf_owner_put(struct hf_container *c, const struct hf_owner *owner, struct hf_error *err)
{
    const struct hf_value v[] = {
        hf_int(owner->state), hf_int((int64_t)owner->epoch), hf_text(owner->host_id), hf_text(owner->host_name),
        hf_int(owner->since), hf_text(owner->reason),        hf_int(owner->attempt),
    };

    return hf_row_put(c, HF_T_OWNER, 1, v, err);
}

int hf_owner_register(struct hf_container *c, const struct hf_owner *owner, struct hf_error *err)
{
    struct hf_epoch seen = {.epoch = owner->epoch, .departed = owner->state == HF_OWNER_DEPARTED};
    struct hf_guest guest;
    int r = hf_guest_get(c, &guest, err);

    if (r < 0)
        return r;
    memcpy(seen.host_id, owner->host_id, sizeof seen.host_id);
    memcpy(seen.host_name, owner->host_name, sizeof seen.host_name);
    memcpy(seen.uuid, guest.uuid, sizeof seen.uuid);
    return hf_epoch_set(c->id, &seen, err);
}

void hf_owner_register_soon(struct hf_container *c)
{
    struct hf_owner owner;
    int r = hf_owner_get(c, &owner, NULL);

    if (r == 0 && owner.state == HF_OWNER_HELD && owner.epoch == c->epoch)
        r = hf_owner_register(c, &owner, NULL);
    c->unregistered = r < 0;
}

bool hf_owner_is_registered(const struct hf_container *c)
{
    return !c->unregistered;
}

int hf_owner_here(struct hf_container *c, uint64_t epoch, int64_t now, const char *reason, struct hf_owner *owner,
                  struct hf_error *err)
{
    struct hf_owner o;
    int r = hf_owner_get(c, &o, err);

    if (r < 0)
        return r;
    o.state = HF_OWNER_HELD;
    o.epoch = epoch;
    o.since = now;
    memcpy(o.host_id, c->host_id, sizeof o.host_id);
    memcpy(o.host_name, c->host_name, sizeof o.host_name);
    snprintf(o.reason, sizeof o.reason, "%.*s", HF_HOST_NAME_SIZE - 1, reason);
    *owner = o;
    return 0;
}

/* At the new epoch before the sync, which may make commits of its own. */
int hf_owner_commit_at(struct hf_container *c, uint64_t epoch, struct hf_error *err)
{
    int r = hf_commit(c, HF_SOON, err);

    if (r < 0) {
        hf_abort(c);
        return r;
    }
    c->epoch = epoch;
    return hf_sync(c, err);
}

int hf_owner_advance(struct hf_container *c, int64_t now, struct hf_error *err)
{
    struct hf_owner owner;
    int r = hf_begin(c, err);

    if (r < 0)
        return r;
    r = hf_owner_here(c, c->epoch + 1, now, "run", &owner, err);
    if (r == 0)
        r = hf_owner_put(c, &owner, err);
    if (r < 0) {
        hf_abort(c);
        return r;
    }
    r = hf_owner_commit_at(c, owner.epoch, err);
    return r < 0 ? r : hf_owner_register(c, &owner, err);
}

/* Above everything that the container and this host know of. */
static int next_epoch(struct hf_container *c, uint64_t *epoch, struct hf_error *err)
{
    struct hf_epoch seen = {0};
    struct hf_owner owner;
    int r = hf_epoch_look(c->id, &seen, err);

    if (r >= 0)
        r = hf_owner_get(c, &owner, err);
    if (r < 0)
        return r;
    *epoch = (seen.epoch > c->epoch ? seen.epoch : c->epoch) + 1;
    if (owner.state == HF_OWNER_GRANTED || seen.granted)
        ++*epoch; /* the other host may have claimed it at that number */
    return 0;
}

static int take(struct hf_container *c, const char *reason, int64_t now, uint64_t *epoch, struct hf_error *err)
{
    struct hf_ledger_row *commits = &c->ledger[HF_LEDGER_COMMITS];
    struct hf_owner owner;
    char text[HF_HOST_NAME_SIZE], from[HF_HOST_NAME_SIZE];
    uint64_t seen = 0;
    int r = next_epoch(c, epoch, err);

    if (r == 0)
        r = hf_owner_get(c, &owner, err);
    if (r < 0)
        return r;
    memcpy(from, owner.host_name, sizeof from);

    if (r == 0)
        r = hf_counter_look(c->id, &seen, err);
    if (r == 0)
        r = hf_begin_unowned(c, err);
    if (r < 0)
        return r;
    if (commits->rows < (int64_t)seen) /* an older copy that counts from now on is not one that lost commits */
        commits->rows = (int64_t)seen;
    snprintf(text, sizeof text, "take: %.100s", reason);
    r = hf_owner_here(c, *epoch, now, text, &owner, err);
    if (r == 0)
        r = hf_owner_put(c, &owner, err);
    if (r == 0)
        r = hf_event_append(c, now, "taken", err, "by host '%s' at epoch %llu, from host '%s': %s", c->host_name,
                            (unsigned long long)*epoch, from, reason);
    if (r < 0) {
        hf_abort(c);
        return r;
    }
    r = hf_owner_commit_at(c, owner.epoch, err);
    return r < 0 ? r : hf_owner_register(c, &owner, err);
}

int hf_owner_take(const char *path, const char *reason, int64_t now, uint64_t *epoch, struct hf_error *err)
{
    const struct hf_open_request request = {.mode = HF_OPEN_RUN, .now = now, .lock_fd = -1, .any_owner = true};
    struct hf_container *c;
    uint64_t taken;
    int r;

    if (*reason == '\0')
        return hf_error_set(err, HF_EUSAGE, "reason missing: give one with --because TEXT; it is logged");
    r = hf_open(path, &request, &c, err);
    if (r < 0)
        return r;
    r = take(c, reason, now, &taken, err);
    if (r < 0) {
        (void)hf_container_close(c, NULL);
        return r;
    }
    *epoch = taken;
    if (c->place_lock_fd < 0) /* another host that runs it has lost it */
        hf_lock_break_beside(&c->place);
    return hf_container_close(c, err);
}
