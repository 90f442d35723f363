/* SPDX-License-Identifier: BSD-2-Clause */
#include "applied.h"

#include "apply.h"
#include "banks.h"
#include "eventlog.h"
#include "images.h"
#include "inspect.h"
#include "roms.h"
#include "snapshots.h"

static int empty_staged(struct hf_container *c, struct hf_error *err)
{
    size_t removed;
    int r = hf_slot_clear(c, HF_SLOT_STAGED, err);

    if (r == 0)
        r = hf_rom_clear(c, HF_SLOT_STAGED, err);
    return r < 0 ? r : hf_image_collect(c, &removed, err);
}

static void forget_staging(struct hf_life_record *record)
{
    record->applied = (struct hf_applied){.changed = false};
    record->consent = record->no_secure_boot = record->staged_by_guest = record->staged_by_policy = false;
}

int hf_applied_open(struct hf_container *c, struct hf_life_record *record, struct hf_error *err)
{
    int r = empty_staged(c, err);

    if (r == 0)
        forget_staging(record);
    return r;
}

/* Nobody but an operator can have written them since: the guest did not execute. */
static int take_back_variables(struct hf_container *c, const struct hf_applied *applied, int64_t snapshot,
                               struct hf_error *err)
{
    struct hf_flash_image vars;
    struct hf_digest present;
    struct hf_firmware fw;
    int r;

    if (!applied->changed)
        return 0;
    r = hf_bank_digest(c, HF_BANK_VARS, &present, err);
    if (r == 0 && hf_digest_equal(&present, &applied->vars))
        return hf_snapshot_restore(c, snapshot, err);
    if (r == 0)
        r = hf_firmware_of_slot(c, HF_SLOT_FALLBACK, &fw, err);
    if (r == 0)
        r = hf_variables_inspect(c, &vars, err);
    return r < 0 || vars.layout == fw.image.layout ? r : hf_apply_convert(c, fw.image.layout, err);
}

/* The staged slot's content to the fallback slot, where it came from. */
static int take_back_fallback(struct hf_container *c, struct hf_error *err)
{
    struct hf_slot_info former;
    int r = hf_slot_get(c, HF_SLOT_STAGED, &former, err);

    if (r == -HF_ENOTFOUND)
        r = hf_slot_clear(c, HF_SLOT_FALLBACK, err);
    else if (r == 0)
        r = hf_slot_set(c, HF_SLOT_FALLBACK, &former, err);
    if (r == 0)
        r = hf_rom_copy(c, HF_SLOT_STAGED, HF_SLOT_FALLBACK, err);
    return r < 0 ? r : hf_rom_clear(c, HF_SLOT_STAGED, err);
}

static int take_back_slots(struct hf_container *c, struct hf_slot_info *old, struct hf_slot_info *new,
                           const struct hf_applied *applied, struct hf_error *err)
{
    int r = take_back_fallback(c, err);

    new->snapshot = 0;
    new->since = applied->staged_since;
    if (r == 0)
        r = hf_slot_set(c, HF_SLOT_STAGED, new, err);
    return r < 0 ? r : hf_apply_slot(c, old, applied->since, err);
}

/* What a policy took was for this start; the next one asks it again. */
static int leave_staged(struct hf_container *c, struct hf_life_record *record, struct hf_error *err)
{
    record->life = hf_lifecycle_move(record->life, HF_EVENT_NO_BOOT)->next;
    if (!record->staged_by_policy)
        return 0;
    record->life = hf_lifecycle_move(record->life, HF_EVENT_UNSTAGE)->next;
    forget_staging(record);
    return empty_staged(c, err);
}

int hf_applied_take_back(struct hf_container *c, int64_t now, struct hf_life_record *record, struct hf_error *err)
{
    struct hf_slot_info old, new;
    int64_t snapshot;
    int r = hf_slot_get(c, HF_SLOT_FALLBACK, &old, err);

    if (r == 0)
        r = hf_slot_get(c, HF_SLOT_ACTIVE, &new, err);
    if (r < 0)
        return r;
    snapshot = old.snapshot;
    r = take_back_variables(c, &record->applied, snapshot, err);
    if (r == 0)
        r = take_back_slots(c, &old, &new, &record->applied, err);
    if (r == 0)
        r = hf_snapshot_delete(c, snapshot, err);
    if (r == 0)
        r = hf_event_append(
            c, now, "no-boot", err,
            "the guest did not boot: '%s' is staged again, '%s' is active as before; no boot was counted", new.label,
            old.label);
    if (r == 0)
        r = leave_staged(c, record, err);
    if (r < 0)
        return r;
    record->applied = (struct hf_applied){.changed = false};
    record->trial = (struct hf_trial){0};
    record->changes--;
    return 0;
}
