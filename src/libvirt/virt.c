/* SPDX-License-Identifier: BSD-2-Clause */
#include "virt.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "virt_inside.h"

/* Every function of the library that is called, as a pointer of the same name with a prefix. */
#define FUNCTIONS(X)                                                                                                   \
    X(virConnectClose)                                                                                                 \
    X(virConnectDomainXMLToNative)                                                                                     \
    X(virConnectGetURI)                                                                                                \
    X(virConnectListAllDomains)                                                                                        \
    X(virConnectOpen)                                                                                                  \
    X(virDomainAbortJob)                                                                                               \
    X(virDomainCreate)                                                                                                 \
    X(virDomainCreateXML)                                                                                              \
    X(virDomainDefineXMLFlags)                                                                                         \
    X(virDomainDestroy)                                                                                                \
    X(virDomainFree)                                                                                                   \
    X(virDomainGetJobInfo)                                                                                             \
    X(virDomainGetName)                                                                                                \
    X(virDomainGetState)                                                                                               \
    X(virDomainGetUUIDString)                                                                                          \
    X(virDomainGetXMLDesc)                                                                                             \
    X(virDomainHasManagedSaveImage)                                                                                    \
    X(virDomainIsActive)                                                                                               \
    X(virDomainIsPersistent)                                                                                           \
    X(virDomainLookupByName)                                                                                           \
    X(virDomainLookupByUUIDString)                                                                                     \
    X(virDomainMemoryPeek)                                                                                             \
    X(virDomainMigrate3)                                                                                               \
    X(virDomainResume)                                                                                                 \
    X(virDomainSetMetadata)                                                                                            \
    X(virDomainSuspend)                                                                                                \
    X(virDomainUndefineFlags)                                                                                          \
    X(virGetLastError)                                                                                                 \
    X(virNodeGetSecurityModel)                                                                                         \
    X(virSetErrorFunc)

FUNCTIONS(HF_VIRT_POINTER)

static void silent(void *ctx, virError *error)
{
    (void)ctx;
    (void)error;
}

