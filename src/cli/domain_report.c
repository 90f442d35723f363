/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain_report.h"

#include "containers.h"
#include "key_report.h"

static void put_slot(json_t *object, const char *key, bool there, const struct hf_slot_info *info)
{
    json_t *slot;

    if (!there) {
        hf_put(object, key, json_null());
        return;
    }
    slot = hf_put_object(object, key);
    hf_put_text(slot, "label", info->label);
    hf_put_digest(slot, "sha256", &info->code);
}

static void put_keys(json_t *object, const struct hf_guest_summary *guest)
{
    json_t *keys;

    if (!guest->has_vars) {
        hf_put(object, "keys", json_null());
        return;
    }
    keys = hf_put_object(object, "keys");
    hf_put_key_words(keys, guest->key_mode, guest->keys, guest->key_words);
}

static void put_behind(json_t *object, const struct hf_guest_summary *guest)
{
    json_t *behind;

    if (!guest->behind) {
        hf_put(object, "behind", json_null());
        return;
    }
    behind = hf_put_object(object, "behind");
    hf_put_number(behind, "since", guest->behind_since);
    hf_put_number(behind, "bytes", (int64_t)guest->behind_bytes);
}

static void put_paused(json_t *object, const struct hf_inventory_row *row)
{
    json_t *paused;

    if (row->paused_by == HF_PAUSED_BY_NONE) {
        hf_put(object, "paused", json_null());
        return;
    }
    paused = hf_put_object(object, "paused");
    hf_put_bool(paused, "by_holdfast", row->paused_by == HF_PAUSED_BY_HOLDFAST);
    hf_put_text(paused, "why", row->paused);
}

static void put_guest(json_t *object, const struct hf_guest_summary *guest)
{
    const struct hf_outlook *o = &guest->outlook;

    put_slot(object, "firmware", true, &o->active);
    put_slot(object, "staged", o->has_staged, &o->staged);
    hf_put_text(object, "lifecycle", hf_life_name(o->record.life));
    hf_put_text(object, "trial", o->trial[0] ? o->trial : NULL);
    put_keys(object, guest);
    put_behind(object, guest);
}

void hf_put_domain(json_t *object, const struct hf_inventory_row *row)
{
    hf_put_text(object, "name", row->name);
    hf_put_text(object, "uuid", row->uuid[0] ? row->uuid : NULL);
    hf_put_text(object, "standing", hf_standing_text(row->standing));
    hf_put_text(object, "state", row->state);
    hf_put_text(object, "container", row->container[0] ? row->container : NULL);
    put_paused(object, row);
    hf_put_text(object, "problem", row->problem[0] ? row->problem : NULL);
    if (row->readable)
        put_guest(object, &row->guest);
}
