/* SPDX-License-Identifier: BSD-2-Clause */
/* keys update: certificates and revocations for one guest, merged into what it has. */
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "containers.h"
#include "key_additions.h"
#include "key_report.h"
#include "owner.h"
#include "staged_keys.h"
#include "tpm.h"
#include "var_write.h"
#include "verbs.h"

static int read_rules(const struct hf_invocation *inv, struct hf_key_request *request, struct hf_error *err)
{
    const char *word;

    if (hf_given(inv, "unsigned"))
        request->allow[HF_RULE_SIGNATURE] = request->allow[HF_RULE_OLD_UPDATE] = true;
    for (size_t n = 0; (word = hf_value_at(inv, "allow", n)) != NULL; n++) {
        size_t rule = 0;

        while (rule < HF_KEY_RULES && strcmp(word, hf_key_rule_names[rule]) != 0)
            rule++;
        if (rule == HF_KEY_RULES)
            return hf_error_set(err, HF_EUSAGE, "--allow '%s': unknown; use one of " HF_KEY_RULE_WORDS, word);
        request->allow[rule] = true;
    }
    return 0;
}

/* What is in the new contents and was not in the old ones. */
static void report_added(const struct hf_invocation *inv, json_t *o, const struct hf_key_change *change,
                         const struct hf_var *old)
{
    struct hf_siglist walk = hf_siglist_of(change->data.bytes, change->data.size);
    json_t *array = hf_put_array(o, "certificates");
    size_t digests = 0;
    struct hf_signature s;

    while (hf_siglist_next(&walk, &s)) {
        struct hf_certificate c;

        if (old && hf_sig_chain_has(old->data, old->data_size, &s))
            continue;
        if (!hf_guid_equal(&s.type, &hf_sig_x509) || hf_certificate_read(s.data, s.size, &c, NULL) < 0) {
            digests++;
            continue;
        }
        hf_append_text(array, c.subject);
        hf_say(inv, "  %s", c.subject);
    }
    hf_put_number(o, "digests", (int64_t)digests);
    if (digests)
        hf_say(inv, "  %zu digest%s", digests, digests == 1 ? "" : "s");
}

static void report_change(const struct hf_invocation *inv, json_t *changes, enum hf_key_variable v,
                          const struct hf_key_change *change, const struct hf_var *old)
{
    const char *name = hf_key_variable_info(v)->name;
    json_t *o;

    if (!change->changed)
        return;
    o = hf_append_object(changes);
    hf_put_text(o, "variable", name);
    hf_put_number(o, "added", (int64_t)change->added);
    hf_put_number(o, "bytes_before", (int64_t)change->in_size);
    hf_put_number(o, "bytes", (int64_t)change->data.size);
    hf_put_bool(o, "replaced", change->replaced);
    hf_put_text(o, "signed_by", change->signers[0] ? change->signers : NULL);
    hf_say(inv, "%s: %s%s%s%s", name, change->replaced ? "replaced by" : "added",
           change->signers[0] ? " (signed by " : "", change->signers, change->signers[0] ? ")" : "");
    report_added(inv, o, change, old);
}

static int apply(struct hf_var_source *source, const struct hf_key_plan *plan, struct hf_error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < HF_KEY_VARIABLES; i++) {
        enum hf_key_variable v = (enum hf_key_variable)i;
        struct hf_var var;
        size_t count;
        const struct hf_var *vars = hf_var_source_vars(source, &count);

        if (!plan->changes[v].changed)
            continue;
        var = hf_key_change_var(&plan->changes[v], v, hf_key_variable_in(v, vars, count));
        r = hf_var_source_set(source, &var, HF_EDIT_AUTHENTICATED | HF_EDIT_RAW, err);
        if (r < 0)
            r = hf_error_prefix(err, r, "%s: ", hf_key_variable_info(v)->name);
    }
    return r;
}

/* How a change gets into a container. */
struct place {
    bool stage; /* at the next boot: the guest runs, or it was asked for */
    bool tpm;   /* the guest has one */
};

static int find_place(const struct hf_invocation *inv, const char *path, struct place *ret, struct hf_error *err)
{
    hf_auto(hf_container_done) struct hf_container *c = NULL;
    struct hf_life_record record;
    struct hf_runner runner;
    int r = hf_container_open(path, HF_OPEN_LOOK, hf_now(), &c, err);

    if (r == 0)
        r = hf_begin(c, err);
    if (r == 0)
        r = hf_life_load(c, &record, err);
    if (r < 0)
        return r;
    ret->tpm = record.tpm;
    ret->stage = hf_given(inv, "stage") || hf_runner_get(hf_container_id(c), &runner, NULL) == 0;
    return 0;
}

