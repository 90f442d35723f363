/* SPDX-License-Identifier: BSD-2-Clause */
/* What a list of many guests says of one container. */
#ifndef HF_GUEST_SUMMARY_H
#define HF_GUEST_SUMMARY_H

#include "key_state.h"
#include "outlook.h"
#include "owner.h"

struct hf_guest_summary {
    char uuid[HF_UUID_TEXT_SIZE];
    struct hf_outlook outlook;
    bool has_vars;
    enum hf_key_mode key_mode; /* has_vars, and the verdict is not UNREADABLE */
    enum hf_key_verdict keys;  /* has_vars */
    char key_words[HF_KEY_WORDS_SIZE];
    bool behind; /* flash writes that could not be stored yet */
    int64_t behind_since;
    uint64_t behind_bytes;
    struct hf_owner owner;
    int64_t runner; /* the process here that runs it; 0: none */
};

/* Reads beside the process that runs the container, and waits for nobody. Errors as hf_container_open(). */
int hf_guest_summary_read(const char *path, int64_t now, struct hf_guest_summary *summary, struct hf_error *err);

#endif
