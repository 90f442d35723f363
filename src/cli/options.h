/* SPDX-License-Identifier: BSD-2-Clause */
/* From argv to an invocation. */
#ifndef HF_OPTIONS_H
#define HF_OPTIONS_H

#include "verb.h"

/* The options every verb has, after its own; which of them apply follows from the verb's flags. */
extern const struct hf_option hf_common_options[];
bool hf_common_applies(const struct hf_verb *verb, const struct hf_option *option);

/* Finds the verb that argv[0] (and argv[1], for a family) names; *used is the number of words that it took.
 * HF_EUSAGE: no such verb, or a family without its second word; the text names the nearest. */
int hf_find_verb(const struct hf_verb *const *verbs, int argc, char **argv, const struct hf_verb **verb, int *used,
                 struct hf_error *err);

/* Parses what follows the verb's name. Options and operands may be mixed; `--name value` and `--name=value` are the
 * same, but a value that begins with two dashes needs the second; `--` ends the options, and what follows is the tail of
 * a verb that has one, operands of any other.
 * HF_EUSAGE: the text says which argument and names the nearest option. */
int hf_parse(const struct hf_verb *verb, int argc, char **argv, struct hf_invocation *inv, struct hf_error *err);

/* Whether "--json" is among the words in front of "--". Who asks for JSON behind a mistake gets the error as JSON, too. */
bool hf_asks_for_json(int argc, char **argv);

void hf_invocation_done(struct hf_invocation *inv);

#endif
