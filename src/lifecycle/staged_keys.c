/* SPDX-License-Identifier: BSD-2-Clause */
#include "staged_keys.h"

#include <stdio.h>
#include <string.h>

#include "banks.h"
#include "choices.h"
#include "cleanup.h"
#include "eventlog.h"
#include "from_inside.h"
#include "images.h"
#include "key_bundle.h"
#include "life_work.h"
#include "tpm.h"
#include "variables.h"

#define BUNDLE_NAME "Secure Boot keys"

bool hf_slot_has_keys(const struct hf_slot_info *staged)
{
    return staged->has_vars; /* a template stands with the active slot only */
}

bool hf_slot_is_keys_alone(const struct hf_slot_info *staged, const struct hf_slot_info *active)
{
    return hf_slot_has_keys(staged) && hf_digest_equal(&staged->code, &active->code);
}

int hf_staged_keys_keep(struct hf_container *c, struct hf_slot_info *slot, struct hf_error *err)
{
    struct hf_slot_info staged, alone;
    int r = hf_slot_get(c, HF_SLOT_STAGED, &staged, err);

    if (r == -HF_ENOTFOUND)
        return 0;
    if (r == 0 && !hf_slot_has_keys(&staged))
        return hf_slot_clear(c, HF_SLOT_STAGED, err);
    if (r == 0)
        r = hf_slot_get(c, HF_SLOT_ACTIVE, &alone, err);
    if (r < 0)
        return r;
    slot->has_vars = alone.has_vars = true;
    slot->vars = alone.vars = staged.vars;
    alone.snapshot = 0;
    return hf_slot_set(c, HF_SLOT_STAGED, &alone, err); /* so that the bundle is not collected meanwhile */
}

/* ---- at a boot ---- */

/* Writes what a plan changes. */
static int write_changes(struct hf_variables *v, const struct hf_key_plan *plan, struct hf_error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < HF_KEY_VARIABLES; i++) {
        enum hf_key_variable which = (enum hf_key_variable)i;
        struct hf_var var;

        if (!plan->changes[i].changed)
            continue;
        var = hf_key_change_var(&plan->changes[i], which, hf_key_variable_in(which, v->store.vars, v->store.count));
        r = hf_varstore_set(v->bytes, &v->store, &var, HF_EDIT_AUTHENTICATED | HF_EDIT_RAW, err);
    }
    return r;
}

static int load_bundle(struct hf_container *c, const struct hf_slot_info *staged, uint8_t **bytes, uint64_t *size,
                       struct hf_error *err)
{
    int r = hf_image_load(c, &staged->vars, bytes, size, err);

    return r < 0 ? hf_error_prefix(err, r, "staged keys: ") : 0;
}

/* What waits with the slot, merged into `v`; the plan says what that changed. */
static int merge(struct hf_container *c, const struct hf_slot_info *staged, struct hf_variables *v,
                 struct hf_key_plan *plan, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    struct hf_key_request request;
    struct hf_key_bundle bundle;
    uint64_t size = 0;
    int r = load_bundle(c, staged, &bytes, &size, err);

    if (r == 0)
        r = hf_key_bundle_open(bytes, (size_t)size, &bundle, err);
    if (r < 0)
        return r;
    request = hf_key_bundle_request(&bundle, &v->store);
    if (!v->readable)
        r = hf_error_refuse(err, "keys", "staged keys: the guest's variables cannot be read: %s", v->why.text);
    else
        r = hf_key_plan_make(v->store.vars, v->store.count, &request, plan, err);
    hf_key_bundle_done(&bundle);
    if (r < 0)
        return r;
    r = write_changes(v, plan, err);
    if (r < 0)
        hf_key_plan_done(plan);
    return r;
}

int hf_staged_keys_preview(struct hf_container *c, const struct hf_slot_info *staged, struct hf_variables *v,
                           struct hf_error *err)
{
    struct hf_key_plan plan;
    int r;

    if (!hf_slot_has_keys(staged))
        return 0;
    r = merge(c, staged, v, &plan, err);
    if (r == 0)
        hf_key_plan_done(&plan);
    return r;
}

static int store(struct hf_container *c, const struct hf_variables *v, const struct hf_key_plan *plan, int64_t now,
                 struct hf_error *err)
{
    char text[HF_KEY_PLAN_TEXT];
    int r = plan->changed ? hf_variables_store(c, v, err) : 0;

