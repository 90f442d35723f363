/* SPDX-License-Identifier: BSD-2-Clause */
#include "adopt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adopt_define.h"
#include "banks.h"
#include "cleanup.h"
#include "copy.h"
#include "eventlog.h"
#include "host_ready.h"
#include "inspect.h"
#include "life_record.h"
#include "places.h"
#include "published.h"
#include "writeback.h"

struct cloning {
    const struct hf_clone_request *q;
    struct hf_adoption from;
    struct hf_domain_access to;
    struct hf_clone_report report;
    bool has_vars, made_container, made_state;
};

static void cloning_done(struct cloning *w)
{
    hf_domain_done(&w->to);
}

static int find_source(struct cloning *w, struct hf_error *err)
{
    hf_auto(hf_virt_cleanup) struct hf_virt *virt = NULL;
    char uuid[37];
    int r = hf_virt_open(w->q->uri, w->q->domain, &virt, err);

    if (r == 0)
        r = hf_virt_uuid(virt, uuid, err);
    if (r == 0)
        r = hf_adoption_load(uuid, &w->from, err);
    return r;
}

/* A definition that was copied names the other domain's files: that is what this is for. */
static int check_target(const struct cloning *w, struct hf_error *err)
{
    struct hf_domain d = *hf_domain_facts(w->to.xml);
    struct hf_adoption own;

    if (!strcmp(d.uuid, w->from.uuid))
        return hf_error_set(err, HF_EUSAGE, "'%s' and '%s' are one domain", w->q->domain, w->q->to);
    if (hf_adoption_load(d.uuid, &own, NULL) == 0)
        return hf_error_refuse(err, "adopted", "domain '%s' has a container of its own already: '%s'", d.name,
                               own.container);
    if (d.nvram_kind == HF_NVRAM_OURS)
        d.nvram_kind = HF_NVRAM_NONE;
    return hf_domain_suitable(&d, err);
}

/* The firmware must run on the new domain's machine. */
static int check_firmware(struct cloning *w, struct hf_error *err)
{
    const struct hf_domain *d = hf_domain_facts(w->to.xml);
    struct hf_guest guest = {.uuid = ""};
    struct hf_container *c;
    struct hf_firmware fw;
    uint64_t size;
    int r = hf_container_open(w->from.container, HF_OPEN_LOOK, w->q->now, &c, err);

    if (r < 0)
        return r;
    snprintf(guest.arch, sizeof guest.arch, "%s", d->arch);
    snprintf(guest.machine, sizeof guest.machine, "%s", d->machine);
    r = hf_firmware_of_slot(c, HF_SLOT_ACTIVE, &fw, err);
    if (r == 0)
        r = hf_image_suits(&guest, &fw.image, err);
    w->has_vars = hf_bank_size(c, HF_BANK_VARS, &size, NULL) == 0;
    hf_container_done(&c);
    return r;
}

static int plan(struct cloning *w, struct hf_error *err)
{
    const struct hf_domain *d = hf_domain_facts(w->to.xml);
    struct hf_clone_report *report = &w->report;
    int length = w->q->container ? snprintf(report->container, PATH_MAX, "%s", w->q->container)
                                 : snprintf(report->container, PATH_MAX, HF_LIBVIRT_STATE "/%s.hold", d->name);

    if (length >= PATH_MAX)
        return hf_error_set(err, HF_EUSAGE, "the container's path is too long");
    if (access(report->container, F_OK) == 0)
        return hf_error_refuse(err, "exists", "'%s' exists; it is not overwritten", report->container);
    snprintf(report->from, PATH_MAX, "%s", w->from.container);
    report->adoption = (struct hf_adoption){.secure = w->from.secure};
    snprintf(report->adoption.uuid, sizeof report->adoption.uuid, "%s", d->uuid);
    snprintf(report->adoption.name, sizeof report->adoption.name, "%s", d->name);
    snprintf(report->adoption.loader, PATH_MAX, "%s", w->from.loader);
    return 0; /* the other's file of variables stays its own: a release writes a new one */
}

