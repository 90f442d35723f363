/* SPDX-License-Identifier: BSD-2-Clause */
#include "show_parts.h"

#include "cleanup.h"
#include "outlook.h"
#include "roms.h"
#include "secure_boot_record.h"
#include "slots.h"

static void show_slot(const struct hf_invocation *inv, json_t *slots, enum hf_slot slot,
                      const struct hf_slot_info *info)
{
    static const char *const labels[] = {
        [HF_SLOT_ACTIVE] = "Firmware", [HF_SLOT_STAGED] = "Staged", [HF_SLOT_FALLBACK] = "Fallback"};
    char digest[HF_DIGEST_SHORT_SIZE], since[HF_TIME_TEXT_MAX];
    json_t *row = hf_put_object(slots, hf_slot_text(slot));

    hf_put_digest(row, "sha256", &info->code);
    hf_put_text(row, "label", info->label);
    hf_put_text(row, "origin", info->origin);
    hf_put_number(row, "since", info->since);
    hf_put_number(row, "snapshot", info->snapshot);
    hf_field(inv, labels[slot], "%s  %s, since %s", info->label, hf_digest_short(&info->code, digest),
             hf_time_text(info->since, since));
}

int hf_show_slots(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    static const enum hf_slot order[] = {HF_SLOT_ACTIVE, HF_SLOT_STAGED, HF_SLOT_FALLBACK};
    json_t *slots = hf_put_object(inv->report, "slots");
    struct hf_life_record life;
    int r = hf_life_load(c, &life, err);

    if (r < 0)
        return r;
    for (size_t i = 0; i < HF_ARRAY_SIZE(order); i++) {
        bool former = life.life == HF_LIFE_APPLIED && order[i] == HF_SLOT_STAGED; /* applied.h: nothing is staged */
        struct hf_slot_info info;

        r = hf_slot_get(c, order[i], &info, err);
        if (r < 0 && r != -HF_ENOTFOUND)
            return r;
        if (r == 0 && !former)
            show_slot(inv, slots, order[i], &info);
        else
            hf_put(slots, hf_slot_text(order[i]), json_null());
    }
    return 0;
}

static void put_boots(json_t *life, const struct hf_trial *t)
{
    json_t *boots = hf_put_object(life, "boots");

    hf_put_number(boots, "limit", t->limit);
    hf_put_number(boots, "started", t->started);
    hf_put_number(boots, "failed", t->failed);
    hf_put_number(boots, "cut", t->cut);
}

/* What waits and what happens next, in sentences; the facts are in the JSON. */
int hf_show_outlook(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    struct hf_outlook o;
    json_t *life;
    int r = hf_outlook_get(c, &o, err);

    if (r < 0)
        return r;
    const struct {
        const char *key, *label, *words;
    } lines[] = {
        {"waits", "Waits", o.waits},
        {"trial", "Trial", o.trial},
        {"suspended", "Suspended", o.suspended},
        {"next_reset", "Next reset", o.reset},
        {"next_power_on", "Next power-on", o.power_on},
        {"next_migration", "Migration", o.migration},
    };
    life = hf_put_object(inv->report, "lifecycle");
    hf_put_text(life, "state", hf_life_name(o.record.life));
    hf_put_text(life, "policy", hf_policy_name(o.choices.policy));
    hf_put_bool(life, "tpm", o.record.tpm);
    hf_put_bool(life, "watched", !o.record.unwatched);
    put_boots(life, &o.record.trial);
    if (o.record.tpm)
        hf_field(inv, "TPM", "yes: other firmware or Secure Boot keys change what it measures, and need --tpm-aware");
    for (size_t i = 0; i < HF_ARRAY_SIZE(lines); i++) {
        hf_put_text(life, lines[i].key, lines[i].words[0] ? lines[i].words : NULL);
        if (lines[i].words[0])
            hf_field(inv, lines[i].label, "%s", lines[i].words);
    }
    return 0;
}

/* Why it is not on, or what it rests on. */
static const char *secure_boot_remark(const struct hf_secure_boot_report *sb)
{
    switch (sb->mode) {
    case HF_SECURE_BOOT_NONE:
        return ": this firmware has no Secure Boot";
    case HF_SECURE_BOOT_SETUP:
        return ": no platform key is enrolled, nothing is enforced";
    case HF_SECURE_BOOT_OFF:
        return ": switched off in the firmware's menu";
    case HF_SECURE_BOOT_ON:
        return sb->keys_protected == HF_YES ? ", keys protected by SMM" : ", keys not protected by SMM";
    default:
        return ": the firmware or the variables cannot be read";
    }
}

int hf_show_secure_boot(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    struct hf_secure_boot_report sb;
    char since[HF_TIME_TEXT_MAX];
    json_t *o;
    int r = hf_secure_boot_look(c, &sb, err);

    if (r < 0)
        return r;
    o = hf_put_object(inv->report, "secure_boot");
    hf_put_text(o, "mode", hf_secure_boot_mode_name(sb.mode));
    hf_put_text(o, "firmware", hf_answer_name(sb.image));
    hf_put_text(o, "keys_protected", hf_answer_name(sb.keys_protected));
    hf_put(o, "since", sb.since ? json_integer(sb.since) : json_null());
    hf_put_bool(o, "changed_later", sb.changed);
    hf_field(inv, "Secure Boot", "%s%s%s%s", hf_secure_boot_mode_name(sb.mode), secure_boot_remark(&sb),
             !sb.since    ? ""
             : sb.changed ? "; changed after "
                          : "; since ",
             sb.since ? hf_time_text(sb.since, since) : "");
    return 0;
}

int hf_show_roms(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    json_t *rows = hf_put_array(inv->report, "roms");
    struct hf_rom list[HF_ROMS_MAX];
    char text[HF_DIGEST_SHORT_SIZE];
    size_t count;
    int r = hf_rom_list(c, HF_SLOT_ACTIVE, list, &count, err);

    for (size_t i = 0; r == 0 && i < count; i++) {
        json_t *row = hf_append_object(rows);

        hf_put_text(row, "name", list[i].name);
        hf_put_digest(row, "sha256", &list[i].image);
        hf_field(inv, i ? "" : "ROMs", "%s  %s", list[i].name, hf_digest_short(&list[i].image, text));
    }
    return r;
}
