/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the variables of a host's domains are. */
#ifndef HF_DOMAIN_STORES_H
#define HF_DOMAIN_STORES_H

#include <holdfast/error.h>

/* `each` is called for every domain that has UEFI variables: with the path of its file or its container, or with `why`
 * (else NULL) when it has no container or that cannot be opened. A negative return ends it. `uri` as for
 * hf_virt_connect(). */
int hf_domain_stores(const char *uri,
                     int (*each)(void *ctx, const char *domain, const char *path, const char *why,
                                 struct hf_error *err),
                     void *ctx, struct hf_error *err);

#endif
