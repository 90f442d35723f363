/* SPDX-License-Identifier: BSD-2-Clause */
#include "exchange_greeting.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"

#define SCHEMA   1
#define TEXT_MAX (1U << 16)

void hf_greeting_done(struct hf_greeting *g)
{
    json_decref(g->extra);
    g->extra = NULL;
}

static int dump(json_t *json, char **text, struct hf_error *err)
{
    char *all = json ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

    json_decref(json);
    if (!all)
        return hf_error_nomem(err);
    if (strlen(all) > TEXT_MAX) {
        int r = hf_error_set(err, HF_EUSAGE, "introduction of %zu bytes; the limit is %u", strlen(all), TEXT_MAX);

        free(all);
        return r;
    }
    *text = all;
    return 0;
}

static json_t *image_list(const struct hf_greeting *g)
{
    json_t *list = json_array();

    for (size_t i = 0; i < g->image_count; i++) {
        const struct hf_image *image = &g->images[i];
        char digest[HF_DIGEST_TEXT_SIZE];

        (void)json_array_append_new(
            list, json_pack("{s:s, s:i, s:I, s:I}", "digest", hf_digest_text(&image->digest, digest), "kind",
                            (int)image->kind, "size", (json_int_t)image->size, "stored", (json_int_t)image->stored));
    }
    return list;
}

/* Names come from hosts and guests: bytes that are no UTF-8 would make no JSON. */
static json_t *safe_text(const char *text)
{
    json_t *json = json_string(text);

    return json ? json : json_string("?");
}

int hf_greeting_write(const struct hf_greeting *g, char **text, struct hf_error *err)
{
    json_t *json = json_pack("{s:i, s:s, s:s, s:o, s:s}", "schema", SCHEMA, "side",
                             g->side == HF_SIDE_SOURCE ? "source" : "destination", "host-id", g->host.id, "host-name",
                             safe_text(g->host.name), "holder", hf_holder_name(g->holder));

    if (json && g->extra)
        (void)json_object_set(json, "extra", g->extra);
    if (json && g->side == HF_SIDE_DESTINATION)
        (void)json_object_set_new(json, "nonce", json_string(g->nonce));
    if (json && g->side == HF_SIDE_SOURCE) {
        (void)json_object_set_new(json, "container", json_string(g->container));
        (void)json_object_set_new(json, "guest",
                                  json_pack("{s:s, s:o, s:s, s:o}", "uuid", g->guest.uuid, "name",
                                            safe_text(g->guest.name), "arch", g->guest.arch, "machine",
                                            safe_text(g->guest.machine)));
        (void)json_object_set_new(json, "bytes", json_integer((json_int_t)g->bytes));
        (void)json_object_set_new(json, "free-bytes", json_integer((json_int_t)g->free_bytes));
        (void)json_object_set_new(json, "images", image_list(g));
    }
    return dump(json, text, err);
}

static int wrong(const char *member, struct hf_error *err)
{
    return hf_error_set(err, HF_EPROTO, "peer's introduction: '%s': missing or invalid", member);
}

static int read_text(const json_t *object, const char *member, char *to, size_t size, struct hf_error *err)
{
    const char *text = json_string_value(json_object_get(object, member));

    if (!text || strlen(text) >= size)
        return wrong(member, err);
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return wrong(member, err);
    strcpy(to, text);
    return 0;
}

static int read_id(const json_t *object, const char *member, char to[HF_ID_TEXT_SIZE], struct hf_error *err)
{
    int r = read_text(object, member, to, HF_ID_TEXT_SIZE, err);

    if (r == 0 && (strlen(to) != HF_ID_TEXT_SIZE - 1 || strspn(to, "0123456789abcdef") != HF_ID_TEXT_SIZE - 1))
        r = wrong(member, err);
    return r;
}

static int read_number(const json_t *object, const char *member, uint64_t max, uint64_t *to, struct hf_error *err)
{
    const json_t *number = json_object_get(object, member);

    if (!json_is_integer(number) || json_integer_value(number) < 0 || (uint64_t)json_integer_value(number) > max)
        return wrong(member, err);
    *to = (uint64_t)json_integer_value(number);
    return 0;
}

static int read_image(const json_t *json, struct hf_image *image, struct hf_error *err)
{
    const char *digest = json_string_value(json_object_get(json, "digest"));
    uint64_t kind;
    int r = digest && hf_digest_parse(digest, &image->digest) ? 0 : wrong("images.digest", err);

    if (r == 0)
        r = read_number(json, "kind", HF_IMAGE_ROM, &kind, err);
    if (r == 0)
        r = read_number(json, "size", HF_IMAGE_SIZE_MAX, &image->size, err);
    if (r == 0)
        r = read_number(json, "stored", HF_CONTAINER_MAX, &image->stored, err);
    if (r == 0)
        image->kind = (enum hf_image_kind)kind;
    return r;
}

