/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain_access.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "command_line.h"

static int check_state(struct hf_virt *virt, const char *domain, struct hf_error *err)
{
    struct hf_virt_state state;
    int r = hf_virt_state(virt, &state, err);

    if (r < 0)
        return r;
    if (!hf_virt_is_system(virt))
        return hf_error_refuse(err, "session",
                               "only domains of qemu:///system of this host: only their hooks are run, "
                               "and by root");
    if (state.active)
        return hf_error_refuse(err, "running", "domain '%s' runs; shut it down first", domain);
    if (!state.persistent)
        return hf_error_refuse(err, "transient", "domain '%s' is not defined; define it first", domain);
    if (state.saved)
        return hf_error_refuse(err, "saved",
                               "domain '%s' has a managed save image, which holds its firmware and "
                               "variables as they are now; start it and shut it down, or 'virsh managedsave-remove' it",
                               domain);
    return 0;
}

int hf_domain_open(const char *uri, const char *domain, struct hf_domain_access *a, struct hf_error *err)
{
    int r;

    *a = (struct hf_domain_access){.virt = NULL};
    if (geteuid() != 0)
        return hf_error_refuse(err, "root", "this is for root: it writes libvirt's domains and root's files");
    r = hf_virt_open(uri, domain, &a->virt, err);
    if (r == 0)
        r = check_state(a->virt, domain, err);
    if (r == 0)
        r = hf_virt_xml(a->virt, &a->text, err);
    if (r == 0)
        r = hf_domain_xml_parse(a->text, strlen(a->text), &a->xml, err);
    return r;
}

void hf_domain_done(struct hf_domain_access *a)
{
    hf_domain_xml_free(a->xml);
    free(a->text);
    hf_virt_close(a->virt);
}

int hf_domain_loader(struct hf_domain_access *a, const struct hf_domain_xml *xml, const char *text,
                     char loader[PATH_MAX], char nvram[PATH_MAX], bool *secure, struct hf_error *err)
{
    const struct hf_domain *d = hf_domain_facts(xml);
    hf_auto(hf_cleanup_free) char *line = NULL;
    int r;

    snprintf(loader, PATH_MAX, "%s", d->loader);
    snprintf(nvram, PATH_MAX, "%s", d->nvram);
    *secure = d->loader_secure;
    if (loader[0] && nvram[0])
        return 0;
    r = hf_virt_command_line(a->virt, text, &line, err);
    return r < 0 ? r : hf_command_line_flash(line, loader, nvram, secure, err);
}
