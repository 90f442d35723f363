/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "banks.h"
#include "cleanup.h"
#include "containers.h"
#include "eventlog.h"
#include "images.h"
#include "key_report.h"
#include "outlook.h"
#include "owner_steps.h"
#include "roms.h"
#include "runtime.h"
#include "secure_boot_record.h"
#include "settings.h"
#include "show_mailbox.h"
#include "slots.h"
#include "snapshots.h"
#include "variables.h"
#include "verbs.h"
#include "writeback.h"

static const struct hf_option options[] = {
    {.name = "settings", .help = "only the settings: every key, its value, what it may be"},
    {.name = NULL},
};

static int show_guest(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    char when[HF_TIME_TEXT_MAX];
    struct hf_guest guest;
    int64_t created;
    int r = hf_guest_get(c, &guest, err);

    if (r == 0)
        r = hf_container_created(c, &created, err);
    if (r < 0)
        return r;
    hf_put_guest(inv->report, &guest);
    hf_put_text(inv->report, "path", hf_container_path(c));
    hf_put_text(inv->report, "id", hf_container_id(c));
    hf_put_number(inv->report, "created", created);
    hf_field(inv, "Guest", "%s%s%s", guest.name, guest.name[0] ? "  " : "", guest.uuid);
    hf_field(inv, "Machine", "%s  %s", guest.arch, guest.machine[0] ? guest.machine : "(not named)");
    hf_field(inv, "Container", "%s, made %s", hf_container_id(c), hf_time_text(created, when));
    return 0;
}

static int keep_taken(void *ctx, const struct hf_event *event)
{
    struct hf_event *last = ctx;

    if (!strcmp(event->kind, "taken"))
        *last = *event;
    return 0;
}

/* Another host took the container from the guest that runs here: nothing of it is stored any more. */
static void show_lost(const struct hf_invocation *inv, struct hf_container *c, const struct hf_runner *runner,
                      const struct hf_owner *owner)
{
    char id[HF_ID_TEXT_SIZE], name[HF_HOST_NAME_SIZE], since[HF_TIME_TEXT_MAX];
    struct hf_event taken = {.seq = 0};
    bool lost = hf_host_identity(id, name, NULL) == 0 && owner->since >= runner->since &&
                (strcmp(id, owner->host_id) != 0 || strcmp(name, owner->host_name) != 0);

    hf_put_bool(inv->report, "lost", lost);
    if (!lost)
        return;
    (void)hf_event_list(c, 1, keep_taken, &taken, NULL);
    hf_field(inv, "Lost", "host '%s' has the container since %s: what the guest writes here is not stored; end it",
             owner->host_name, hf_time_text(owner->since, since));
    if (taken.seq)
        hf_field(inv, "Taken", "%s: %s", hf_time_text(taken.last, since), taken.text);
}

static void show_runner(const struct hf_invocation *inv, struct hf_container *c, const struct hf_owner *owner)
{
    char since[HF_TIME_TEXT_MAX];
    struct hf_runner runner;
    bool here = hf_runner_get(hf_container_id(c), &runner, NULL) == 0;
    json_t *o;

    if (!here && hf_runner_elsewhere(c, &runner, NULL) < 0) {
        hf_put(inv->report, "runner", json_null());
        return;
    }
    o = hf_put_object(inv->report, "runner");
    hf_put_number(o, "pid", runner.pid);
    hf_put_number(o, "since", runner.since);
    hf_put_text(o, "host_name", runner.host_name);
    hf_put_bool(o, "here", here);
    if (here)
        hf_field(inv, "Running", "process %lld since %s", (long long)runner.pid, hf_time_text(runner.since, since));
    else
        hf_field(inv, "Running", "on host '%s' since %s, process %lld there", runner.host_name,
                 hf_time_text(runner.since, since), (long long)runner.pid);
    if (here)
        show_lost(inv, c, &runner, owner);
}