/* What `release` goes back to: the loader that the original had, with variables of its own. */
static int keep_original(struct cloning *w, struct hf_error *err)
{
    hf_auto(hf_domain_xml_cleanup) struct hf_domain_xml *doc = NULL;
    hf_auto(hf_cleanup_free) char *xml = NULL;
    char nvram[PATH_MAX];
    int r = hf_domain_xml_parse(w->to.text, strlen(w->to.text), &doc, err);

    if (r < 0)
        return r;
    if (snprintf(nvram, sizeof nvram, "/var/lib/libvirt/qemu/nvram/%s_VARS.fd", w->report.adoption.name) >= PATH_MAX)
        return hf_error_set(err, HF_EUSAGE, "domain '%s': the name is too long", w->report.adoption.name);
    r = hf_domain_xml_leave(doc, doc, w->from.loader, w->has_vars ? nvram : NULL, w->from.secure, &xml, err);
    return r < 0 ? r : hf_adoption_keep_original(w->report.adoption.uuid, xml, err);
}

static int note(struct hf_container *c, const struct cloning *w, struct hf_error *err)
{
    const struct hf_domain *d = hf_domain_facts(w->to.xml);
    struct hf_life_record was, now;
    struct hf_guest guest;
    int r = hf_guest_get(c, &guest, err);

    if (r < 0)
        return r;
    snprintf(guest.machine, sizeof guest.machine, "%s", d->machine);
    r = hf_guest_set(c, &guest, err);
    if (r == 0)
        r = hf_life_load(c, &was, err);
    if (r < 0)
        return r;
    now = was;
    now.tpm = d->tpm;
    r = hf_life_save(c, &was, &now, err);
    return r < 0 ? r
                 : hf_event_append(c, w->q->now, "adopt", err, "cloned from libvirt's domain '%s' for '%s'",
                                   w->from.name, d->name);
}

static int make_container(struct cloning *w, struct hf_error *err)
{
    struct hf_clone_report *report = &w->report;
    struct hf_container *c;
    int r = hf_writeback_settle(w->from.container, w->q->now, err);

    if (r == 0)
        r = hf_clone(w->from.container, report->container, report->adoption.uuid, report->adoption.name, w->q->now,
                     err);
    if (r < 0)
        return r;
    w->made_container = true;
    r = hf_container_open(report->container, HF_OPEN_EDIT, w->q->now, &c, err);
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
    if (r == 0)
        return hf_container_close(c, err);
    hf_container_done(&c);
    return r;
}

static int make(struct cloning *w, struct hf_error *err)
{
    int r = hf_libvirt_make_state(w->report.adoption.uuid, err);

    if (r < 0)
        return r;
    w->made_state = true;
    r = keep_original(w, err);
    if (r == 0)
        r = make_container(w, err);
    return r < 0 ? r : hf_adopt_define(&w->to, &w->report.adoption, w->has_vars, err);
}

static void undo(const struct cloning *w)
{
    if (w->made_container)
        hf_container_discard(w->report.container);
    if (w->made_state)
        hf_adoption_forget(w->report.adoption.uuid);
}

int hf_libvirt_clone(const struct hf_clone_request *q, struct hf_clone_report *report, struct hf_error *err)
{
    hf_auto(cloning_done) struct cloning w = {.q = q};
    int r = hf_domain_open(q->uri, q->to, &w.to, err);

    if (r == 0)
        r = find_source(&w, err);
    if (r == 0)
        r = check_target(&w, err);
    if (r == 0)
        r = check_firmware(&w, err);
    if (r == 0)
        r = plan(&w, err);
    if (r == 0)
        r = hf_host_ready(w.to.virt, hf_domain_facts(w.to.xml), err);
    if (r == 0 && !q->dry_run) {
        r = make(&w, err);
        if (r < 0)
            undo(&w);
    }
    if (r == 0)
        *report = w.report;
    return r;
}
