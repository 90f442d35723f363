/* SPDX-License-Identifier: BSD-2-Clause */
/* A growing argument vector. An addition that finds no memory marks it `bad`; test once, before using `at`. */
#ifndef HF_WORDS_H
#define HF_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include <holdfast/error.h>

struct hf_words {
    char **at; /* NULL terminated once something was added; strings are owned */
    size_t count;
    bool bad;
};

void hf_words_add(struct hf_words *w, const char *word);
void hf_words_addf(struct hf_words *w, const char *fmt, ...) HF_PRINTF(2, 3);

/* Adds the compact text of `json`, which is stolen; NULL marks the vector bad. */
void hf_words_add_json(struct hf_words *w, json_t *json);
void hf_words_done(struct hf_words *w);

#endif
