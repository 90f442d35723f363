/* SPDX-License-Identifier: BSD-2-Clause */
#include "adoption.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "cleanup.h"
#include "domain_xml.h"
#include "places.h"
#include "whole_file.h"

#define RECORD     "adoption.json"
#define RECORD_MAX 65536

static void json_drop(json_t **json)
{
    json_decref(*json);
}

static int get_text(const json_t *record, const char *key, char *to, size_t size, struct hf_error *err)
{
    const char *text = json_string_value(json_object_get(record, key));

    if (!text || strlen(text) >= size)
        return hf_error_set(err, HF_EDAMAGED, RECORD ": '%s' is missing or too long", key);
    memcpy(to, text, strlen(text) + 1);
    return 0;
}

static int read_record(const json_t *record, struct hf_adoption *a, struct hf_error *err)
{
    char digest[HF_DIGEST_TEXT_SIZE + 1] = "";
    int r = get_text(record, "uuid", a->uuid, sizeof a->uuid, err);

    if (r == 0)
        r = get_text(record, "name", a->name, sizeof a->name, err);
    if (r == 0)
        r = get_text(record, "container", a->container, sizeof a->container, err);
    if (r == 0)
        r = get_text(record, "loader", a->loader, sizeof a->loader, err);
    if (r == 0)
        r = get_text(record, "nvram", a->nvram, sizeof a->nvram, err);
    if (r == 0)
        r = get_text(record, "published", digest, sizeof digest, err);
    a->secure = json_is_true(json_object_get(record, "secure"));
    a->reconnect = json_is_true(json_object_get(record, "reconnect"));
    a->has_published = digest[0] != 0;
    if (r == 0 && a->has_published && !hf_digest_parse(digest, &a->published))
        r = hf_error_set(err, HF_EDAMAGED, RECORD ": 'published' is no SHA-256: '%s'", digest);
    return r;
}

int hf_adoption_load(const char *uuid, struct hf_adoption *adoption, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    hf_auto(json_drop) json_t *record = NULL;
    struct hf_adoption a = {.secure = false};
    char path[PATH_MAX];
    uint64_t size;
    int r;

    hf_libvirt_state_path(uuid, RECORD, path);
    r = hf_file_read(path, RECORD_MAX, &bytes, &size, NULL);
    if (r == -HF_ENOTFOUND)
        return hf_error_set(err, HF_ENOTFOUND, "domain %s is not adopted", uuid);
    if (r < 0)
        return hf_file_read(path, RECORD_MAX, &bytes, &size, err);
    record = json_loadb((const char *)bytes, size, JSON_REJECT_DUPLICATES, NULL);
    if (!record)
        return hf_error_set(err, HF_EDAMAGED, "'%s': invalid JSON", path);
    r = read_record(record, &a, err);
    if (r == 0 && strcmp(a.uuid, uuid))
        r = hf_error_set(err, HF_EDAMAGED, "record of another domain: %s", a.uuid);
    if (r < 0)
        return hf_error_prefix(err, r, "'%s': ", path);
    *adoption = a;
    return 0;
}

int hf_adoption_save(const struct hf_adoption *a, struct hf_error *err)
{
    char path[PATH_MAX], digest[HF_DIGEST_TEXT_SIZE] = "";
    hf_auto(json_drop) json_t *record = NULL;
    hf_auto(hf_cleanup_free) char *text = NULL;

    if (a->has_published)
        hf_digest_text(&a->published, digest);
    record = json_pack("{s:i, s:s, s:s, s:s, s:s, s:b, s:b, s:s, s:s}", "schema", 1, "uuid", a->uuid, "name", a->name,
                       "container", a->container, "loader", a->loader, "secure", a->secure, "reconnect", a->reconnect,
                       "nvram", a->nvram, "published", digest);
    text = record ? json_dumps(record, JSON_INDENT(2)) : NULL;
    if (!text)
        return hf_error_set(err, HF_ENOMEM, "out of memory, or a path of domain '%s' is not UTF-8", a->name);
    hf_libvirt_state_path(a->uuid, RECORD, path);
    return hf_file_replace(path, text, strlen(text), 0600, NULL, err);
}

int hf_adoption_original(const char *uuid, char **xml, size_t *size, struct hf_error *err)
{
    char path[PATH_MAX];
    uint8_t *bytes;
    uint64_t length;
    int r;

    hf_libvirt_state_path(uuid, HF_ORIGINAL_XML, path);
    r = hf_file_read(path, HF_DOMAIN_XML_MAX, &bytes, &length, err);
    if (r < 0)
        return r;
    *xml = (char *)bytes;
    *size = (size_t)length;
    return 0;
}

int hf_adoption_keep_original(const char *uuid, const char *xml, struct hf_error *err)
{
    char path[PATH_MAX];

    hf_libvirt_state_path(uuid, HF_ORIGINAL_XML, path);
    return hf_file_replace(path, xml, strlen(xml), 0600, NULL, err);
}

void hf_adoption_forget(const char *uuid)
{
    static const char *const names[] = {RECORD, HF_ORIGINAL_XML, HF_PUBLISHED_CODE};
    char path[PATH_MAX];

    for (size_t i = 0; i < HF_ARRAY_SIZE(names); i++) {
        hf_libvirt_state_path(uuid, names[i], path);
        (void)unlink(path);
    }
    hf_libvirt_state_path(uuid, NULL, path);
    (void)rmdir(path);
    hf_libvirt_clean_run(uuid);
}
