/* SPDX-License-Identifier: BSD-2-Clause */
/* Which devices of a domain load an option ROM or a VGA BIOS from the host's files: those are firmware that the
 * container does not hold. Pure. */
#ifndef HF_DOMAIN_ROMS_H
#define HF_DOMAIN_ROMS_H

#include "domain_xml.h"

struct hf_domain_roms {
    size_t host;     /* devices whose ROM is the host's, as its packages have it today */
    size_t files;    /* devices with a file of the operator's (<rom file=...>) */
    char words[200]; /* the first kinds: "interface virtio, video vga" */
};

void hf_domain_roms(const struct hf_domain_xml *doc, struct hf_domain_roms *roms);

#endif
