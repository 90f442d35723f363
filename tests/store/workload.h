/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens to a container in its life, as steps that are one transaction each: flash writes as firmware makes them,
 * stage, apply, rollback, settings, closing and opening. A step that fails can be done again.
 */
#ifndef HF_TEST_WORKLOAD_H
#define HF_TEST_WORKLOAD_H

#include "view.h"

struct workload {
    char path[PATH_MAX];
    struct hf_container *c;
    int64_t snapshot;
    /* Before and after every commit; may be NULL. */
    void (*committing)(struct workload *w);
    void (*committed)(struct workload *w, bool durable);
};

static inline int workload_commit(struct workload *w, enum hf_durability durability, struct hf_error *err)
{
    int r;

    if (w->committing)
        w->committing(w);
    r = hf_commit(w->c, durability, err);
    if (r == 0 && w->committed)
        w->committed(w, durability == HF_DURABLE);
    return r;
}

static inline int workload_open(struct workload *w, struct hf_error *err)
{
    int r = w->c ? 0 : hf_container_open(w->path, HF_OPEN_RUN, NOW, &w->c, err);

    if (r == 0 && w->committed)
        w->committed(w, true);
    return r;
}

static inline int workload_close(struct workload *w, struct hf_error *err)
{
    struct hf_container *c = w->c;

    w->c = NULL;
    return hf_container_close(c, err);
}

/* Writes of a few bytes, as a variable is written; the last one of eight is durable. */
static inline int workload_flash(struct workload *w, unsigned n, struct hf_error *err)
{
    uint8_t bytes[600];
    int r = hf_begin(w->c, err);

    ground_bytes(bytes, sizeof bytes, 1000 + n);
    if (r == 0)
        r = hf_bank_write(w->c, HF_BANK_VARS, (n * 2311) % (BANK_SIZE - sizeof bytes), bytes, 40 + n * 37 % 560, NULL, err);
    if (r == 0)
        r = workload_commit(w, n % 8 == 7 ? HF_DURABLE : HF_SOON, err);
    hf_abort(w->c);
    return r;
}

static inline int workload_stage(struct workload *w, struct hf_error *err)
{
    static uint8_t code[30000];
    struct hf_slot_info slot = {.since = NOW, .label = "second", .origin = "second.fd"};
    int r = hf_begin(w->c, err);

    ground_bytes(code, sizeof code, 77);
    if (r == 0)
        r = hf_image_add(w->c, HF_IMAGE_CODE, "second", code, sizeof code, NOW, &slot.code, err);
    if (r == 0)
        r = hf_slot_set(w->c, HF_SLOT_STAGED, &slot, err);
    if (r == 0)
        r = hf_event_append(w->c, NOW, "stage", err, "second");
    if (r == 0)
        r = workload_commit(w, HF_DURABLE, err);
    hf_abort(w->c);
    return r;
}

static inline int workload_apply(struct workload *w, struct hf_error *err)
{
    struct hf_slot_info active, staged;
    int r = hf_begin(w->c, err);

    if (r == 0)
        r = hf_slot_get(w->c, HF_SLOT_ACTIVE, &active, err);
    if (r == 0)
        r = hf_slot_get(w->c, HF_SLOT_STAGED, &staged, err);
    if (r == 0)
        r = hf_snapshot_take(w->c, "before apply", NOW, &w->snapshot, err);
    active.snapshot = w->snapshot;
    if (r == 0)
        r = hf_slot_set(w->c, HF_SLOT_FALLBACK, &active, err);
    if (r == 0)
        r = hf_slot_set(w->c, HF_SLOT_ACTIVE, &staged, err);
    if (r == 0)
        r = hf_slot_clear(w->c, HF_SLOT_STAGED, err);
    if (r == 0)
        r = hf_event_append(w->c, NOW, "apply", err, "second");
    if (r == 0)
        r = workload_commit(w, HF_DURABLE, err);
    hf_abort(w->c);
    return r;
}

static inline int workload_rollback(struct workload *w, struct hf_error *err)
{
    struct hf_slot_info fallback;
    size_t removed;
    int r = hf_begin(w->c, err);

    if (r == 0)
        r = hf_slot_get(w->c, HF_SLOT_FALLBACK, &fallback, err);
    if (r == 0)
        r = hf_snapshot_restore(w->c, fallback.snapshot, err);
    if (r == 0)
        r = hf_slot_set(w->c, HF_SLOT_ACTIVE, &fallback, err);
    if (r == 0)
        r = hf_image_collect(w->c, &removed, err);
    if (r == 0)
        r = workload_commit(w, HF_DURABLE, err);
    hf_abort(w->c);
    return r;
}

#define WORKLOAD_STEPS 64

/* Step n of WORKLOAD_STEPS. A step leaves the same state however often it is repeated before it succeeds. */
static inline int workload_step(struct workload *w, unsigned n, struct hf_error *err)
{
    if (!w->c) {
        int r = workload_open(w, err);

        if (r < 0)
            return r;
    }
    switch (n) {
    case 0:
        return workload_open(w, err);
    case 4:
        return hf_container_reserve(w->c, 100 << 10, err);
    case 12:
        return workload_stage(w, err);
    case 20:
    case 41:
        return workload_close(w, err);
    case 26:
        return workload_apply(w, err);
    case 33:
        return hf_checkpoint(w->c, err);
    case 48:
        return workload_rollback(w, err);
    case 55:
        return hf_sync(w->c, err);
    case WORKLOAD_STEPS - 1:
        return workload_close(w, err);
    default:
        return workload_flash(w, n, err);
    }
}

/* What a workload leaves, whatever it went through: variables, code and slots. */
static inline int workload_result(const char *path, struct hf_digest result[2], struct hf_error *err)
{
    struct hf_container *c = NULL;
    int r = hf_container_open(path, HF_OPEN_LOOK, NOW, &c, err);

    if (r == 0)
        r = hf_bank_digest(c, HF_BANK_VARS, &result[0], err);
    if (r == 0)
        r = hf_bank_digest(c, HF_BANK_CODE, &result[1], err);
    hf_container_done(&c);
    return r;
}

#endif
