/* SPDX-License-Identifier: BSD-2-Clause */
#include "hook.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "adoption.h"
#include "cleanup.h"
#include "domain_xml.h"
#include "foreign_files.h"
#include "guard.h"
#include "guard_spawn.h"
#include "host_ready.h"
#include "places.h"
#include "program_output.h"
#include "receive_lock.h"

#define RESTORE_MARK "restore"

#define ARRIVE_TRIES 600
#define MOMENT_MS    100

static void moment(void)
{
    const struct timespec t = {.tv_nsec = MOMENT_MS * 1000000L};

    (void)nanosleep(&t, NULL);
}

static bool is_ours(const struct hf_domain *d)
{
    char code[PATH_MAX];

    hf_libvirt_state_path(d->uuid, HF_PUBLISHED_CODE, code);
    return !strcmp(d->loader, code);
}

/* "7.2" of "QEMU emulator version 7.2.22 (Debian ...)"; "" when it cannot be told. */
static void ask_version(const char *emulator, char version[32])
{
    char *const argv[] = {(char *)emulator, (char *)"--version", NULL};
    hf_auto(hf_cleanup_free) char *text = NULL;
    unsigned major, minor;

    version[0] = 0;
    if (emulator[0] && hf_program_output(argv, &text, NULL) == 0 &&
        sscanf(text, "QEMU emulator version %u.%u", &major, &minor) == 2)
        snprintf(version, 32, "%u.%u", major, minor);
}

static void label_of(const struct hf_domain *d, struct hf_guard_request *q)
{
    q->ask = HF_GUARD_SERVE;
    q->uid = d->has_label ? d->uid : 0;
    q->gid = d->has_label ? d->gid : 0;
    snprintf(q->selinux, sizeof q->selinux, "%s", d->selinux);
}

static int end_guard(const char *uuid, struct hf_error *err)
{
    const struct hf_guard_request q = {.ask = HF_GUARD_END};
    int r = hf_guard_ask(uuid, &q, err);

    return r == -HF_ENOTFOUND ? 0 : r;
}

/* True once after hf_mark_restore(). */
static bool take_restore(const char *uuid)
{
    char path[PATH_MAX];

    hf_libvirt_run_path(uuid, RESTORE_MARK, path);
    return unlink(path) == 0;
}

static int mark_restore(const char *uuid, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int fd = -1;
    char path[PATH_MAX];
    int r = hf_libvirt_make_run(uuid, (gid_t)-1, err);

    if (r < 0)
        return r;
    hf_libvirt_run_path(uuid, RESTORE_MARK, path);
    fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd < 0 ? hf_error_set(err, HF_EIO, "cannot make '%s': %s", path, strerror(errno)) : 0;
}

static int expect(const struct hf_domain *d, struct hf_error *err)
{
    const struct hf_guard_request q = {.ask = HF_GUARD_EXPECT};
    int r = -HF_ENOTFOUND;

    /* The guard starts once the container has been received, which may be a moment after libvirt was told. */
    for (unsigned i = 0; i < ARRIVE_TRIES && r == -HF_ENOTFOUND; i++) {
        if (i)
            moment();
        r = hf_guard_ask(d->uuid, &q, err);
        if (r == -HF_ENOTFOUND && !hf_libvirt_is_receiving(d->uuid))
            break;
    }
    return r;
}

/* Before libvirt moves anything. A container comes with its guest or the guest does not come: `holdfast libvirt
 * migrate` sends it ahead, otherwise it is fetched. */
static int arrive(const struct hf_domain *d, struct hf_error *err)
{
    int r = expect(d, err);

    if (r != -HF_ENOTFOUND && r != -HF_EREFUSED)
        return r;
    if (!d->origin[0])
        return hf_error_refuse(
            err, "moving",
            "domain '%s' keeps its firmware and variables in a holdfast container, and its metadata does "
            "not say on which host; nothing was moved. On the host where it runs, use: holdfast libvirt "
            "migrate %s URI",
            d->name, d->name);
    r = hf_fetch_spawn(d->uuid, d->origin, err);
    if (r == 0)
        r = expect(d, err);
    return r < 0 ? hf_error_prefix(err, r, "domain '%s' stays where it is: its container does not come: ", d->name) : 0;
}

/* 1: this is the start of a domain that arrives, whose guard waits for it. */
static int is_arriving(const struct hf_domain *d, struct hf_error *err)
{
    const struct hf_guard_request q = {.ask = HF_GUARD_PREPARED};
    int r = hf_guard_ask(d->uuid, &q, err);

    return r == 0 ? 1 : r == -HF_ENOTFOUND || r == -HF_EUSAGE ? 0 : r;
}