    return r < 0 ? r
                 : hf_event_append(c, now, "keys", err, "Secure Boot keys that were staged: %s",
                                   plan->changed ? hf_key_plan_text(plan, text) : "the guest has all of them already");
}

int hf_staged_keys_apply(struct hf_container *c, const struct hf_slot_info *staged, int64_t now, struct hf_error *err)
{
    struct hf_key_plan plan;
    struct hf_variables v;
    int r;

    if (!hf_slot_has_keys(staged))
        return 0;
    r = hf_variables_of_bank(c, &v, err);
    if (r < 0)
        return r;
    r = merge(c, staged, &v, &plan, err);
    if (r == 0) {
        r = store(c, &v, &plan, now, err);
        hf_key_plan_done(&plan);
    }
    hf_variables_done(&v);
    return r;
}

/* ---- at a rollback ---- */

/* The variable without the entries in `gone`. */
static int subtract(struct hf_variables *v, enum hf_key_variable which, const struct hf_sig_chain *gone,
                    struct hf_error *err)
{
    const struct hf_var *old = hf_key_variable_in(which, v->store.vars, v->store.count);
    struct hf_sig_chain kept = {0};
    struct hf_siglist walk;
    struct hf_signature s;
    struct hf_var var;
    int r = 0;

    if (!old || gone->size == 0)
        return 0;
    walk = hf_siglist_of(old->data, old->data_size);
    while (r == 0 && hf_siglist_next(&walk, &s))
        if (!hf_sig_chain_has(gone->bytes, gone->size, &s))
            r = hf_sig_chain_add(&kept, &s, err);
    var = *old;
    var.name = hf_key_variable_info(which)->ucs2; /* not in the bank, which is edited */
    var.data = kept.bytes;
    var.data_size = (uint32_t)kept.size;
    if (r == 0 && kept.size)
        r = hf_varstore_set(v->bytes, &v->store, &var, HF_EDIT_AUTHENTICATED | HF_EDIT_RAW, err);
    else if (r == 0)
        r = hf_varstore_delete(v->bytes, &v->store, &var.guid, var.name, var.name_size, HF_EDIT_AUTHENTICATED, err);
    hf_sig_chain_done(&kept);
    return r;
}

static int subtract_bundle(struct hf_container *c, const struct hf_slot_info *active, struct hf_variables *v,
                           struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    struct hf_key_bundle bundle;
    uint64_t size = 0;
    int r = load_bundle(c, active, &bytes, &size, err);

    if (r == 0)
        r = hf_key_bundle_open(bytes, (size_t)size, &bundle, err);
    if (r < 0)
        return r;
    for (size_t i = 0; r == 0 && i < HF_KEY_VARIABLES; i++)
        r = subtract(v, (enum hf_key_variable)i, &bundle.lists[i].lists, err);
    hf_key_bundle_done(&bundle);
    return r;
}

int hf_staged_keys_undo(struct hf_container *c, int64_t snapshot, struct hf_variables *v, struct hf_error *err)
{
    struct hf_slot_info active, fallback;
    struct hf_image image = {.name = ""};
    int r = hf_slot_get(c, HF_SLOT_FALLBACK, &fallback, err);

    if (r == -HF_ENOTFOUND || (r == 0 && fallback.snapshot != snapshot) || !v->readable)
        return 0;
    if (r == 0)
        r = hf_slot_get(c, HF_SLOT_ACTIVE, &active, err);
    if (r == 0 && active.has_vars)
        r = hf_image_get(c, &active.vars, &image, err);
    if (r < 0 || strcmp(image.name, BUNDLE_NAME) != 0)
        return r;
    return subtract_bundle(c, &active, v, err);
}

/* ---- staging ---- */

/* What would come of it by the present variables: the rules are asked now, and again at the boot. */
static int judge(struct hf_container *c, const struct hf_key_request *keys, bool *nothing, struct hf_error *err)
{
    struct hf_key_request request = *keys;
    struct hf_key_plan plan;
    struct hf_variables v;
    int r = hf_variables_of_bank(c, &v, err);

    if (r == 0 && !v.bytes)
        r = hf_error_set(err, HF_ENOTFOUND, "the guest keeps no variables");
    else if (r == 0 && !v.readable)
        r = hf_error_set(err, HF_EDAMAGED, "the guest's variables cannot be read: %s", v.why.text);
    if (r == 0) {
        request.store = &v.store;
        r = hf_key_plan_make(v.store.vars, v.store.count, &request, &plan, err);
    }
    if (r == 0) {
        *nothing = plan.changed == 0;
        hf_key_plan_done(&plan);
    }
    hf_variables_done(&v);
    return r;
}

