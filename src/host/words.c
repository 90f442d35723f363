/* SPDX-License-Identifier: BSD-2-Clause */
#include "words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes the word, which may be NULL for want of memory. */
static void take(struct hf_words *w, char *word)
{
    char **grown = word && !w->bad ? reallocarray(w->at, w->count + 2, sizeof *grown) : NULL;

    if (!grown) {
        free(word);
        w->bad = true;
        return;
    }
    w->at = grown;
    w->at[w->count++] = word;
    w->at[w->count] = NULL;
}

void hf_words_add(struct hf_words *w, const char *word)
{
    take(w, strdup(word));
}

void hf_words_addf(struct hf_words *w, const char *fmt, ...)
{
    char *word = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (vasprintf(&word, fmt, ap) < 0)
        word = NULL;
    va_end(ap);
    take(w, word);
}

void hf_words_add_json(struct hf_words *w, json_t *json)
{
    take(w, json ? json_dumps(json, JSON_COMPACT) : NULL);
    json_decref(json);
}

void hf_words_done(struct hf_words *w)
{
    for (size_t i = 0; i < w->count; i++)
        free(w->at[i]);
    free(w->at);
    *w = (struct hf_words){0};
}
