/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "keys.h"
#include "telling.h"
#include "text.h"

static const char *const names[KEYS_VARIABLES] = {"PK", "KEK", "db", "dbx"};

static bool expired(const struct certificate *c)
{
    time_t now = time(NULL);
    char today[11];
    struct tm tm;

    return gmtime_r(&now, &tm) && strftime(today, sizeof today, "%Y-%m-%d", &tm) && strcmp(c->until, today) < 0;
}

static size_t shown(const struct keys_list *list)
{
    return list->count < KEYS_ENTRIES_MAX ? list->count : KEYS_ENTRIES_MAX;
}

static const char *json_word(int which)
{
    return which < 0 ? "null" : which ? "true" : "false";
}

/* ---- JSON ---- */

static void json_entry(const struct keys_entry *entry, bool first)
{
    char subject[sizeof entry->certificate.subject];

    (void)printf("%s\n      {\"readable\": %s, \"sha256\": \"", first ? "" : ",", json_word(entry->readable));
    text_digest(entry->sha256);
    (void)putchar('"');
    if (entry->readable) {
        memcpy(subject, entry->certificate.subject, sizeof subject);
        text_clean(subject, true);
        (void)fputs(", \"subject\": ", stdout);
        text_json(subject);
        (void)printf(", \"valid_until\": \"%s\", \"expired\": %s", entry->certificate.until,
                     json_word(expired(&entry->certificate)));
    }
    (void)putchar('}');
}

static void json_host(const struct hf_mailbox_reply *reply, const struct hf_error *why)
{
    char text[HF_ERROR_TEXT_MAX];

    (void)fputs("  \"host\": ", stdout);
    if (reply) {
        telling_keys_json(reply);
        return;
    }
    memcpy(text, why->text, sizeof text);
    text_clean(text, true);
    (void)fputs("null,\n  \"host_error\": ", stdout);
    text_json(text);
}

static void print_json(const struct keys *keys, const struct hf_mailbox_reply *reply, const struct hf_error *why)
{
    (void)printf("{\n  \"schema\": %d,\n  \"verb\": \"keys\",\n  \"secure_boot\": %s,\n  \"setup_mode\": %s,\n",
                 TELLING_SCHEMA, json_word(keys->secure_boot), json_word(keys->setup_mode));
    for (size_t v = 0; v < KEYS_VARIABLES; v++) {
        const struct keys_list *list = &keys->lists[v];

        (void)printf(
            "  \"%s\": {\"present\": %s, \"damaged\": %s, \"digests\": %zu, \"count\": %zu, \"certificates\": [",
            names[v], json_word(list->present), json_word(list->damaged), list->digests, list->count);
        for (size_t i = 0; i < shown(list); i++)
            json_entry(&list->entries[i], i == 0);
        (void)fputs("]},\n", stdout);
    }
    json_host(reply, why);
    (void)fputs("\n}\n", stdout);
}

/* ---- for people ---- */

static void print_entry(const char *variable, const struct keys_entry *entry)
{
    char subject[sizeof entry->certificate.subject];
    const struct certificate *c = &entry->certificate;

    if (!entry->readable) {
        (void)printf("%-12s(not a certificate)\n", variable);
        return;
    }
    memcpy(subject, c->subject, sizeof subject);
    text_clean(subject, false);
    (void)printf("%-12s%s, valid until %s%s\n", variable, subject, c->until, expired(c) ? " (expired)" : "");
}

static bool print_list(size_t v, const struct keys_list *list)
{
    bool any = false;

    for (size_t i = 0; i < shown(list); i++) {
        print_entry(names[v], &list->entries[i]);
        any = any || (list->entries[i].readable && expired(&list->entries[i].certificate));
    }
    if (list->count > shown(list))
        (void)printf("%-12s%zu more certificates\n", names[v], list->count - shown(list));
    if (list->digests || (v == KEYS_DBX && list->present))
        (void)printf("%-12sprograms that are %s by digest: %zu\n", names[v], v == KEYS_DBX ? "forbidden" : "allowed",
                     list->digests);
    if (list->damaged)
        (void)printf("%-12sinvalid sizes: firmware stops reading there\n", names[v]);
    return any;
}

static void print_host(const struct hf_mailbox_reply *reply, const struct hf_error *why)
{
    uint32_t keys = reply ? hf_le32_get(reply->keys) : 0;
    char text[HF_ERROR_TEXT_MAX];

    if (!reply) {
        memcpy(text, why->text, sizeof text);
        text_clean(text, false);
        (void)printf("%-12snot known: %s\n", "Host", text);
    } else if (keys & HF_MAILBOX_KEYS_STAGED) {
        (void)printf("%-12skeys are staged: they are added when this machine reboots\n", "Host");
    } else if (keys & HF_MAILBOX_KEYS_OFFERED) {
        (void)printf("%-12san update is offered: 'holdfast-guest keys update' has it staged\n", "Host");
    } else if (keys & HF_MAILBOX_KEYS_ALLOWED) {
        (void)printf("%-12sno update: the keys that the owner allows are there, or a rule forbids them\n", "Host");
    } else {
        (void)printf("%-12sno update: the owner allows none ('holdfast set G.hold guest-keys=microsoft')\n", "Host");
    }
}

static void print_words(const struct keys *keys, const struct hf_mailbox_reply *reply, const struct hf_error *why)
{
    bool any = false;

    (void)printf("%-12s%s%s\n", "Secure Boot",
                 keys->secure_boot < 0 ? "not known: the firmware does not say"
                 : keys->secure_boot   ? "on"
                                       : "off",
                 keys->setup_mode > 0 ? "; setup mode: no PK, nothing is enforced" : "");
    print_host(reply, why);
    for (size_t v = 0; v < KEYS_VARIABLES; v++)
        any = print_list(v, &keys->lists[v]) || any;
    if (any)
        (void)puts("An expired certificate still verifies: firmware ignores dates. It signs nothing new.");
}

void keys_print(const struct keys *keys, const struct hf_mailbox_reply *reply, const struct hf_error *why, bool json)
{
    if (json)
        print_json(keys, reply, why);
    else
        print_words(keys, reply, why);
}
