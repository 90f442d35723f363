/* SPDX-License-Identifier: BSD-2-Clause */
#include <holdfast/varstore.h>

#include <assert.h>
#include <string.h>

#include "cursor.h"
#include "var_record.h"
#include "varstore_header.h"

enum { FIRST = sizeof(struct hf_volume_header) + sizeof(struct hf_store_header) };

size_t hf_record_write(uint8_t *p, const struct hf_var *var, bool authenticated)
{
    size_t header = hf_record_header_size(authenticated), full = hf_var_footprint(var, authenticated), body;

    if (authenticated) {
        struct hf_auth_record r = {
            .start = hf_le16_of(HF_RECORD_START),
            .state = HF_STATE_ADDED,
            .attributes = hf_le32_of(var->attributes),
            .count = hf_le64_of(var->count),
            .key_index = hf_le32_of(var->key_index),
            .name_size = hf_le32_of(var->name_size),
            .data_size = hf_le32_of(var->data_size),
            .guid = var->guid,
        };

        memcpy(r.time, var->time, sizeof r.time);
        memcpy(p, &r, sizeof r);
    } else {
        struct hf_plain_record r = {
            .start = hf_le16_of(HF_RECORD_START),
            .state = HF_STATE_ADDED,
            .attributes = hf_le32_of(var->attributes),
            .name_size = hf_le32_of(var->name_size),
            .data_size = hf_le32_of(var->data_size),
            .guid = var->guid,
        };

        memcpy(p, &r, sizeof r);
    }
    memcpy(p + header, var->name, var->name_size);
    memcpy(p + header + var->name_size, var->data, var->data_size);
    body = header + var->name_size + var->data_size;
    memset(p + body, 0xFF, full - body);
    return full;
}

int hf_varstore_format(void *bank, size_t size, enum hf_layout layout, struct hf_error *err)
{
    const struct hf_layout_info *info = hf_layout_info(layout);

    if (!info || (size != info->bank_size && size != info->volume_size))
        return hf_error_set(err, HF_EUSAGE, "bank of 0x%zx bytes: wrong size for a %s variable store", size,
                            hf_layout_name(layout));
    memset(bank, 0xFF, (size_t)info->volume_size);
    memset((uint8_t *)bank + info->volume_size, 0, size - (size_t)info->volume_size);
    hf_varstore_header_write((uint8_t *)bank, layout, /* authenticated= */ true);
    hf_ftw_format((uint8_t *)bank, info);
    return 0;
}

static int reopen(void *bank, struct hf_varstore *store, struct hf_error *err)
{
    return hf_varstore_open(bank, store->size, HF_VARSTORE_STRICT, store->vars, store->capacity, NULL, NULL, store,
                            err);
}

int hf_varstore_replay(void *bank, struct hf_varstore *store, struct hf_error *err)
{
    const struct hf_layout_info *info = hf_layout_info(store->layout);
    struct hf_ftw ftw;

    assert(bank == store->bank);
    if (!store->pending)
        return 0;
    hf_ftw_read((const uint8_t *)bank, store->size, info, &ftw);
    hf_ftw_replay((uint8_t *)bank, info, &ftw);
    return reopen(bank, store, err);
}

/* Finishes what is pending and formats what is blank, so that the variable region can be written. */
static int settle(void *bank, struct hf_varstore *store, struct hf_error *err)
{
    int r;

    if (!store->blank)
        return hf_varstore_replay(bank, store, err);
    r = hf_varstore_format(bank, store->size, store->layout, err);
    return r < 0 ? r : reopen(bank, store, err);
}

/* Moves the live variables down, in the order on flash, each byte of them as it was but for the state: a survivor is
 * plainly alive. `without` (an index, or count) is left behind. Returns the bytes then used. */
