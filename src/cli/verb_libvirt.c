/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "adopt.h"
#include "cleanup.h"
#include "containers.h"
#include "domain_pause.h"
#include "domain_xml.h"
#include "guard_watch.h"
#include "hook.h"
#include "resync.h"
#include "verbs.h"
#include "witness.h"

static const struct hf_option adopt_options[] = {
    {.name = "container", .arg = "PATH", .help = "where to make the container"},
    {.name = "into", .arg = "G.hold", .help = "back into the container that the guest has already"},
    {.name = "connect", .arg = "URI", .help = "libvirt's URI (otherwise qemu:///system)"},
    {.name = "no-secure-boot", .help = "take firmware without Secure Boot for variables that enforce it"},
    {.name = "allow-unknown", .help = "take unknown firmware, or an unknown pair"},
    {.name = NULL},
};

static void report_adopted(const struct hf_invocation *inv, const struct hf_adopt_report *report)
{
    char digest[HF_DIGEST_SHORT_SIZE];

    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    hf_put_text(inv->report, "container", report->container);
    hf_put_guest(inv->report, &report->made.guest);
    hf_put_text(inv->report, "code_from", report->loader);
    hf_put_digest(inv->report, "code", &report->made.code_digest);
    hf_put_text(inv->report, "vars_from", report->nvram[0] ? report->nvram : NULL);
    hf_put_bool(inv->report, "tpm", report->tpm);
    hf_say(inv, "%s domain '%s'", inv->dry_run ? "would adopt" : "adopted", report->adoption.name);
    hf_field(inv, "Container", "%s", report->container);
    if (hf_given(inv, "into"))
        hf_field(inv, "Firmware", "%s  %s, as it was; the definition named '%s'", report->made.label,
                 hf_digest_short(&report->made.code_digest, digest), report->loader);
    else
        hf_field(inv, "Firmware", "%s  %s, from '%s'", report->made.label,
                 hf_digest_short(&report->made.code_digest, digest), report->loader);
    if (hf_given(inv, "into"))
        hf_field(inv, "Variables", "%s", report->made.has_vars ? "as they were" : "none");
    else if (report->made.has_vars && report->nvram[0])
        hf_field(inv, "Variables", "from '%s'", report->nvram);
    else
        hf_field(inv, "Variables", "%s", report->made.has_vars ? "erased" : "none");
    if (report->made.remark[0])
        hf_field(inv, "Note", "%s", report->made.remark);
    hf_field(inv, "Note", "option ROMs and the VGA BIOS stay the host's, unless the domain names files for them");
    if (report->tpm)
        hf_field(inv, "Note",
                 "the domain has a TPM: new firmware changes what it measures, and 'stage' will ask about it");
}

static int run_adopt(struct hf_invocation *inv, struct hf_error *err)
{
    struct hf_adopt_request q = {
        .uri = hf_value(inv, "connect"),
        .domain = inv->operands[0],
        .container = hf_value(inv, "container"),
        .into = hf_value(inv, "into"),
        .no_secure_boot = hf_given(inv, "no-secure-boot"),
        .allow_unknown = hf_given(inv, "allow-unknown"),
        .dry_run = inv->dry_run,
        .now = hf_now(),
    };
    struct hf_adopt_report report;
    int r;

    if (q.into && (q.container || q.allow_unknown))
        return hf_error_set(
            err, HF_EUSAGE,
            "--into cannot be combined with --container or --allow-unknown: it uses the container unchanged");
    r = hf_libvirt_adopt(&q, &report, err);
    if (r == 0)
        report_adopted(inv, &report);
    return r;
}

static const struct hf_option release_options[] = {
    {.name = "allow", .help = "keep the definition, which does not name the container, and forget the adoption"},
    {.name = "connect", .arg = "URI", .help = "libvirt's URI (otherwise qemu:///system)"},
    {.name = NULL},
};

