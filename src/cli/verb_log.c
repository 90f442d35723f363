/* SPDX-License-Identifier: BSD-2-Clause */
#include "cleanup.h"
#include "containers.h"
#include "eventlog.h"
#include "verbs.h"

static const struct hf_option options[] = {
    {.name = "head", .help = "only the newest entry's number and hash, to keep elsewhere as a proof"},
    {.name = "from", .arg = "N", .help = "start with entry N"},
    {.name = NULL},
};

struct printing {
    const struct hf_invocation *inv;
    json_t *events;
};

static int print_event(void *ctx, const struct hf_event *event)
{
    struct printing *p = ctx;
    char first[HF_TIME_TEXT_MAX], last[HF_TIME_TEXT_MAX];
    json_t *row = hf_append_object(p->events);

    hf_put_number(row, "seq", event->seq);
    hf_put_number(row, "first", event->first);
    hf_put_number(row, "last", event->last);
    hf_put_number(row, "count", event->count);
    hf_put_text(row, "kind", event->kind);
    hf_put_text(row, "text", event->text);
    hf_put_digest(row, "hash", &event->hash);
    if (event->count == 1)
        hf_say(p->inv, "%5lld  %s  %-10s %s", (long long)event->seq, hf_time_text(event->first, first), event->kind,
               event->text);
    else
        hf_say(p->inv, "%5lld  %s  %-10s %s (%lld times, the last at %s)", (long long)event->seq,
               hf_time_text(event->first, first), event->kind, event->text, (long long)event->count,
               hf_time_text(event->last, last));
    return 0;
}

static int print_head(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    char text[HF_DIGEST_TEXT_SIZE];
    struct hf_digest hash;
    int64_t seq;
    int r = hf_event_head(c, &seq, &hash, err);

    if (r < 0)
        return r;
    hf_put_number(inv->report, "seq", seq);
    hf_put_digest(inv->report, "hash", &hash);
    hf_say(inv, "%lld %s", (long long)seq, hf_digest_text(&hash, text));
    return 0;
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    struct printing printing = {.inv = inv};
    struct hf_container *c;
    uint64_t from;
    int r = hf_number(inv, "from", 1, INT64_MAX, 1, &from, err);

    if (r == 0 && hf_given(inv, "head") && hf_given(inv, "from"))
        r = hf_error_set(err, HF_EUSAGE, "--head cannot be combined with --from: it shows only the newest entry");
    if (r == 0)
        r = hf_open_operand(inv, HF_OPEN_LOOK, &c, err);
    if (r < 0)
        return r;
    if (hf_given(inv, "head"))
        r = print_head(inv, c, err);
    else {
        printing.events = hf_put_array(inv->report, "events");
        r = hf_event_list(c, (int64_t)from, print_event, &printing, err);
    }
    return hf_close_after(c, r, err);
}

const struct hf_verb hf_verb_log = {
    .name = "log",
    .group = HF_GROUP_GUEST,
    .flags = HF_VERB_REPORTS,
    .help = "Show the history of a guest's firmware",
    .synopsis = "G.hold [--head | --from N]",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .run = run,
};
