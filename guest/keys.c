/* SPDX-License-Identifier: BSD-2-Clause */
#include "keys.h"

#include <stdlib.h>
#include <string.h>

#include <holdfast/siglist.h>

#include "efivars.h"
#include "sha256.h"

#define GLOBAL   "8be4df61-93ca-11d2-aa0d-00e098032b8c" /* EFI_GLOBAL_VARIABLE */
#define SECURITY "d719b2cb-3d3a-4596-a3bc-dad00e67656f" /* EFI_IMAGE_SECURITY_DATABASE */

static const struct {
    const char *name, *vendor;
} variables[KEYS_VARIABLES] = {
    [KEYS_PK] = {"PK", GLOBAL},
    [KEYS_KEK] = {"KEK", GLOBAL},
    [KEYS_DB] = {"db", SECURITY},
    [KEYS_DBX] = {"dbx", SECURITY},
};

static const struct hf_guid x509 = HF_GUID(0xa5c059a1, 0x94e4, 0x4aa7, 0x87b5, 0xab155c2bf072);

void keys_done(struct keys *keys)
{
    for (size_t v = 0; v < KEYS_VARIABLES; v++)
        free(keys->lists[v].entries);
    *keys = (struct keys){.secure_boot = -1};
}

static void take(struct keys_list *list, const struct hf_signature *s)
{
    struct keys_entry *entry;

    if (!hf_guid_equal(&s->type, &x509)) {
        list->digests++;
        return;
    }
    if (list->count++ >= KEYS_ENTRIES_MAX)
        return;
    entry = &list->entries[list->count - 1];
    hf_sha256(s->data, s->size, entry->sha256);
    entry->readable = certificate_read(s->data, s->size, &entry->certificate);
}

static int read_list(const char *directory, unsigned v, struct keys_list *list, struct hf_error *err)
{
    struct hf_error why;
    struct hf_siglist walk;
    struct hf_signature s;
    struct efivar var;
    int r = efivar_read(directory, variables[v].name, variables[v].vendor, &var, &why);

    if (r == -HF_ENOTFOUND)
        return 0;
    if (r < 0) {
        *err = why;
        return r;
    }
    list->present = true;
    list->entries = (struct keys_entry *)calloc(KEYS_ENTRIES_MAX, sizeof *list->entries);
    walk = hf_siglist_of(var.data, var.size);
    while (list->entries && hf_siglist_next(&walk, &s))
        take(list, &s);
    list->damaged = walk.bad;
    free(var.data);
    return list->entries ? 0 : hf_error_nomem(err);
}

/* SecureBoot and SetupMode: one byte that the firmware makes at every boot. */
static int read_switch(const char *directory, const char *name, int *ret, struct hf_error *err)
{
    struct efivar var;
    int r = efivar_read(directory, name, GLOBAL, &var, err);

    if (r < 0)
        return r;
    *ret = var.size == 1 && var.data[0] <= 1 ? var.data[0] : -1;
    free(var.data);
    return 0;
}

int keys_read(const char *directory, struct keys *ret, struct hf_error *err)
{
    struct keys keys = {.secure_boot = -1, .setup_mode = -1};
    int r = read_switch(directory, "SecureBoot", &keys.secure_boot, err);
    bool any = r == 0;

    if (r == 0)
        r = read_switch(directory, "SetupMode", &keys.setup_mode, err);
    if (r == -HF_ENOTFOUND)
        r = 0;
    for (unsigned v = 0; r == 0 && v < KEYS_VARIABLES; v++)
        r = read_list(directory, v, &keys.lists[v], err);
    for (unsigned v = 0; v < KEYS_VARIABLES; v++)
        any = any || keys.lists[v].present;
    if (r == 0 && !any)
        r = hf_error_set(err, HF_ENOTFOUND,
                         "%s: no variable SecureBoot, and no keys: this system was not started by UEFI firmware with "
                         "Secure Boot, or efivarfs is not mounted",
                         directory);
    if (r < 0) {
        keys_done(&keys);
        return r;
    }
    *ret = keys;
    return 0;
}