static int stage(const struct hf_invocation *inv, const struct hf_key_request *request, const struct hf_key_plan *plan,
                 struct hf_error *err)
{
    char text[HF_KEY_PLAN_TEXT];
    struct hf_key_stage_request q = {.keys = request,
                                     .words = hf_key_plan_text(plan, text),
                                     .tpm_aware = hf_given(inv, "tpm-aware"),
                                     .dry_run = inv->dry_run,
                                     .now = hf_now()};
    struct hf_key_stage_report done = {0};
    struct hf_container *c;
    int r = hf_open_operand(inv, HF_OPEN_EDIT, &c, err);

    if (r == 0)
        r = hf_close_noticed(inv, c, hf_stage_keys(c, &q, &done, err), err);
    if (r < 0)
        return r;
    hf_put_bool(inv->report, "staged", !done.nothing);
    hf_put_bool(inv->report, "with_image", done.with_image);
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    if (!done.nothing)
        hf_say(inv, "%s; the keys are added at the guest's next power-on or reset%s",
               inv->dry_run ? "would be staged" : "staged",
               done.with_image ? ", together with the staged image" : ", and then a trial begins");
    return 0;
}

/* Now: a file, or a container whose guest is off. */
static int change_now(struct hf_invocation *inv, struct hf_var_source *source, const struct hf_key_plan *plan, bool tpm,
                      struct hf_error *err)
{
    char text[HF_KEY_PLAN_TEXT], told[HF_KEY_PLAN_TEXT + 32];
    const struct hf_var_note note = {.kind = "keys", .text = told, .snapshot = "before keys update"};
    int r = hf_tpm_ask(tpm && plan->changed, hf_given(inv, "tpm-aware"), HF_TPM_KEYS, err);

    if (r < 0)
        return r;
    (void)snprintf(told, sizeof told, "Secure Boot keys: %s", hf_key_plan_text(plan, text));
    r = apply(source, plan, err);
    if (r == 0)
        r = hf_key_line_of_source(inv, source, err);
    if (r == 0 && (plan->changed || hf_given(inv, "out")))
        r = hf_var_source_write(source, &note, inv, err);
    return r;
}

static int change(struct hf_invocation *inv, struct hf_var_source *source, struct hf_key_request *request,
                  struct hf_error *err)
{
    json_t *changes = hf_put_array(inv->report, "changes");
    struct place place = {0};
    struct hf_key_plan plan;
    size_t count;
    const struct hf_var *vars = hf_var_source_vars(source, &count);
    int r = source->kind == HF_VARS_CONTAINER ? find_place(inv, source->path, &place, err) : 0;

    if (r < 0)
        return r;
    request->store = source->bytes ? &source->store : NULL;
    r = hf_key_plan_make(vars, count, request, &plan, err);
    if (r < 0)
        return hf_error_prefix(err, r, "%s: ", inv->operands[0]);
    for (size_t v = 0; v < HF_KEY_VARIABLES; v++)
        report_change(inv, changes, (enum hf_key_variable)v, &plan.changes[v],
                      hf_key_variable_in((enum hf_key_variable)v, vars, count));
    if (plan.changed == 0)
        hf_say(inv, "nothing to add: all keys are there");
    r = place.stage ? stage(inv, request, &plan, err) : change_now(inv, source, &plan, place.tpm, err);
    hf_key_plan_done(&plan);
    return r;
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(hf_var_source_done) struct hf_var_source source = {0};
    hf_auto(hf_key_additions_done) struct hf_key_additions additions;
    struct hf_key_request request = {.additions = additions.list};
    int r;

    additions.count = 0;
    r = hf_var_target_check(inv, inv->operands[0], err);
    if (r == 0 && hf_given(inv, "stage") && !hf_var_is_container(inv->operands[0]))
        r = hf_error_set(err, HF_EUSAGE, "--stage: %s is not a container", inv->operands[0]);
    if (r == 0)
        r = read_rules(inv, &request, err);
    if (r == 0)
        r = hf_key_additions_read(inv, &additions, err);
    request.count = additions.count;
    if (r == 0)
        r = hf_var_source_open(inv->operands[0], NULL, NULL, &source, err);
    return r < 0 ? r : change(inv, &source, &request, err);
}

static const struct hf_option options[] = {
    HF_KEY_ADDITION_OPTIONS,
    {.name = "unsigned", .help = "take signed updates that firmware would refuse"},
    {.name = "allow", .arg = "RULE", .help = "override one rule", .words = HF_KEY_RULE_WORDS, .repeat = true},
    {.name = "stage", .help = "a container: add them at the guest's next power-on or reset, as while it runs"},
    {.name = "tpm-aware", .help = "change them although the guest's TPM will measure something else"},
    HF_VAR_TARGET_OPTIONS,
    {0},
};

const struct hf_verb hf_verb_keys_update = {
    .name = "keys update",
    .group = HF_GROUP_FIRMWARE,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,
    .help = "Add Secure Boot certificates and revocations to those that a guest has",
    .synopsis = "G.hold|FILE",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .run = run,
};
