/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Would a guest live on another host: now, and after its next reset? A pure function of two descriptions (law L8).
 * docs/preflight.md lists every cause by its rule's name; a test holds the page to the table in preflight.c.
 */
#ifndef HF_PREFLIGHT_H
#define HF_PREFLIGHT_H

#include "guest_needs.h"
#include "host_caps.h"

enum hf_finding_when { HF_WHEN_NOW, HF_WHEN_NEXT_RESET };
enum hf_finding_weight {
    HF_FINDING_NOTE,   /* said, because the owner would want to know */
    HF_FINDING_REFUSE, /* the move is refused */
};

#define HF_FINDING_TEXT_MAX 256
#define HF_FINDINGS_MAX     64

struct hf_finding {
    enum hf_finding_when when;
    enum hf_finding_weight weight;
    const char *rule;               /* a string literal; docs/preflight.md has a section of this name */
    char text[HF_FINDING_TEXT_MAX]; /* what the guest needs and what the host has: both values */
    char remedy[HF_FINDING_TEXT_MAX];
};

struct hf_verdict {
    bool refused_now, refused_next_reset;
    size_t count;
    bool more; /* there were more than fit */
    struct hf_finding finding[HF_FINDINGS_MAX];
    enum hf_firmware_source firmware;              /* who decides at the first boot after the move */
    const struct hf_firmware_caps *firmware_there; /* what that boot will run; NULL: what the guest brings: */
    const char *code_digest;                       /* its image, or the one that is staged */
    char firmware_why[HF_FINDING_TEXT_MAX];
    const struct hf_qemu_caps *qemu; /* the VMM it would run under; NULL when there is none */
};

/* Fills *ret whatever it finds; it cannot fail. */
void hf_preflight(const struct hf_guest_needs *guest, const struct hf_host_caps *host, struct hf_verdict *ret);

/* The name of the nth rule, in the order in which they are asked; NULL after the last. */
const char *hf_preflight_rule(size_t n);

#endif