static int load(struct hf_error *err)
{
    static void *library;

    if (library)
        return 0;
    library = dlopen("libvirt.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return hf_error_set(err, HF_ENOTFOUND, "libvirt is not installed: %s", dlerror());
    FUNCTIONS(HF_VIRT_LOAD)
    p_virSetErrorFunc(NULL, silent);
    return 0;
}

int hf_virt_failed(struct hf_error *err, const char *doing)
{
    const virError *last = p_virGetLastError();
    enum hf_code code = last && last->code == VIR_ERR_NO_DOMAIN ? HF_ENOTFOUND : HF_EIO;

    return hf_error_set(err, code, "%s: libvirt says: %s", doing, last && last->message ? last->message : "nothing");
}

int hf_virt_connect(const char *uri, struct hf_virt **out, struct hf_error *err)
{
    hf_auto(hf_virt_cleanup) struct hf_virt *v = calloc(1, sizeof *v);
    char doing[200];
    int r = load(err);

    if (r < 0)
        return r;
    if (!v)
        return hf_error_nomem(err);
    uri = uri ? uri : "qemu:///system";
    v->connection = p_virConnectOpen(uri);
    if (!v->connection) {
        (void)snprintf(doing, sizeof doing, "cannot connect to libvirt at '%.120s' (--connect names another)", uri);
        return hf_virt_failed(err, doing);
    }
    *out = hf_take_ptr(v);
    return 0;
}

int hf_virt_find(struct hf_virt *v, const char *domain, struct hf_error *err)
{
    v->domain = p_virDomainLookupByName(v->connection, domain);
    if (!v->domain && strlen(domain) == 36)
        v->domain = p_virDomainLookupByUUIDString(v->connection, domain);
    return v->domain ? 0 : hf_virt_failed(err, "looking the domain up");
}

int hf_virt_open(const char *uri, const char *domain, struct hf_virt **out, struct hf_error *err)
{
    hf_auto(hf_virt_cleanup) struct hf_virt *v = NULL;
    int r = hf_virt_connect(uri, &v, err);

    if (r == 0)
        r = hf_virt_find(v, domain, err);
    if (r < 0)
        return r;
    *out = hf_take_ptr(v);
    return 0;
}

void hf_virt_close(struct hf_virt *v)
{
    if (!v)
        return;
    if (v->domain)
        (void)p_virDomainFree(v->domain);
    if (v->connection)
        (void)p_virConnectClose(v->connection);
    free(v);
}

static const char *state_text(int state)
{
    static const char *const words[] = {
        [VIR_DOMAIN_NOSTATE] = "unknown", [VIR_DOMAIN_RUNNING] = "running",       [VIR_DOMAIN_BLOCKED] = "running",
        [VIR_DOMAIN_PAUSED] = "paused",   [VIR_DOMAIN_SHUTDOWN] = "in shutdown",  [VIR_DOMAIN_SHUTOFF] = "shut off",
        [VIR_DOMAIN_CRASHED] = "crashed", [VIR_DOMAIN_PMSUSPENDED] = "suspended",
    };

    return state >= 0 && (size_t)state < HF_ARRAY_SIZE(words) ? words[state] : "unknown";
}

static const char *pause_text(int reason)
{
    static const char *const words[] = {
        [VIR_DOMAIN_PAUSED_UNKNOWN] = "reason unknown",
        [VIR_DOMAIN_PAUSED_USER] = "by a program or an operator",
        [VIR_DOMAIN_PAUSED_MIGRATION] = "for a migration",
        [VIR_DOMAIN_PAUSED_SAVE] = "while it is saved",
        [VIR_DOMAIN_PAUSED_DUMP] = "while its memory is dumped",
        [VIR_DOMAIN_PAUSED_IOERROR] = "after an I/O error of a disk",
        [VIR_DOMAIN_PAUSED_WATCHDOG] = "by its watchdog",
        [VIR_DOMAIN_PAUSED_FROM_SNAPSHOT] = "restored paused from a snapshot",
        [VIR_DOMAIN_PAUSED_SHUTTING_DOWN] = "while it shuts down",
        [VIR_DOMAIN_PAUSED_SNAPSHOT] = "while a snapshot is taken",
        [VIR_DOMAIN_PAUSED_CRASHED] = "after the guest's panic",
        [VIR_DOMAIN_PAUSED_STARTING_UP] = "while it starts",
        [VIR_DOMAIN_PAUSED_POSTCOPY] = "for a post-copy migration",
        [VIR_DOMAIN_PAUSED_POSTCOPY_FAILED] = "after a failed post-copy migration",
    };

    return reason >= 0 && (size_t)reason < HF_ARRAY_SIZE(words) && words[reason] ? words[reason]
                                                                                 : words[VIR_DOMAIN_PAUSED_UNKNOWN];
}

static int visit(virDomain *domain, hf_virt_visit *each, void *ctx, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *xml = p_virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE);
    int state = VIR_DOMAIN_NOSTATE, reason = 0;
    struct hf_virt_domain d = {.name = p_virDomainGetName(domain), .xml = xml};

    if (!xml || !d.name || p_virDomainGetUUIDString(domain, d.uuid) < 0 ||
        p_virDomainGetState(domain, &state, &reason, 0) < 0)
        return 0; /* it was undefined meanwhile */
    d.state = state_text(state);
    d.active = state != VIR_DOMAIN_SHUTOFF && state != VIR_DOMAIN_CRASHED;
    d.paused = state == VIR_DOMAIN_PAUSED;
    d.pause = d.paused ? pause_text(reason) : "";
    return each(ctx, &d, err);
}

int hf_virt_each(struct hf_virt *v, hf_virt_visit *each, void *ctx, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) virDomain **domains = NULL;
    int count = p_virConnectListAllDomains(v->connection, &domains, 0), r = 0;

    if (count < 0)
        return hf_virt_failed(err, "listing the domains");
    for (int i = 0; i < count; i++) {
        if (r == 0)
            r = visit(domains[i], each, ctx, err);
        (void)p_virDomainFree(domains[i]);
    }
    return r;
}

