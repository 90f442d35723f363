/* SPDX-License-Identifier: BSD-2-Clause */
#include "key_update.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "key_rules.h"
#include "key_time.h"
#include "known_certificate.h"

void hf_key_plan_done(struct hf_key_plan *plan)
{
    for (size_t v = 0; v < HF_KEY_VARIABLES; v++)
        hf_sig_chain_done(&plan->changes[v].data);
    memset(plan, 0, sizeof *plan);
}

struct hf_var hf_key_change_var(const struct hf_key_change *change, enum hf_key_variable v, const struct hf_var *old)
{
    const struct hf_key_variable_info *info = hf_key_variable_info(v);
    struct hf_var var = {.guid = info->vendor,
                         .attributes = change->attributes,
                         .name = info->ucs2,
                         .name_size = info->ucs2_size,
                         .data = change->data.bytes,
                         .data_size = (uint32_t)change->data.size,
                         .count = old ? old->count : 0,
                         .key_index = old ? old->key_index : 0};

    memcpy(var.time, change->time, sizeof var.time);
    return var;
}

int hf_key_set_addition(const struct hf_key_set *set, size_t n, struct hf_key_file *file, struct hf_key_addition *ret,
                        struct hf_error *err)
{
    const struct hf_known_certificate *known = hf_known_certificate_of_file(set->files[n]);
    const uint8_t *der;
    size_t size;
    int r;

    if (!hf_known_certificate_der(known, &der, &size))
        return hf_error_set(err, HF_ENOTFOUND, "certificate '%s': not built in", known->name);
    r = hf_key_file_read(der, size, &hf_owner_microsoft, file, err);
    if (r == 0)
        *ret = (struct hf_key_addition){
            .variable = known->variable, .origin = set->name, .file = file, .wholesale = known->variable != HF_KEY_PK};
    return r;
}

const char *hf_key_plan_text(const struct hf_key_plan *plan, char text[HF_KEY_PLAN_TEXT])
{
    size_t n = 0;

    text[0] = '\0';
    for (size_t v = 0; v < HF_KEY_VARIABLES; v++) {
        const struct hf_key_change *change = &plan->changes[v];
        const char *name = hf_key_variable_info((enum hf_key_variable)v)->name;

        if (change->changed && change->replaced)
            n += (size_t)snprintf(text + n, HF_KEY_PLAN_TEXT - n, "%s%s replaced", n ? ", " : "", name);
        else if (change->changed)
            n += (size_t)snprintf(text + n, HF_KEY_PLAN_TEXT - n, "%s%s +%zu", n ? ", " : "", name, change->added);
    }
    return text;
}

/* Every variable as it is. */
static int begin(const struct hf_var *vars, size_t count, struct hf_key_plan *plan, struct hf_error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < HF_KEY_VARIABLES; i++) {
        enum hf_key_variable v = (enum hf_key_variable)i;
        const struct hf_var *old = hf_key_variable_in(v, vars, count);
        struct hf_key_change *change = &plan->changes[v];

        change->attributes = hf_key_variable_info(v)->attributes;
        if (!old)
            continue;
        change->in_size = old->data_size;
        memcpy(change->time, old->time, sizeof change->time);
        r = hf_sig_chain_load(old->data, old->data_size, &change->data, err);
        if (r < 0)
            r = hf_error_prefix(err, r, "%s: ", hf_key_variable_info(v)->name);
    }
    return r;
}

static void take_time(struct hf_key_change *change, const uint8_t *time)
{
    if (time && hf_key_time_newer(time, change->time))
        memcpy(change->time, time, sizeof change->time);
}

/* What firmware would say to the guest that hands it this update. *replaces: it was signed to replace the variable. */
static int verify(const struct hf_key_plan *plan, const struct hf_key_addition *a, bool *replaces, struct hf_error *err)
{
    const struct hf_key_variable_info *info = hf_key_variable_info(a->variable);
    const struct hf_sig_chain *keys =
        &plan->changes[a->variable == HF_KEY_DB || a->variable == HF_KEY_DBX ? HF_KEY_KEK : HF_KEY_PK].data;
    struct hf_auth2_target target = {.vendor = info->vendor,
                                     .name = info->ucs2,
                                     .name_size = info->ucs2_size - 2,
                                     .attributes = info->attributes | HF_VAR_APPEND};
    int r = hf_auth2_verify(&a->file->update, &target, keys->bytes, keys->size, NULL);

    *replaces = false;
    if (r == 0)
        return 0;
    target.attributes = info->attributes;
    r = hf_auth2_verify(&a->file->update, &target, keys->bytes, keys->size, err);
    *replaces = r == 0;
    return r;
}

static void note_signer(struct hf_key_change *change, const struct hf_auth2 *update)
{
    char signer[HF_AUTH2_SIGNER_SIZE];
    size_t n = strlen(change->signers);

    hf_auth2_signer(update, signer);
    if (!strstr(change->signers, signer))
        (void)snprintf(change->signers + n, sizeof change->signers - n, "%s%s", n ? ", " : "", signer);
}

