/* SPDX-License-Identifier: BSD-2-Clause */
#include "adopt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "banks.h"
#include "cleanup.h"
#include "domain_access.h"
#include "eventlog.h"
#include "images.h"
#include "places.h"
#include "qcow2.h"
#include "slots.h"
#include "whole_file.h"
#include "writeback.h"

struct leaving {
    const struct hf_release_request *q;
    struct hf_domain_access access;
    struct hf_domain_xml *original;
    char *original_text;
    struct hf_adoption adoption;
    struct hf_release_report report;
    uint8_t *code, *vars; /* the guest's own, as they are now */
    uint64_t code_size, vars_size;
};

static void leaving_done(struct leaving *w)
{
    hf_domain_done(&w->access);
    hf_domain_xml_free(w->original);
    free(w->original_text);
    free(w->code);
    free(w->vars);
}

static int look(struct leaving *w, struct hf_error *err)
{
    size_t size;
    int r = hf_domain_open(w->q->uri, w->q->domain, &w->access, err);

    if (r == 0)
        r = hf_adoption_load(hf_domain_facts(w->access.xml)->uuid, &w->adoption, err);
    if (r == 0)
        r = hf_adoption_original(w->adoption.uuid, &w->original_text, &size, err);
    if (r == 0)
        r = hf_domain_xml_parse(w->original_text, size, &w->original, err);
    return r;
}

static int read_vars(struct leaving *w, struct hf_container *c, struct hf_error *err)
{
    int r = hf_bank_size(c, HF_BANK_VARS, &w->vars_size, NULL);

    if (r == -HF_ENOTFOUND)
        return 0;
    w->vars = r == 0 ? malloc(w->vars_size) : NULL;
    if (r == 0 && !w->vars)
        return hf_error_set(err, HF_ENOMEM, "%llu bytes of variables: out of memory", (unsigned long long)w->vars_size);
    return hf_bank_read(c, HF_BANK_VARS, 0, w->vars, w->vars_size, err);
}

static int read_container(struct leaving *w, struct hf_error *err)
{
    struct hf_slot_info active;
    struct hf_container *c;
    int r = hf_writeback_settle(w->adoption.container, w->q->now, err);

    if (r == 0)
        r = hf_container_open(w->adoption.container, HF_OPEN_LOOK, w->q->now, &c, err);
    if (r < 0)
        return r;
    r = hf_slot_get(c, HF_SLOT_ACTIVE, &active, err);
    if (r == 0)
        r = hf_image_load(c, &active.code, &w->code, &w->code_size, err);
    if (r == 0)
        r = read_vars(w, c, err);
    hf_container_done(&c);
    snprintf(w->report.container, PATH_MAX, "%s", w->adoption.container);
    return r;
}

/* A path of the guest's own beside libvirt's other variable files, "" on overflow. */
static void own_path(const struct leaving *w, const char *suffix, char path[PATH_MAX])
{
    if (snprintf(path, PATH_MAX, "/var/lib/libvirt/qemu/nvram/%s_%s.fd", hf_domain_facts(w->access.xml)->name,
                 suffix) >= PATH_MAX)
        path[0] = 0;
}

/* Does the file that the domain would start from hold what the guest runs? Where libvirt chooses for itself it may
 * choose another one today. */
static bool host_still_has_it(struct leaving *w)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    char loader[PATH_MAX], nvram[PATH_MAX];
    uint64_t size;
    bool secure;

    if (hf_domain_loader(&w->access, w->original, w->original_text, loader, nvram, &secure, NULL) < 0 ||
        hf_bank_file_read(loader, HF_BANK_SIZE_MAX, &bytes, &size, NULL, NULL) < 0)
        return false;
    snprintf(w->report.loader, PATH_MAX, "%s", loader);
    return size == w->code_size && !memcmp(bytes, w->code, size);
}

static int plan(struct leaving *w, struct hf_error *err)
{
    struct hf_release_report *report = &w->report;

    report->own_loader = !host_still_has_it(w);
    if (report->own_loader)
        own_path(w, "CODE", report->loader);
    if (!w->vars)
        return 0;
    snprintf(report->nvram, PATH_MAX, "%s", w->adoption.nvram);
    if (!report->nvram[0])
        own_path(w, "VARS", report->nvram);
    if (access(report->nvram, F_OK) == 0 &&
        snprintf(report->kept, PATH_MAX, "%s.before-release-%lld", report->nvram, (long long)w->q->now) >= PATH_MAX)
        return hf_error_set(err, HF_EUSAGE, "'%s': the path is too long", report->nvram);
    return 0;
}

