/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "container_needs.h"
#include "exit_status.h"
#include "guest_probe.h"
#include "host_describe.h"
#include "output.h"
#include "verb.h"
#include "verdict.h"
#include "whole_file.h"

#define HOSTS_MAX 64

struct hosts {
    struct hf_host_caps *caps[HOSTS_MAX];
    size_t count;
};

static int read_host(const char *path, struct hf_host_caps **ret, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    json_error_t where;
    uint64_t size;
    json_t *json;
    int r;

    r = hf_file_read(path, HF_CAPS_FILE_MAX, &bytes, &size, err);
    if (r < 0)
        return r;
    json = json_loadb((const char *)bytes, (size_t)size, JSON_REJECT_DUPLICATES, &where);
    if (!json)
        return hf_error_set(err, HF_EUSAGE,
                            "%s: invalid JSON at line %d: %s; make the file with 'holdfast caps --json'", path,
                            where.line, where.text);
    r = hf_host_caps_read(json, ret, err);
    json_decref(json);
    return r < 0 ? hf_error_prefix(err, r, "%s: ", path) : 0;
}

struct judging {
    struct hf_invocation *inv;
    const char *path;
    const struct hosts *hosts, *probed; /* described by files; this host, with one QEMU each */
    struct hf_known_images known;
    json_t *results;
    int refused;
};

static void say_progress(void *ctx, const char *line)
{
    (void)ctx;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "%s\n", line);
}

static void conclude(struct judging *j, const struct hf_host_caps *host, const struct hf_verdict *v)
{
    hf_report_verdict(j->inv, j->path, host, v, j->results);
    j->refused += v->refused_now || v->refused_next_reset;
}

/* What was compared, also when all is the same. */
static void report_probe(struct judging *j, const struct hf_probe *probe)
{
    json_t *one = json_array_get(j->results, json_array_size(j->results) - 1), *p = hf_put_object(one, "probe");
    const struct hf_probe_side *from = &probe->source, *to = &probe->destination;

    hf_put_text(p, "source", from->program);
    hf_put_number(p, "source-files", from->view ? (int64_t)from->view->count : 0);
    hf_put_number(p, "files", to->view ? (int64_t)to->view->count : 0);
    if (from->view && to->view)
        hf_say(j->inv,
               "  compared: %zu fw_cfg files, the loader script and the tables that it gives, with %s, "
               "version %u.%u.%u",
               to->view->count, from->program, from->version.major, from->version.minor, from->version.micro);
}

/* A QEMU of this host: what rules say of it, then what it shows. */
static int judge_probed(struct judging *j, struct hf_container *c, struct hf_guest_needs needs, struct hf_error *err)
{
    const struct hf_invocation *inv = j->inv;
    struct hf_guest_probe_options options = {
        .source = hf_value(inv, "probe-source"),
        .arguments = inv->tail_count ? inv->tail : NULL,
        .argument_count = inv->tail_count,
        .boot = hf_given(inv, "boot"),
        .say = say_progress,
    };
    struct hf_guest_probe *probe = NULL;
    struct hf_verdict v;
    int r = 0;

    if (j->probed->count)
        r = hf_guest_probe_open(c, &needs, &options, &probe, err);
    if (r == 0 && probe && hf_guest_probe_source(probe)->devices)
        needs.devices = hf_guest_probe_source(probe)->devices; /* of the arguments that count now */
    needs.tpm_state_moves = true;                              /* it stays where it is */
    needs.bytes = 0;
    for (size_t i = 0; r == 0 && i < j->probed->count; i++) {
        const struct hf_probe *seen;

        hf_preflight(&needs, j->probed->caps[i], &v);
        r = hf_guest_probe_ask(probe, hf_value_at(inv, "probe", i), &seen, err);
        if (r == 0) {
            hf_preflight_probe(&needs, seen, &v);
            conclude(j, j->probed->caps[i], &v);
            report_probe(j, seen);
        }
    }
    hf_guest_probe_close(probe);
    return r;
}

/* Asks every host about one container. */
static int judge(struct judging *j, const struct hf_manifests *manifests, struct hf_error *err)
{
    hf_auto(hf_container_done) struct hf_container *c = NULL;
    struct hf_container_needs *read = NULL;
    struct hf_guest_needs needs;
    struct hf_runner runner;
    struct hf_verdict v;
    int r;

    r = hf_container_open(j->path, HF_OPEN_LOOK, time(NULL), &c, err);
    if (r >= 0)
        r = hf_container_needs_read_known(c, &j->known, &read, err);
    if (r < 0)
        return r;
    needs = *hf_container_needs_get(read);
    needs.manifest = hf_manifests_find(manifests, needs.code_digest);
    needs.manifests = manifests;
    needs.running = hf_runner_get(needs.id, &runner, NULL) == 0;
    needs.tpm_state_moves = hf_given(j->inv, "tpm-moves");
    for (size_t i = 0; i < j->hosts->count; i++) {
        hf_preflight(&needs, j->hosts->caps[i], &v);
        conclude(j, j->hosts->caps[i], &v);
    }
    r = judge_probed(j, c, needs, err);
    hf_container_needs_free(read);
    return r;
}