static int show_owner(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    char since[HF_TIME_TEXT_MAX];
    struct hf_owner owner;
    json_t *o;
    int r = hf_owner_standing(c, &owner, err);

    if (r < 0)
        return r;
    o = hf_put_object(inv->report, "owner");
    hf_put_text(o, "state", hf_owner_state_text(owner.state));
    hf_put_text(o, "host_name", owner.host_name);
    hf_put_number(o, "epoch", (int64_t)owner.epoch);
    hf_field(inv, "Owner", "%s by %s, epoch %llu, since %s", hf_owner_state_text(owner.state), owner.host_name,
             (unsigned long long)owner.epoch, hf_time_text(owner.since, since));
    if (owner.state == HF_OWNER_GRANTED)
        hf_field(inv, "Hand-over",
                 "granted %s, and whether it was taken is not known here: 'holdfast migrate' to there asks, "
                 "and goes on; when that host is gone for good: 'holdfast owner --take'",
                 owner.reason);
    show_runner(inv, c, &owner);
    return 0;
}

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

static int show_slots(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
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
static int show_outlook(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
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

static int show_variables(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    char size_text[HF_SIZE_TEXT_MAX], text[HF_DIGEST_SHORT_SIZE];
    struct hf_digest digest;
    uint64_t size;
    json_t *vars;
    int r = hf_bank_size(c, HF_BANK_VARS, &size, err);

    if (r == -HF_ENOTFOUND) {
        hf_put(inv->report, "vars", json_null());
        hf_field(inv, "Variables", "none");
        return 0;
    }
    if (r == 0)
        r = hf_bank_digest(c, HF_BANK_VARS, &digest, err);
    if (r < 0)
        return r;
    vars = hf_put_object(inv->report, "vars");
    hf_put_number(vars, "size", (int64_t)size);
    hf_put_digest(vars, "sha256", &digest);
    hf_field(inv, "Variables", "%s  %s", hf_size_text(size, size_text), hf_digest_short(&digest, text));
    return 0;
}

/* Whether the Secure Boot keys need something; nothing for a guest without variables. */
static int show_keys(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    struct hf_key_state state;
    struct hf_variables v;
    int r = hf_variables_of_bank(c, &v, err);

    if (r < 0)
        return r;
    if (v.readable)
        r = hf_key_state_read(v.store.vars, v.store.count, &state, err);
    else
        hf_key_state_unreadable(v.why.text, &state);
    if (r == 0 && v.bytes)
        hf_key_line(inv, &state);
    if (r == 0)
        hf_key_state_done(&state);
    hf_variables_done(&v);
    return r;
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

static int show_secure_boot(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
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

static int show_snapshots(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    json_t *rows = hf_put_array(inv->report, "snapshots");
    struct hf_snapshot list[HF_SNAPSHOTS_MAX];
    char when[HF_TIME_TEXT_MAX];
    size_t count;
    int r = hf_snapshot_list(c, list, &count, err);

    for (size_t i = 0; r == 0 && i < count; i++) {
        json_t *row = hf_append_object(rows);

        hf_put_number(row, "id", list[i].id);
        hf_put_number(row, "taken", list[i].taken);
        hf_put_text(row, "reason", list[i].reason);
        hf_put_bool(row, "pinned", list[i].pinned);
        hf_field(inv, i ? "" : "Snapshots", "%lld  %s  %s%s", (long long)list[i].id, hf_time_text(list[i].taken, when),
                 list[i].reason, list[i].pinned ? " (a slot needs it)" : "");
    }
    return r;
}

static int show_roms(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
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

static int show_usage(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    char used[HF_SIZE_TEXT_MAX], limit[HF_SIZE_TEXT_MAX];
    uint64_t bytes, free_bytes;
    struct hf_digest head;
    int64_t seq;
    int r = hf_container_usage(c, &bytes, &free_bytes, err);

    if (r == 0)
        r = hf_event_head(c, &seq, &head, err);
    if (r < 0)
        return r;
    hf_put_number(inv->report, "bytes", (int64_t)bytes);
    hf_put_number(inv->report, "free_bytes", (int64_t)free_bytes);
    hf_put_number(inv->report, "log_entries", seq);
    hf_field(inv, "Size", "%s of at most %s, %lld log entries", hf_size_text(bytes, used),
             hf_size_text(HF_CONTAINER_MAX, limit), (long long)seq);
    return 0;
}

/* Flash writes that the guest made and the container does not hold. Some always wait for some milliseconds while a
 * guest runs; they are news only when they cannot be stored. */
static int show_writes(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    char since[HF_TIME_TEXT_MAX], size[HF_SIZE_TEXT_MAX];
    struct hf_queue_state q;
    json_t *o;

    (void)err;
    if (hf_writeback_look(c, &q, NULL) < 0 || q.theirs || !q.behind_since || !q.bytes) {
        hf_put(inv->report, "behind", json_null());
        return 0;
    }
    o = hf_put_object(inv->report, "behind");
    hf_put_number(o, "since", q.behind_since);
    hf_put_number(o, "bytes", (int64_t)q.bytes);
    hf_field(inv, "Writes", "behind since %s: %s of flash writes could not be stored yet",
             hf_time_text(q.behind_since, since), hf_size_text(q.bytes, size));
    return 0;
}

static void setting_limits(const struct hf_setting *s, char *text, size_t size)
{
    if (s->type == HF_SETTING_CHOICE)
        snprintf(text, size, "%s", s->choices);
    else if (s->type == HF_SETTING_NUMBER)
        snprintf(text, size, "%lld to %lld", (long long)s->min, (long long)s->max);
    else if (s->type == HF_SETTING_BITS || s->type == HF_SETTING_DIGESTS)
        snprintf(text, size, "%s", s->type == HF_SETTING_BITS ? "DOMAIN.BIT,..." : "SHA256,...");
    else
        snprintf(text, size, "text");
}

/* On the one screen only what somebody set; all of them with --settings. */
static int show_settings(const struct hf_invocation *inv, struct hf_container *c, bool all, struct hf_error *err)
{
    static const char *const headings[] = {"key", "value", "may be", "meaning", NULL};
    hf_auto(hf_table_cleanup) struct hf_table *table = hf_table_new(headings);
    json_t *settings = hf_put_object(inv->report, "settings");

    for (const struct hf_setting *s = hf_settings(); s->key; s++) {
        char value[HF_SETTING_VALUE_SIZE], limits[128];
        int r = hf_setting_get(c, s->key, value, err);

        if (r < 0)
            return r;
        hf_put_text(settings, s->key, value);
        setting_limits(s, limits, sizeof limits);
        hf_table_cell(table, "%s", s->key);
        hf_table_cell(table, "%s", value);
        hf_table_cell(table, "%s", limits);
        hf_table_cell(table, "%s", s->help);
        if (!all && strcmp(value, s->initial))
            hf_field(inv, "Setting", "%s=%s", s->key, value);
    }
    if (all)
        hf_table_print(inv, table);
    return 0;
}

static int show_all(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    static int (*const parts[])(const struct hf_invocation *, struct hf_container *, struct hf_error *) = {
        show_guest, show_slots,     show_outlook,    show_variables, show_secure_boot, show_keys,
        show_roms,  show_snapshots, hf_show_mailbox, show_owner,     show_writes,      show_usage};

    for (size_t i = 0; i < HF_ARRAY_SIZE(parts); i++) {
        int r = parts[i](inv, c, err);

        if (r < 0)
            return r;
    }
    return show_settings(inv, c, false, err);
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    struct hf_container *c;
    int r = hf_open_operand(inv, HF_OPEN_LOOK, &c, err);

    if (r < 0)
        return r;
    r = hf_begin(c, err); /* all of it from one moment */
    if (r == 0)
        r = hf_given(inv, "settings") ? show_settings(inv, c, true, err) : show_all(inv, c, err);
    hf_abort(c);
    return hf_close_after(c, r, err);
}

const struct hf_verb hf_verb_show = {
    .name = "show",
    .group = HF_GROUP_GUEST,
    .flags = HF_VERB_REPORTS,
    .help = "Show a guest's firmware, variables, owner and settings",
    .synopsis = "G.hold [--settings]",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .run = run,
};
