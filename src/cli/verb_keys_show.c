/* SPDX-License-Identifier: BSD-2-Clause */
/* keys show: one guest's Secure Boot keys. */
#include <string.h>

#include "cleanup.h"
#include "containers.h"
#include "exit_status.h"
#include "key_report.h"
#include "known_certificate.h"
#include "verbs.h"

/* What the lists are called in the JSON report. */
static const char *const members[HF_KEY_VARIABLES] = {
    [HF_KEY_PK] = "pk",   [HF_KEY_KEK] = "kek", [HF_KEY_DB] = "db",
    [HF_KEY_DBX] = "dbx", [HF_KEY_MOK] = "mok", [HF_KEY_MOKX] = "mok_revoked",
};

static const char *purpose(enum hf_key_variable v, const struct hf_key_entry *entry)
{
    static const char *const words[HF_KEY_VARIABLES] = {
        [HF_KEY_PK] = "updates of KEK",    [HF_KEY_KEK] = "updates of db and dbx",
        [HF_KEY_DB] = "programs",          [HF_KEY_DBX] = "nothing (forbidden)",
        [HF_KEY_MOK] = "what shim starts", [HF_KEY_MOKX] = "nothing that shim starts",
    };

    if (entry->key_public)
        return "anything: its private key is public";
    return entry->known && entry->known->variable == v ? entry->known->signs : words[v];
}

static void put_entry(json_t *array, enum hf_key_variable v, const struct hf_key_entry *entry)
{
    char owner[HF_GUID_TEXT_SIZE], text[HF_FINGERPRINT_TEXT];
    const struct hf_certificate *c = &entry->certificate;
    json_t *o = hf_append_object(array);

    hf_guid_format(&entry->owner, owner);
    hf_put_text(o, "owner", owner);
    hf_put_bool(o, "readable", entry->readable);
    if (!entry->readable)
        return;
    hf_put_text(o, "subject", c->subject);
    hf_put_text(o, "issuer", c->issuer);
    hf_put_text(o, "sha256", hf_fingerprint_text(c->sha256, text));
    hf_put_number(o, "valid_from", c->from);
    hf_put_number(o, "valid_until", c->until);
    hf_put_bool(o, "expired", c->until < hf_now());
    hf_put_text(o, "signs", purpose(v, entry));
    hf_put_bool(o, "known", entry->known != NULL);
    hf_put_bool(o, "private_key_is_public", entry->key_public);
}

static void put_list(json_t *report, enum hf_key_variable v, const struct hf_key_list *list)
{
    json_t *o = hf_put_object(report, members[v]), *array = hf_put_array(o, "certificates");

    hf_put_bool(o, "present", list->present);
    hf_put_bool(o, "damaged", list->damaged);
    hf_put_number(o, "bytes", list->size);
    hf_put_number(o, "digests", (int64_t)list->digests);
    if (list->present)
        hf_put_bool(o, "attributes_right", list->attributes == hf_key_variable_info(v)->attributes);
    for (size_t i = 0; i < list->count; i++)
        put_entry(array, v, &list->certificates[i]);
}

static void put_state(json_t *report, const struct hf_key_state *state)
{
    json_t *svns;

    for (size_t v = 0; v < HF_KEY_VARIABLES; v++)
        put_list(report, (enum hf_key_variable)v, &state->lists[v]);
    svns = hf_put_array(json_object_get(report, "dbx"), "versions");
    for (size_t i = 0; i < state->svn_count; i++) {
        json_t *o = hf_append_object(svns);
        char guid[HF_GUID_TEXT_SIZE];

        hf_guid_format(&state->svns[i].program, guid);
        hf_put_text(o, "program", guid);
        hf_put_number(o, "major", state->svns[i].major);
        hf_put_number(o, "minor", state->svns[i].minor);
    }
    hf_put_text(report, "sbat_level", state->sbat[0] ? state->sbat : NULL);
}

static void add_row(struct hf_table *table, enum hf_key_variable v, const struct hf_key_entry *entry)
{
    char fingerprint[HF_FINGERPRINT_TEXT], day[HF_DAY_TEXT];
    const struct hf_certificate *c = &entry->certificate;

    hf_table_cell(table, "%s", hf_key_variable_info(v)->name);
    hf_table_cell(table, "%s", entry->readable ? c->subject : "(not a certificate)");
    hf_table_cell(table, "%.12s", entry->readable ? hf_fingerprint_text(c->sha256, fingerprint) : "");
    hf_table_cell(table, "%s%s", entry->readable ? hf_day_text(c->until, day) : "",
                  entry->readable && c->until < hf_now() ? " (expired)" : "");
    hf_table_cell(table, "%s", purpose(v, entry));
}

