/* SPDX-License-Identifier: BSD-2-Clause */
#include "known_json.h"

#include <stdio.h>
#include <string.h>

#include "cache.h"
#include "cleanup.h"
#include "describe_sources.h"

/* The key's bytes are the caller's to free; NULL: no memory. */
static struct hf_cache_key key_of(const char *kind, const char *key, char **room)
{
    if (asprintf(room, "%s %s", HF_DESCRIBE_SOURCES, key) < 0)
        *room = NULL;
    return (struct hf_cache_key){.kind = kind, .bytes = *room, .size = *room ? strlen(*room) : 0};
}

json_t *hf_json_known(const char *kind, const char *key)
{
    hf_auto(hf_cleanup_free) uint8_t *value = NULL;
    hf_auto(hf_cleanup_free) char *room = NULL;
    struct hf_cache_key k = key_of(kind, key, &room);
    json_t *json = NULL;
    size_t size;

    if (room && hf_cache_read(&k, &value, &size))
        json = json_loadb((const char *)value, size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(json))
        return json;
    json_decref(json);
    return NULL;
}

void hf_json_keep(const char *kind, const char *key, const json_t *object)
{
    hf_auto(hf_cleanup_free) char *room = NULL, *text = json_dumps(object, JSON_COMPACT);
    struct hf_cache_key k = key_of(kind, key, &room);

    if (room && text)
        hf_cache_write(&k, text, strlen(text));
}

json_t *hf_json_find(const char *kind, const char *key, json_t *(*find)(const void *of), const void *of)
{
    json_t *object = key ? hf_json_known(kind, key) : NULL;

    if (object)
        return object;
    object = find(of);
    if (object && key)
        hf_json_keep(kind, key, object);
    return object;
}
