/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What two real VMMs showed: the one that the guest last ran and the one it is to run. Adds to a verdict; pure like
 * preflight.h, and listed in docs/preflight.md with it.
 */
#ifndef HF_PROBE_RULES_H
#define HF_PROBE_RULES_H

#include "fwcfg_view.h"
#include "preflight.h"

struct hf_probe_side {
    const char *program;              /* the VMM */
    struct hf_vmm_version version;    /* all zero when it did not start */
    const struct hf_fwcfg_view *view; /* NULL: it did not start with the guest's machine, or could not be read */
    const char *why;                  /* what it said then */
    const char *devices;              /* as in guest_needs.h; NULL: not known */
};

/* A boot of the guest's own firmware with scratch variables, until it first tried to boot something. */
struct hf_boot_try {
    bool booted;
    unsigned milliseconds; /* until then; until it was given up otherwise */
    unsigned limit;        /* milliseconds */
    const char *sign;      /* what was seen: "read a disk" */
    const char *why;       /* not NULL: it ended by itself, and why */
};

struct hf_probe {
    struct hf_probe_side source, destination;
    const struct hf_boot_try *source_boot, *destination_boot; /* NULL: not asked for, or not reached */
    char *const *left_out; /* parts of the machine that were not built; NULL terminated; NULL: none */
};

void hf_preflight_probe(const struct hf_guest_needs *guest, const struct hf_probe *probe, struct hf_verdict *verdict);

/* How long the destination may take when the source took `source_ms`. */
unsigned hf_probe_boot_limit(unsigned source_ms);

#endif
