/* SPDX-License-Identifier: BSD-2-Clause */
/* snapshot, revert: variables and firmware of one moment. */
#include <errno.h>
#include <stdlib.h>

#include "containers.h"
#include "revert.h"
#include "verbs.h"

static const struct hf_option snapshot_options[] = {
    {.name = "reason", .arg = "TEXT", .help = "what it is for, at most 63 bytes", .max = HF_SNAPSHOT_REASON_SIZE - 1},
    {.name = NULL},
};

static int run_snapshot(struct hf_invocation *inv, struct hf_error *err)
{
    const char *reason = hf_value(inv, "reason");
    struct hf_container *c;
    int64_t id = 0;
    int r = hf_open_operand(inv, HF_OPEN_EDIT, &c, err);

    if (r < 0)
        return r;
    r = hf_close_after(c, hf_snapshot_now(c, reason ? reason : "", hf_now(), inv->dry_run, &id, err), err);
    if (r < 0)
        return r;
    hf_put(inv->report, "id", inv->dry_run ? json_null() : json_integer(id));
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    if (inv->dry_run)
        hf_say(inv, "would take a snapshot");
    else
        hf_say(inv, "snapshot %lld", (long long)id);
    return 0;
}

static const struct hf_option revert_options[] = {
    {.name = "tpm-aware", .help = "go back although the guest's TPM will measure something else"},
    {.name = "no-secure-boot", .help = "go back although Secure Boot, or the protection of its keys, ends with it"},
    {.name = NULL},
};

static int read_id(const char *word, int64_t *id, struct hf_error *err)
{
    char *end;
    long long n;

    errno = 0;
    n = strtoll(word, &end, 10);
    if (errno != 0 || *end != '\0' || end == word || n < 1)
        return hf_error_set(err, HF_EUSAGE, "'%s': not a snapshot number; 'holdfast show' lists them", word);
    *id = n;
    return 0;
}

static void report_revert(const struct hf_invocation *inv, const struct hf_revert_report *done)
{
    char taken[HF_TIME_TEXT_MAX];

    hf_put_number(inv->report, "id", done->to.id);
    hf_put(inv->report, "kept", inv->dry_run ? json_null() : json_integer(done->kept));
    hf_put_bool(inv->report, "code_changes", done->code_changes);
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    hf_say(inv, "%s snapshot %lld of %s (%s)%s", inv->dry_run ? "would go back to" : "back to", (long long)done->to.id,
           hf_time_text(done->to.taken, taken), done->to.reason, done->code_changes ? ", firmware included" : "");
    if (!inv->dry_run)
        hf_say(inv, "what was replaced is snapshot %lld", (long long)done->kept);
}

static int run_revert(struct hf_invocation *inv, struct hf_error *err)
{
    struct hf_revert_request request = {.tpm_aware = hf_given(inv, "tpm-aware"),
                                        .no_secure_boot = hf_given(inv, "no-secure-boot"),
                                        .dry_run = inv->dry_run,
                                        .now = hf_now()};
    struct hf_revert_report done;
    struct hf_container *c;
    int r = read_id(inv->operands[1], &request.id, err);

    if (r == 0)
        r = hf_open_operand(inv, HF_OPEN_EDIT, &c, err);
    if (r < 0)
        return r;
    r = hf_close_after(c, hf_revert(c, &request, &done, err), err);
    if (r == 0)
        report_revert(inv, &done);
    return r;
}

const struct hf_verb hf_verb_snapshot = {
    .name = "snapshot",
    .group = HF_GROUP_UPGRADE,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,
    .help = "Take a snapshot of the variables and the firmware",
    .synopsis = "G.hold [--reason TEXT]",
    .min_operands = 1,
    .max_operands = 1,
    .options = snapshot_options,
    .run = run_snapshot,
};

const struct hf_verb hf_verb_revert = {
    .name = "revert",
    .group = HF_GROUP_UPGRADE,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,
    .help = "Return to a snapshot; the guest must be off",
    .synopsis = "G.hold ID [--tpm-aware] [--no-secure-boot]",
    .min_operands = 2,
    .max_operands = 2,
    .options = revert_options,
    .run = run_revert,
};
