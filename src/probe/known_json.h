/* SPDX-License-Identifier: BSD-2-Clause */
/* What was found out of files and programs that have not changed since, as JSON in this user's cache (host/cache.h). */
#ifndef HF_KNOWN_JSON_H
#define HF_KNOWN_JSON_H

#include <jansson.h>

/* `key` holds everything that the object depends on but the code of this room, which is added here. NULL: not known. Else
 * an object, the caller's reference. */
json_t *hf_json_known(const char *kind, const char *key);
void hf_json_keep(const char *kind, const char *key, const json_t *object);

/* The known object, or what find(of) returns, which is kept. key NULL: it is found each time. NULL: find() has none. */
json_t *hf_json_find(const char *kind, const char *key, json_t *(*find)(const void *of), const void *of);

#endif
