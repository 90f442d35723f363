/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers that take long to find out and that their key decides wholly, kept for this user's next process in the
 * runtime directory, so until the host boots again. A cache that cannot be read or written costs time and nothing else:
 * nothing here fails. What is believed is a regular file of this user's or root's that nobody else can write, whole (it
 * has a CRC), and of exactly this key.
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
    const void *bytes; /* all that decides the answer, the code that finds it out included */
    size_t size;
};

/* False: there is no answer. Else `value` is the caller's to free. */
bool hf_cache_read(const struct hf_cache_key *key, uint8_t **value, size_t *size);

void hf_cache_write(const struct hf_cache_key *key, const void *value, size_t size);

#endif
