/* SPDX-License-Identifier: BSD-2-Clause */
#include "key_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cursor.h"
#include "known_certificate.h"
#include "sig_chain.h"

static const struct hf_guid secure_boot_enable = HF_GUID(0xf0a30bc7, 0xaf08, 0x4556, 0x99c4, 0x001009c93a44);
static const struct hf_guid custom_mode = HF_GUID(0xc076ec0c, 0x7028, 0x4399, 0xa072, 0x71ee5c448b9f);
static const struct hf_guid svn_owner = HF_GUID(0x9d132b6c, 0x59d5, 0x4388, 0xab1c, 0x185cfcb2eb92);

void hf_key_state_done(struct hf_key_state *state)
{
    for (size_t v = 0; v < HF_KEY_VARIABLES; v++)
        free(state->lists[v].certificates);
    memset(state, 0, sizeof *state);
}

const char *hf_key_mode_text(enum hf_key_mode mode)
{
    static const char *const names[] = {
        [HF_KEYS_SETUP] = "setup", [HF_KEYS_USER] = "user", [HF_KEYS_CUSTOM] = "custom", [HF_KEYS_OFF] = "off"};

    return names[mode];
}

const char *hf_key_verdict_text(enum hf_key_verdict verdict)
{
    static const char *const names[] = {[HF_KEYS_CURRENT] = "current",
                                        [HF_KEYS_UPDATE] = "update available",
                                        [HF_KEYS_SETUP_MODE] = "setup mode",
                                        [HF_KEYS_MANAGED] = "managed by its owner",
                                        [HF_KEYS_UNREADABLE] = "unreadable"};

    return names[verdict];
}

/* Version 1 of such an entry: a byte, the program's GUID, minor and major number. */
static bool read_svn(const struct hf_signature *s, struct hf_key_svn *svn)
{
    struct hf_cursor c = hf_cursor_of(s->data, s->size);
    uint8_t version = hf_cursor_u8(&c);

    hf_cursor_copy(&c, &svn->program, sizeof svn->program);
    svn->minor = hf_cursor_le16(&c);
    svn->major = hf_cursor_le16(&c);
    return !c.bad && version == 1;
}

static void take_digest(struct hf_key_state *state, struct hf_key_list *list, const struct hf_signature *s)
{
    struct hf_key_svn svn;

    if (!hf_guid_equal(&s->owner, &svn_owner)) {
        list->digests++;
        return;
    }
    if (read_svn(s, &svn) && state->svn_count < HF_KEY_SVNS_MAX)
        state->svns[state->svn_count++] = svn;
}

static int take_certificate(struct hf_key_list *list, const struct hf_signature *s, struct hf_error *err)
{
    struct hf_key_entry *entry, *more = list->certificates;

    if ((list->count & (list->count - 1)) == 0) /* full at every power of two */
        more = (struct hf_key_entry *)reallocarray(more, list->count ? 2 * list->count : 1, sizeof *more);
    if (!more)
        return hf_error_set(err, HF_ENOMEM, "%zu certificates: out of memory", list->count + 1);
    list->certificates = more;
    entry = &more[list->count++];
    memset(entry, 0, sizeof *entry);
    entry->owner = s->owner;
    entry->readable = hf_certificate_read(s->data, s->size, &entry->certificate, NULL) == 0;
    if (entry->readable) {
        entry->known = hf_known_certificate_find(entry->certificate.sha256);
        entry->key_public = hf_certificate_key_is_public(&entry->certificate);
    }
    return 0;
}

static int read_list(struct hf_key_state *state, struct hf_key_list *list, const struct hf_var *var,
                     struct hf_error *err)
{
    struct hf_siglist walk;
    struct hf_signature s;
    int r = 0;

    if (!var)
        return 0;
    list->present = true;
    list->attributes = var->attributes;
    list->size = var->data_size;
    walk = hf_siglist_of(var->data, var->data_size);
    while (r == 0 && hf_siglist_next(&walk, &s)) {
        if (hf_guid_equal(&s.type, &hf_sig_x509))
            r = take_certificate(list, &s, err);
        else
            take_digest(state, list, &s);
    }
    list->damaged = walk.bad;
    return r;
}

static bool is_byte(const struct hf_var *var, uint8_t value)
{
    return var && var->data_size == 1 && var->data[0] == value;
}

static enum hf_key_mode mode_of(const struct hf_key_state *state, const struct hf_var *vars, size_t count)
{
    const struct hf_key_list *pk = &state->lists[HF_KEY_PK];

    if (pk->count == 0)
        return HF_KEYS_SETUP;
    if (is_byte(hf_var_named(&secure_boot_enable, "SecureBootEnable", vars, count), 0))
        return HF_KEYS_OFF;
    return is_byte(hf_var_named(&custom_mode, "CustomMode", vars, count), 1) ? HF_KEYS_CUSTOM : HF_KEYS_USER;
}