/* In the form of the file that takes its place: the domain's definition names that. */
static int pack_vars(struct leaving *w, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *there = NULL;
    uint8_t *packed;
    uint64_t size;
    int r;

    if (w->report.own_loader || hf_file_read(w->report.nvram, HF_BANK_SIZE_MAX, &there, &size, NULL) < 0 ||
        !hf_qcow2_is(there, (size_t)size))
        return 0;
    r = hf_qcow2_pack(w->vars, (size_t)w->vars_size, &packed, &size, err);
    if (r < 0)
        return hf_error_prefix(err, r, "%s: ", w->report.nvram);
    free(w->vars);
    w->vars = packed;
    w->vars_size = size;
    return 0;
}

static int write_files(struct leaving *w, struct hf_error *err)
{
    const struct hf_release_report *report = &w->report;
    int r = 0;

    if (report->own_loader)
        r = hf_file_replace(report->loader, w->code, w->code_size, 0644, NULL, err);
    if (r == 0 && w->vars)
        r = pack_vars(w, err);
    if (r == 0 && w->vars)
        r = hf_file_replace(report->nvram, w->vars, w->vars_size, 0600, report->kept[0] ? report->kept : NULL, err);
    return r;
}

static int define(struct leaving *w, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *xml = NULL;
    int r = hf_domain_xml_leave(w->access.xml, w->original, w->report.own_loader ? w->report.loader : NULL,
                                w->vars ? w->report.nvram : NULL, w->adoption.secure, &xml, err);

    return r < 0 ? r : hf_virt_define(w->access.virt, xml, err);
}

/* The container stays as it is, with a word about where its guest went. A failure here changes nothing any more. */
static void log_leaving(const struct leaving *w)
{
    struct hf_container *c;

    if (hf_guest_open(w->adoption.container, HF_OPEN_EDIT, w->q->now, &c, NULL) < 0)
        return;
    if (hf_begin(c, NULL) == 0 &&
        hf_event_append(c, w->q->now, "release", NULL, "libvirt's domain '%s' left; it starts from '%s' and '%s'",
                        w->adoption.name, w->report.loader, w->report.nvram) == 0)
        (void)hf_commit(c, HF_DURABLE, NULL);
    hf_container_done(&c);
}

/* Its manager defined it without its container, and its owner says that this is meant. */
static int leave_as_defined(struct leaving *w, struct hf_error *err)
{
    const struct hf_domain *d = hf_domain_facts(w->access.xml);
    char code[PATH_MAX];

    hf_libvirt_state_path(d->uuid, HF_PUBLISHED_CODE, code);
    if (!strcmp(d->loader, code) || d->nvram_kind == HF_NVRAM_OURS)
        return hf_error_refuse(err, "allow",
                               "the definition of domain '%s' names its container; 'holdfast libvirt release "
                               "%s' without --allow takes it out",
                               d->name, d->name);
    w->report.as_defined = true;
    snprintf(w->report.container, PATH_MAX, "%s", w->adoption.container);
    snprintf(w->report.loader, PATH_MAX, "%s", d->loader);
    snprintf(w->report.nvram, PATH_MAX, "%s", d->nvram);
    return 0;
}

static int take_out(struct leaving *w, struct hf_error *err)
{
    int r = read_container(w, err);

    if (r == 0)
        r = plan(w, err);
    if (r < 0 || w->q->dry_run)
        return r;
    r = write_files(w, err);
    return r < 0 ? r : define(w, err);
}

int hf_libvirt_release(const struct hf_release_request *q, struct hf_release_report *report, struct hf_error *err)
{
    hf_auto(leaving_done) struct leaving w = {.q = q};
    int r = look(&w, err);

    if (r == 0)
        r = q->as_defined ? leave_as_defined(&w, err) : take_out(&w, err);
    if (r < 0)
        return r;
    if (!q->dry_run) {
        log_leaving(&w);
        hf_adoption_forget(w.adoption.uuid);
    }
    *report = w.report;
    return 0;
}
