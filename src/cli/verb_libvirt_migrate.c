/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <unistd.h>

#include "migrate.h"
#include "output.h"
#include "peer_timeout.h"
#include "progress.h"
#include "receive.h"
#include "verb.h"

static const struct hf_option migrate_options[] = {
    {.name = "via", .arg = "WAY", .help = "the destination's holdfast: ssh://HOST, exec:COMMAND or unix:PATH"},
    {.name = "migrate-uri", .arg = "URI", .help = "QEMU's address on the destination, as virsh's --migrateuri"},
    {.name = "transient", .help = "do not define the domain on the destination"},
    {.name = "undefine-source", .help = "undefine the domain on the source"},
    {.name = "unsafe", .help = "also where libvirt considers the disks' caches unsafe"},
    {.name = "live-emulated", .help = "do not pause a guest without KVM while its memory is sent; it may crash"},
    {.name = "connect", .arg = "URI", .help = "this host's libvirt (otherwise qemu:///system)"},
    HF_PEER_TIMEOUT_OPTION,
    HF_PAUSE_LIMIT_OPTION,
    {.name = NULL},
};

static const struct hf_option receive_options[] = {
    HF_PEER_TIMEOUT_OPTION,
    {.name = NULL},
};

static void show_progress(void *ctx, uint64_t done, uint64_t total)
{
    hf_progress_update(ctx, done, total);
}

static void report_settled(const struct hf_invocation *inv, const struct hf_migrate_report *report)
{
    if (report->resumed)
        hf_say(inv, "domain '%s' was not claimed by '%s': its container is this host's again", report->name,
               report->host);
    else
        hf_say(inv, "domain '%s' was claimed by '%s': its container is there", report->name, report->host);
}

static void report_moved(const struct hf_invocation *inv, const struct hf_migrate_report *report)
{
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    hf_put_text(inv->report, "name", report->name);
    hf_put_text(inv->report, "uuid", report->uuid);
    hf_put_text(inv->report, "container", report->container);
    hf_put_text(inv->report, "host", report->host);
    hf_put_bool(inv->report, "live", report->live);
    hf_put_bool(inv->report, "paused", report->paused);
    hf_put_bool(inv->report, "probed", report->probed);
    hf_put_bool(inv->report, "settled", report->settled);
    hf_put_bool(inv->report, "resumed", report->resumed);
    if (report->settled) {
        report_settled(inv, report);
        return;
    }
    if (report->not_probed[0])
        hf_tell(inv, "the QEMUs of the two hosts are not compared: %s", report->not_probed);
    hf_say(inv, "%s domain '%s' to '%s'%s", inv->dry_run ? "would move" : "moved", report->name, report->host,
           !report->live    ? ", shut off as it is"
           : report->paused ? ", paused while its memory is sent (it is emulated; '--live-emulated': not paused)"
                            : "");
    if (!inv->dry_run)
        hf_field(inv, "Container", "'%s' stays here as a copy that no longer runs", report->container);
}

static int run_migrate(struct hf_invocation *inv, struct hf_error *err)
{
    struct hf_progress progress;
    struct hf_migrate_request q = {
        .uri = hf_value(inv, "connect"),
        .domain = inv->operands[0],
        .to = inv->operands[1],
        .way = hf_value(inv, "via"),
        .migrate_uri = hf_value(inv, "migrate-uri"),
        .transient = hf_given(inv, "transient"),
        .undefine = hf_given(inv, "undefine-source"),
        .unsafe = hf_given(inv, "unsafe"),
        .live_emulated = hf_given(inv, "live-emulated"),
        .dry_run = inv->dry_run,
        .progress = show_progress,
        .ctx = &progress,
    };
    struct hf_migrate_report report;
    int r = hf_peer_timeout(inv, &q.timeout_s, err);

    if (r == 0)
        r = hf_pause_limit(inv, &q.pause_limit_s, err);
    if (r < 0)
        return r;
    hf_progress_init(&progress, "sending the container");
    r = hf_libvirt_migrate(&q, &report, err);
    hf_progress_done(&progress);
    if (r == 0)
        report_moved(inv, &report);
    return r;
}

static int run_receive(struct hf_invocation *inv, struct hf_error *err)
{
    unsigned timeout_s = 0;
    int r = hf_peer_timeout(inv, &timeout_s, err);

    const struct hf_receive_request q = {
        .in = STDIN_FILENO, .out = STDOUT_FILENO, .version = HOLDFAST_VERSION, .timeout_s = timeout_s, .answer = -1};

    return r < 0 ? r : hf_libvirt_receive(&q, err);
}

const struct hf_verb hf_verb_libvirt_migrate = {
    .name = "libvirt migrate",
    .group = HF_GROUP_MOVE,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,
    .help = "Move a libvirt domain and its container to another host",
    .synopsis = "DOMAIN URI [OPTIONS]",
    .min_operands = 2,
    .max_operands = 2,
    .options = migrate_options,
    .run = run_migrate,
};

const struct hf_verb hf_verb_libvirt_receive = {
    .name = "libvirt receive",
    .group = HF_GROUP_MOVE,
    .flags = HF_VERB_HIDDEN,
    .help = "The destination's part of migrate",
    .synopsis = "[UUID] <INPUT >OUTPUT",
    .options = receive_options,
    .max_operands = 1, /* for who looks at a list of processes: the input says it */
    .run = run_receive,
};