/* The bundle, with what waits already, as an image of the container. */
static int add_bundle(struct hf_life_work *w, const struct hf_key_stage_request *request, struct hf_slot_info *slot)
{
    hf_auto(hf_cleanup_free) uint8_t *earlier = NULL, *bytes = NULL;
    uint64_t earlier_size = 0;
    size_t size = 0;
    int r = hf_slot_has_keys(slot) ? load_bundle(w->c, slot, &earlier, &earlier_size, w->err) : 0;

    if (r == 0)
        r = hf_key_bundle_pack(request->keys, earlier, (size_t)earlier_size, &bytes, &size, w->err);
    if (r == 0)
        r = hf_image_add(w->c, HF_IMAGE_VARS, BUNDLE_NAME, bytes, size, w->at, &slot->vars, w->err);
    slot->has_vars = r == 0;
    return r;
}

/* Inside the transaction. */
static int stage(struct hf_life_work *w, const struct hf_key_stage_request *request, struct hf_key_stage_report *report)
{
    const struct hf_move *move;
    struct hf_choices choices;
    struct hf_slot_info slot;
    int r = hf_choices_get(w->c, &choices, w->err);

    if (r == 0 && choices.policy == HF_POLICY_HOST)
        r = hf_error_refuse(
            w->err, "policy",
            "policy 'host': nothing can be staged; shut the guest down and change the keys then, or set policy=guest");
    if (r == 0)
        r = hf_lifecycle_try(w->now.life, HF_EVENT_STAGE, &move, w->err);
    if (r == 0 && request->by_guest)
        r = hf_guest_may(w->c, &w->now, HF_EVENT_STAGE, w->err);
    if (r == 0)
        r = judge(w->c, request->keys, &report->nothing, w->err);
    if (r < 0 || report->nothing)
        return r;
    r = hf_tpm_ask(w->now.tpm, request->tpm_aware, HF_TPM_KEYS, w->err);
    if (r < 0)
        return r;
    report->with_image = w->now.life == HF_LIFE_STAGED;
    r = hf_slot_get(w->c, report->with_image ? HF_SLOT_STAGED : HF_SLOT_ACTIVE, &slot, w->err);
    if (r < 0)
        return r;
    if (!report->with_image) { /* what stands with the active slot is its own */
        slot.has_vars = false;
        slot.snapshot = 0;
        slot.since = w->at;
    }
    r = add_bundle(w, request, &slot);
    if (r == 0)
        r = hf_slot_set(w->c, HF_SLOT_STAGED, &slot, w->err);
    if (r < 0)
        return r;
    w->now.life = move->next;
    w->now.held[0] = '\0';
    w->now.consent = request->tpm_aware || !w->now.tpm;
    w->now.staged_by_guest = request->by_guest;
    return hf_event_append(w->c, w->at, "stage", w->err, "staged Secure Boot keys: %s", request->words);
}

#define ROOM_FOR_RECORDS (256U << 10)

/* Room for the snapshots of apply and rollback, as for an image. */
static int reserve(struct hf_container *c, struct hf_error *err)
{
    uint64_t vars;
    int r = hf_bank_stored(c, &vars, err);

    if (r == 0)
        r = hf_container_reserve(c, 2 * (vars + vars / 4) + ROOM_FOR_RECORDS, err);
    return r < 0 ? hf_error_prefix(err, r, "space for snapshot and rollback: ") : 0;
}

int hf_stage_keys(struct hf_container *c, const struct hf_key_stage_request *request,
                  struct hf_key_stage_report *report, struct hf_error *err)
{
    struct hf_key_stage_report done = {0};
    struct hf_life_work w;
    int r = request->dry_run ? 0 : reserve(c, err);

    if (r < 0)
        return r;
    r = hf_life_begin_by_hand(&w, c, request->now, err);
    if (r == 0)
        r = stage(&w, request, &done);
    r = hf_life_end(&w, r, request->dry_run);
    if (r == 0)
        *report = done;
    return r;
}
