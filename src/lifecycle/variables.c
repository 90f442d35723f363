/* SPDX-License-Identifier: BSD-2-Clause */
#include "variables.h"

#include <stdio.h>
#include <string.h>

#include "banks.h"
#include "cleanup.h"
#include "dbx.h"
#include "snapshots.h"

static const struct hf_guid image_security = HF_GUID(0xd719b2cb, 0x3d3a, 0x4596, 0xa3bc, 0xdad00e67656f);

/* UCS-2 with its NUL, as a variable's name is stored. */
static const uint8_t dbx_name[] = {'d', 0, 'b', 0, 'x', 0, 0, 0};

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
        return hf_error_set(err, HF_ENOMEM, "reading variables: no memory for %zu of them", capacity);
    }
    v->readable = open_store(v, HF_VARSTORE_STRICT) == 0 || open_store(v, HF_VARSTORE_SALVAGE) == 0;
    return 0;
}

static int allocate(uint64_t size, uint8_t **bytes, struct hf_error *err)
{
    *bytes = malloc(size ? (size_t)size : 1);
    return *bytes
               ? 0
               : hf_error_set(err, HF_ENOMEM, "reading variables: no memory for %llu bytes", (unsigned long long)size);
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
                               from->readable ? "the image's layout is not known" : from->why.text);
    r = allocate(info->bank_size, &bytes, err);
    if (r < 0)
        return r;
    vars = calloc(hf_varstore_max((size_t)info->bank_size), sizeof *vars);
    if (vars == NULL)
        return hf_error_set(err, HF_ENOMEM, "converting variables: no memory");
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

static const struct hf_var *find_dbx(const struct hf_variables *v)
{
    return v->readable ? hf_varstore_find(&v->store, &image_security, dbx_name, sizeof dbx_name) : NULL;
}

int hf_variables_carry_dbx(const struct hf_variables *from, struct hf_variables *to, bool *carried,
                           struct hf_error *err)
{
    const struct hf_var *now = find_dbx(from), *then = find_dbx(to);
    struct hf_error why = {0};
    int r = -HF_EDAMAGED;

    *carried = false;
    if (now == NULL || (then != NULL && hf_dbx_covers(then->data, then->data_size, now->data, now->data_size)))
        return 0;
    if (to->readable)
        r = hf_varstore_set(to->bytes, &to->store, now, HF_EDIT_AUTHENTICATED | HF_EDIT_RAW, &why);
    if (r < 0)
        return hf_error_refuse(
            err, "old-dbx",
            "the present dbx forbids more than the one that would come back, and cannot be carried over "
            "(%s); --old-dbx goes back to the older one, --variables=current keeps the present variables",
            to->readable ? why.text : to->why.text);
    *carried = true;
    return 0;
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
