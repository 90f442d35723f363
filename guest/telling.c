/* SPDX-License-Identifier: BSD-2-Clause */
#include "exit_status.h"
#include "telling.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

#define LABEL_SIZE sizeof((struct hf_mailbox_reply *)NULL)->active_label

static const char *const lives[] = {"steady", "staged", "trial", "rollback"};

static const char *life_of(const struct hf_mailbox_reply *reply)
{
    uint32_t life = hf_le32_get(reply->life);

    return life < sizeof lives / sizeof lives[0] ? lives[life] : "unknown";
}

static bool is_there(const uint8_t digest[32])
{
    static const uint8_t nothing[32];

    return memcmp(digest, nothing, sizeof nothing) != 0;
}

/* ---- replies that are no ---- */

int telling_check(const struct hf_mailbox_reply *reply, struct hf_error *err)
{
    char text[sizeof reply->text], rule[sizeof reply->rule];

    (void)snprintf(text, sizeof text, "%s", reply->text);
    (void)snprintf(rule, sizeof rule, "%s", reply->rule);
    text_clean(text, false);
    text_clean(rule, false);
    switch (hf_le32_get(reply->done)) {
    case HF_MAILBOX_DONE:
        return 0;
    case HF_MAILBOX_REFUSED:
        return hf_error_refuse(err, rule[0] ? rule : "refused", "%s", text);
    case HF_MAILBOX_NOT_ALLOWED:
        return hf_error_refuse(err, "guest-update",
                               "this image is not allowed; on the host, allow it by its digest: 'holdfast set G.hold "
                               "guest-update=SHA256'%s%s",
                               text[0] ? ": " : "", text);
    case HF_MAILBOX_TOO_LARGE:
        return hf_error_refuse(err, "size", "the image is too large for this guest's flash%s%s", text[0] ? ": " : "",
                               text);
    case HF_MAILBOX_LATER:
        return hf_error_refuse(err, "rate", "too many requests; try again in %u s",
                               (hf_le32_get(reply->retry_ms) + 999) / 1000);
    case HF_MAILBOX_NOT_THE_IMAGE:
        return hf_error_set(err, HF_EDAMAGED, "the image was damaged on the way to the host; try again%s%s",
                            text[0] ? ": " : "", text);
    case HF_MAILBOX_FAILED:
        return hf_error_set(err, HF_EIO, "the host failed%s%s", text[0] ? ": " : "", text);
    default:
        return hf_error_set(err, HF_EPROTO, "the host refused the request%s%s", text[0] ? ": " : "", text);
    }
}

/* ---- JSON ---- */

static void put_image(const char *name, const uint8_t digest[32], const char *label)
{
    char text[LABEL_SIZE];

    (void)snprintf(text, sizeof text, "%s", label);
    text_clean(text, true);
    (void)printf(",\n  \"%s\": ", name);
    if (!is_there(digest)) {
        (void)fputs("null", stdout);
        return;
    }
    (void)fputs("{\"sha256\": \"", stdout);
    text_digest(digest);
    (void)fputs("\", \"label\": ", stdout);
    text_json(text);
    (void)fputs("}", stdout);
}

static void print_json(const char *verb, const struct hf_mailbox_reply *reply)
{
    (void)printf("{\n  \"schema\": %d,\n  \"verb\": \"%s\",\n  \"state\": \"%s\"", TELLING_SCHEMA, verb,
                 life_of(reply));
    put_image("active", reply->active, reply->active_label);
    put_image("staged", reply->staged, reply->staged_label);
    (void)printf(",\n  \"boots\": {\"started\": %u, \"failed\": %u, \"limit\": %u},\n  \"keys\": ",
                 hf_le32_get(reply->boots_started), hf_le32_get(reply->boots_failed), hf_le32_get(reply->boots_limit));
    telling_keys_json(reply);
    (void)fputs("\n}\n", stdout);
}

void telling_keys_json(const struct hf_mailbox_reply *reply)
{
    uint32_t keys = hf_le32_get(reply->keys);

    (void)printf("{\"staged\": %s, \"allowed\": %s, \"offered\": %s}", keys & HF_MAILBOX_KEYS_STAGED ? "true" : "false",
                 keys & HF_MAILBOX_KEYS_ALLOWED ? "true" : "false", keys & HF_MAILBOX_KEYS_OFFERED ? "true" : "false");
}

void telling_error(const char *verb, const struct hf_error *err)
{
    (void)printf("{\n  \"schema\": %d,\n  \"verb\": \"%s\",\n  \"error\": {\"status\": %d, \"rule\": ", TELLING_SCHEMA,
                 verb, hf_exit_status((int)err->code));
    if (err->rule[0])
        text_json(err->rule);
    else
        (void)fputs("null", stdout);
    (void)fputs(", \"text\": ", stdout);
    text_json(err->text);
    (void)fputs("}\n}\n", stdout);
}

/* ---- for people ---- */

static void print_image(const char *field, const uint8_t digest[32], const char *label)
{
    char text[LABEL_SIZE];

    (void)snprintf(text, sizeof text, "%s", label);
    text_clean(text, false);
    (void)printf("%-10s", field);
    if (is_there(digest)) {
        (void)printf("%s, SHA-256 ", text);
        text_digest(digest);
    } else {
        (void)fputs("nothing", stdout);
    }
    (void)putchar('\n');
}

/* Keys wait without an image: in the slot is the active one. */
static bool keys_alone(const struct hf_mailbox_reply *reply)
{
    return (hf_le32_get(reply->keys) & HF_MAILBOX_KEYS_STAGED) &&
           memcmp(reply->staged, reply->active, sizeof reply->staged) == 0;
}

static void print_words(const struct hf_mailbox_reply *reply, const char *hint)
{
    uint32_t limit = hf_le32_get(reply->boots_limit);

    print_image("Firmware", reply->active, reply->active_label);
    (void)printf("%-10s%s", "State", life_of(reply));
    if (hf_le32_get(reply->life) == 2) {
        (void)printf(": boot %u", hf_le32_get(reply->boots_started));
        (void)printf(limit ? ", %u of at most %u failed" : ", %u failed", hf_le32_get(reply->boots_failed), limit);
    }
    (void)putchar('\n');
    if (keys_alone(reply))
        (void)puts("Staged    Secure Boot keys");
    else
        print_image("Staged", reply->staged, reply->staged_label);
    if (hint)
        (void)printf("%s\n", hint);
}

void telling_print(const char *verb, const struct hf_mailbox_reply *reply, const char *hint, bool json)
{
    if (json)
        print_json(verb, reply);
    else
        print_words(reply, hint);
}
