/* SPDX-License-Identifier: BSD-2-Clause */
/* What runs, what waits for what and why, and what happens next: the facts and the sentences for `show`. */
#ifndef HF_OUTLOOK_H
#define HF_OUTLOOK_H

#include "choices.h"
#include "life_record.h"
#include "slots.h"

#define HF_OUTLOOK_WORDS_SIZE 512

struct hf_outlook {
    struct hf_life_record record;
    struct hf_choices choices;
    bool has_staged, has_fallback;
    struct hf_slot_info active, staged, fallback; /* the latter two: only where has_ says so */
    /* Sentences without a full stop; "" where there is nothing to say. */
    char runs[HF_OUTLOOK_WORDS_SIZE];      /* "'OVMF 2022.11' (9f86d081884c)" */
    char waits[HF_OUTLOOK_WORDS_SIZE];     /* what waits, for what, and why */
    char trial[HF_OUTLOOK_WORDS_SIZE];     /* how the trial stands */
    char suspended[HF_OUTLOOK_WORDS_SIZE]; /* that a saved state is pending, and what loading it will do */
    char reset[HF_OUTLOOK_WORDS_SIZE];     /* what happens at the next reset */
    char power_on[HF_OUTLOOK_WORDS_SIZE];  /* ... at the next power-on */
    char migration[HF_OUTLOOK_WORDS_SIZE]; /* ... at the next migration */
};

/* Reads only. */
int hf_outlook_get(struct hf_container *c, struct hf_outlook *outlook, struct hf_error *err);

#endif
