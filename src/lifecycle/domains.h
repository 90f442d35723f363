/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this holdfast offers firmware through the mailbox: the domains, their versions and bits. docs/mailbox.md says
 * what each bit means; a change here changes that page.
 */
#ifndef HF_DOMAINS_H
#define HF_DOMAINS_H

#include <holdfast/acpi_script.h>
#include <holdfast/negotiate_host.h>

#include "agreement.h"

#define HF_DOMAINS_MAX 8

#define HF_DOMAIN_LIFECYCLE "lifecycle"
#define HF_LIFECYCLE_STAGES 0 /* the driver reports how far the boot came, and that decides a trial */

/* The other one is HF_ACPI_DOMAIN, with the HF_ACPI_FEATURE bits. */

/* All of them, borrowed for ever. */
size_t hf_domains_known(const struct hf_negotiate_domain **list);

/* The value of setting "mask": HF_EUSAGE when it has a bit that this holdfast does not offer, with those that there
 * are. (One that came from a newer holdfast stays as it is: nothing is lost by it.) */
int hf_domains_check_mask(const char *value, struct hf_error *err);

/* The same without the bits that the guest's owner masked, and without those that need them; `list` has HF_DOMAINS_MAX
 * entries. */
int hf_domains_offered(struct hf_container *c, struct hf_negotiate_domain *list, size_t *count, struct hf_error *err);

/* The same for a guest that comes with its contract: of a domain that it has there, what it was offered at its last
 * reset and this holdfast knows; a mask that came later waits for the next reset, as anywhere. */
int hf_domains_arrived(struct hf_container *c, const struct hf_agreement *contract, size_t contract_count,
                       struct hf_negotiate_domain *list, size_t *count, struct hf_error *err);

#endif
