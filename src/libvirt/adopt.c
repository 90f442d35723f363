/* SPDX-License-Identifier: BSD-2-Clause */
#include "adopt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "banks.h"
#include "cleanup.h"
#include "descriptors.h"
#include "domain_access.h"
#include "eventlog.h"
#include "life_record.h"
#include "places.h"
#include "published.h"
#include "whole_file.h"

/* How long QEMU waits for a server that went away before it gives its guest an error. */
#define RECONNECT_SECONDS 60

#define APPARMOR_LOCAL "/etc/apparmor.d/local/abstractions/libvirt-qemu"
#define APPARMOR_RULE  HF_LIBVIRT_RUN "/*/" HF_VARS_SOCKET " rw,"

/* Everything that one adoption holds while it is being made. */
struct work {
    const struct hf_adopt_request *q;
    struct hf_domain_access access;
    struct hf_adopt_report report;
    struct hf_provision provision;
    uint8_t *code, *vars;
    uint64_t code_size, vars_size;
    bool made_container, made_state;
};

static void work_done(struct work *w)
{
    hf_domain_done(&w->access);
    free(w->code);
    free(w->vars);
}

static int check_hook(struct hf_error *err)
{
    if (access(HOLDFAST_LIBVIRT_HOOK, X_OK) == 0)
        return 0;
    return hf_error_refuse(err, "hook",
                           "'" HOLDFAST_LIBVIRT_HOOK "' is not there, so libvirt would not start the server of the "
                           "variables; install it (it comes with holdfast) and restart libvirtd once");
}

/* The profile that libvirt makes for each QEMU knows files, not sockets. */
static int check_apparmor(struct hf_virt *virt, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *local = NULL;
    char model[64];
    uint64_t size = 0;
    int r = hf_virt_security_model(virt, model, err);

    if (r < 0 || strcmp(model, "apparmor") != 0)
        return r;
    if (hf_file_read(APPARMOR_LOCAL, 1U << 20, &local, &size, NULL) == 0 &&
        memmem(local, size, HF_LIBVIRT_RUN, strlen(HF_LIBVIRT_RUN)))
        return 0;
    return hf_error_refuse(err, "apparmor",
                           "QEMU's AppArmor profile does not let it reach its variables; add this line "
                           "to '" APPARMOR_LOCAL "': " APPARMOR_RULE);
}

static int read_vars(struct work *w, const struct hf_domain *d, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *found = NULL;
    const char *path = w->report.nvram;
    int r = -HF_ENOTFOUND;

    if (path[0])
        r = hf_file_read(path, HF_BANK_SIZE_MAX, &w->vars, &w->vars_size, err);
    if (r != -HF_ENOTFOUND)
        return r;
    /* Never started: what libvirt would copy at the first start. */
    path = d->nvram_template;
    if (!path[0] && hf_host_firmware_template(w->report.loader, NULL, &found, NULL) == 0)
        path = found;
    w->report.nvram[0] = 0;
    if (!path[0])
        return 0;
    snprintf(w->report.nvram, sizeof w->report.nvram, "%s", path);
    return hf_file_read(path, HF_BANK_SIZE_MAX, &w->vars, &w->vars_size, err);
}

static int look(struct work *w, struct hf_error *err)
{
    const struct hf_domain *d;
    bool secure;
    int r = hf_domain_open(w->q->uri, w->q->domain, &w->access, err);

    if (r < 0)
        return r;
    d = hf_domain_facts(w->access.xml);
    r = hf_domain_suitable(d, err);
    if (r == 0)
        r = check_hook(err);
    if (r == 0)
        r = check_apparmor(w->access.virt, err);
    if (r == 0)
        r = hf_domain_loader(&w->access, w->access.xml, w->access.text, w->report.loader, w->report.nvram, &secure,
                             err);
    if (r < 0)
        return r;
    w->report.tpm = d->tpm;
    w->report.adoption.secure = secure;
    snprintf(w->report.adoption.nvram, PATH_MAX, "%s", w->report.nvram);
    snprintf(w->report.adoption.loader, PATH_MAX, "%s", w->report.loader);
    r = hf_file_read(w->report.loader, HF_BANK_SIZE_MAX, &w->code, &w->code_size, err);
    return r < 0 ? r : read_vars(w, d, err);
}

