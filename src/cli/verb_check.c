/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"
#include "containers.h"
#include "replaced.h"
#include "verbs.h"

static const struct hf_option options[] = {
    {.name = "accept-loss", .help = "accept the loss of a log, keeping what the file itself has"},
    {.name = NULL},
};

static void finding(void *ctx, const char *line)
{
    hf_append_text(ctx, line);
}

/* Rows and pages may be what was written, and what was written no variables. */
static int check_variables(const struct hf_invocation *inv, json_t *findings, struct hf_check_report *report,
                           struct hf_error *err)
{
    char line[HF_ERROR_TEXT_MAX];
    struct hf_container *c;
    int r = hf_open_operand(inv, HF_OPEN_LOOK, &c, err);

    if (r < 0)
        return r;
    r = hf_bank_check(c, line, err);
    if (r > 0) {
        finding(findings, line);
        report->findings++;
    }
    return hf_close_after(c, r < 0 ? r : 0, err);
}

static void print_findings(const struct hf_invocation *inv, const json_t *findings)
{
    const json_t *line;
    size_t i;

    json_array_foreach(findings, i, line)
        hf_say(inv, "%s", json_string_value(line));
}

static int accept_loss(const struct hf_invocation *inv, struct hf_error *err)
{
    int r;

    if (inv->dry_run)
        return hf_error_set(err, HF_EUSAGE,
                            "--accept-loss has no dry run; 'holdfast check' without it tells what is lost");
    r = hf_check_accept_loss(inv->operands[0], hf_now(), err);
    if (r < 0)
        return r;
    hf_put_bool(inv->report, "accepted", true);
    hf_say(inv, "the loss is accepted and logged; the file itself is sound");
    return 0;
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    struct hf_check_report report = {.rows = 0};
    json_t *findings;
    char size[HF_SIZE_TEXT_MAX];
    int r;

    if (hf_given(inv, "accept-loss"))
        return accept_loss(inv, err);
    findings = hf_put_array(inv->report, "findings");
    r = hf_check(inv->operands[0], finding, findings, &report, err);
    if (r < 0) /* it could not even be opened: that one line says it all */
        return r;
    if (report.findings == 0)
        r = check_variables(inv, findings, &report, err);
    if (r < 0)
        return r;
    print_findings(inv, findings);
    hf_put_number(inv->report, "rows", (int64_t)report.rows);
    hf_put_number(inv->report, "images", (int64_t)report.images);
    hf_put_number(inv->report, "bytes", (int64_t)report.bytes);
    hf_put_bool(inv->report, "sound", report.findings == 0);
    if (report.findings)
        return hf_error_set(
            err, HF_EDAMAGED,
            "'%s': damaged: %zu findings; nothing was changed. Restore a backup, or export what can still be read",
            inv->operands[0], report.findings);
    hf_say(inv, "sound: %llu rows, %llu images, %s read", (unsigned long long)report.rows,
           (unsigned long long)report.images, hf_size_text(report.bytes, size));
    return 0;
}

const struct hf_verb hf_verb_check = {
    .name = "check",
    .group = HF_GROUP_GUEST,
    .flags = HF_VERB_REPORTS,
    .help = "Read everything in a container and compare it with its checksums",
    .synopsis = "G.hold [--accept-loss]",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .run = run,
};
