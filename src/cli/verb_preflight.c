/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "container_needs.h"
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
        return hf_error_set(err, HF_EUSAGE, "%s: not JSON (line %d: %s); make it with 'holdfast caps --json'", path,
                            where.line, where.text);
    r = hf_host_caps_read(json, ret, err);
    json_decref(json);
    return r < 0 ? hf_error_prefix(err, r, "%s: ", path) : 0;
}

/* Asks every host about one container; *refused counts. */
static int judge(struct hf_invocation *inv, const char *path, const struct hosts *hosts,
                 const struct hf_manifests *manifests, json_t *results, int *refused, struct hf_error *err)
{
    hf_auto(hf_container_done) struct hf_container *c = NULL;
    struct hf_container_needs *read = NULL;
    struct hf_guest_needs needs;
    struct hf_runner runner;
    struct hf_verdict v;
    int r;

    r = hf_container_open(path, HF_OPEN_LOOK, time(NULL), &c, err);
    if (r >= 0)
        r = hf_container_needs_read(c, &read, err);
    if (r < 0)
        return r;
    needs = *hf_container_needs_get(read);
    needs.manifest = hf_manifests_find(manifests, needs.code_digest);
    needs.running = hf_runner_get(needs.id, &runner, NULL) == 0;
    for (size_t i = 0; i < hosts->count; i++) {
        hf_preflight(&needs, hosts->caps[i], &v);
        hf_report_verdict(inv, path, hosts->caps[i], &v, results);
        *refused += v.refused_now || v.refused_next_reset;
    }
    hf_container_needs_free(read);
    return 0;
}

static int read_hosts(struct hf_invocation *inv, struct hosts *hosts, struct hf_error *err)
{
    const char *path;

    for (size_t n = 0; (path = hf_value_at(inv, "host", n)) != NULL; n++) {
        int r;

        if (n == HOSTS_MAX)
            return hf_error_set(err, HF_EUSAGE, "--host: at most %d hosts", HOSTS_MAX);
        r = read_host(path, &hosts->caps[n], err);
        if (r < 0)
            return r;
        hosts->count = n + 1;
    }
    if (hosts->count == 0)
        return hf_error_set(err, HF_EUSAGE,
                            "--host is missing: a file made on the destination with 'holdfast caps --json'");
    return 0;
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    json_t *results = hf_put_array(inv->report, "results");
    hf_auto(hf_manifests_cleanup) struct hf_manifests *manifests = NULL;
    struct hosts hosts = {.count = 0};
    int refused = 0, r;

    r = hf_manifests_open_default(&manifests, err);
    if (r >= 0)
        r = read_hosts(inv, &hosts, err);
    for (int i = 0; r >= 0 && i < inv->operand_count; i++)
        r = judge(inv, inv->operands[i], &hosts, manifests, results, &refused, err);
    for (size_t i = 0; i < hosts.count; i++)
        hf_host_caps_free(hosts.caps[i]);
    return r < 0 ? r : refused ? hf_exit_status(HF_EREFUSED) : 0;
}

static const struct hf_option options[] = {
    {.name = "host", .arg = "CAPS", .help = "what 'holdfast caps --json' said on a destination", .repeat = true},
    {.name = NULL},
};

const struct hf_verb hf_verb_preflight = {
    .name = "preflight",
    .group = HF_GROUP_MOVE,
    .flags = HF_VERB_REPORTS,
    .help = "Say whether guests would live on other hosts, now and after their next reset",
    .synopsis = "G.hold... --host CAPS...",
    .min_operands = 1,
    .max_operands = -1,
    .options = options,
    .run = run,
};