static int plan(struct work *w, struct hf_error *err)
{
    const struct hf_domain *d = hf_domain_facts(w->access.xml);
    struct hf_adopt_report *report = &w->report;
    struct hf_guest guest = {.uuid = ""};
    int length;

    snprintf(guest.uuid, sizeof guest.uuid, "%s", d->uuid);
    snprintf(guest.name, sizeof guest.name, "%.*s", HF_GUEST_NAME_SIZE - 1, d->name);
    snprintf(guest.arch, sizeof guest.arch, "%s", d->arch);
    snprintf(guest.machine, sizeof guest.machine, "%s", d->machine);
    w->provision = (struct hf_provision){
        .guest = guest,
        .code = w->code,
        .code_size = w->code_size,
        .code_origin = report->loader,
        .vars = w->vars,
        .vars_size = w->vars_size,
        .vars_origin = w->vars ? report->nvram : NULL,
        .allow_unknown = w->q->allow_unknown,
        .now = w->q->now,
    };
    length = w->q->container ? snprintf(report->container, PATH_MAX, "%s", w->q->container)
                             : snprintf(report->container, PATH_MAX, HF_LIBVIRT_STATE "/%s.hold", d->name);
    if (length >= PATH_MAX)
        return hf_error_set(err, HF_EUSAGE, "the container's path is too long");
    if (access(report->container, F_OK) == 0)
        return hf_error_refuse(err, "exists", "'%s' exists; it is not overwritten", report->container);
    snprintf(report->adoption.uuid, sizeof report->adoption.uuid, "%s", d->uuid);
    snprintf(report->adoption.name, sizeof report->adoption.name, "%s", d->name);
    return hf_provision_check(&w->provision, &report->made, err);
}

/* The first words of the container's log about libvirt, and what `stage` needs to know before a first start. */
static int note(struct hf_container *c, const struct work *w, struct hf_error *err)
{
    struct hf_life_record was, now;
    int r = hf_life_load(c, &was, err);

    if (r < 0)
        return r;
    now = was;
    now.tpm = w->report.tpm;
    r = hf_life_save(c, &was, &now, err);
    return r < 0
               ? r
               : hf_event_append(c, w->q->now, "adopt", err, "adopted libvirt's domain '%s'", w->report.adoption.name);
}

static int fill_container(struct work *w, struct hf_error *err)
{
    struct hf_adopt_report *report = &w->report;
    struct hf_container *c;
    int r = hf_provision_create(report->container, &w->provision, &report->made, &c, err);

    if (r < 0)
        return r;
    w->made_container = true;
    snprintf(report->adoption.container, PATH_MAX, "%s", hf_container_path(c));
    r = hf_begin(c, err);
    if (r == 0)
        r = note(c, w, err);
    if (r == 0)
        r = hf_commit(c, HF_DURABLE, err);
    if (r == 0)
        r = hf_publish(c, &report->adoption, err);
    if (r == 0)
        return hf_container_close(c, err);
    hf_container_done(&c);
    return r;
}

static int define_with(struct work *w, unsigned reconnect, struct hf_error *err)
{
    const char *uuid = w->report.adoption.uuid;
    hf_auto(hf_cleanup_free) char *xml = NULL;
    char code[PATH_MAX], socket[PATH_MAX];
    int r;

    hf_libvirt_state_path(uuid, HF_PUBLISHED_CODE, code);
    hf_libvirt_run_path(uuid, HF_VARS_SOCKET, socket);
    r = hf_domain_xml_enter(w->access.xml, code, w->report.made.has_vars ? socket : NULL, w->report.adoption.secure,
                            reconnect, &xml, err);
    return r < 0 ? r : hf_virt_define(w->access.virt, xml, err);
}

/* libvirt 9.0 does not know <reconnect> yet and refuses it; the guard makes good for that (resync.h). */
static int define(struct work *w, struct hf_error *err)
{
    w->report.adoption.reconnect = define_with(w, RECONNECT_SECONDS, NULL) == 0;
    if (!w->report.adoption.reconnect) {
        int r = define_with(w, 0, err);

        if (r < 0)
            return r;
    }
    return hf_adoption_save(&w->report.adoption, err);
}

static int make(struct work *w, struct hf_error *err)
{
    const char *uuid = w->report.adoption.uuid;
    int r = hf_libvirt_make_state(uuid, err);

    if (r < 0)
        return r;
    w->made_state = true;
    r = hf_adoption_keep_original(uuid, w->access.text, err);
    if (r == 0)
        r = fill_container(w, err);
    if (r == 0)
        r = define(w, err);
    return r;
}

static void undo(const struct work *w)
{
    if (w->made_container)
        hf_container_discard(w->report.container);
    if (w->made_state)
        hf_adoption_forget(w->report.adoption.uuid);
}

int hf_libvirt_adopt(const struct hf_adopt_request *q, struct hf_adopt_report *report, struct hf_error *err)
{
    hf_auto(work_done) struct work w = {.q = q};
    int r = look(&w, err);

    if (r == 0)
        r = plan(&w, err);
    if (r == 0 && !q->dry_run) {
        r = make(&w, err);
        if (r < 0)
            undo(&w);
    }
    if (r == 0)
        *report = w.report;
    return r;
}