static void report_released(const struct hf_invocation *inv, const struct hf_release_report *report)
{
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    hf_put_text(inv->report, "container", report->container);
    hf_put_text(inv->report, "code", report->loader);
    hf_put_bool(inv->report, "code_of_its_own", report->own_loader);
    hf_put_text(inv->report, "vars", report->nvram[0] ? report->nvram : NULL);
    hf_put_text(inv->report, "kept", report->kept[0] ? report->kept : NULL);
    hf_say(inv, "%s domain '%s'", inv->dry_run ? "would release" : "released", inv->operands[0]);
    if (report->as_defined && !report->loader[0])
        hf_field(inv, "Firmware", "what libvirt chooses: the definition stays as it is");
    else
        hf_field(inv, "Firmware", "'%s'%s", report->loader,
                 report->own_loader ? ", its own copy: the host's file holds other firmware" : "");
    if (report->nvram[0])
        hf_field(inv, "Variables", "'%s'", report->nvram);
    if (report->kept[0])
        hf_field(inv, "Before", "what was there is kept as '%s'", report->kept);
    hf_field(inv, "Container", "'%s' stays; the guest no longer uses it", report->container);
}

static int run_release(struct hf_invocation *inv, struct hf_error *err)
{
    struct hf_release_request q = {
        .uri = hf_value(inv, "connect"),
        .domain = inv->operands[0],
        .as_defined = hf_given(inv, "allow"),
        .dry_run = inv->dry_run,
        .now = hf_now(),
    };
    struct hf_release_report report;
    int r = hf_libvirt_release(&q, &report, err);

    if (r == 0)
        report_released(inv, &report);
    return r;
}