int hf_virt_look(struct hf_virt *v, hf_virt_visit *each, void *ctx, struct hf_error *err)
{
    return visit(v->domain, each, ctx, err);
}

bool hf_virt_is_system(struct hf_virt *v)
{
    hf_auto(hf_cleanup_free) char *uri = p_virConnectGetURI(v->connection);

    return uri && !strcmp(uri, "qemu:///system");
}

int hf_virt_uuid(struct hf_virt *v, char uuid[37], struct hf_error *err)
{
    return p_virDomainGetUUIDString(v->domain, uuid) < 0 ? hf_virt_failed(err, "asking for the domain's UUID") : 0;
}

int hf_virt_state(struct hf_virt *v, struct hf_virt_state *state, struct hf_error *err)
{
    int reason = 0, active = p_virDomainIsActive(v->domain), persistent = p_virDomainIsPersistent(v->domain);
    int saved = p_virDomainHasManagedSaveImage(v->domain, 0), now = VIR_DOMAIN_NOSTATE;

    if (active < 0 || persistent < 0 || saved < 0 || p_virDomainGetState(v->domain, &now, &reason, 0) < 0)
        return hf_virt_failed(err, "asking for the domain's state");
    *state = (struct hf_virt_state){
        .active = active,
        .paused = now == VIR_DOMAIN_PAUSED,
        .moved = active && now == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_MIGRATION,
        .by_user = active && now == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_USER,
        .persistent = persistent,
        .saved = saved,
    };
    return 0;
}

int hf_virt_busy(struct hf_virt *v, bool *busy, struct hf_error *err)
{
    virDomainJobInfo job;

    if (p_virDomainGetJobInfo(v->domain, &job) < 0)
        return hf_virt_failed(err, "asking what libvirt does with the domain");
    *busy = job.type != VIR_DOMAIN_JOB_NONE;
    return 0;
}

int hf_virt_sent(struct hf_virt *v, uint64_t *bytes, struct hf_error *err)
{
    virDomainJobInfo job;

    if (p_virDomainGetJobInfo(v->domain, &job) < 0)
        return hf_virt_failed(err, "asking what libvirt does with the domain");
    *bytes = job.type == VIR_DOMAIN_JOB_NONE ? 0 : job.dataProcessed;
    return 0;
}

int hf_virt_xml_now(struct hf_virt *v, char **xml, struct hf_error *err)
{
    char *text = p_virDomainGetXMLDesc(v->domain, 0);

    if (!text)
        return hf_virt_failed(err, "reading the domain's XML");
    *xml = text;
    return 0;
}

int hf_virt_xml(struct hf_virt *v, char **xml, struct hf_error *err)
{
    char *text = p_virDomainGetXMLDesc(v->domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);

    if (!text)
        return hf_virt_failed(err, "reading the domain's XML");
    *xml = text;
    return 0;
}

int hf_virt_command_line(struct hf_virt *v, const char *xml, char **line, struct hf_error *err)
{
    char *text = p_virConnectDomainXMLToNative(v->connection, "qemu-argv", xml, 0);

    if (!text)
        return hf_virt_failed(err, "asking which firmware libvirt would choose");
    *line = text;
    return 0;
}

int hf_virt_security_model(struct hf_virt *v, char model[64], struct hf_error *err)
{
    virSecurityModel found;

    if (p_virNodeGetSecurityModel(v->connection, &found) < 0)
        return hf_virt_failed(err, "asking how QEMU is confined");
    snprintf(model, 64, "%.63s", found.model);
    return 0;
}

int hf_virt_define(struct hf_virt *v, const char *xml, struct hf_error *err)
{
    virDomain *defined = p_virDomainDefineXMLFlags(v->connection, xml, VIR_DOMAIN_DEFINE_VALIDATE);

    if (!defined)
        return hf_virt_failed(err, "redefining the domain");
    if (v->domain)
        (void)p_virDomainFree(v->domain);
    v->domain = defined;
    return 0;
}

