/* SPDX-License-Identifier: BSD-2-Clause */
#include "key_variable.h"

#include <assert.h>
#include <string.h>

/* UEFI specification, 32.3 and 3.3. */
#define GLOBAL   HF_GUID(0x8be4df61, 0x93ca, 0x11d2, 0xaa0d, 0x00e098032b8c)
#define SECURITY HF_GUID(0xd719b2cb, 0x3d3a, 0x4596, 0xa3bc, 0xdad00e67656f)
/* shim's MokVars.txt: a list with runtime access is not the owner's, and shim deletes it. */
#define SHIM HF_GUID(0x605dab50, 0xe046, 0x4300, 0xabb6, 0x3dd810dd8b23)

const struct hf_guid hf_vendor_shim = SHIM;

enum {
    BY_KEY = HF_VAR_NON_VOLATILE | HF_VAR_BOOT | HF_VAR_RUNTIME | HF_VAR_TIME_AUTHENTICATED,
    BY_SHIM = HF_VAR_NON_VOLATILE | HF_VAR_BOOT,
};

/* UCS-2; the literal's own NUL is the last byte. */
#define NAME(ascii, text) .name = (ascii), .ucs2 = (const uint8_t *)(text), .ucs2_size = sizeof(text)

static const struct hf_key_variable_info table[HF_KEY_VARIABLES] = {
    [HF_KEY_PK] = {NAME("PK", "P\0K\0\0"), .vendor = GLOBAL, .attributes = BY_KEY},
    [HF_KEY_KEK] = {NAME("KEK", "K\0E\0K\0\0"), .vendor = GLOBAL, .attributes = BY_KEY},
    [HF_KEY_DB] = {NAME("db", "d\0b\0\0"), .vendor = SECURITY, .attributes = BY_KEY},
    [HF_KEY_DBX] = {NAME("dbx", "d\0b\0x\0\0"), .vendor = SECURITY, .attributes = BY_KEY},
    [HF_KEY_MOK] = {NAME("MokList", "M\0o\0k\0L\0i\0s\0t\0\0"), .vendor = SHIM, .attributes = BY_SHIM},
    [HF_KEY_MOKX] = {NAME("MokListX", "M\0o\0k\0L\0i\0s\0t\0X\0\0"), .vendor = SHIM, .attributes = BY_SHIM},
};

const struct hf_key_variable_info *hf_key_variable_info(enum hf_key_variable v)
{
    assert(v < HF_KEY_VARIABLES);
    return &table[v];
}

const struct hf_var *hf_key_variable_in(enum hf_key_variable v, const struct hf_var *vars, size_t count)
{
    const struct hf_key_variable_info *info = hf_key_variable_info(v);
    const struct hf_var key = {.guid = info->vendor, .name = info->ucs2, .name_size = info->ucs2_size};

    for (size_t i = 0; i < count; i++)
        if (hf_var_same_key(&vars[i], &key))
            return &vars[i];
    return NULL;
}

static bool is_named(const struct hf_var *var, const char *name)
{
    size_t n = strlen(name);

    if (var->name_size != 2 * (n + 1))
        return false;
    for (size_t i = 0; i < n; i++)
        if (var->name[2 * i] != (uint8_t)name[i] || var->name[2 * i + 1])
            return false;
    return true;
}

const struct hf_var *hf_var_named(const struct hf_guid *vendor, const char *name, const struct hf_var *vars,
                                  size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (hf_guid_equal(&vars[i].guid, vendor) && is_named(&vars[i], name))
            return &vars[i];
    return NULL;
}
