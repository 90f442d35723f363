/* SPDX-License-Identifier: BSD-2-Clause */
/* What was found out of files and programs that have not changed since, as JSON in this user's cache (host/cache.h). */
#ifndef HF_KNOWN_JSON_H
#define HF_KNOWN_JSON_H

#include <jansson.h>

/* `key` says all that decides the answer but the code of this room that finds it out, which is added here. NULL: not
 * known. Else an object, the caller's reference. */
json_t *hf_json_known(const char *kind, const char *key);
void hf_json_keep(const char *kind, const char *key, const json_t *object);

#endif
