/* SPDX-License-Identifier: BSD-2-Clause */
#include "stage.h"

#include <stdio.h>
#include <string.h>

#include "banks.h"
#include "choices.h"
#include "cleanup.h"
#include "eventlog.h"
#include "from_inside.h"
#include "images.h"
#include "life_work.h"
#include "roms.h"
#include "secure_boot_record.h"
#include "snapshots.h"
#include "staged_keys.h"
#include "tpm.h"

static bool in_list(const struct hf_digest *list, size_t n, const struct hf_digest *d)
{
    for (size_t i = 0; i < n; i++) {
        if (hf_digest_equal(&list[i], d))
            return true;
    }
    return false;
}

/* The code images of active and fallback, which stay whatever happens. */
static int slots_in_use(struct hf_container *c, struct hf_digest used[2], size_t *count, struct hf_error *err)
{
    static const enum hf_slot slots[] = {HF_SLOT_ACTIVE, HF_SLOT_FALLBACK};

    *count = 0;
    for (size_t i = 0; i < HF_ARRAY_SIZE(slots); i++) {
        struct hf_slot_info info;
        int r = hf_slot_get(c, slots[i], &info, err);

        if (r == 0)
            used[(*count)++] = info.code;
        else if (r != -HF_ENOTFOUND)
            return r;
    }
    return 0;
}

static int drop_oldest_foreign(struct hf_container *c, const struct hf_digest *keep, size_t kept, int64_t now,
                               bool *dropped, struct hf_error *err)
{
    struct hf_snapshot list[HF_SNAPSHOTS_MAX];
    size_t n;
    int r = hf_snapshot_list(c, list, &n, err);

    *dropped = false;
    for (size_t i = 0; r == 0 && i < n && !*dropped; i++) {
        if (list[i].pinned || !list[i].has_code || in_list(keep, kept, &list[i].code))
            continue;
        *dropped = true;
        r = hf_snapshot_delete(c, list[i].id, err);
        if (r == 0)
            r = hf_event_append(c, now, "snapshot", err,
                                "snapshot %lld removed: a container holds at most %d code images, and only it held one",
                                (long long)list[i].id, HF_IMAGE_CODE_MAX);
    }
    return r;
}

static int count_code(struct hf_container *c, const struct hf_digest *wanted, size_t *count, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) struct hf_image *list = calloc(HF_IMAGES_MAX, sizeof *list);
    size_t n = 0;
    int r;

    if (list == NULL)
        return hf_error_nomem(err);
    r = hf_image_list(c, list, &n, err);
    *count = 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        *count += list[i].kind == HF_IMAGE_CODE && !hf_digest_equal(&list[i].digest, wanted);
    return r;
}

/* Code images that only old snapshots still hold make way for a new one, oldest first: their number is bounded. */
static int make_way(struct hf_container *c, const struct hf_digest *wanted, int64_t now, struct hf_error *err)
{
    struct hf_digest keep[3];
    bool dropped = true;
    size_t kept = 0, count = 0, removed;
    int r = slots_in_use(c, keep, &kept, err);

    keep[kept++] = *wanted;
    while (r == 0 && dropped) {
        r = hf_image_collect(c, &removed, err);
        if (r == 0)
            r = count_code(c, wanted, &count, err);
        if (r == 0 && count < HF_IMAGE_CODE_MAX)
            return 0;
        if (r == 0)
            r = drop_oldest_foreign(c, keep, kept, now, &dropped, err);
    }
    return r;
}

