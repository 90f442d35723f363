/* SPDX-License-Identifier: BSD-2-Clause */
#include "key_additions.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "var_auth_directory.h"
#include "var_source.h"
#include "whole_file.h"

static const struct {
    const char *name;
    enum hf_key_variable variable;
} options[] = {{"pk", HF_KEY_PK}, {"kek", HF_KEY_KEK}, {"db", HF_KEY_DB}, {"dbx", HF_KEY_DBX}, {"mok", HF_KEY_MOK}};

/* edk2's OvmfPkg enrolls under this owner, virt-firmware too; shim's lists belong to shim. */
static const struct hf_guid enroller = HF_GUID(0xa0baa8a3, 0x041d, 0x48a8, 0xbc87, 0xc36d121b5e3d);

void hf_key_additions_done(struct hf_key_additions *additions)
{
    for (size_t i = 0; i < additions->count; i++) {
        hf_key_file_done(&additions->files[i]);
        free(additions->bytes[i]);
        free(additions->origins[i]);
    }
    additions->count = 0;
}

/* Takes `bytes`, and what is in `file`. */
static int put(struct hf_key_additions *a, enum hf_key_variable variable, const char *origin, bool wholesale,
               struct hf_key_file *file, uint8_t *bytes, struct hf_error *err)
{
    char *kept = a->count < HF_KEY_ADDITIONS_MAX ? strdup(origin) : NULL;

    if (!kept) {
        hf_key_file_done(file);
        free(bytes);
        return a->count < HF_KEY_ADDITIONS_MAX
                   ? hf_error_nomem(err)
                   : hf_error_set(err, HF_EUSAGE, "too many files and sets; the limit is %d", HF_KEY_ADDITIONS_MAX);
    }
    a->files[a->count] = *file;
    a->bytes[a->count] = bytes;
    a->origins[a->count] = kept;
    a->list[a->count] = (struct hf_key_addition){
        .variable = variable, .origin = kept, .file = &a->files[a->count], .wholesale = wholesale};
    a->count++;
    return 0;
}

static int read_file(const struct hf_invocation *inv, struct hf_key_additions *a, const char *path,
                     enum hf_key_variable variable, struct hf_error *err)
{
    const char *word = hf_value(inv, "owner");
    struct hf_guid owner = variable == HF_KEY_MOK ? hf_vendor_shim : enroller;
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    struct hf_key_file file;
    uint64_t size;
    int r;

    if (word && hf_guid_parse(word, strlen(word), &owner) < 0)
        return hf_error_set(err, HF_EUSAGE, "--owner '%s': not a GUID", word);
    r = hf_file_read(path, HF_SIG_CHAIN_MAX, &bytes, &size, err);
    if (r < 0)
        return r;
    r = hf_key_file_read(bytes, (size_t)size, &owner, &file, err);
    if (r < 0)
        return hf_error_prefix(err, r, "%s: ", path);
    return put(a, variable, path, /* wholesale= */ false, &file, hf_take_ptr(bytes), err);
}

static int read_set(struct hf_key_additions *a, const char *name, struct hf_error *err)
{
    const struct hf_key_set *set = hf_key_set_find(name);
    int r = 0;

    if (!set)
        return hf_error_set(err, HF_EUSAGE, "--set '%s': unknown; use one of %s", name, HF_KEY_SET_WORDS);
    for (size_t i = 0; r == 0 && set->files[i]; i++) {
        struct hf_key_addition addition;
        struct hf_key_file file;

        r = hf_key_set_addition(set, i, &file, &addition, err);
        if (r == 0)
            r = put(a, addition.variable, addition.origin, addition.wholesale, &file, NULL, err);
    }
    return r;
}

/* What is taken of another store: PK belongs to the guest. */
static const enum hf_key_variable taken[] = {HF_KEY_KEK, HF_KEY_DB, HF_KEY_DBX};

/* Each file is a signed update of its own, with a signature to verify. */
static int read_updates(const struct hf_invocation *inv, struct hf_key_additions *a, const char *directory,
                        struct hf_error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < HF_ARRAY_SIZE(taken); i++) {
        hf_auto(hf_cleanup_free) char *path = NULL;

        r = hf_var_auth_directory_find(directory, hf_key_variable_info(taken[i])->name, &path, err);
        if (r == 0 && path)
            r = read_file(inv, a, path, taken[i], err);
    }
    return r;
}

static int read_store(const struct hf_invocation *inv, struct hf_key_additions *a, const char *path,
                      struct hf_error *err)
{
    hf_auto(hf_var_source_done) struct hf_var_source source = {0};
    const struct hf_var *vars;
    size_t count;
    int r;

    if (hf_var_auth_directory_is(path))
        return read_updates(inv, a, path, err);
    r = hf_var_source_open(path, NULL, NULL, &source, err);
    if (r < 0)
        return r;
    vars = hf_var_source_vars(&source, &count);
    for (size_t i = 0; r == 0 && i < HF_ARRAY_SIZE(taken); i++) {
        const struct hf_var *var = hf_key_variable_in(taken[i], vars, count);
        struct hf_key_file file = {.kind = HF_KEY_FILE_LISTS};

        if (!var)
            continue;
        r = hf_sig_chain_load(var->data, var->data_size, &file.lists, err);
        if (r < 0)
            return hf_error_prefix(err, r, "%s, %s: ", path, hf_key_variable_info(taken[i])->name);
        r = put(a, taken[i], path, /* wholesale= */ true, &file, NULL, err);
    }
    return r;
}

static int read_all(const struct hf_invocation *inv, struct hf_key_additions *a, struct hf_error *err)
{
    const char *word;
    int r = 0;

    for (size_t n = 0; r == 0 && (word = hf_value_at(inv, "set", n)) != NULL; n++)
        r = read_set(a, word, err);
    for (size_t i = 0; i < HF_ARRAY_SIZE(options); i++)
        for (size_t n = 0; r == 0 && (word = hf_value_at(inv, options[i].name, n)) != NULL; n++)
            r = read_file(inv, a, word, options[i].variable, err);
    word = hf_value(inv, "from");
    if (r == 0 && word)
        r = read_store(inv, a, word, err);
    if (r == 0 && a->count == 0)
        r = hf_error_set(err, HF_EUSAGE, "nothing to add; give --set, --pk, --kek, --db, --dbx, --mok or --from");
    return r;
}

int hf_key_additions_read(const struct hf_invocation *inv, struct hf_key_additions *ret, struct hf_error *err)
{
    int r;

    ret->count = 0;
    r = read_all(inv, ret, err);
    if (r < 0)
        hf_key_additions_done(ret);
    return r;
}
