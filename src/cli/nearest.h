/* SPDX-License-Identifier: BSD-2-Clause */
/* "Did you mean ...?": the word of a list that is nearest to a mistyped one. */
#ifndef HF_NEAREST_H
#define HF_NEAREST_H

#include <stddef.h>

#define HF_NEAREST_MAX 63 /* longer words are never mistyped versions of ours */

struct hf_nearest {
    const char *typed;
    unsigned distance;
    char best[HF_NEAREST_MAX + 1];
    char hint[HF_NEAREST_MAX + 32];
};

void hf_nearest_init(struct hf_nearest *n, const char *typed);
void hf_nearest_try(struct hf_nearest *n, const char *word, size_t length);

/* "; did you mean '--json'?" or "". Valid as long as *n. */
const char *hf_nearest_hint(struct hf_nearest *n, const char *dashes);

#endif