static size_t compact(uint8_t *bank, struct hf_varstore *store, size_t without)
{
    size_t at = FIRST, from = FIRST, end = FIRST + store->room;

    for (;;) {
        const struct hf_var *lowest = NULL;
        size_t size;

        /* `vars` is not always in flash order: a successor takes its predecessor's place in it. */
        for (size_t i = 0; i < store->count; i++)
            if (i != without && store->vars[i].at >= from && (!lowest || store->vars[i].at < lowest->at))
                lowest = &store->vars[i];
        if (!lowest)
            break;
        size = hf_var_footprint(lowest, store->authenticated);
        if (size > end - lowest->at) /* the last one may lack its padding */
            size = end - lowest->at;
        memmove(bank + at, bank + lowest->at, size);
        from = lowest->at + size;
        bank[at + offsetof(struct hf_auth_record, state)] = HF_STATE_ADDED;
        at += size;
    }
    memset(bank + at, 0xFF, end - at);
    return at - FIRST;
}

int hf_varstore_reclaim(void *bank, struct hf_varstore *store, struct hf_error *err)
{
    int r;

    assert(bank == store->bank);
    r = settle(bank, store, err);
    if (r < 0)
        return r;
    (void)compact((uint8_t *)bank, store, store->count);
    return reopen(bank, store, err);
}

/* Marks every record with this key deleted: one that was being replaced must not come back to life. */
static void bury(uint8_t *bank, const struct hf_varstore *store, const struct hf_var *key)
{
    size_t header = hf_record_header_size(store->authenticated), end = FIRST + store->used, at = FIRST;

    while (at < end && end - at >= header && (bank[at] | bank[at + 1] << 8) == HF_RECORD_START) {
        uint8_t *state = bank + at + offsetof(struct hf_auth_record, state);
        struct hf_var v = {.name = bank + at + header};

        if (store->authenticated) {
            const struct hf_auth_record *r = (const struct hf_auth_record *)(bank + at);

            v.name_size = hf_le32_get(r->name_size);
            v.data_size = hf_le32_get(r->data_size);
            v.guid = r->guid;
        } else {
            const struct hf_plain_record *r = (const struct hf_plain_record *)(bank + at);

            v.name_size = hf_le32_get(r->name_size);
            v.data_size = hf_le32_get(r->data_size);
            v.guid = r->guid;
        }
        if (*state == HF_STATE_BLANK || v.name_size == 0xFFFFFFFF || v.data_size == 0xFFFFFFFF) {
            at = hf_record_align(at + header);
            continue;
        }
        if ((*state | 1) == HF_STATE_ADDED && hf_var_same_key(&v, key))
            *state &= HF_STATE_DELETED;
        at += hf_var_footprint(&v, store->authenticated);
    }
}

static int check_request(const struct hf_varstore *store, const struct hf_var *var, unsigned flags,
                         const struct hf_var *old, struct hf_error *err)
{
    uint32_t known = HF_VAR_NON_VOLATILE | HF_VAR_BOOT | HF_VAR_RUNTIME | HF_VAR_HARDWARE_ERROR | HF_VAR_AUTHENTICATED |
                     HF_VAR_TIME_AUTHENTICATED | HF_VAR_ENHANCED;

    if (var->attributes & ~known)
        return hf_error_set(err, HF_EUSAGE, "attributes 0x%x: unsupported bits 0x%x", var->attributes,
                            var->attributes & ~known);
    if (!(var->attributes & HF_VAR_NON_VOLATILE))
        return hf_error_set(err, HF_EUSAGE, "attributes 0x%x: only non-volatile variables (1) are kept on flash",
                            var->attributes);
    if ((var->attributes & HF_VAR_RUNTIME) && !(var->attributes & HF_VAR_BOOT))
        return hf_error_set(err, HF_EUSAGE, "attributes 0x%x: runtime access (4) needs boot access (2)",
                            var->attributes);
    if (var->data_size == 0)
        return hf_error_set(err, HF_EUSAGE, "a variable needs at least one byte of data");
    if (!store->authenticated && (flags & HF_EDIT_RAW || hf_var_authenticated(var)))
        if (hf_var_authenticated(var) || var->count || var->key_index || var->time[0] || var->time[1])
            return hf_error_set(err, HF_EUSAGE, "this is a plain store: it cannot hold an authenticated variable");
    if (!(flags & HF_EDIT_AUTHENTICATED) && (hf_var_authenticated(var) || (old && hf_var_authenticated(old))))
        return hf_error_refuse(err, "authenticated",
                               "authenticated variable: inside the guest only the owner of its key can change it; "
                               "--authenticated changes it from outside");
    return 0;
}

