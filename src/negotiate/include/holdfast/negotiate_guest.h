/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's half of negotiation, for firmware: freestanding, no allocation, needs memcpy, memset, memcmp.
 *
 * One call does what a driver wants: find the domain, intersect what it wants with what the host supports, close the
 * set under the driver's rules, ask, drop what the host refuses, ask again, the empty set last. Every driver of a
 * firmware calls it for its own domain and knows nothing of the others.
 *
 * Functions return 0 or minus one of: HF_ENOTFOUND (the host has no negotiation, or not this domain, or another version
 * of it: use the baseline); HF_EREFUSED (locked to a set with bits that this driver does not want); HF_EPROTO (the host
 * said what cannot be); HF_EUSAGE (name); or what the port's functions return.
 */
#ifndef HOLDFAST_NEGOTIATE_GUEST_H
#define HOLDFAST_NEGOTIATE_GUEST_H

#include <holdfast/error.h>
#include <holdfast/negotiate_wire.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How this firmware reaches the two files. <holdfast/fwcfg_negotiate_guest.h> is ready made. */
struct hf_negotiate_port {
    /* `size` bytes of the directory file at `offset`; fails when they are not all there. */
    int (*read_directory)(void *opaque, uint32_t offset, void *to, uint32_t size);
    /* Sends a request and gets the answer to it. */
    int (*exchange)(void *opaque, const struct hf_negotiate_request *request, struct hf_negotiate_answer *answer);
    void *opaque;
};

struct hf_negotiate_want {
    const char *domain;
    uint32_t version; /* of the domain, as this driver knows it */
    struct hf_bits bits;
    const struct hf_negotiate_rule *rules; /* as this driver knows them; may be NULL */
    size_t n_rules;
};

/* Negotiates. On success the domain is locked, *agreed is the set, always within want->bits, and *replay (may be NULL)
 * is the record that agrees to the same after an S3 resume. On failure nothing is agreed: baseline. */
HF_PUBLIC int hf_negotiate_guest(const struct hf_negotiate_port *port, const struct hf_negotiate_want *want,
                                 struct hf_bits *agreed, struct hf_negotiate_request *replay);

/* S3 resume: sends the record again. HF_EREFUSED when the host does not accept exactly that. */
HF_PUBLIC int hf_negotiate_replay(const struct hf_negotiate_port *port, const struct hf_negotiate_request *replay);

/* Finds a domain's row. HF_ENOTFOUND, HF_EPROTO. */
HF_PUBLIC int hf_negotiate_find(const struct hf_negotiate_port *port, const char *domain, struct hf_negotiate_row *ret);

/* Fills a request. HF_EUSAGE: the name is empty or too long. */
HF_PUBLIC int hf_negotiate_request_fill(struct hf_negotiate_request *request, const char *domain, uint32_t version,
                                        const struct hf_bits *bits);

/* Takes bits away until no rule is broken. */
HF_PUBLIC void hf_negotiate_close(struct hf_bits *set, const struct hf_negotiate_rule *rules, size_t n_rules);

#ifdef __cplusplus
}
#endif
#endif
