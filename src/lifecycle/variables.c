/* SPDX-License-Identifier: BSD-2-Clause */
#include "variables.h"

#include <stdio.h>
#include <string.h>

#include "banks.h"
#include "cleanup.h"
#include "snapshots.h"
#include "staged_keys.h"

void hf_variables_done(struct hf_variables *v)
{
    free(v->bytes);
    free(v->vars);
    memset(v, 0, sizeof *v);
}

static int open_store(struct hf_variables *v, enum hf_varstore_mode mode)
{
    return hf_varstore_open(v->bytes, v->size, mode, v->vars, hf_varstore_max(v->size), NULL, NULL, &v->store, &v->why);
}

int hf_variables_of_bytes(uint8_t *bytes, size_t size, struct hf_variables *v, struct hf_error *err)
{
    size_t capacity = hf_varstore_max(size);

    memset(v, 0, sizeof *v);
    v->bytes = bytes;
    v->size = size;
    v->vars = calloc(capacity ? capacity : 1, sizeof *v->vars);
    if (v->vars == NULL) {
        hf_variables_done(v);
        return hf_error_set(err, HF_ENOMEM, "reading %zu variables: out of memory", capacity);
    }
    v->readable = open_store(v, HF_VARSTORE_STRICT) == 0 || open_store(v, HF_VARSTORE_SALVAGE) == 0;
    return 0;
}

static int allocate(uint64_t size, uint8_t **bytes, struct hf_error *err)
{
    *bytes = malloc(size ? (size_t)size : 1);
    return *bytes ? 0
                  : hf_error_set(err, HF_ENOMEM, "reading variables: out of memory for %llu bytes",
                                 (unsigned long long)size);
}

int hf_variables_of_bank(struct hf_container *c, struct hf_variables *v, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    uint64_t size = 0;
    int r = hf_bank_size(c, HF_BANK_VARS, &size, err);

    memset(v, 0, sizeof *v);
    if (r == -HF_ENOTFOUND)
        return 0;
    if (r == 0)
        r = allocate(size, &bytes, err);
    if (r == 0)
        r = hf_bank_read(c, HF_BANK_VARS, 0, bytes, (size_t)size, err);
    return r < 0 ? r : hf_variables_of_bytes(hf_take_ptr(bytes), (size_t)size, v, err);
}

int hf_variables_of_snapshot(struct hf_container *c, int64_t snapshot, struct hf_variables *v, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    struct hf_snapshot kept;
    int r = hf_snapshot_get(c, snapshot, &kept, err);

    memset(v, 0, sizeof *v);
    if (r < 0 || !kept.has_vars)
        return r;
    r = allocate(kept.size, &bytes, err);
    if (r == 0)
        r = hf_snapshot_read(c, snapshot, 0, bytes, (size_t)kept.size, err);
    return r < 0 ? r : hf_variables_of_bytes(hf_take_ptr(bytes), (size_t)kept.size, v, err);
}

int hf_variables_convert(const struct hf_variables *from, enum hf_layout layout, struct hf_variables *out,
                         struct hf_error *err)
{
    const struct hf_layout_info *info = hf_layout_info(layout);
    hf_auto(hf_cleanup_free) struct hf_var *vars = NULL;
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    struct hf_varstore check;
    struct hf_error why;
    int r;

    if (!from->readable || info == NULL)
        return hf_error_refuse(err, "layout", "the variables cannot be converted: %s",
                               from->readable ? "the image's layout is unknown" : from->why.text);
    r = allocate(info->bank_size, &bytes, err);
    if (r < 0)
        return r;
    vars = calloc(hf_varstore_max((size_t)info->bank_size), sizeof *vars);
    if (vars == NULL)
        return hf_error_nomem(err);
    r = hf_varstore_convert(&from->store, layout, bytes, (size_t)info->bank_size, vars,
                            hf_varstore_max((size_t)info->bank_size), &check, &why);
    if (r < 0)
        return hf_error_refuse(err, "layout", "the variables cannot be converted to %s: %s", info->name, why.text);
    return hf_variables_of_bytes(hf_take_ptr(bytes), (size_t)info->bank_size, out, err);
}

int hf_variables_store(struct hf_container *c, const struct hf_variables *v, struct hf_error *err)
{
    return v->bytes == NULL ? 0 : hf_bank_replace(c, HF_BANK_VARS, v->bytes, v->size, err);
}