/* The domain's XML comes on standard input, and libvirt closes it. */
static int read_xml(char **xml, size_t *size, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *text = malloc(HF_DOMAIN_XML_MAX);
    size_t at = 0;
    ssize_t n;

    if (!text)
        return hf_error_nomem(err);
    while ((n = read(STDIN_FILENO, text + at, HF_DOMAIN_XML_MAX - at)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hf_error_set(err, HF_EIO, "domain XML: cannot be read: %s", strerror(errno));
        at += (size_t)n;
        if (at == HF_DOMAIN_XML_MAX)
            return hf_error_refuse(err, "xml", "domain XML: too large; the limit is %u bytes", HF_DOMAIN_XML_MAX);
    }
    *xml = hf_take_ptr(text);
    *size = at;
    return 0;
}

static int run_hook(struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *xml = NULL;
    size_t size = 0;
    int r = read_xml(&xml, &size, err);

    if (r < 0 || size == 0) /* an operation without a domain */
        return r;
    return hf_libvirt_hook(inv->operands[1], inv->operands[2], xml, size, err);
}

static const struct hf_option guard_options[] = {
    {.name = "vmm", .arg = "VERSION", .help = "QEMU's major.minor"},
    {.name = "restore", .help = "a saved state is loaded: the firmware stays"},
    {.name = "incoming", .help = "the container is being received"},
    {.name = "origin", .arg = "HOST", .help = "it is fetched from this host"},
    {.name = "uid", .arg = "UID", .help = "QEMU runs already, as this user"},
    {.name = "gid", .arg = "GID", .help = "and this group"},
    {.name = "selinux", .arg = "LABEL", .help = "with this label"},
    {.name = NULL},
};

static int guard_config(const struct hf_invocation *inv, struct hf_guard_config *out, struct hf_error *err)
{
    struct hf_guard_config config = {
        .uuid = inv->operands[0],
        .vmm = hf_value(inv, "vmm"),
        .restore = hf_given(inv, "restore"),
        .running = hf_given(inv, "uid"),
        .incoming = hf_given(inv, "incoming"),
        .origin = hf_value(inv, "origin"),
        .serve = {.ask = HF_GUARD_SERVE},
    };
    const char *label = hf_value(inv, "selinux");
    uint64_t uid, gid;
    int r = hf_number(inv, "uid", 0, UINT32_MAX - 1, 0, &uid, err);

    if (r == 0)
        r = hf_number(inv, "gid", 0, UINT32_MAX - 1, 0, &gid, err);
    if (r < 0)
        return r;
    config.serve.uid = (uid_t)uid;
    config.serve.gid = (gid_t)gid;
    if (label && strlen(label) < sizeof config.serve.selinux)
        memcpy(config.serve.selinux, label, strlen(label) + 1);
    *out = config;
    return 0;
}

static int run_guard(struct hf_invocation *inv, struct hf_error *err)
{
    struct hf_guard_config config;
    int answer, r = guard_config(inv, &config, err);

    if (r < 0)
        return r;
    answer = dup(STDOUT_FILENO);
    if (answer < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return hf_error_set(err, HF_EIO, "status pipe to the hook: %s", strerror(errno));
    return hf_guard_run(&config, answer, err);
}

/* Nobody reads what these print: the guard's standard error is /dev/null. */
static int logged(const struct hf_invocation *inv, int r, const struct hf_error *err)
{
    if (r < 0)
        syslog(LOG_DAEMON | LOG_ERR, "holdfast %s %s: %s", inv->verb->name, inv->operands[0], err->text);
    return r;
}

static int run_watch(struct hf_invocation *inv, struct hf_error *err)
{
    struct hf_guard_config config;
    int r = guard_config(inv, &config, err);

    return r < 0 ? r : logged(inv, hf_guard_watch_run(&config, STDIN_FILENO, err), err);
}

static int run_align(struct hf_invocation *inv, struct hf_error *err)
{
    return logged(inv, hf_domain_pause_align(inv->operands[0], err), err);
}

static int run_resync(struct hf_invocation *inv, struct hf_error *err)
{
    return logged(inv, hf_libvirt_resync(inv->operands[0], err), err);
}

static int run_witness(struct hf_invocation *inv, struct hf_error *err)
{
    return logged(inv, hf_witness_run(inv->operands[0], err), err);
}

const struct hf_verb hf_verb_libvirt_adopt = {
    .name = "libvirt adopt",
    .group = HF_GROUP_RUN,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,
    .help = "Move a libvirt domain's firmware and variables into a container",
    .synopsis = "DOMAIN [OPTIONS]",
    .min_operands = 1,
    .max_operands = 1,
    .options = adopt_options,
    .run = run_adopt,
};

const struct hf_verb hf_verb_libvirt_release = {
    .name = "libvirt release",
    .group = HF_GROUP_RUN,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,
    .help = "Return a libvirt domain to its loose files and its old XML",
    .synopsis = "DOMAIN [OPTIONS]",
    .min_operands = 1,
    .max_operands = 1,
    .options = release_options,
    .run = run_release,
};

const struct hf_verb hf_verb_libvirt_hook = {
    .name = "libvirt hook",
    .group = HF_GROUP_RUN,
    .flags = HF_VERB_HIDDEN,
    .help = "What libvirt calls",
    .synopsis = "DOMAIN OPERATION PART EXTRA <XML",
    .min_operands = 3,
    .max_operands = 4,
    .run = run_hook,
};

const struct hf_verb hf_verb_libvirt_guard = {
    .name = "libvirt guard",
    .group = HF_GROUP_RUN,
    .flags = HF_VERB_HIDDEN,
    .help = "What the hook starts",
    .synopsis = "UUID [OPTIONS]",
    .min_operands = 1,
    .max_operands = 1,
    .options = guard_options,
    .run = run_guard,
};

const struct hf_verb hf_verb_libvirt_watch = {
    .name = "libvirt watch",
    .group = HF_GROUP_RUN,
    .flags = HF_VERB_HIDDEN,
    .help = "The standby process that replaces a guard",
    .synopsis = "UUID [OPTIONS]",
    .min_operands = 1,
    .max_operands = 1,
    .options = guard_options,
    .run = run_watch,
};

const struct hf_verb hf_verb_libvirt_align = {
    .name = "libvirt align",
    .group = HF_GROUP_RUN,
    .flags = HF_VERB_HIDDEN,
    .help = "What the guard calls to pause and resume the guest",
    .synopsis = "UUID",
    .min_operands = 1,
    .max_operands = 1,
    .run = run_align,
};

const struct hf_verb hf_verb_libvirt_witness = {
    .name = "libvirt witness",
    .group = HF_GROUP_RUN,
    .flags = HF_VERB_HIDDEN,
    .help = "What the guard calls to see what becomes of a boot",
    .synopsis = "UUID",
    .min_operands = 1,
    .max_operands = 1,
    .run = run_witness,
};

const struct hf_verb hf_verb_libvirt_resync = {
    .name = "libvirt resync",
    .group = HF_GROUP_RUN,
    .flags = HF_VERB_HIDDEN,
    .help = "What the guard calls after the server died",
    .synopsis = "UUID",
    .min_operands = 1,
    .max_operands = 1,
    .run = run_resync,
};
