/* SPDX-License-Identifier: BSD-2-Clause */
#include "intro.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <holdfast/endian.h>
#include <jansson.h>

#include "cleanup.h"
#include "domain_xml.h"

#define INTRO_MAX (HF_DOMAIN_XML_MAX + 65536U)
#define WAIT_MS   60000

static void json_drop(json_t **json)
{
    json_decref(*json);
}

void hf_intro_done(struct hf_intro *intro)
{
    free(intro->original);
    intro->original = NULL;
}

static int frame(const json_t *json, uint8_t **bytes, size_t *size, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    size_t length = text ? strlen(text) : 0;
    hf_be32 head = hf_be32_of((uint32_t)length);
    uint8_t *out = length && length <= INTRO_MAX ? malloc(sizeof head + length) : NULL;

    if (!out)
        return hf_error_set(err, HF_ENOMEM, "out of memory, or a text that is not UTF-8");
    memcpy(out, &head, sizeof head);
    memcpy(out + sizeof head, text, length);
    *bytes = out;
    *size = sizeof head + length;
    return 0;
}

int hf_intro_format(const struct hf_intro *intro, uint8_t **bytes, size_t *size, struct hf_error *err)
{
    const struct hf_adoption *a = &intro->adoption;
    hf_auto(json_drop) json_t *json =
        json_pack("{s:i, s:s, s:s, s:s, s:s, s:b, s:b, s:s, s:b, s:b}", "schema", 1, "uuid", a->uuid, "name", a->name,
                  "loader", a->loader, "nvram", a->nvram, "secure", a->secure, "reconnect", a->reconnect, "original",
                  intro->original, "live", intro->live, "settle", intro->settle);

    return frame(json, bytes, size, err);
}

static int send_all(int fd, const uint8_t *bytes, size_t size, int timeout_ms, struct hf_error *err)
{
    int r = 0;

    for (size_t at = 0; r == 0 && at < size;) {
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        int ready = poll(&p, 1, timeout_ms);
        ssize_t n = ready > 0 ? write(fd, bytes + at, size - at) : ready;

        if (n > 0)
            at += (size_t)n;
        else if (ready == 0)
            r = hf_error_set(err, HF_ETIMEDOUT, "peer: send timed out after %d s", timeout_ms / 1000);
        else if (errno != EINTR && errno != EAGAIN)
            r = hf_error_set(err, HF_EIO, "connection to the peer: %s", strerror(errno));
    }
    return r;
}

int hf_intro_send(int fd, const struct hf_intro *intro, int timeout_ms, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    size_t size = 0;
    int r = hf_intro_format(intro, &bytes, &size, err);

    return r < 0 ? r : send_all(fd, bytes, size, timeout_ms, err);
}

int hf_intro_refuse(int fd, const struct hf_error *why, int timeout_ms, struct hf_error *err)
{
    hf_auto(json_drop) json_t *json =
        json_pack("{s:i, s:s, s:b}", "schema", 1, "failure", why->text, "nothing", why->code == HF_ENOTFOUND);
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    size_t size = 0;
    int r = frame(json, &bytes, &size, err);

    return r < 0 ? r : send_all(fd, bytes, size, timeout_ms, err);
}

static int bad(struct hf_error *err, const char *key)
{
    return hf_error_set(err, HF_EPROTO, "peer's description of the domain: '%s': missing or invalid", key);
}

static int get_text(const json_t *json, const char *key, char *to, size_t size, struct hf_error *err)
{
    const char *text = json_string_value(json_object_get(json, key));

    if (!text || strlen(text) >= size)
        return bad(err, key);
    memcpy(to, text, strlen(text) + 1);
    return 0;
}

static int get_bool(const json_t *json, const char *key, bool *to, struct hf_error *err)
{
    const json_t *value = json_object_get(json, key);

    if (!json_is_boolean(value))
        return bad(err, key);
    *to = json_is_true(value);
    return 0;
}

/* It becomes part of paths. */
static bool is_uuid(const char *text)
{
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]) || isupper((unsigned char)text[i]))
            return false;
    }
    return text[36] == '\0';
}

