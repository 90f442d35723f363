/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens to a container in its life, as steps that are one transaction each: the flash writes of a real OVMF,
 * stage, apply, rollback, backup, closing and opening. A step that fails can be done again.
 */
#ifndef HF_TEST_WORKLOAD_H
#define HF_TEST_WORKLOAD_H

#include "view.h"

#include "check.h"
#include "copy.h"
#include "flash_trace.h"

#define WORKLOAD_STEPS  64
#define WORKLOAD_BACKUP 42

struct workload {
    char path[PATH_MAX];
    struct hf_container *c;
    int64_t snapshot;
    /* Before and after every commit; may be NULL. */
    void (*committing)(struct workload *w);
    void (*committed)(struct workload *w, bool durable);
    /* Before the backup; may be NULL. */
    void (*backing_up)(struct workload *w);
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

/* The pages of the next few hundred writes, as a server that gathered them stores them; every eighth time durably. */
static inline int workload_flash(struct workload *w, unsigned n, struct hf_error *err)
{
    const uint8_t *bytes = flash_trace_bank((n + 1) * FLASH_TRACE_WRITES / WORKLOAD_STEPS);
    int r = hf_begin(w->c, err);

    for (size_t at = 0; r == 0 && at < FLASH_TRACE_BANK; at += HF_PAGE_SIZE)
        r = hf_bank_write(w->c, HF_BANK_VARS, at, bytes + at, HF_PAGE_SIZE, NULL, err);
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
    if (r == 0 && strcmp(active.label, "second") == 0) {
        hf_abort(w->c); /* the commit was done, but could not be made durable then */
        return hf_sync(w->c, err);
    }
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

static inline const char *workload_backup_path(const char *container)
{
    static char path[PATH_MAX + 8];

    snprintf(path, sizeof path, "%s.bak", container);
    return path;
}

/* Step n of WORKLOAD_STEPS. A step leaves the same state however often it is repeated before it succeeds. */
static inline int workload_step(struct workload *w, unsigned n, struct hf_error *err)
{
    if (n == WORKLOAD_BACKUP) {
        if (w->backing_up)
            w->backing_up(w);
        return hf_backup(w->path, workload_backup_path(w->path), NOW, err);
    }
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
    case WORKLOAD_BACKUP - 1:
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

static inline void workload_finding(void *ctx, const char *line)
{
    printf("# finding: %s\n", line);
    ++*(unsigned *)ctx;
}

/* What `check` finds fault with. */
static inline unsigned workload_findings(const char *path)
{
    struct hf_check_report report;
    unsigned findings = 0;

    OK(hf_check(path, workload_finding, &findings, &report, &err));
    return findings;
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
