/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest is told of a failure. Errors are written for the operator: they name the host's files, its limits, its
 * other guests. The guest hears one fixed sentence by kind; the log of the host has the words. Pure; any thread. */
#ifndef HF_GUEST_WORDS_H
#define HF_GUEST_WORDS_H

#include <holdfast/error.h>

/* By err->rule where a rule refused, else by err->code. Never NULL, and nothing of err->text. */
const char *hf_guest_words(const struct hf_error *err);

#endif
