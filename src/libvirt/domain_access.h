/* SPDX-License-Identifier: BSD-2-Clause */
/* What adopt and release ask of a domain before they touch it, and which files libvirt would start it from. */
#ifndef HF_DOMAIN_ACCESS_H
#define HF_DOMAIN_ACCESS_H

#include "domain_xml.h"
#include "virt.h"

struct hf_domain_access {
    struct hf_virt *virt;
    char *text; /* its inactive XML */
    struct hf_domain_xml *xml;
};

/* A domain of this host's system libvirt that is shut off, defined and not saved: HF_EREFUSED "root", "session",
 * "running", "transient", "saved". */
int hf_domain_open(const char *uri, const char *domain, struct hf_domain_access *a, struct hf_error *err);
void hf_domain_done(struct hf_domain_access *a);

/* The code file that libvirt would use, also where it chooses for itself, and whether with the secure flash.
 * HF_EPROTO: its answer has no flash. */
int hf_domain_loader(struct hf_domain_access *a, const struct hf_domain_xml *xml, const char *text,
                     char loader[PATH_MAX], char nvram[PATH_MAX], bool *secure, struct hf_error *err);

#endif