int hf_virt_try(struct hf_virt *v, const char *xml, char **said, struct hf_error *err)
{
    virDomain *started =
        p_virDomainCreateXML(v->connection, xml, VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_AUTODESTROY);
    const virError *last = started ? NULL : p_virGetLastError();
    char *text = strdup(last && last->message ? last->message : "");

    if (started) {
        (void)p_virDomainDestroy(started);
        (void)p_virDomainFree(started);
    }
    if (!text)
        return hf_error_nomem(err);
    *said = text;
    return 0;
}

int hf_virt_start(struct hf_virt *v, struct hf_error *err)
{
    return p_virDomainCreate(v->domain) < 0 ? hf_virt_failed(err, "starting the domain") : 0;
}

int hf_virt_suspend(struct hf_virt *v, struct hf_error *err)
{
    return p_virDomainSuspend(v->domain) < 0 ? hf_virt_failed(err, "pausing the domain") : 0;
}

int hf_virt_resume(struct hf_virt *v, struct hf_error *err)
{
    return p_virDomainResume(v->domain) < 0 ? hf_virt_failed(err, "letting the domain go on") : 0;
}

int hf_virt_peek(struct hf_virt *v, uint64_t address, void *bytes, size_t size, struct hf_error *err)
{
    if (p_virDomainMemoryPeek(v->domain, address, size, bytes, VIR_MEMORY_PHYSICAL) < 0)
        return hf_virt_failed(err, "reading the guest's memory");
    return 0;
}

int hf_virt_monitor(struct hf_virt *v, const char *command, char **answer, struct hf_error *err)
{
    static __typeof__(virDomainQemuMonitorCommand) *call;
    static void *library;

    if (!library)
        library = dlopen("libvirt-qemu.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library)
        *(void **)&call = dlsym(library, "virDomainQemuMonitorCommand");
    if (!call)
        return hf_error_set(err, HF_ENOTFOUND, "libvirt's QEMU library is not installed: %s", dlerror());
    if (call(v->domain, command, answer, VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP) < 0)
        return hf_virt_failed(err, "talking to QEMU's monitor");
    return 0;
}

int hf_virt_undefine(struct hf_virt *v, struct hf_error *err)
{
    return p_virDomainUndefineFlags(v->domain, VIR_DOMAIN_UNDEFINE_KEEP_NVRAM) < 0
               ? hf_virt_failed(err, "undefining the domain")
               : 0;
}

int hf_virt_migrate(struct hf_virt *v, struct hf_virt *there, const struct hf_virt_migration *m, struct hf_error *err)
{
    unsigned flags = (m->paused ? 0U : VIR_MIGRATE_LIVE) | (m->persist ? VIR_MIGRATE_PERSIST_DEST : 0U) |
                     (m->undefine ? VIR_MIGRATE_UNDEFINE_SOURCE : 0U) | (m->unsafe ? VIR_MIGRATE_UNSAFE : 0U);
    virTypedParameter uri = {.field = VIR_MIGRATE_PARAM_URI, .type = VIR_TYPED_PARAM_STRING};
    virDomain *moved;

    uri.value.s = (char *)(uintptr_t)m->uri;
    moved = p_virDomainMigrate3(v->domain, there->connection, m->uri ? &uri : NULL, m->uri ? 1 : 0, flags);
    if (!moved)
        return hf_virt_failed(err, "migrating the domain");
    (void)p_virDomainFree(moved);
    return 0;
}

int hf_virt_set_metadata(struct hf_virt *v, const char *element, const char *prefix, const char *uri,
                         struct hf_error *err)
{
    return p_virDomainSetMetadata(v->domain, VIR_DOMAIN_METADATA_ELEMENT, element, prefix, uri,
                                  VIR_DOMAIN_AFFECT_LIVE) < 0
               ? hf_virt_failed(err, "writing the domain's metadata")
               : 0;
}

int hf_virt_abort(struct hf_virt *v, struct hf_error *err)
{
    return p_virDomainAbortJob(v->domain) < 0 ? hf_virt_failed(err, "ending the migration") : 0;
}

int hf_virt_destroy(struct hf_virt *v, struct hf_error *err)
{
    return p_virDomainDestroy(v->domain) < 0 ? hf_virt_failed(err, "destroying the domain") : 0;
}