static bool is_plain_name(const char *text)
{
    return text[0] && text[0] != '.' && !strchr(text, '/') && !strchr(text, '\n');
}

static bool is_plain_path(const char *text)
{
    return !text[0] || (text[0] == '/' && !strstr(text, "/../") && !strchr(text, '\n'));
}

static int read_adoption(const json_t *json, struct hf_adoption *a, struct hf_error *err)
{
    int r = get_text(json, "uuid", a->uuid, sizeof a->uuid, err);

    if (r == 0)
        r = get_text(json, "name", a->name, sizeof a->name, err);
    if (r == 0)
        r = get_text(json, "loader", a->loader, sizeof a->loader, err);
    if (r == 0)
        r = get_text(json, "nvram", a->nvram, sizeof a->nvram, err);
    if (r == 0)
        r = get_bool(json, "secure", &a->secure, err);
    if (r == 0)
        r = get_bool(json, "reconnect", &a->reconnect, err);
    if (r < 0)
        return r;
    if (!is_uuid(a->uuid))
        return bad(err, "uuid");
    if (!is_plain_name(a->name))
        return bad(err, "name");
    if (!is_plain_path(a->loader) || !is_plain_path(a->nvram))
        return bad(err, "nvram");
    a->nvram[0] = '\0'; /* what root's `release` writes here is not for another host to choose */
    return 0;
}

int hf_intro_parse(const char *text, size_t size, struct hf_intro *intro, struct hf_error *err)
{
    hf_auto(json_drop) json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    struct hf_intro out = {.original = NULL};
    const char *original = json_string_value(json_object_get(json, "original")), *failure;
    int r;

    if (!json_is_object(json))
        return hf_error_set(err, HF_EPROTO, "peer's description of the domain: invalid JSON object");
    if (json_integer_value(json_object_get(json, "schema")) != 1)
        return hf_error_set(err, HF_EVERSION, "peer's description of the domain: unsupported schema");
    failure = json_string_value(json_object_get(json, "failure"));
    if (failure)
        return hf_error_set(err, json_is_true(json_object_get(json, "nothing")) ? HF_ENOTFOUND : HF_EPROTO, "peer: %s",
                            failure);
    r = read_adoption(json, &out.adoption, err);
    if (r == 0)
        r = get_bool(json, "live", &out.live, err);
    if (r == 0)
        r = get_bool(json, "settle", &out.settle, err);
    if (r == 0 && (!original || strlen(original) > HF_DOMAIN_XML_MAX))
        r = bad(err, "original");
    if (r < 0)
        return r;
    out.original = strdup(original);
    if (!out.original)
        return hf_error_nomem(err);
    *intro = out;
    return 0;
}

static int read_all(int fd, void *bytes, size_t size, struct hf_error *err)
{
    for (size_t at = 0; at < size;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = poll(&p, 1, WAIT_MS);
        ssize_t n;

        if (ready < 0 && errno == EINTR)
            continue;
        if (ready == 0)
            return hf_error_set(err, HF_ETIMEDOUT, "peer: no data for %d s", WAIT_MS / 1000);
        n = read(fd, (uint8_t *)bytes + at, size - at);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            return hf_error_set(err, HF_EPROTO, "connection to the peer: closed before it named the domain");
        at += (size_t)n;
    }
    return 0;
}

int hf_intro_read(int fd, struct hf_intro *intro, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *text = NULL;
    hf_be32 head;
    size_t size;
    int r = read_all(fd, &head, sizeof head, err);

    if (r < 0)
        return r;
    size = hf_be32_get(head);
    if (size > INTRO_MAX)
        return hf_error_set(err, HF_EPROTO, "peer's description of the domain: %zu bytes; at most %u are read", size,
                            INTRO_MAX);
    text = malloc(size + 1);
    if (!text)
        return hf_error_set(err, HF_ENOMEM, "%zu bytes: out of memory", size);
    r = read_all(fd, text, size, err);
    return r < 0 ? r : hf_intro_parse(text, size, intro, err);
}
