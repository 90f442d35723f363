/* SPDX-License-Identifier: BSD-2-Clause */
#include "adopt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adopt_define.h"
#include "banks.h"
#include "cleanup.h"
#include "descriptors.h"
#include "domain_access.h"
#include "eventlog.h"
#include "host_ready.h"
#include "inspect.h"
#include "life_record.h"
#include "places.h"
#include "published.h"
#include "qcow2.h"
#include "writeback.h"

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

static int read_vars(struct work *w, const struct hf_domain *d, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *found = NULL;
    const char *path = w->report.nvram;
    int r = -HF_ENOTFOUND;

    if (path[0])
        r = hf_bank_file_read(path, HF_BANK_SIZE_MAX, &w->vars, &w->vars_size, NULL, err);
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
    return hf_bank_file_read(path, HF_BANK_SIZE_MAX, &w->vars, &w->vars_size, NULL, err);
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
        r = hf_host_ready(w->access.virt, d, err);
    if (r == 0)
        r = hf_domain_loader(&w->access, w->access.xml, w->access.text, w->report.loader, w->report.nvram, &secure,
                             err);
    if (r < 0)
        return r;
    w->report.tpm = d->tpm;
    w->report.adoption.secure = secure;
    snprintf(w->report.adoption.nvram, PATH_MAX, "%s", w->report.nvram);
    snprintf(w->report.adoption.loader, PATH_MAX, "%s", w->report.loader);
    if (w->q->into)
        return 0;
    r = hf_bank_file_read(w->report.loader, HF_BANK_SIZE_MAX, &w->code, &w->code_size, NULL, err);
    return r < 0 ? r : read_vars(w, d, err);
}

/* What the container that is there holds, as if it had just been made. */
static int read_made(struct work *w, struct hf_container *c, struct hf_error *err)
{
    struct hf_provisioned *made = &w->report.made;
    struct hf_firmware fw;
    uint64_t size;
    int r = hf_guest_get(c, &made->guest, err);

    if (r == 0 && strcmp(made->guest.uuid, w->report.adoption.uuid) != 0)
        r = hf_error_refuse(err, "uuid",
                            "'%s' is the container of guest %s, domain '%s' is %s; 'holdfast libvirt clone' gives "
                            "a domain a copy",
                            w->q->into, made->guest.uuid, w->report.adoption.name, w->report.adoption.uuid);
    if (r == 0)
        r = hf_firmware_of_slot(c, HF_SLOT_ACTIVE, &fw, err);
    if (r == 0)
        r = hf_image_suits(&w->provision.guest, &fw.image, err);
    if (r < 0)
        return r;
    made->code = fw.image;
    made->code_digest = fw.digest;
    memcpy(made->label, fw.label, sizeof made->label);
    made->has_vars = hf_bank_size(c, HF_BANK_VARS, &size, NULL) == 0;
    return 0;
}

static int plan_into(struct work *w, struct hf_error *err)
{
    struct hf_container *c;
    int r = hf_container_open(w->q->into, HF_OPEN_LOOK, w->q->now, &c, err);

    if (r < 0)
        return r;
    r = read_made(w, c, err);
    snprintf(w->report.container, PATH_MAX, "%s", hf_container_path(c));
    w->report.nvram[0] = 0;
    hf_container_done(&c);
    return r;
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
        .protects_keys = report->adoption.secure,
        .no_secure_boot = w->q->no_secure_boot,
        .allow_unknown = w->q->allow_unknown,
        .now = w->q->now,
    };
    snprintf(report->adoption.uuid, sizeof report->adoption.uuid, "%s", d->uuid);
    snprintf(report->adoption.name, sizeof report->adoption.name, "%s", d->name);
    if (w->q->into)
        return plan_into(w, err);
    length = w->q->container ? snprintf(report->container, PATH_MAX, "%s", w->q->container)
                             : snprintf(report->container, PATH_MAX, HF_LIBVIRT_STATE "/%s.hold", d->name);
    if (length >= PATH_MAX)
        return hf_error_set(err, HF_EUSAGE, "the container's path is too long");
    if (access(report->container, F_OK) == 0)
        return hf_error_refuse(err, "exists", "'%s' exists; it is not overwritten", report->container);
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
               : hf_event_append(c, w->q->now, "adopt", err, "adopted libvirt's domain '%s'%s", w->report.adoption.name,
                                 w->q->into ? ", whose definition named other firmware" : "");
}

static int fill_container(struct work *w, struct hf_error *err)
{
    struct hf_adopt_report *report = &w->report;
    struct hf_container *c;
    int r;

    if (w->q->into)
        r = hf_guest_open(report->container, HF_OPEN_EDIT, w->q->now, &c, err);
    else
        r = hf_provision_create(report->container, &w->provision, &report->made, &c, err);
    if (r < 0)
        return r;
    snprintf(report->adoption.container, PATH_MAX, "%s", hf_container_path(c));
    r = hf_begin(c, err);
    if (r == 0)
        r = note(c, w, err);
    if (r == 0)
        r = hf_commit(c, HF_DURABLE, err);
    if (r == 0)
        r = hf_publish(c, &report->adoption, err);
    if (r < 0) {
        hf_container_done(&c);
        return r;
    }
    if (w->q->into)
        return hf_container_close(c, err);
    r = hf_container_publish(c, err);
    w->made_container = r == 0;
    return r;
}

static int make(struct work *w, struct hf_error *err)
{
    const char *uuid = w->report.adoption.uuid;
    struct hf_adoption before;
    bool was_adopted = hf_adoption_load(uuid, &before, NULL) == 0;
    int r = hf_libvirt_make_state(uuid, err);

    if (r < 0)
        return r;
    w->made_state = !was_adopted;
    r = hf_adoption_keep_original(uuid, w->access.text, err);
    if (r == 0)
        r = fill_container(w, err);
    if (r == 0)
        r = hf_adopt_define(&w->access, &w->report.adoption, w->report.made.has_vars, err);
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