static int check_name(const uint8_t *name, uint32_t name_size, struct hf_error *err)
{
    if (name_size < 4 || name_size % 2 || name[name_size - 2] || name[name_size - 1])
        return hf_error_set(err, HF_EUSAGE, "a variable's name must have at least one character and end in a NUL");
    for (uint32_t i = 0; i + 2 < name_size; i += 2)
        if (name[i] == 0 && name[i + 1] == 0)
            return hf_error_set(err, HF_EUSAGE, "a variable's name must not have a NUL inside");
    return 0;
}

/* What the new record carries beside key, attributes and data. */
static struct hf_var completed(const struct hf_var *var, const struct hf_var *old, unsigned flags)
{
    struct hf_var v = *var;

    if (flags & HF_EDIT_RAW)
        return v;
    v.count = old ? old->count : 0;
    v.key_index = old ? old->key_index : 0;
    if (old)
        memcpy(v.time, old->time, sizeof v.time);
    else
        memset(v.time, 0, sizeof v.time);
    return v;
}

int hf_varstore_set(void *bank, struct hf_varstore *store, const struct hf_var *var, unsigned flags,
                    struct hf_error *err)
{
    const struct hf_var *old;
    size_t need, live, used;
    struct hf_var v;
    int r;

    assert(bank == store->bank);
    r = check_name(var->name, var->name_size, err);
    if (r < 0)
        return r;
    old = hf_varstore_find(store, &var->guid, var->name, var->name_size);
    r = check_request(store, var, flags, old, err);
    if (r < 0)
        return r;
    v = completed(var, old, flags);
    need = hf_var_footprint(&v, store->authenticated);
    live = store->live - (old ? hf_var_footprint(old, store->authenticated) : 0);
    if (var->data_size > store->room || var->name_size > store->room || need > store->room - live)
        return hf_error_set(err, HF_ENOSPC,
                            "variable store full: the variable needs %zu bytes, free are %zu of %zu; remove variables, "
                            "or convert to a larger layout",
                            need, store->room - live, store->room);
    r = settle(bank, store, err);
    if (r < 0)
        return r;
    old = hf_varstore_find(store, &v.guid, v.name, v.name_size);
    if (store->torn || need > store->room - store->used) {
        used = compact((uint8_t *)bank, store, old ? (size_t)(old - store->vars) : store->count);
    } else {
        if (old)
            bury((uint8_t *)bank, store, &v);
        used = store->used;
    }
    (void)hf_record_write((uint8_t *)bank + FIRST + used, &v, store->authenticated);
    return reopen(bank, store, err);
}

int hf_varstore_delete(void *bank, struct hf_varstore *store, const struct hf_guid *guid, const uint8_t *name,
                       uint32_t name_size, unsigned flags, struct hf_error *err)
{
    const struct hf_var *old = hf_varstore_find(store, guid, name, name_size);
    struct hf_var key = {.guid = *guid, .name = name, .name_size = name_size};
    int r;

    assert(bank == store->bank);
    if (!old)
        return hf_error_set(err, HF_ENOTFOUND, "variable not found");
    if (!(flags & HF_EDIT_AUTHENTICATED) && hf_var_authenticated(old))
        return hf_error_refuse(err, "authenticated",
                               "authenticated variable: inside the guest only the owner of its key can remove it; "
                               "--authenticated removes it from outside");
    r = settle(bank, store, err);
    if (r < 0)
        return r;
    bury((uint8_t *)bank, store, &key);
    return reopen(bank, store, err);
}
