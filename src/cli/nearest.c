/* SPDX-License-Identifier: BSD-2-Clause */
#include "nearest.h"

#include <stdio.h>
#include <string.h>

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;

    return m < c ? m : c;
}

/* Levenshtein's distance, one row at a time. */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
    unsigned row[HF_NEAREST_MAX + 1];

    for (unsigned j = 0; j <= nb; j++)
        row[j] = j;
    for (unsigned i = 1; i <= na; i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (unsigned j = 1; j <= nb; j++) {
            unsigned above = row[j];

            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[nb];
}

void hf_nearest_init(struct hf_nearest *n, const char *typed)
{
    *n = (struct hf_nearest){.typed = typed, .distance = ~0U};
}

void hf_nearest_try(struct hf_nearest *n, const char *word, size_t length)
{
    size_t typed = strlen(n->typed);
    unsigned d;

    if (typed > HF_NEAREST_MAX || length > HF_NEAREST_MAX)
        return;
    d = distance(n->typed, typed, word, length);
    if (d >= n->distance)
        return;
    n->distance = d;
    snprintf(n->best, sizeof n->best, "%.*s", (int)length, word);
}

const char *hf_nearest_hint(struct hf_nearest *n, const char *dashes)
{
    n->hint[0] = 0;
    if (n->best[0] && n->distance <= 1 + strlen(n->best) / 3)
        snprintf(n->hint, sizeof n->hint, "; did you mean '%s%s'?", dashes, n->best);
    return n->hint;
}
