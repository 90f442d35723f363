/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole probe of a guest: machines of its shape under the QEMU that it last ran and under another, both looked at,
 * and booted when asked. The container is only read; variables that a boot writes are a copy that is thrown away.
 */
#ifndef HF_GUEST_PROBE_H
#define HF_GUEST_PROBE_H

#include "container.h"
#include "guest_needs.h"
#include "probe_rules.h"

#define HF_PROBE_BOOT_MS 180000 /* what the QEMU of the last start gets for a boot */

struct hf_guest_probe_options {
    const char *source;     /* QEMU; NULL: the one of the last start */
    char *const *arguments; /* the owner's for QEMU; NULL: those of the last start */
    int argument_count;
    bool boot;
    void (*say)(void *ctx, const char *line); /* progress; may be NULL */
    void *say_ctx;
};

struct hf_guest_probe;

/* Prepares a probe: looks at the source. HF_EREFUSED "arguments": none are recorded and none were given; and what
 * reading the container, the arguments, or starting programs fails with. The container stays the caller's and open. */
int hf_guest_probe_open(struct hf_container *c, const struct hf_guest_needs *needs,
                        const struct hf_guest_probe_options *options, struct hf_guest_probe **ret,
                        struct hf_error *err);

/* What was seen of the source. */
const struct hf_probe_side *hf_guest_probe_source(const struct hf_guest_probe *p);

/* The answers for one destination; valid until the next call or the close. */
int hf_guest_probe_ask(struct hf_guest_probe *p, const char *qemu, const struct hf_probe **ret, struct hf_error *err);

/* Removes what was made. NULL is allowed. */
void hf_guest_probe_close(struct hf_guest_probe *p);

#endif
