/* SPDX-License-Identifier: BSD-2-Clause */
#include "apply.h"

#include <stdio.h>
#include <string.h>

#include "banks.h"
#include "cleanup.h"
#include "eventlog.h"
#include "images.h"
#include "inspect.h"
#include "roms.h"
#include "secure_boot_record.h"
#include "slots.h"
#include "set_aside.h"
#include "snapshots.h"
#include "staged_keys.h"
#include "variables.h"

int hf_apply_slot(struct hf_container *c, struct hf_slot_info *info, int64_t since, struct hf_error *err)
{
    struct hf_firmware fw;
    struct hf_guest guest;
    size_t removed;
    int r = hf_guest_get(c, &guest, err);

    if (r < 0)
        return r;
    info->snapshot = 0;
    info->since = since;
    r = hf_slot_set(c, HF_SLOT_ACTIVE, info, err);
    if (r == 0)
        r = hf_firmware_of_slot(c, HF_SLOT_ACTIVE, &fw, err);
    if (r == 0)
        r = hf_secure_boot_remember(c, &fw.digest, &fw.image, err);
    if (r == 0)
        r = hf_bank_resize(c, HF_BANK_CODE, hf_code_bank_size(&fw.image, guest.arch), err);
    return r < 0 ? r : hf_image_collect(c, &removed, err);
}

/* What FALLBACK holds goes to the staged slot until the boot is open: an apply that is taken back brings it back. */
static int keep_former_fallback(struct hf_container *c, struct hf_error *err)
{
    struct hf_slot_info former;
    int r = hf_slot_get(c, HF_SLOT_FALLBACK, &former, err);

    if (r == -HF_ENOTFOUND)
        r = hf_slot_clear(c, HF_SLOT_STAGED, err);
    else if (r == 0)
        r = hf_slot_set(c, HF_SLOT_STAGED, &former, err);
    return r < 0 ? r : hf_rom_copy(c, HF_SLOT_FALLBACK, HF_SLOT_STAGED, err);
}

/* The active slot, as it is, becomes the fallback; its ROMs with it. */
static int keep_as_fallback(struct hf_container *c, int64_t snapshot, int64_t now, struct hf_error *err)
{
    struct hf_slot_info info;
    int r = hf_slot_get(c, HF_SLOT_ACTIVE, &info, err);

    if (r < 0)
        return r;
    info.snapshot = snapshot;
    info.since = now;
    r = hf_slot_set(c, HF_SLOT_FALLBACK, &info, err);
    return r < 0 ? r : hf_rom_copy(c, HF_SLOT_ACTIVE, HF_SLOT_FALLBACK, err);
}

static int log_change(struct hf_container *c, int64_t now, const char *kind, const struct hf_slot_info *to,
                      const struct hf_slot_info *from, int64_t snapshot, const char *more, struct hf_error *err)
{
    char a[HF_DIGEST_TEXT_SIZE], b[HF_DIGEST_TEXT_SIZE];

    return hf_event_append(
        c, now, kind, err, "'%s' (%.12s) in place of '%s' (%.12s); what was replaced is snapshot %lld%s", to->label,
        hf_digest_text(&to->code, a), from->label, hf_digest_text(&from->code, b), (long long)snapshot, more);
}

int hf_apply_convert(struct hf_container *c, enum hf_layout layout, struct hf_error *err)
{
    struct hf_variables now, then;
    int r = hf_variables_of_bank(c, &now, err);

    if (r < 0)
        return r;
    r = hf_variables_convert(&now, layout, &then, err);
    hf_variables_done(&now);
    if (r < 0)
        return r;
    r = hf_variables_store(c, &then, err);
    hf_variables_done(&then);
    return r;
}

/* What the apply made of the variables, so that it can be told whether somebody wrote them since. */
static int note_variables(struct hf_container *c, int64_t snapshot, struct hf_applied *applied, struct hf_error *err)
{
    struct hf_snapshot before;
    int r = hf_snapshot_get(c, snapshot, &before, err);

    if (r < 0 || !before.has_vars)
        return r;
    r = hf_bank_digest(c, HF_BANK_VARS, &applied->vars, err);
    applied->changed = r == 0 && !hf_digest_equal(&before.vars, &applied->vars);
    return r;
}

/* Everything that becomes of active, staged and the variables, in this order: what is replaced is kept first. */
static int switch_to_staged(struct hf_container *c, struct hf_slot_info *active, struct hf_slot_info *staged,
                            bool no_secure_boot, int64_t now, struct hf_applied *applied, struct hf_error *err)
{
    struct hf_firmware fw;
    int64_t snapshot;
    bool converts = false;
    int r = hf_firmware_of_slot(c, HF_SLOT_STAGED, &fw, err);

    *applied = (struct hf_applied){.since = active->since, .staged_since = staged->since};
    if (r == 0 && !hf_slot_is_keys_alone(staged, active))
        r = hf_firmware_fits(c, &fw, &converts, err);
    if (r == 0 && !no_secure_boot)
        r = hf_secure_boot_allows(c, &fw, err);
    if (r == 0)
        r = hf_snapshot_take(c, "before apply", now, &snapshot, err);
    if (r == 0)
        r = keep_former_fallback(c, err);
    if (r == 0)
        r = keep_as_fallback(c, snapshot, now, err);
    if (r == 0 && converts)
        r = hf_apply_convert(c, fw.image.layout, err);
    if (r == 0)
        r = hf_staged_keys_apply(c, staged, now, err);
    if (r == 0)
        r = note_variables(c, snapshot, applied, err);
    if (r == 0)
        r = log_change(c, now, "apply", staged, active, snapshot, converts ? "; the variables were converted" : "",
                       err);
    return r < 0 ? r : hf_apply_slot(c, staged, now, err);
}

