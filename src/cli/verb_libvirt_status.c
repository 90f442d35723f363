/* SPDX-License-Identifier: BSD-2-Clause */
/* libvirt status: one adopted domain, with all that `show` tells of its container. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "containers.h"
#include "domain_report.h"
#include "domain_roms.h"
#include "domain_xml.h"
#include "places.h"
#include "published.h"
#include "show_parts.h"
#include "verbs.h"

static const struct hf_option options[] = {
    {.name = "connect", .arg = "URI", .help = "libvirt's URI (otherwise qemu:///system)"},
    {.name = NULL},
};

static void show_state(const struct hf_invocation *inv, json_t *domain, const struct hf_inventory_row *row)
{
    hf_put_domain(domain, row);
    hf_field(inv, "Domain", "%s  %s", row->name, row->uuid);
    hf_field(inv, "State", "%s%s%s, %s", row->state, row->paused[0] ? " " : "", row->paused,
             hf_standing_text(row->standing));
    if (row->problem[0])
        hf_field(inv, "Problem", "%s", row->problem);
    hf_field(inv, "Path", "%s", row->container[0] ? row->container : "?");
}

static void show_hardware(const struct hf_invocation *inv, json_t *domain, const struct hf_domain_xml *doc)
{
    const struct hf_domain *d = hf_domain_facts(doc);
    struct hf_domain_roms roms;
    json_t *o;

    hf_put_bool(domain, "secure_loader", d->loader_secure);
    hf_put_bool(domain, "smm", d->smm);
    hf_put_bool(domain, "tpm", d->tpm);
    hf_field(inv, "Loader", "%s, System Management Mode %s", d->loader_secure ? "secure flash" : "no secure flash",
             d->smm ? "on" : "not switched on");
    hf_field(inv, "TPM device", "%s", d->tpm ? "yes" : "no");
    hf_domain_roms(doc, &roms);
    o = hf_put_object(domain, "roms");
    hf_put_number(o, "from_host", (int64_t)roms.host);
    hf_put_number(o, "from_files", (int64_t)roms.files);
    if (roms.host)
        hf_field(inv, "Host's ROMs", "%s: a new ROM package of the host reaches this guest at its next start",
                 roms.words);
    else
        hf_field(inv, "Host's ROMs", "none%s", roms.files ? "; files that the domain names" : "");
}

static void show_published(const struct hf_invocation *inv, json_t *domain, const struct hf_adoption *adoption)
{
    json_t *o = hf_put_object(domain, "published");
    char path[PATH_MAX], text[HF_DIGEST_SHORT_SIZE];
    struct hf_error why;
    int r = adoption->has_published ? hf_published_verify(adoption, &why) : -HF_ENOTFOUND;

    hf_libvirt_state_path(adoption->uuid, HF_PUBLISHED_CODE, path);
    hf_put_text(o, "path", path);
    if (adoption->has_published)
        hf_put_digest(o, "sha256", &adoption->published);
    hf_put_bool(o, "there", r != -HF_ENOTFOUND);
    hf_put_bool(o, "unchanged", r == 0);
    if (r == 0)
        hf_field(inv, "Published", "'%s'  %s", path, hf_digest_short(&adoption->published, text));
    else if (r == -HF_ENOTFOUND)
        hf_field(inv, "Published", "'%s' is missing; the next start publishes the firmware again", path);
    else
        hf_field(inv, "Published", "%s", why.text);
}

static void show_guard(const struct hf_invocation *inv, json_t *domain, const struct hf_inventory_row *row)
{
    bool there = hf_libvirt_has_mark(row->uuid, HF_VARS_SOCKET);
    char path[PATH_MAX];
    json_t *o = hf_put_object(domain, "socket");

    hf_libvirt_run_path(row->uuid, HF_VARS_SOCKET, path);
    hf_put_text(o, "path", path);
    hf_put_bool(o, "there", there);
    hf_put(domain, "guard", row->guest.runner ? json_integer(row->guest.runner) : json_null());
    hf_field(inv, "Socket", "'%s'%s", path, there ? "" : ": not there while the domain is shut off");
    if (row->guest.runner)
        hf_field(inv, "Guard", "process %lld", (long long)row->guest.runner);
}

static int show_container(struct hf_invocation *inv, const char *path, struct hf_error *err)
{
    struct hf_container *c;
    int r = hf_container_open(path, HF_OPEN_LOOK, hf_now(), &c, err);

    if (r < 0)
        return r;
    r = hf_begin(c, err); /* all of it from one moment */
    if (r == 0)
        r = hf_show_all(inv, c, err);
    hf_abort(c);
    return hf_close_after(c, r, err);
}

static int show(struct hf_invocation *inv, const struct hf_inventory_row *row, const char *xml, struct hf_error *err)
{
    hf_auto(hf_domain_xml_cleanup) struct hf_domain_xml *doc = NULL;
    json_t *domain = hf_put_object(inv->report, "domain");
    struct hf_adoption adoption;
    int r = hf_domain_xml_parse(xml, strlen(xml), &doc, err);

    if (r < 0)
        return r;
    show_state(inv, domain, row);
    show_hardware(inv, domain, doc);
    if (hf_adoption_load(row->uuid, &adoption, NULL) == 0)
        show_published(inv, domain, &adoption);
    show_guard(inv, domain, row);
    return row->readable ? show_container(inv, row->container, err) : 0;
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) struct hf_inventory_row *row = malloc(sizeof *row);
    hf_auto(hf_cleanup_free) char *xml = NULL;
    int r = row ? hf_inventory_domain(hf_value(inv, "connect"), inv->operands[0], hf_now(), row, &xml, err)
                : hf_error_nomem(err);

    if (r == 0)
        r = show(inv, row, xml, err);
    return r < 0 ? r : row->problem[0] ? 1 : 0;
}

const struct hf_verb hf_verb_libvirt_status = {
    .name = "libvirt status",
    .group = HF_GROUP_RUN,
    .flags = HF_VERB_REPORTS,
    .help = "Show an adopted domain and its container; exit status 1 when it has a problem",
    .synopsis = "DOMAIN",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .run = run,
};
