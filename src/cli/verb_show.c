/* SPDX-License-Identifier: BSD-2-Clause */
#include "cleanup.h"
#include "containers.h"
#include "eventlog.h"
#include "show_parts.h"
#include "verbs.h"

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

int hf_show_all(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    static hf_show_part *const parts[] = {show_guest,          hf_show_slots, hf_show_outlook, hf_show_variables,
                                          hf_show_secure_boot, hf_show_keys,  hf_show_roms,    hf_show_snapshots,
                                          hf_show_mailbox,     hf_show_owner, hf_show_writes,  show_usage};

    for (size_t i = 0; i < HF_ARRAY_SIZE(parts); i++) {
        int r = parts[i](inv, c, err);

        if (r < 0)
            return r;
    }
    return hf_show_settings(inv, c, false, err);
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    struct hf_container *c;
    int r = hf_open_operand(inv, HF_OPEN_LOOK, &c, err);

    if (r < 0)
        return r;
    r = hf_begin(c, err); /* all of it from one moment */
    if (r == 0)
        r = hf_given(inv, "settings") ? hf_show_settings(inv, c, true, err) : hf_show_all(inv, c, err);
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