int hf_apply_staged(struct hf_container *c, uint32_t limit, int64_t now, struct hf_life_record *record,
                    struct hf_error *err)
{
    struct hf_slot_info active, staged;
    int r = hf_slot_get(c, HF_SLOT_ACTIVE, &active, err);

    if (r == 0)
        r = hf_slot_get(c, HF_SLOT_STAGED, &staged, err);
    if (r == 0)
        r = switch_to_staged(c, &active, &staged, record->no_secure_boot, now, &record->applied, err);
    if (r < 0)
        return r;
    record->changes++;
    record->trial = (struct hf_trial){.limit = limit};
    record->held[0] = '\0';
    return 0;
}

/* The variables that the guest has now, in the fallback's layout. */
static int keep_variables(struct hf_container *c, struct hf_error *err)
{
    struct hf_flash_image vars;
    struct hf_firmware fw;
    int r = hf_firmware_of_slot(c, HF_SLOT_FALLBACK, &fw, err);

    if (r == 0)
        r = hf_variables_inspect(c, &vars, err);
    if (r < 0 || vars.size == 0 || vars.layout == fw.image.layout || hf_layout_info(fw.image.layout) == NULL)
        return r;
    return hf_apply_convert(c, fw.image.layout, err);
}

/* What became of the variables, for the log. */
struct outcome {
    char carried[HF_CARRIED_SIZE];
    struct hf_error kept; /* why the present ones stayed; code 0: they did not */
};

static int choose_variables(struct hf_container *c, const struct hf_slot_info *fallback,
                            const struct hf_rollback_wish *wish, struct outcome *o, struct hf_error *err)
{
    int r;

    memset(o, 0, sizeof *o);
    if (fallback->snapshot == 0)
        return 0;
    if (wish->variables == HF_VARIABLES_CURRENT)
        return keep_variables(c, err);
    r = hf_variables_bring(c, fallback->snapshot, wish->old_dbx, o->carried, &o->kept);
    if (r == -HF_EREFUSED)
        return keep_variables(c, err);
    if (r < 0)
        return hf_error_set(err, (enum hf_code) - r, "%s", o->kept.text);
    return 0;
}

static int log_rollback(struct hf_container *c, int64_t now, const struct hf_slot_info *fallback,
                        const struct hf_slot_info *active, int64_t snapshot, const struct outcome *o,
                        struct hf_error *err)
{
    char more[HF_ERROR_TEXT_MAX + 64] = "";

    if (o->kept.code != HF_OK)
        snprintf(more, sizeof more, "; the present variables stay: %s", o->kept.text);
    else if (o->carried[0])
        snprintf(more, sizeof more, "; kept unchanged: %s", o->carried);
    return log_change(c, now, "rollback", fallback, active, snapshot, more, err);
}

static int switch_to_fallback(struct hf_container *c, struct hf_slot_info *active, struct hf_slot_info *fallback,
                              int64_t now, const struct hf_rollback_wish *wish, int64_t *snapshot, struct hf_error *err)
{
    struct outcome outcome;
    int r = hf_snapshot_take(c, "before rollback", now, snapshot, err);

    if (r == 0)
        r = choose_variables(c, fallback, wish, &outcome, err);
    if (r == 0)
        r = hf_rom_copy(c, HF_SLOT_FALLBACK, HF_SLOT_ACTIVE, err);
    if (r == 0)
        r = hf_slot_clear(c, HF_SLOT_FALLBACK, err);
    if (r == 0)
        r = hf_rom_clear(c, HF_SLOT_FALLBACK, err);
    if (r == 0)
        r = log_rollback(c, now, fallback, active, *snapshot, &outcome, err);
    return r < 0 ? r : hf_apply_slot(c, fallback, now, err);
}

int hf_apply_fallback(struct hf_container *c, int64_t now, struct hf_life_record *record,
                      char set_aside[HF_SET_ASIDE_SIZE], struct hf_error *err)
{
    struct hf_slot_info active, fallback;
    int64_t snapshot;
    int r = hf_slot_get(c, HF_SLOT_ACTIVE, &active, err);

    if (r == 0)
        r = hf_slot_get(c, HF_SLOT_FALLBACK, &fallback, err);
    if (r == 0)
        r = switch_to_fallback(c, &active, &fallback, now, &record->back, &snapshot, err);
    if (r == 0)
        r = hf_set_aside_tell(c, snapshot, active.label, now, set_aside, err);
    if (r < 0)
        return r;
    record->changes++;
    if (!hf_digest_equal(&active.code, &fallback.code)) { /* else its keys were */
        record->has_rejected = true;
        record->rejected = active.code;
    }
    record->back = (struct hf_rollback_wish){0};
    record->trial = (struct hf_trial){0};
    record->held[0] = '\0';
    return 0;
}

int hf_apply_image(struct hf_container *c, const struct hf_digest *code, int64_t now, struct hf_error *err)
{
    struct hf_slot_info info = {.code = *code};
    struct hf_image image;
    int r = hf_image_get(c, code, &image, err);

    if (r < 0)
        return r;
    snprintf(info.label, sizeof info.label, "%s", image.name);
    snprintf(info.origin, sizeof info.origin, "a snapshot");
    return hf_apply_slot(c, &info, now, err);
}
