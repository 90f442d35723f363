/* SPDX-License-Identifier: BSD-2-Clause */
/* vars reset: a fresh store, or a template's, with what is to be kept of the old one. */
#include <string.h>

#include "cleanup.h"
#include "output.h"
#include "var_args.h"
#include "var_rule.h"

/* Which parts of the old store stay. */
struct keep {
    bool keys, boot;
};

static bool is_kept(const struct keep *keep, const struct hf_var *var)
{
    const struct hf_var_rule *rule = hf_var_rule_of(var);

    return rule && ((keep->keys && rule->part == HF_PART_KEYS) || (keep->boot && rule->part == HF_PART_BOOT));
}

/* Adds those of `source` that are kept (`old`), or that nothing kept stands for (a template). */
static int collect(const struct hf_var_source *source, const struct keep *keep, bool old, struct hf_var_set *set,
                   struct hf_error *err)
{
    size_t count;
    const struct hf_var *vars = hf_var_source_vars(source, &count);
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++)
        if (is_kept(keep, &vars[i]) == old)
            r = hf_var_set_put(set, &vars[i], err);
    return r;
}

/* Trust does not go in silence. */
static int check_lost(const struct hf_invocation *inv, const struct hf_var_source *source, const struct hf_var_set *set,
                      struct hf_error *err)
{
    size_t count;
    const struct hf_var *vars = hf_var_source_vars(source, &count);

    for (size_t i = 0; i < count; i++) {
        const struct hf_var *then = hf_var_set_find(set, &vars[i]);

        if (hf_var_authenticated(&vars[i]) && !(then && hf_var_equal(then, &vars[i])) &&
            !hf_given(inv, "authenticated")) {
            hf_auto(hf_cleanup_free) char *name = hf_var_name_text(&vars[i]);

            return hf_error_refuse(
                err, "authenticated",
                "%s would be %s, and only the holder of its key can change it from inside the guest; "
                "keep the keys (--keep-keys), or ask for it explicitly (--authenticated)",
                name ? name : "?", then ? "replaced" : "removed");
        }
    }
    return 0;
}

static int make(struct hf_invocation *inv, struct hf_var_source *source, struct hf_var_set *set, struct hf_error *err)
{
    const struct keep keep = {.keys = hf_given(inv, "keep-keys"), .boot = hf_given(inv, "keep-boot")};
    hf_auto(hf_var_source_done) struct hf_var_source template = {0};
    const char *from = hf_value(inv, "from");
    int r = from ? hf_var_source_open(from, NULL, NULL, &template, err) : 0;

    if (r == 0 && from)
        r = collect(&template, &keep, /* old= */ false, set, err);
    if (r == 0)
        r = collect(source, &keep, /* old= */ true, set, err);
    return r < 0 ? r : check_lost(inv, source, set, err);
}

static int reset(struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(hf_var_source_done) struct hf_var_source source = {0};
    static const struct hf_var_note note = {
        .kind = "vars", .text = "variables reset by the operator", .snapshot = "before vars reset"};
    hf_auto(hf_var_set_done) struct hf_var_set set = {0};
    size_t before;
    int r;

    r = hf_var_target_check(inv, inv->operands[0], err);
    if (r == 0)
        r = hf_var_source_open(inv->operands[0], NULL, NULL, &source, err);
    if (r < 0)
        return r;
    (void)hf_var_source_vars(&source, &before);
    r = make(inv, &source, &set, err);
    if (r == 0)
        r = hf_var_source_replace(&source, &set, err);
    if (r < 0)
        return r;
    hf_put_number(inv->report, "before", (int64_t)before);
    hf_put_number(inv->report, "variables", (int64_t)set.count);
    hf_say(inv, "%zu variables before, %zu now", before, set.count);
    return hf_var_source_write(&source, &note, inv, err);
}

static int reset_again(struct hf_invocation *inv, struct hf_error *err)
{
    return hf_var_again(inv, reset, err);
}

static const struct hf_option options[] = {
    {.name = "keep-keys", .help = "keep PK, KEK, db, dbx, shim's lists and the switches of Secure Boot"},
    {.name = "keep-boot", .help = "keep boot entries, their order and the timeout"},
    {.name = "from", .arg = "TEMPLATE", .help = "fill it with the variables of another store"},
    {.name = "authenticated", .help = "remove or replace keys that only their key's holder should change"},
    HF_VAR_TARGET_OPTIONS,
    {0},
};

const struct hf_verb hf_verb_vars_reset = {
    .name = "vars reset",
    .group = HF_GROUP_FIRMWARE,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,
    .help = "Remove all UEFI variables but those to be kept, or take a template's",
    .synopsis = "G.hold|FILE",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .run = reset_again,
};