int hf_stage_put(struct hf_container *c, enum hf_life_event event, const struct hf_firmware *fw,
                 const struct hf_stage_request *request, struct hf_life_record *record, struct hf_error *err)
{
    struct hf_slot_info slot = {.since = request->now};
    char text[HF_DIGEST_TEXT_SIZE];
    const struct hf_move *move;
    int r = hf_lifecycle_try(record->life, event, &move, err);

    if (r == 0)
        r = hf_staged_keys_keep(c, &slot, err);
    if (r == 0)
        r = make_way(c, &fw->digest, request->now, err);
    if (r == 0)
        r = request->work ? hf_image_add_packed(c, HF_IMAGE_CODE, fw->label, &request->work->packed, request->now,
                                                &slot.code, err)
                          : hf_image_add(c, HF_IMAGE_CODE, fw->label, request->bytes, request->size, request->now,
                                         &slot.code, err);
    if (r < 0)
        return r;
    snprintf(slot.label, sizeof slot.label, "%s", fw->label);
    snprintf(slot.origin, sizeof slot.origin, "%s", request->origin ? request->origin : "");
    r = hf_slot_set(c, HF_SLOT_STAGED, &slot, err);
    if (r < 0)
        return r;
    record->life = move->next;
    record->held[0] = '\0';
    record->consent = request->tpm_aware || !record->tpm;
    record->no_secure_boot = request->no_secure_boot;
    record->staged_by_guest = request->by_guest;
    record->staged_by_policy = event == HF_EVENT_OFFER;
    return hf_event_append(c, request->now, "stage", err, "staged '%s' (%.12s) from %s%s", fw->label,
                           hf_digest_text(&fw->digest, text), slot.origin[0] ? slot.origin : "memory",
                           request->no_secure_boot ? "; Secure Boot given up by the operator (--no-secure-boot)" : "");
}

static int check_policy(struct hf_container *c, struct hf_error *err)
{
    struct hf_choices choices;
    int r = hf_choices_get(c, &choices, err);

    if (r == 0 && choices.policy == HF_POLICY_HOST)
        return hf_error_refuse(err, "policy",
                               "policy 'host': the host's firmware is taken at every boot; to stage images, 'holdfast "
                               "set G.hold policy=guest'");
    return r;
}

/* Inside the transaction: the owner's word for what is staged already. */
static int give_word(struct hf_life_work *w, const struct hf_stage_request *request, struct hf_stage_report *report)
{
    int r;

    if (w->now.life != HF_LIFE_STAGED)
        return hf_error_refuse(w->err, "staged", "nothing is staged; name an image");
    r = hf_firmware_of_slot(w->c, HF_SLOT_STAGED, &report->firmware, w->err);
    if (r < 0 || request->dry_run)
        return r;
    w->now.held[0] = '\0';
    if (request->tpm_aware) {
        w->now.consent = true;
        r = hf_event_append(w->c, w->at, "stage", w->err, "the operator consents about the TPM: '%s' may be applied",
                            report->firmware.label);
    }
    if (r < 0 || !request->no_secure_boot)
        return r;
    w->now.no_secure_boot = true;
    return hf_event_append(w->c, w->at, "stage", w->err,
                           "Secure Boot given up by the operator for '%s' (--no-secure-boot)", report->firmware.label);
}

/* Inside the transaction. */
static int stage_image(struct hf_life_work *w, const struct hf_stage_request *request, struct hf_stage_report *report)
{
    const struct hf_move *move;
    int r = check_policy(w->c, w->err);

    if (r == 0)
        r = hf_lifecycle_try(w->now.life, HF_EVENT_STAGE, &move, w->err);
    if (r == 0 && request->by_guest)
        r = hf_guest_may(w->c, &w->now, HF_EVENT_STAGE, w->err);
    if (r == 0)
        r = hf_firmware_fits(w->c, &report->firmware, &report->converts, w->err);
    if (r == 0 && !request->no_secure_boot)
        r = hf_secure_boot_allows(w->c, &report->firmware, w->err);
    if (r < 0)
        return r;
    r = hf_tpm_ask(w->now.tpm, request->tpm_aware, HF_TPM_FIRMWARE, w->err);
    if (r < 0)
        return r;
    report->replaced = w->now.life == HF_LIFE_STAGED;
    if (request->dry_run)
        return 0;
    return hf_stage_put(w->c, HF_EVENT_STAGE, &report->firmware, request, &w->now, w->err);
}

