/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's half of negotiation. It works on bytes: a request record in, an answer record out, its state as bytes. It
 * knows nothing of fw_cfg or of shared memory; <holdfast/fwcfg_negotiate.h> hangs it into a fw_cfg device.
 *
 * Each domain is alone: nothing a guest sends for one changes another. Nothing that a guest reads changes anything. A
 * domain is locked by the first request it accepts and stays so until hf_negotiate_reset(). What was agreed is to be
 * asked for when a payload is built (hf_negotiate_agreed), never earlier and never kept across a reset.
 *
 * Memory comes from the caller, one block. One thread at a time.
 */
#ifndef HOLDFAST_NEGOTIATE_HOST_H
#define HOLDFAST_NEGOTIATE_HOST_H

#include <holdfast/error.h>
#include <holdfast/negotiate_wire.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hf_negotiate;

struct hf_negotiate_domain {
    const char *name; /* 1 .. 31 bytes of a-z 0-9 '-' '.'; borrowed */
    uint32_t version; /* of the meaning of the bits; a new bit is not a new version */
    struct hf_bits supported;
    const struct hf_negotiate_rule *rules; /* borrowed; may be NULL when there are none */
    size_t n_rules;                        /* at most 1024 */
    uint64_t reserved[2];                  /* 0; for members of later versions. Anything else is HF_EUSAGE */
};

#define HF_NEGOTIATE_DOMAINS_MAX 256
#define HF_NEGOTIATE_RULES_MAX   1024

/* Bytes of memory for so many domains. */
HF_PUBLIC size_t hf_negotiate_size(size_t n_domains);

/* Declares all domains at once; afterwards there is nothing to add. `memory` is aligned as malloc does; `domains` is
 * copied, the names and rules in it are borrowed. `generation` is shown to the guest: 1, or another number whenever the
 * host's side was made anew under a running guest. HF_EUSAGE: a bad or duplicate name, too many domains or rules;
 * HF_ENOMEM: `memory` is NULL, as malloc may return it, or `size` is less than hf_negotiate_size() says; HF_EREFUSED, rule
 * "closed": a supported bit needs one that is not supported, so no guest could ever take all. */
HF_PUBLIC int hf_negotiate_init(void *memory, size_t size, const struct hf_negotiate_domain *domains, size_t n_domains,
                                uint32_t generation, struct hf_negotiate **ret, struct hf_error *err);

/* The bytes of the directory file, always current; valid as long as `n`. */
HF_PUBLIC const void *hf_negotiate_directory(const struct hf_negotiate *n, size_t *ret_size);

/* One exchange: `request` is what the guest wrote (any bytes, any size), `answer` is filled wholly. Returns the
 * answer's status. */
HF_PUBLIC enum hf_negotiate_status hf_negotiate_request(struct hf_negotiate *n, const void *request, size_t size,
                                                        struct hf_negotiate_answer *answer);

/* The answer that stands before any request. */
HF_PUBLIC void hf_negotiate_no_answer(const struct hf_negotiate *n, struct hf_negotiate_answer *answer);

/* True when the domain is locked; *ret is then what was agreed, otherwise (also for a name that is not declared) the
 * empty set. So a payload's builder needs to look at *ret only. */
HF_PUBLIC bool hf_negotiate_agreed(const struct hf_negotiate *n, const char *domain, struct hf_bits *ret);

/* System reset, S3 wake included: every domain is open. */
HF_PUBLIC void hf_negotiate_reset(struct hf_negotiate *n);

/*
 * What is agreed, as bytes. Load is all or nothing, into domains that the destination declared by itself. HF_EDAMAGED,
 * HF_EVERSION; HF_EREFUSED, rule "contract": the guest was promised a domain, a version or a bit that this host lacks,
 * or a set that its rules forbid; the text names it. A domain locked to the empty set promises nothing.
 */
HF_PUBLIC size_t hf_negotiate_state_size(const struct hf_negotiate *n);
HF_PUBLIC int hf_negotiate_save(const struct hf_negotiate *n, void *bytes, size_t size, size_t *ret_size,
                                struct hf_error *err);
HF_PUBLIC int hf_negotiate_load(struct hf_negotiate *n, const void *bytes, size_t size, struct hf_error *err);
/* The same check without loading, for a look before a move. */
HF_PUBLIC int hf_negotiate_would_load(const struct hf_negotiate *n, const void *bytes, size_t size,
                                      struct hf_error *err);

/* A short name for logs and JSON: "accepted", "unsupported", "is-locked", ...; "unknown" for a number that is not a
 * status. Never NULL; a string literal. */
HF_PUBLIC const char *hf_negotiate_status_text(enum hf_negotiate_status status);

/* The rule that `set` breaks, or NULL. */
HF_PUBLIC const struct hf_negotiate_rule *hf_negotiate_broken_rule(const struct hf_bits *set,
                                                                   const struct hf_negotiate_rule *rules, size_t n);

#ifdef __cplusplus
}
#endif
#endif