static int prepare(const struct hf_domain *d, struct hf_error *err)
{
    char version[32];
    struct hf_guard_config config = {.uuid = d->uuid, .restore = take_restore(d->uuid)};
    int r = is_arriving(d, err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = end_guard(d->uuid, err); /* of a start that libvirtd did not see the end of */
    ask_version(d->emulator, version);
    config.vmm = version[0] ? version : NULL;
    return r < 0 ? r : hf_guard_spawn(&config, err);
}

static int start(const struct hf_domain *d, struct hf_error *err)
{
    struct hf_guard_request q = {.ask = HF_GUARD_SERVE};

    label_of(d, &q);
    return hf_guard_ask(d->uuid, &q, err);
}

static int started(const struct hf_domain *d, struct hf_error *err)
{
    struct hf_guard_request q = {.ask = HF_GUARD_STARTED, .tpm = d->tpm};

    snprintf(q.machine, sizeof q.machine, "%s", d->machine);
    return hf_guard_ask(d->uuid, &q, err);
}

static int reconnect(const struct hf_domain *d, struct hf_error *err)
{
    struct hf_guard_config config = {.uuid = d->uuid, .running = true};
    char version[32];
    int r;

    ask_version(d->emulator, version);
    config.vmm = version[0] ? version : NULL;
    label_of(d, &config.serve);
    r = hf_guard_spawn(&config, err);
    return r == -HF_EOWNED ? 0 : r; /* it has lived through libvirtd's restart */
}

static int release(const struct hf_domain *d, struct hf_error *err)
{
    return end_guard(d->uuid, err);
}

static int restore(const struct hf_domain *d, struct hf_error *err)
{
    return mark_restore(d->uuid, err);
}

static bool names_our_places(const char *xml, size_t size)
{
    return memmem(xml, size, HF_LIBVIRT_STATE, strlen(HF_LIBVIRT_STATE)) ||
           memmem(xml, size, HF_LIBVIRT_RUN, strlen(HF_LIBVIRT_RUN));
}

/*
 * What libvirt calls the hook for (https://libvirt.org/hooks.html, "/etc/libvirt/hooks/qemu"), and what is done for a
 * domain whose container is ours. What it calls otherwise is none of these, and does nothing.
 */
static const struct operation {
    const char *name, *part;
    int (*act)(const struct hf_domain *d, struct hf_error *err);
    enum { IS_OFF, COMES, STARTS, RUNS } guest;
} OPERATIONS[] = {
    {"migrate", "begin", arrive, COMES},     {"prepare", "begin", prepare, COMES},
    {"start", "begin", start, STARTS},       {"started", "begin", started, RUNS},
    {"release", "end", release, IS_OFF},     {"restore", "begin", restore, IS_OFF},
    {"reconnect", "begin", reconnect, RUNS},
};

static const struct operation *find(const char *name, const char *part)
{
    for (size_t i = 0; i < HF_ARRAY_SIZE(OPERATIONS); i++)
        if (!strcmp(OPERATIONS[i].name, name) && !strcmp(OPERATIONS[i].part, part))
            return &OPERATIONS[i];
    return NULL;
}

/* A definition that a manager pushed, from before the adoption: the guest would lose its firmware and variables. */
static int check_left(const struct hf_domain *d, struct hf_error *err)
{
    struct hf_adoption adoption;
    int r = hf_adoption_load(d->uuid, &adoption, err);

    if (r < 0)
        return r == -HF_ENOTFOUND ? 0 : r;
    return hf_error_refuse(
        err, "left",
        "domain '%s' is adopted, and its definition does not name its container '%s': it would start with "
        "other firmware and without its variables; nothing was started. Back into the container: holdfast "
        "libvirt adopt %s --into %s. To leave it: holdfast libvirt release %s --allow",
        d->name, adoption.container, d->name, adoption.container, d->name);
}

/* Asked for every domain of the host. */
static int may_start(const struct hf_domain *d, struct hf_error *err)
{
    int r;

    if (!strncmp(d->name, HF_HOOK_PROBE "-", sizeof HF_HOOK_PROBE))
        return hf_host_ready_answer(err);
    r = hf_foreign_files_check(d, err);
    return r < 0 || is_ours(d) ? r : check_left(d, err);
}

int hf_libvirt_hook(const char *operation, const char *part, const char *xml, size_t size, struct hf_error *err)
{
    hf_auto(hf_domain_xml_cleanup) struct hf_domain_xml *doc = NULL;
    const struct operation *o;
    const struct hf_domain *d;
    int r = hf_domain_xml_parse(xml, size, &doc, err);

    if (r < 0) /* what is odd about somebody else's domain is not for us to judge */
        return names_our_places(xml, size) ? r : 0;
    d = hf_domain_facts(doc);
    o = find(operation, part);
    r = o && o->guest == COMES ? may_start(d, err) : 0;
    if (r < 0 || !o || !is_ours(d))
        return r;
    r = o->act(d, err);
    if (r == 0 || o->guest != RUNS) /* nothing ends a guest that runs */
        return r;
    syslog(LOG_DAEMON | LOG_ERR, "holdfast: %s: %s", d->name, err->text);
    return 0;
}
