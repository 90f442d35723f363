/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Results that are slow to compute, kept by their key for this user's later processes. They lie in the runtime directory,
 * until the host boots again. The key must hold everything that the result depends on. Nothing here fails: a cache that
 * cannot be read or written costs time only. A file is used when it is a regular file of this user or root, no other user
 * can write it, its CRC is right, and it holds exactly this key.
 */
#ifndef HF_CACHE_H
#define HF_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_CACHE_FILES    256         /* of one kind at most; a new one takes the place of an old one */
#define HF_CACHE_SIZE_MAX (1U << 20U) /* key and value together */

struct hf_cache_key {
    const char *kind;  /* a word for file names */
    const void *bytes; /* everything that the result depends on, the code that computes it included */
    size_t size;
};

/* False: no result is kept. Else `value` is the caller's to free. */
bool hf_cache_read(const struct hf_cache_key *key, uint8_t **value, size_t *size);

void hf_cache_write(const struct hf_cache_key *key, const void *value, size_t size);

#endif
