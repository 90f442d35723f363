/* SPDX-License-Identifier: BSD-2-Clause */
/* Secure Boot's list of what must not run any more. Going back to an older one would let it run again. Pure. */
#ifndef HF_DBX_H
#define HF_DBX_H

#include <stdbool.h>
#include <stddef.h>

/* Whether every entry (type and data, whoever owns it) of the list `b` is in the list `a`. Both are chains of
 * EFI_SIGNATURE_LIST. A `b` that cannot be read is covered by nothing but its own bytes; of an `a` that cannot be read
 * the readable beginning counts. An empty `b` is covered by anything. */
bool hf_dbx_covers(const void *a, size_t a_size, const void *b, size_t b_size);

#endif