static bool any_expired(const struct hf_key_state *state)
{
    for (size_t v = 0; v < HF_KEY_VARIABLES; v++)
        for (size_t i = 0; i < state->lists[v].count; i++)
            if (state->lists[v].certificates[i].readable &&
                state->lists[v].certificates[i].certificate.until < hf_now())
                return true;
    return false;
}

static void say_certificates(const struct hf_invocation *inv, const struct hf_key_state *state)
{
    static const char *const headings[] = {"VARIABLE", "CERTIFICATE", "SHA-256", "VALID UNTIL", "SIGNS", NULL};
    hf_auto(hf_table_cleanup) struct hf_table *table = hf_table_new(headings);

    for (size_t v = 0; v < HF_KEY_VARIABLES; v++)
        for (size_t i = 0; i < state->lists[v].count; i++)
            add_row(table, (enum hf_key_variable)v, &state->lists[v].certificates[i]);
    hf_table_print(inv, table);
    if (any_expired(state))
        hf_say(inv, "An expired certificate still verifies: firmware ignores dates. It signs nothing new.");
}

static void say_digests(const struct hf_invocation *inv, const struct hf_key_state *state)
{
    static const char *const what[HF_KEY_VARIABLES] = {
        [HF_KEY_DB] = "programs are allowed by digest",
        [HF_KEY_DBX] = "programs are forbidden by digest",
        [HF_KEY_MOK] = "programs are allowed by digest, for shim",
        [HF_KEY_MOKX] = "programs are forbidden by digest, for shim",
    };

    for (size_t v = 0; v < HF_KEY_VARIABLES; v++) {
        const struct hf_key_list *list = &state->lists[v];
        const struct hf_key_variable_info *info = hf_key_variable_info((enum hf_key_variable)v);

        if (what[v] && (list->digests || v == HF_KEY_DBX))
            hf_field(inv, info->name, "%s: %zu", what[v], list->digests);
        if (list->damaged)
            hf_field(inv, info->name, "invalid sizes in its lists: firmware stops reading there");
        if (list->present && list->attributes != info->attributes)
            hf_field(inv, info->name, "attributes 0x%x; firmware wants 0x%x", list->attributes, info->attributes);
    }
    for (size_t i = 0; i < state->svn_count; i++) {
        char guid[HF_GUID_TEXT_SIZE];

        hf_guid_format(&state->svns[i].program, guid);
        hf_field(inv, "Version", "%s: at least %u.%u", guid, state->svns[i].major, state->svns[i].minor);
    }
    if (state->sbat[0])
        hf_field(inv, "SBAT level", "%s", state->sbat);
}

static void say_mode(const struct hf_invocation *inv, const struct hf_key_state *state)
{
    static const char *const words[] = {
        [HF_KEYS_SETUP] = "setup: no PK, nothing is enforced",
        [HF_KEYS_USER] = "user: Secure Boot is enforced, where the firmware knows it",
        [HF_KEYS_CUSTOM] = "custom: enforced, and the firmware's menu lets its user change keys",
        [HF_KEYS_OFF] = "off: keys are enrolled, and Secure Boot is switched off",
    };

    hf_field(inv, "Mode", "%s", words[state->mode]);
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    struct hf_key_state state;
    int r = hf_key_state_of_file(inv->operands[0], &state, err);

    if (r < 0)
        return r;
    hf_put_text(inv->report, "path", inv->operands[0]);
    hf_put_key_verdict(inv->report, &state);
    hf_field(inv, "Keys", "%s", state.words);
    r = state.verdict == HF_KEYS_UNREADABLE ? hf_exit_status(HF_EDAMAGED) : 0;
    if (state.lists[HF_KEY_PK].present || state.verdict != HF_KEYS_UNREADABLE) {
        put_state(inv->report, &state);
        say_mode(inv, &state);
        say_digests(inv, &state);
        say_certificates(inv, &state);
    }
    hf_key_state_done(&state);
    return r;
}

const struct hf_verb hf_verb_keys_show = {
    .name = "keys show",
    .group = HF_GROUP_FIRMWARE,
    .flags = HF_VERB_REPORTS,
    .help = "Show a guest's Secure Boot keys, and whether they need an update",
    .synopsis = "G.hold|FILE",
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
