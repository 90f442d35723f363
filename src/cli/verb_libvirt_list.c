/* SPDX-License-Identifier: BSD-2-Clause */
/* libvirt list: every adopted domain of this host, and the containers whose domain is gone. */
#include <string.h>

#include "cleanup.h"
#include "containers.h"
#include "domain_report.h"
#include "verbs.h"

static const struct hf_option options[] = {
    {.name = "names", .help = "only the names of the adopted domains, one a line"},
    {.name = "connect", .arg = "URI", .help = "libvirt's URI (otherwise qemu:///system)"},
    {.name = NULL},
};

static const char *or_dash(const char *text)
{
    return text && text[0] ? text : "-";
}

static const char *trial_text(const struct hf_outlook *o)
{
    return o->record.life == HF_LIFE_STEADY || o->record.life == HF_LIFE_STAGED ? "-" : hf_life_name(o->record.life);
}

static void print_cells(struct hf_table *t, const struct hf_inventory_row *row)
{
    const struct hf_outlook *o = &row->guest.outlook;
    bool known = row->readable;

    hf_table_cell(t, "%s", row->name);
    hf_table_cell(t, "%s", row->state ? row->state : "undefined");
    hf_table_cell(t, "%s", known ? o->active.label : "?");
    hf_table_cell(t, "%s", !known ? "?" : o->has_staged ? o->staged.label : "-");
    hf_table_cell(t, "%s", known ? trial_text(o) : "?");
    hf_table_cell(t, "%s", !known ? "?" : row->guest.has_vars ? hf_key_verdict_text(row->guest.keys) : "-");
    hf_table_cell(t, "%s", or_dash(row->container));
}

/* What the columns have no room for. */
static void print_remarks(const struct hf_invocation *inv, const struct hf_inventory_row *row)
{
    char since[HF_TIME_TEXT_MAX], size[HF_SIZE_TEXT_MAX];

    if (row->paused_by != HF_PAUSED_BY_NONE)
        hf_say(inv, "%s: paused %s", row->name, row->paused);
    if (row->readable && row->guest.behind)
        hf_say(inv, "%s: behind since %s: %s of flash writes could not be stored yet", row->name,
               hf_time_text(row->guest.behind_since, since), hf_size_text(row->guest.behind_bytes, size));
    if (row->problem[0])
        hf_say(inv, "%s: %s", row->name, row->problem);
}

static void report(const struct hf_invocation *inv, const struct hf_inventory *list)
{
    static const char *const headings[] = {"DOMAIN", "STATE", "FIRMWARE", "STAGED", "TRIAL", "KEYS", "CONTAINER", NULL};
    json_t *domains = hf_put_array(inv->report, "domains"), *orphans = hf_put_array(inv->report, "orphans");
    hf_auto(hf_table_cleanup) struct hf_table *table = hf_table_new(headings);

    for (size_t i = 0; i < list->count; i++) {
        const struct hf_inventory_row *row = &list->rows[i];

        hf_put_domain(hf_append_object(hf_standing_is_orphan(row->standing) ? orphans : domains), row);
        print_cells(table, row);
    }
    hf_table_print(inv, table);
    for (size_t i = 0; i < list->count; i++)
        print_remarks(inv, &list->rows[i]);
    if (!list->count)
        hf_say(inv, "no domain of this host is adopted");
}

static void report_names(const struct hf_invocation *inv, const struct hf_inventory *list)
{
    json_t *names = hf_put_array(inv->report, "names");

    for (size_t i = 0; i < list->count; i++) {
        hf_append_text(names, list->rows[i].name);
        hf_say(inv, "%s", list->rows[i].name);
    }
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(hf_inventory_done) struct hf_inventory list = {.rows = NULL};
    bool names = hf_given(inv, "names");
    int r = hf_inventory_read(hf_value(inv, "connect"),
                              names ? HF_INVENTORY_NAMES : HF_INVENTORY_GUESTS | HF_INVENTORY_ORPHANS, hf_now(), &list,
                              err);

    if (r < 0)
        return r;
    if (names)
        report_names(inv, &list);
    else
        report(inv, &list);
    return 0;
}

const struct hf_verb hf_verb_libvirt_list = {
    .name = "libvirt list",
    .group = HF_GROUP_RUN,
    .flags = HF_VERB_REPORTS,
    .help = "List the adopted domains of this host, and containers whose domain is gone",
    .synopsis = "[--names]",
    .options = options,
    .run = run,
};
