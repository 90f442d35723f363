/* SPDX-License-Identifier: BSD-2-Clause */
#include "rollback.h"

#include <stdio.h>
#include <string.h>

#include <holdfast/siglist.h>
#include <holdfast/var_decode.h>

#include "cleanup.h"
#include "containers.h"
#include "sig_chain.h"
#include "variables.h"
#include "verbs.h"

static const struct hf_option options[] = {
    {.name = "variables",
     .arg = "WHICH",
     .help = "fallback: those it was replaced with; current: those the guest has now",
     .words = "fallback current"},
    {.name = "old-dbx", .help = "allow a dbx that forbids less than the present one"},
    {.name = "tpm-aware", .help = "go back although the guest's TPM will measure something else"},
    {.name = "no-secure-boot", .help = "go back although Secure Boot, or the protection of its keys, ends with it"},
    {.name = "now", .help = "reset a guest that runs under 'holdfast run' instead of waiting for its own reset"},
    {.name = NULL},
};

/* In the order in which they are told. */
enum weight { SECURE_BOOT, OTHER, REWRITTEN, WEIGHTS };

struct listing {
    struct hf_table *table;
    json_t *rows;
    enum weight weight; /* those of this one now */
    size_t secure_boot;
};

/* Firmware makes these anew at its next boot. */
static bool is_rewritten(const char *name)
{
    static const char *const names[] = {"ConIn",       "ConInDev",     "ConOut",
                                        "ConOutDev",   "ErrOut",       "ErrOutDev",
                                        "MTC",         "LastEnumLang", "MemoryTypeInformation",
                                        "BootCurrent", "VarErrorFlag"};

    for (size_t i = 0; i < HF_ARRAY_SIZE(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* The signatures of the present variable that the other lacks; all of it where it holds none. */
static void describe_lost(const struct hf_var_difference *d, char *text, size_t size)
{
    struct hf_siglist walk;
    struct hf_signature s;
    size_t at = 0;

    (void)hf_var_describe(d->now ? d->now : d->then, text, size);
    if (!d->now || !hf_var_holds_signatures(d->now))
        return;
    text[0] = '\0';
    walk = hf_siglist_of(d->now->data, d->now->data_size);
    while (hf_siglist_next(&walk, &s) && at + 1 < size) {
        char name[128] = "a digest";
        int n;

        if (d->then && hf_sig_chain_has(d->then->data, d->then->data_size, &s))
            continue;
        (void)hf_certificate_name(s.data, s.size, name, sizeof name);
        n = snprintf(text + at, size - at, "%s%s", at ? ", " : "", name);
        at += n > 0 ? (size_t)n : 0;
    }
}

static void list_one(void *ctx, const struct hf_var_difference *d)
{
    static const char *const changes[] = {
        [HF_VAR_CHANGED] = "changed", [HF_VAR_ONLY_NOW] = "new since", [HF_VAR_ONLY_THEN] = "gone since"};
    static const char *const words[] = {
        [HF_VAR_CHANGED] = "changed", [HF_VAR_ONLY_NOW] = "new", [HF_VAR_ONLY_THEN] = "gone"};
    enum weight weight = d->secure_boot ? SECURE_BOOT : is_rewritten(d->name) ? REWRITTEN : OTHER;
    char guid[HF_GUID_TEXT_SIZE], lost[256];
    struct listing *l = ctx;
    json_t *row;

    if (weight != l->weight)
        return;
    hf_guid_format(d->now ? &d->now->guid : &d->then->guid, guid);
    describe_lost(d, lost, sizeof lost);
    row = hf_append_object(l->rows);
    hf_put_text(row, "name", d->name);
    hf_put_text(row, "guid", guid);
    hf_put_text(row, "change", words[d->change]);
    hf_put_bool(row, "secure_boot", d->secure_boot);
    hf_put_bool(row, "rewritten_by_firmware", weight == REWRITTEN);
    hf_put_text(row, d->now ? "lost" : "comes_back", lost);
    hf_table_cell(l->table, "%s", d->name);
    hf_table_cell(l->table, "%s", changes[d->change]);
    hf_table_cell(l->table, "%s%s", d->now && lost[0] ? "lost: " : "", lost);
    hf_table_cell(l->table, "%s",
                  weight == SECURE_BOOT ? "Secure Boot"
                  : weight == REWRITTEN ? "firmware rewrites it"
                                        : "");
    l->secure_boot += d->secure_boot;
}

/* What the operator must know before choosing. */
static int list_differences(const struct hf_invocation *inv, struct hf_container *c, int64_t snapshot,
                            struct hf_error *err)
{
    static const char *const headings[] = {"variable", "change", "what", "", NULL};
    struct listing l = {.rows = hf_put_array(inv->report, "variables")};
    struct hf_variables now, then;
    int r = snapshot ? hf_variables_of_bank(c, &now, err) : 0;

    if (r < 0 || !snapshot)
        return r;
    r = hf_variables_of_snapshot(c, snapshot, &then, err);
    if (r == 0) {
        l.table = hf_table_new(headings);
        for (int weight = SECURE_BOOT; weight < WEIGHTS; weight++) {
            l.weight = (enum weight)weight;
            hf_variables_compare(&now, &then, list_one, &l);
        }
        hf_table_print(inv, l.table);
        hf_table_free(l.table);
        hf_variables_done(&then);
    }
    hf_variables_done(&now);
    if (l.secure_boot)
        hf_say(inv, "%zu of them decide%s what may boot (Secure Boot)", l.secure_boot, l.secure_boot == 1 ? "s" : "");
    return r;
}

static int read_request(const struct hf_invocation *inv, struct hf_rollback_request *request, struct hf_error *err)
{
    static const char *const words[] = {"fallback", "current", NULL};
    int which;
    int r = hf_choice(inv, "variables", words, HF_VARIABLES_FALLBACK, &which, err);

    if (r < 0)
        return r;
    *request = (struct hf_rollback_request){
        .chosen = hf_given(inv, "variables"),
        .wish = {.variables = (enum hf_rollback_variables)which,
                 .old_dbx = hf_given(inv, "old-dbx"),
                 .now = hf_given(inv, "now")},
        .tpm_aware = hf_given(inv, "tpm-aware"),
        .no_secure_boot = hf_given(inv, "no-secure-boot"),
        .dry_run = inv->dry_run,
        .now = hf_now(),
    };
    return 0;
}

static void report(const struct hf_invocation *inv, const struct hf_rollback_report *done,
                   const struct hf_rollback_wish *wish, bool watched)
{
    bool current = wish->variables == HF_VARIABLES_CURRENT;

    hf_put_text(inv->report, "from", done->active.label);
    hf_put_digest(inv->report, "from_sha256", &done->active.code);
    hf_put_text(inv->report, "to", done->fallback.label);
    hf_put_digest(inv->report, "to_sha256", &done->fallback.code);
    hf_put_bool(inv->report, "variables_differ", done->variables_differ);
    current = current || done->kept[0];
    hf_put_text(inv->report, "keeps", current ? "current" : "fallback");
    hf_put_text(inv->report, "carried", done->carried[0] ? done->carried : NULL);
    hf_put_text(inv->report, "kept_because", done->kept[0] ? done->kept : NULL);
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    hf_say(inv, "%s '%s' in place of '%s' at the guest's next %s, with the variables %s",
           inv->dry_run ? "would bring back" : "brings back", done->fallback.label, done->active.label,
           watched ? "power-on or reset" : "power-on", current ? "that the guest has now" : "that belong to it");
    if (done->carried[0] && !current)
        hf_field(inv, "Kept", "what was added since to %s", done->carried);
    if (done->kept[0])
        hf_field(inv, "Note", "the present variables stay: %s", done->kept);
}

static int roll_back(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    struct hf_rollback_request request;
    struct hf_life_record life = {.unwatched = false};
    struct hf_rollback_report done;
    int r = read_request(inv, &request, err);

    if (r == 0)
        r = hf_rollback_look(c, &done, err);
    if (r == 0 && done.variables_differ)
        r = list_differences(inv, c, done.fallback.snapshot, err);
    if (r == 0)
        r = hf_life_load(c, &life, err);
    if (r == 0)
        r = hf_rollback(c, &request, &done, err);
    if (r == 0)
        report(inv, &done, &request.wish, !life.unwatched);
    return r;
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    struct hf_container *c;
    int r = hf_open_operand(inv, HF_OPEN_EDIT, &c, err);

    return r < 0 ? r : hf_close_noticed(inv, c, roll_back(inv, c, err), err);
}

const struct hf_verb hf_verb_rollback = {
    .name = "rollback",
    .group = HF_GROUP_UPGRADE,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES | HF_VERB_EACH,
    .help = "Restore the firmware and variables from before the last upgrade",
    .synopsis =
        "G.hold|--all|--match GLOB [--variables fallback|current] [--old-dbx] [--tpm-aware] [--no-secure-boot] [--now]",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .run = run,
};