#define ROOM_FOR_RECORDS (256U << 10)

/* Two sets of variables (what an apply replaces, what a rollback replaces), grown by a quarter, and the records. */
static int reserve(struct hf_container *c, struct hf_stage_report *report, struct hf_error *err)
{
    uint64_t vars;
    int r = hf_bank_stored(c, &vars, err);

    if (r < 0)
        return r;
    report->reserved = 2 * (vars + vars / 4) + ROOM_FOR_RECORDS;
    r = hf_container_reserve(c, report->reserved, err);
    return r < 0 ? hf_error_prefix(err, r, "space for snapshot and rollback: ") : 0;
}

/* In one transaction: all checks, and the image in its slot. */
static int stage_once(struct hf_container *c, const struct hf_stage_request *request, struct hf_stage_report *report,
                      struct hf_error *err)
{
    struct hf_life_work w;
    int r = hf_life_begin_by_hand(&w, c, request->now, err);

    if (r == 0)
        r = request->bytes != NULL ? stage_image(&w, request, report) : give_word(&w, request, report);
    return hf_life_end(&w, r, request->dry_run);
}

int hf_stage_prepare(const void *bytes, size_t size, const char *label, struct hf_stage_work *ret, struct hf_error *err)
{
    struct hf_stage_work work = {.packed.chunks = NULL};
    int r = hf_firmware_inspect(bytes, size, label, &work.firmware, err);

    if (r == 0)
        r = hf_image_pack(bytes, size, &work.packed, err);
    if (r == 0)
        *ret = work;
    return r;
}

void hf_stage_work_done(struct hf_stage_work *work)
{
    hf_packed_image_done(&work->packed);
}

int hf_stage(struct hf_container *c, const struct hf_stage_request *request, struct hf_stage_report *report,
             struct hf_error *err)
{
    struct hf_stage_report done = {0};
    bool real = request->bytes != NULL && !request->dry_run;
    int r = 0;

    if (request->bytes == NULL && !request->tpm_aware && !request->no_secure_boot)
        return hf_error_set(err, HF_EUSAGE, "image to stage: missing");
    if (request->work != NULL)
        done.firmware = request->work->firmware;
    else if (request->bytes != NULL)
        r = hf_firmware_inspect(request->bytes, request->size, request->label, &done.firmware, err);
    if (r < 0 && request->origin)
        r = hf_error_prefix(err, r, "'%s': ", request->origin);
    if (r == 0 && real)
        r = reserve(c, &done, err);
    if (r == 0)
        r = stage_once(c, request, &done, err);
    if (r < 0)
        return r;
    /* The image may have taken the room: make it again, or leave nothing staged that could not be rolled back. */
    if (real && (r = reserve(c, &done, err)) < 0) {
        (void)hf_unstage(c, request->now, false, NULL);
        return r;
    }
    *report = done;
    return 0;
}

static int empty_staged(struct hf_life_work *w)
{
    size_t removed;
    int r = hf_slot_clear(w->c, HF_SLOT_STAGED, w->err);

    if (r == 0)
        r = hf_rom_clear(w->c, HF_SLOT_STAGED, w->err);
    if (r == 0)
        r = hf_image_collect(w->c, &removed, w->err);
    if (r == 0)
        r = hf_event_append(w->c, w->at, "unstage", w->err, "the staged image was removed");
    w->now.held[0] = '\0';
    w->now.consent = w->now.no_secure_boot = w->now.staged_by_guest = w->now.staged_by_policy = false;
    return r;
}

int hf_unstage(struct hf_container *c, int64_t now, bool dry_run, struct hf_error *err)
{
    enum hf_decision decision;
    struct hf_life_work w;
    int r = hf_life_begin_by_hand(&w, c, now, err);

    if (r == 0)
        r = hf_life_step(&w, HF_EVENT_UNSTAGE, &decision);
    if (r == 0 && !dry_run)
        r = empty_staged(&w);
    return hf_life_end(&w, r, dry_run);
}