static int take_signed(const struct hf_key_request *request, struct hf_key_plan *plan, const struct hf_key_addition *a,
                       struct hf_error *err)
{
    struct hf_key_change *change = &plan->changes[a->variable];
    const uint8_t *time = a->file->update.time;
    struct hf_sig_chain trial = {0};
    bool replaces = false;
    size_t added = 0;
    int r = 0;

    if (hf_key_variable_info(a->variable)->attributes != hf_key_variable_info(HF_KEY_DB)->attributes)
        return hf_error_set(err, HF_EUSAGE, "%s: a signed update is not possible for it",
                            hf_key_variable_info(a->variable)->name);
    if (!request->allow[HF_RULE_SIGNATURE])
        r = verify(plan, a, &replaces, err);
    if (r == 0 && replaces && !request->allow[HF_RULE_OLD_UPDATE] && !hf_key_time_newer(time, change->time)) {
        r = hf_sig_chain_load(change->data.bytes, change->data.size, &trial, err);
        if (r == 0)
            r = hf_sig_chain_merge(&trial, a->file->lists.bytes, a->file->lists.size, &added, err);
        hf_sig_chain_done(&trial);
        if (r == 0 && added)
            r = hf_error_refuse(err, hf_key_rule_names[HF_RULE_OLD_UPDATE],
                                "signed update: it replaces %s and is not newer: firmware would refuse it",
                                hf_key_variable_info(a->variable)->name);
    }
    if (r == 0) {
        note_signer(change, &a->file->update);
        take_time(change, time);
    }
    return r;
}

/* A PK is one certificate; another takes its place. */
static int set_pk(struct hf_key_change *change, const struct hf_sig_chain *lists, struct hf_error *err)
{
    struct hf_siglist walk = hf_siglist_of(lists->bytes, lists->size);
    struct hf_signature s, more;
    struct hf_sig_chain pk = {0};
    int r;

    if (!hf_siglist_next(&walk, &s) || !hf_guid_equal(&s.type, &hf_sig_x509) || hf_siglist_next(&walk, &more))
        return hf_error_set(err, HF_EUSAGE, "PK: give exactly one certificate");
    if (hf_sig_chain_has(change->data.bytes, change->data.size, &s))
        return 0;
    r = hf_sig_chain_add(&pk, &s, err);
    if (r < 0)
        return r;
    change->replaced = change->data.size > 0;
    change->added = 1;
    hf_sig_chain_done(&change->data);
    change->data = pk;
    return 0;
}

static int take(const struct hf_key_request *request, struct hf_key_plan *plan, const struct hf_key_addition *a,
                struct hf_error *err)
{
    struct hf_key_change *change = &plan->changes[a->variable];
    size_t added = 0;
    int r = 0;

    take_time(change, a->time);
    if (a->file->kind == HF_KEY_FILE_SIGNED)
        r = take_signed(request, plan, a, err);
    if (r == 0 && a->variable == HF_KEY_PK)
        r = set_pk(change, &a->file->lists, err);
    else if (r == 0)
        r = hf_sig_chain_merge(&change->data, a->file->lists.bytes, a->file->lists.size, &added, err);
    if (r < 0)
        return hf_error_prefix(err, r, "%s, for %s: ", a->origin, hf_key_variable_info(a->variable)->name);
    change->added += added;
    return 0;
}

/* Wrong attributes are put right with what is added, and only then: a variable that nobody asked about stays. */
static void count_changes(const struct hf_var *vars, size_t count, struct hf_key_plan *plan)
{
    for (size_t v = 0; v < HF_KEY_VARIABLES; v++) {
        struct hf_key_change *change = &plan->changes[v];
        const struct hf_var *old = hf_key_variable_in((enum hf_key_variable)v, vars, count);

        change->changed = change->added > 0;
        if (!change->changed && old)
            memcpy(change->time, old->time, sizeof change->time);
        plan->changed += change->changed;
    }
}

static int make(const struct hf_var *vars, size_t count, const struct hf_key_request *request, struct hf_key_plan *plan,
                struct hf_error *err)
{
    int r = begin(vars, count, plan, err);

    if (r == 0)
        r = hf_key_rules_before(vars, count, request, err);
    /* In this order: what one file adds to KEK vouches for the next one's db. */
    for (size_t v = 0; r == 0 && v < HF_KEY_VARIABLES; v++)
        for (size_t i = 0; r == 0 && i < request->count; i++)
            if (request->additions[i].variable == (enum hf_key_variable)v)
                r = take(request, plan, &request->additions[i], err);
    if (r < 0)
        return r;
    count_changes(vars, count, plan);
    return hf_key_rules_after(vars, count, request, plan, err);
}

int hf_key_plan_make(const struct hf_var *vars, size_t count, const struct hf_key_request *request,
                     struct hf_key_plan *ret, struct hf_error *err)
{
    struct hf_key_plan plan;
    int r;

    memset(&plan, 0, sizeof plan);
    r = make(vars, count, request, &plan, err);
    if (r < 0)
        hf_key_plan_done(&plan);
    else
        *ret = plan;
    return r;
}