int hf_variables_carry(const struct hf_variables *now, struct hf_variables *then, bool old_dbx,
                       char carried[HF_CARRIED_SIZE], struct hf_error *err)
{
    if (!now->readable) { /* firmware formats them: there is nothing to keep */
        carried[0] = '\0';
        return 0;
    }
    if (!then->readable)
        return hf_error_refuse(err, "carry", "the variables to be restored cannot be read: %s", then->why.text);
    return hf_trust_carry(&now->store, then->bytes, &then->store, old_dbx ? HF_CARRY_OLD_DBX : 0, carried, err);
}

/* `*then` is the caller's to end, also on failure. */
static int compose(struct hf_container *c, int64_t snapshot, bool old_dbx, struct hf_variables *then,
                   char carried[HF_CARRIED_SIZE], struct hf_error *err)
{
    struct hf_variables now;
    int r = hf_variables_of_bank(c, &now, err);

    carried[0] = '\0';
    memset(then, 0, sizeof *then);
    if (r < 0)
        return r;
    r = hf_variables_of_snapshot(c, snapshot, then, err);
    if (r == 0)
        r = hf_staged_keys_undo(c, snapshot, &now, err);
    if (r == 0 && then->bytes)
        r = hf_variables_carry(&now, then, old_dbx, carried, err);
    hf_variables_done(&now);
    return r;
}

int hf_variables_rehearse(struct hf_container *c, int64_t snapshot, bool old_dbx, char carried[HF_CARRIED_SIZE],
                          struct hf_error *err)
{
    struct hf_variables then;
    int r = compose(c, snapshot, old_dbx, &then, carried, err);

    hf_variables_done(&then);
    return r;
}

int hf_variables_bring(struct hf_container *c, int64_t snapshot, bool old_dbx, char carried[HF_CARRIED_SIZE],
                       struct hf_error *err)
{
    struct hf_variables then;
    int r = compose(c, snapshot, old_dbx, &then, carried, err);

    if (r == 0)
        r = hf_snapshot_restore(c, snapshot, err);
    if (r == 0 && carried[0])
        r = hf_variables_store(c, &then, err);
    hf_variables_done(&then);
    return r;
}

static void name_for_people(const struct hf_var *v, char *text, size_t size)
{
    size_t n = 0;

    for (uint32_t i = 0; i + 1 < v->name_size && n + 1 < size; i += 2) {
        unsigned unit = v->name[i] | (unsigned)v->name[i + 1] << 8;

        if (unit == 0)
            break;
        text[n++] = unit >= 0x20 && unit < 0x7f ? (char)unit : '?';
    }
    text[n] = '\0';
}

static bool decides_what_boots(const char *name)
{
    static const char *const names[] = {
        "PK",         "KEK",        "db",           "dbx",       "dbt",          "dbr",    "SecureBootEnable",
        "CustomMode", "SetupMode",  "DeployedMode", "AuditMode", "VendorKeysNv", "certdb", "MokList",
        "MokListX",   "MokSBState", "MokNew",       "SbatLevel",
    };

    for (size_t i = 0; i < HF_ARRAY_SIZE(names); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

static void tell(enum hf_var_change change, const struct hf_var *now, const struct hf_var *then,
                 void (*each)(void *ctx, const struct hf_var_difference *difference), void *ctx)
{
    struct hf_var_difference d = {.change = change, .now = now, .then = then};

    name_for_people(now ? now : then, d.name, sizeof d.name);
    d.secure_boot = decides_what_boots(d.name);
    each(ctx, &d);
}

void hf_variables_compare(const struct hf_variables *now, const struct hf_variables *then,
                          void (*each)(void *ctx, const struct hf_var_difference *difference), void *ctx)
{
    if (!now->readable || !then->readable)
        return;
    for (size_t i = 0; i < now->store.count; i++) {
        const struct hf_var *v = &now->store.vars[i];
        const struct hf_var *old = hf_varstore_find(&then->store, &v->guid, v->name, v->name_size);

        if (old == NULL)
            tell(HF_VAR_ONLY_NOW, v, NULL, each, ctx);
        else if (!hf_var_equal(v, old))
            tell(HF_VAR_CHANGED, v, old, each, ctx);
    }
    for (size_t i = 0; i < then->store.count; i++) {
        const struct hf_var *v = &then->store.vars[i];

        if (hf_varstore_find(&now->store, &v->guid, v->name, v->name_size) == NULL)
            tell(HF_VAR_ONLY_THEN, NULL, v, each, ctx);
    }
}
