/* SPDX-License-Identifier: BSD-2-Clause */
#include "replaced.h"

#include <stdlib.h>
#include <string.h>

#include <holdfast/varstore.h>

#include "banks.h"
#include "cleanup.h"
#include "eventlog.h"
#include "inspect.h"
#include "snapshots.h"
#include "variables.h"

#define REASON "before a whole write"

int hf_bank_look(const uint8_t *bytes, size_t size, enum hf_bank_contents *contents, struct hf_error *why)
{
    size_t capacity = hf_varstore_max(size);
    hf_auto(hf_cleanup_free) struct hf_var *vars = calloc(capacity ? capacity : 1, sizeof *vars);
    struct hf_varstore store;

    if (!vars)
        return hf_error_set(why, HF_ENOMEM, "reading %zu variables: out of memory", capacity);
    if (hf_varstore_open(bytes, size, HF_VARSTORE_STRICT, vars, capacity, NULL, NULL, &store, why) < 0)
        *contents = HF_BANK_NO_STORE;
    else
        *contents = store.blank ? HF_BANK_BLANK : HF_BANK_STORE;
    return 0;
}

/* Of the bank, or of a snapshot (0: of the bank). A guest without variables has a blank one. */
static int look(struct hf_container *c, int64_t snapshot, enum hf_bank_contents *contents, struct hf_error *why,
                struct hf_error *err)
{
    struct hf_variables v;
    int r = snapshot ? hf_variables_of_snapshot(c, snapshot, &v, err) : hf_variables_of_bank(c, &v, err);

    if (r < 0)
        return r;
    *contents = HF_BANK_BLANK;
    r = v.bytes ? hf_bank_look(v.bytes, v.size, contents, why) : 0;
    hf_variables_done(&v);
    if (r < 0 && err)
        *err = *why;
    return r;
}

/* The newest snapshot whose variables are a store; 0: none. */
static int newest_store(struct hf_container *c, struct hf_snapshot *out, struct hf_error *err)
{
    struct hf_snapshot list[HF_SNAPSHOTS_MAX];
    enum hf_bank_contents contents;
    struct hf_error why;
    size_t count;
    int r = hf_snapshot_list(c, list, &count, err);

    while (r == 0 && count-- > 0) {
        r = look(c, list[count].id, &contents, &why, err);
        if (r < 0 || contents != HF_BANK_STORE)
            continue;
        *out = list[count];
        return 1;
    }
    return r;
}

/* A line of several parts; hf_error_set() cuts what is too long. */
static void describe(const struct hf_container *c, const struct hf_error *why, const struct hf_snapshot *good,
                     char line[HF_ERROR_TEXT_MAX])
{
    const char *path = hf_container_path(c);
    struct hf_error text;

    if (good)
        (void)hf_error_set(&text, HF_EDAMAGED,
                           "%s: variables: not a variable store: %s; to restore them, shut the guest down and run "
                           "'holdfast revert %s %lld' (snapshot %lld, %s)",
                           path, why->text, path, (long long)good->id, (long long)good->id, good->reason);
    else
        (void)hf_error_set(&text, HF_EDAMAGED,
                           "%s: variables: not a variable store: %s; save what can be read with 'holdfast vars export'",
                           path, why->text);
    memcpy(line, text.text, HF_ERROR_TEXT_MAX);
}

int hf_bank_check(struct hf_container *c, char line[HF_ERROR_TEXT_MAX], struct hf_error *err)
{
    enum hf_bank_contents contents;
    struct hf_snapshot good;
    struct hf_firmware fw;
    struct hf_error why;
    int r = look(c, 0, &contents, &why, err);

    if (r < 0 || contents != HF_BANK_NO_STORE)
        return r;
    r = newest_store(c, &good, err);
    if (r < 0)
        return r;
    if (r == 0 && (hf_firmware_of_slot(c, HF_SLOT_ACTIVE, &fw, NULL) < 0 || hf_layout_info(fw.image.layout) == NULL))
        return 0;
    describe(c, &why, r > 0 ? &good : NULL, line);
    return 1;
}

/* 1: *id is a snapshot of the variables as they are. */
static int find_snapshot(struct hf_container *c, int64_t *id, struct hf_error *err)
{
    struct hf_snapshot list[HF_SNAPSHOTS_MAX];
    struct hf_digest present;
    size_t count;
    int r = hf_bank_digest(c, HF_BANK_VARS, &present, err);

    if (r == 0)
        r = hf_snapshot_list(c, list, &count, err);
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (!list[i].has_vars || !hf_digest_equal(&list[i].vars, &present))
            continue;
        *id = list[i].id;
        return 1;
    }
    return r;
}

static int keep(struct hf_container *c, const char *by, int64_t now, struct hf_replaced *out, struct hf_error *err)
{
    enum hf_bank_contents contents;
    struct hf_error why;
    int r = look(c, 0, &contents, &why, err);

    if (r < 0)
        return r;
    out->was_store = contents == HF_BANK_STORE;
    r = find_snapshot(c, &out->snapshot, err);
    if (r == 0)
        r = hf_snapshot_take(c, REASON, now, &out->snapshot, err);
    if (r < 0)
        return r;
    return hf_event_append(c, now, "bank-replaced", err,
                           "%s rewrites all variables; the previous ones are snapshot %lld", by,
                           (long long)out->snapshot);
}

int hf_replaced_begin(struct hf_container *c, const char *by, int64_t now, struct hf_replaced *out,
                      struct hf_error *err)
{
    struct hf_replaced kept = {.was_store = false};
    int r = hf_begin(c, err);

    if (r == 0)
        r = keep(c, by, now, &kept, err);
    if (r == 0)
        r = hf_commit(c, HF_DURABLE, err);
    hf_abort(c);
    if (r == 0)
        *out = kept;
    return r;
}

static void say(const struct hf_container *c, const struct hf_replaced *before, const struct hf_error *why,
                struct hf_error *alarm)
{
    if (before->snapshot)
        (void)hf_error_set(alarm, HF_EDAMAGED,
                           "variables: overwritten with data that is not a variable store (%.300s); the previous ones "
                           "are snapshot %lld: shut the guest down and run 'holdfast revert %s %lld'",
                           why->text, (long long)before->snapshot, hf_container_path(c), (long long)before->snapshot);
    else
        (void)hf_error_set(alarm, HF_EDAMAGED,
                           "variables: overwritten with data that is not a variable store (%.300s), and the previous "
                           "ones could not be kept; restore a backup",
                           why->text);
}

int hf_replaced_end(struct hf_container *c, const struct hf_replaced *before, const uint8_t *bytes, size_t size,
                    int64_t now, struct hf_error *alarm)
{
    enum hf_bank_contents contents;
    struct hf_error why;

    if (!before->was_store || hf_bank_look(bytes, size, &contents, &why) < 0 || contents == HF_BANK_STORE)
        return 0;
    if (contents == HF_BANK_BLANK)
        (void)hf_error_set(&why, HF_EDAMAGED, "the store is blank: firmware would format it");
    say(c, before, &why, alarm);
    if (hf_begin(c, NULL) == 0 && hf_event_append(c, now, "bank-damaged", NULL, "%s", alarm->text) == 0)
        (void)hf_commit(c, HF_DURABLE, NULL);
    hf_abort(c);
    return 1;
}