static int read_hosts(struct hf_invocation *inv, struct hosts *hosts, struct hf_error *err)
{
    const char *path;

    for (size_t n = 0; (path = hf_value_at(inv, "host", n)) != NULL; n++) {
        int r;

        if (n == HOSTS_MAX)
            return hf_error_set(err, HF_EUSAGE, "--host: too many hosts; the limit is %d", HOSTS_MAX);
        r = read_host(path, &hosts->caps[n], err);
        if (r < 0)
            return r;
        hosts->count = n + 1;
    }
    return 0;
}

static int describe_probed(struct hf_invocation *inv, struct hosts *hosts, struct hf_error *err)
{
    const char *program;

    for (size_t n = 0; (program = hf_value_at(inv, "probe", n)) != NULL; n++) {
        char *const qemus[] = {(char *)program, NULL};
        const struct hf_host_query query = {.qemus = qemus, .directory = ".", .holdfast = HOLDFAST_VERSION};
        json_t *json = NULL;
        int r;

        if (n == HOSTS_MAX)
            return hf_error_set(err, HF_EUSAGE, "--probe: too many programs; the limit is %d", HOSTS_MAX);
        r = hf_host_describe(&query, &json, err);
        if (r == 0 && json_array_size(json_object_get(json, "qemu")) == 0)
            r = hf_error_set(err, HF_ENOTFOUND, "--probe '%s': program not found", program);
        if (r == 0)
            r = hf_host_caps_read(json, &hosts->caps[n], err);
        json_decref(json);
        if (r < 0)
            return r;
        hosts->count = n + 1;
    }
    return 0;
}

static int check_usage(const struct hf_invocation *inv, struct hf_error *err)
{
    if (!hf_given(inv, "host") && !hf_given(inv, "probe"))
        return hf_error_set(err, HF_EUSAGE,
                            "destination missing: give --host with the output of 'holdfast caps --json' there, or "
                            "--probe with its QEMU");
    if (!hf_given(inv, "probe") && (hf_given(inv, "boot") || hf_given(inv, "probe-source") || inv->tail_count))
        return hf_error_set(err, HF_EUSAGE, "--boot, --probe-source and arguments after '--': only with --probe");
    if (inv->tail_count && inv->operand_count > 1)
        return hf_error_set(err, HF_EUSAGE, "arguments after '--': only for one guest; name one container");
    return 0;
}

static void free_hosts(struct hosts *hosts)
{
    for (size_t i = 0; i < hosts->count; i++)
        hf_host_caps_free(hosts->caps[i]);
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(hf_manifests_cleanup) struct hf_manifests *manifests = NULL;
    struct hosts hosts = {.count = 0}, probed = {.count = 0};
    struct judging j = {
        .inv = inv, .hosts = &hosts, .probed = &probed, .results = hf_put_array(inv->report, "results")};
    int r = check_usage(inv, err);

    if (r == 0)
        r = hf_manifests_open_default(&manifests, err);
    if (r == 0)
        r = read_hosts(inv, &hosts, err);
    if (r == 0)
        r = describe_probed(inv, &probed, err);
    for (int i = 0; r == 0 && i < inv->operand_count; i++) {
        j.path = inv->operands[i];
        r = judge(&j, manifests, err);
    }
    free_hosts(&hosts);
    free_hosts(&probed);
    return r < 0 ? r : j.refused ? hf_exit_status(HF_EREFUSED) : 0;
}

static const struct hf_option options[] = {
    {.name = "host", .arg = "CAPS", .help = "what 'holdfast caps --json' said on a destination", .repeat = true},
    {.name = "probe",
     .arg = "QEMU",
     .help = "a QEMU of this host: see what it would show to the firmware",
     .repeat = true},
    {.name = "probe-source", .arg = "QEMU", .help = "the QEMU to compare with; default: that of the last start"},
    {.name = "boot", .help = "with --probe: also boot the guest's firmware there, with disks of zeros"},
    {.name = "tpm-moves", .help = "the state of the guest's TPM is on shared storage, or you move it"},
    {.name = NULL},
};

const struct hf_verb hf_verb_preflight = {
    .name = "preflight",
    .group = HF_GROUP_MOVE,
    .flags = HF_VERB_REPORTS | HF_VERB_TAIL,
    .help = "Check whether guests would run on other hosts, now and after their next reset",
    .synopsis = "G.hold... [--host CAPS]... [--probe QEMU [--boot]]... [-- QEMU-ARGS...]",
    .min_operands = 1,
    .max_operands = -1,
    .options = options,
    .run = run,
};
