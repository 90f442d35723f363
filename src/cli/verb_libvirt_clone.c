/* SPDX-License-Identifier: BSD-2-Clause */
#include "adopt.h"
#include "containers.h"
#include "verbs.h"

static const struct hf_option options[] = {
    {.name = "container", .arg = "PATH", .help = "where to make the container"},
    {.name = "connect", .arg = "URI", .help = "libvirt's URI (otherwise qemu:///system)"},
    {.name = NULL},
};

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    struct hf_clone_request q = {
        .uri = hf_value(inv, "connect"),
        .domain = inv->operands[0],
        .to = inv->operands[1],
        .container = hf_value(inv, "container"),
        .dry_run = inv->dry_run,
        .now = hf_now(),
    };
    struct hf_clone_report report;
    int r = hf_libvirt_clone(&q, &report, err);

    if (r < 0)
        return r;
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    hf_put_text(inv->report, "from", report.from);
    hf_put_text(inv->report, "container", report.container);
    hf_put_text(inv->report, "uuid", report.adoption.uuid);
    hf_say(inv, "%s the container of domain '%s' for domain '%s'", inv->dry_run ? "would clone" : "cloned", q.domain,
           report.adoption.name);
    hf_field(inv, "From", "%s", report.from);
    hf_field(inv, "Container", "%s", report.container);
    return 0;
}

const struct hf_verb hf_verb_libvirt_clone = {
    .name = "libvirt clone",
    .group = HF_GROUP_RUN,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,
    .help = "Give a libvirt domain a container of its own, as another domain has it",
    .synopsis = "DOMAIN NEW [OPTIONS]",
    .min_operands = 2,
    .max_operands = 2,
    .options = options,
    .run = run,
};