/* Lines of text joined with "; ". A guest's bytes: what is no printable ASCII becomes '?'. */
static void read_sbat(const struct hf_var *var, char out[HF_SBAT_LEVEL_SIZE])
{
    size_t n = 0;

    for (uint32_t i = 0; var && i < var->data_size && var->data[i] && n + 3 < HF_SBAT_LEVEL_SIZE; i++) {
        if (var->data[i] != '\n') {
            out[n++] = var->data[i] >= 0x20 && var->data[i] < 0x7F ? (char)var->data[i] : '?';
        } else if (i + 1 < var->data_size && var->data[i + 1]) {
            out[n++] = ';';
            out[n++] = ' ';
        }
    }
    out[n] = '\0';
}

/* ---- the verdict ---- */

bool hf_key_list_has(const struct hf_key_list *list, const struct hf_known_certificate *known)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->certificates[i].known == known)
            return true;
    return false;
}

static void HF_PRINTF(2, 3) say(struct hf_key_state *state, const char *fmt, ...)
{
    size_t n = strlen(state->words);
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(state->words + n, sizeof state->words - n, fmt, ap);
    va_end(ap);
}

static bool any_of_microsoft(const struct hf_key_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->certificates[i].known && list->certificates[i].known->microsoft)
            return true;
    return false;
}

/* Names what replaces an expired certificate of the list and is not there itself. */
static size_t say_missing(struct hf_key_state *state, enum hf_key_variable v, bool optional, size_t said)
{
    const struct hf_key_list *list = &state->lists[v];

    for (size_t i = 0; i < list->count; i++) {
        const struct hf_known_certificate *old = list->certificates[i].known, *wanted;
        const char *file = !old || old->variable != v ? NULL : optional ? old->optional : old->successor;

        if (!file)
            continue;
        wanted = hf_known_certificate_of_file(file);
        if (hf_key_list_has(list, wanted) || strstr(state->words, wanted->name))
            continue;
        say(state, "%s%s (%s)", said++ ? ", " : "update available: ", wanted->name, hf_key_variable_info(v)->name);
    }
    return said;
}

static bool lacks_option_roms(const struct hf_key_state *state)
{
    const struct hf_key_list *db = &state->lists[HF_KEY_DB];

    for (size_t i = 0; i < db->count; i++) {
        const struct hf_known_certificate *known = db->certificates[i].known;

        if (known && known->optional && !hf_key_list_has(db, hf_known_certificate_of_file(known->optional)))
            return true;
    }
    return false;
}

static enum hf_key_verdict judge(struct hf_key_state *state)
{
    const struct hf_key_list *pk = &state->lists[HF_KEY_PK];
    size_t said;

    for (size_t v = HF_KEY_PK; v <= HF_KEY_DBX; v++) {
        if (state->lists[v].damaged) {
            say(state, "unreadable: invalid sizes in %s", hf_key_variable_info((enum hf_key_variable)v)->name);
            return HF_KEYS_UNREADABLE;
        }
    }
    if (pk->count == 0) {
        say(state, "setup mode: no PK, so firmware enforces nothing");
        return HF_KEYS_SETUP_MODE;
    }
    if (!any_of_microsoft(&state->lists[HF_KEY_KEK])) {
        say(state, "managed by its owner: PK '%s', no key of Microsoft's in KEK%s",
            pk->certificates[0].certificate.subject,
            pk->certificates[0].key_public ? "; the private key of this PK is public: it protects nothing" : "");
        return HF_KEYS_MANAGED;
    }
    said = say_missing(state, HF_KEY_DB, false, say_missing(state, HF_KEY_KEK, false, 0));
    if (said) {
        (void)say_missing(state, HF_KEY_DB, true, said);
        return HF_KEYS_UPDATE;
    }
    say(state, "current%s",
        lacks_option_roms(state) ? "; option ROMs signed since 2026 would not run (set option-rom)" : "");
    return HF_KEYS_CURRENT;
}

int hf_key_state_read(const struct hf_var *vars, size_t count, struct hf_key_state *ret, struct hf_error *err)
{
    struct hf_key_state state;
    int r = 0;

    memset(&state, 0, sizeof state);
    for (size_t v = 0; r == 0 && v < HF_KEY_VARIABLES; v++)
        r = read_list(&state, &state.lists[v], hf_key_variable_in((enum hf_key_variable)v, vars, count), err);
    if (r < 0) {
        hf_key_state_done(&state);
        return r;
    }
    state.mode = mode_of(&state, vars, count);
    read_sbat(hf_var_named(&hf_vendor_shim, "SbatLevel", vars, count), state.sbat);
    state.verdict = judge(&state);
    *ret = state;
    return 0;
}

void hf_key_state_unreadable(const char *why, struct hf_key_state *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->verdict = HF_KEYS_UNREADABLE;
    say(ret, "unreadable: %s", why);
}
