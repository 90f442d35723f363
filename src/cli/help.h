/* SPDX-License-Identifier: BSD-2-Clause */
/* Help text from the verb tables. */
#ifndef HF_HELP_H
#define HF_HELP_H

#include "verb.h"

void hf_help_all(void);                        /* every verb, one line each, by group */
void hf_help_verb(const struct hf_verb *verb); /* usage and options */
bool hf_help_family(const char *family);       /* the verbs whose first word it is; false when there are none */
void hf_help_json(json_t *report);             /* the tables themselves, for the tests */

#endif