static int read_source(const json_t *json, struct hf_greeting *g, struct hf_error *err)
{
    const json_t *guest = json_object_get(json, "guest"), *images = json_object_get(json, "images");
    int r = read_id(json, "container", g->container, err);

    if (r == 0)
        r = read_text(guest, "uuid", g->guest.uuid, sizeof g->guest.uuid, err);
    if (r == 0)
        r = read_text(guest, "name", g->guest.name, sizeof g->guest.name, err);
    if (r == 0)
        r = read_text(guest, "arch", g->guest.arch, sizeof g->guest.arch, err);
    if (r == 0)
        r = read_text(guest, "machine", g->guest.machine, sizeof g->guest.machine, err);
    if (r == 0)
        r = read_number(json, "bytes", HF_CONTAINER_MAX, &g->bytes, err);
    if (r == 0)
        r = read_number(json, "free-bytes", HF_CONTAINER_MAX, &g->free_bytes, err);
    if (r == 0 && (!json_is_array(images) || json_array_size(images) > HF_IMAGES_MAX))
        r = wrong("images", err);
    for (size_t i = 0; r == 0 && i < json_array_size(images); i++)
        r = read_image(json_array_get(images, i), &g->images[g->image_count++], err);
    return r;
}

static int read_common(const json_t *json, struct hf_greeting *g, struct hf_error *err)
{
    char side[16], holder[16];
    uint64_t schema;
    int r = read_number(json, "schema", UINT32_MAX, &schema, err);

    if (r == 0 && schema != SCHEMA)
        r = hf_error_set(err, HF_EVERSION, "peer's introduction: unsupported schema %llu (this program has %d)",
                         (unsigned long long)schema, SCHEMA);
    if (r == 0)
        r = read_text(json, "side", side, sizeof side, err);
    if (r == 0)
        r = read_text(json, "holder", holder, sizeof holder, err);
    if (r == 0)
        r = read_id(json, "host-id", g->host.id, err);
    if (r == 0)
        r = read_text(json, "host-name", g->host.name, sizeof g->host.name, err);
    if (r < 0)
        return r;
    if (strcmp(side, "source") != 0 && strcmp(side, "destination") != 0)
        return wrong("side", err);
    g->side = side[0] == 's' ? HF_SIDE_SOURCE : HF_SIDE_DESTINATION;
    for (g->holder = HF_HOLDER_NONE; g->holder < HF_HOLDER_MAX; g->holder++)
        if (strcmp(holder, hf_holder_name(g->holder)) == 0)
            return 0;
    return wrong("holder", err);
}

int hf_greeting_read(const void *text, size_t size, struct hf_greeting *g, struct hf_error *err)
{
    struct hf_greeting read = {.side = HF_SIDE_SOURCE};
    json_t *json = json_loadb((const char *)text, size, JSON_REJECT_DUPLICATES, NULL), *extra;
    int r = json_is_object(json) ? 0 : hf_error_set(err, HF_EPROTO, "peer's introduction: invalid JSON object");

    if (r == 0)
        r = read_common(json, &read, err);
    if (r == 0)
        r = read.side == HF_SIDE_SOURCE ? read_source(json, &read, err) : read_id(json, "nonce", read.nonce, err);
    extra = json_object_get(json, "extra");
    if (r == 0 && extra && !json_is_object(extra))
        r = wrong("extra", err);
    if (r == 0) {
        read.extra = json_incref(extra);
        *g = read;
    }
    json_decref(json);
    return r;
}

int hf_want_write(const struct hf_digest *wanted, size_t count, char **text, struct hf_error *err)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        char digest[HF_DIGEST_TEXT_SIZE];

        (void)json_array_append_new(list, json_string(hf_digest_text(&wanted[i], digest)));
    }
    return dump(json_pack("{s:o}", "images", list), text, err);
}

int hf_want_read(const void *text, size_t size, struct hf_digest wanted[HF_IMAGES_MAX], size_t *count,
                 struct hf_error *err)
{
    json_t *json = json_loadb((const char *)text, size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *list = json_object_get(json, "images");
    size_t n = json_array_size(list);
    bool ok = json_is_array(list) && n <= HF_IMAGES_MAX;

    for (size_t i = 0; ok && i < n; i++) {
        const char *digest = json_string_value(json_array_get(list, i));

        ok = digest && hf_digest_parse(digest, &wanted[i]);
    }
    json_decref(json);
    if (!ok)
        return hf_error_set(err, HF_EPROTO, "peer's list of wanted images: must be a list of digests");
    *count = n;
    return 0;
}
