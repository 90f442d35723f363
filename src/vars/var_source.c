/* SPDX-License-Identifier: BSD-2-Clause */
#include "var_source.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "block_device.h"
#include "cleanup.h"
#include "qcow2.h"
#include "var_auth_directory.h"
#include "var_aws.h"
#include "var_container.h"
#include "var_directory.h"

#define FILE_MAX (64u << 20) /* the largest flash bank */

void hf_var_source_done(struct hf_var_source *source)
{
    hf_var_set_done(&source->set);
    free(source->lent);
    free(source->bytes);
    free(source->path);
    *source = (struct hf_var_source){0};
}

static bool looks_like_json(const uint8_t *bytes, uint64_t size)
{
    uint64_t i = 0;

    while (i < size && isspace(bytes[i]))
        i++;
    return i < size && (bytes[i] == '{' || bytes[i] == '[');
}

static int open_bank(struct hf_var_source *s, hf_varstore_lost lost, void *opaque, struct hf_error *err)
{
    size_t most = hf_varstore_max((size_t)s->size) + 1;

    s->lent = (struct hf_var *)calloc(most, sizeof *s->lent);
    if (!s->lent)
        return hf_error_set(err, HF_ENOMEM, "%zu variables: out of memory", most);
    return hf_varstore_open(s->bytes, (size_t)s->size, lost ? HF_VARSTORE_SALVAGE : HF_VARSTORE_STRICT, s->lent, most,
                            lost, opaque, &s->store, err);
}

static int open_list(struct hf_var_source *s, struct hf_error *err)
{
    bool aws = hf_var_aws_is(s->bytes, (size_t)s->size);
    int r = aws ? hf_var_aws_read(s->bytes, (size_t)s->size, &s->set, err)
                : hf_var_json_read((const char *)s->bytes, (size_t)s->size, &s->set, err);

    s->kind = aws ? HF_VARS_AWS : HF_VARS_JSON;
    free(s->bytes);
    s->bytes = NULL;
    return r;
}

bool hf_var_is_container(const char *path)
{
    static const char magic[16] = "SQLite format 3";
    char head[sizeof magic];
    struct stat st;
    FILE *f;
    bool is;

    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode)) /* who opens a pipe waits for its writer */
        return false;
    f = fopen(path, "rbe");
    if (!f)
        return false;
    is = fread(head, 1, sizeof head, f) == sizeof head && memcmp(head, magic, sizeof head) == 0;
    (void)fclose(f); /* before the store opens it: closing drops the process's locks */
    return is;
}

static enum hf_var_kind kind_of(const struct hf_var_source *s)
{
    if (S_ISDIR(s->file.st_mode))
        return HF_VARS_DIRECTORY;
    if (S_ISBLK(s->file.st_mode))
        return HF_VARS_DEVICE;
    return hf_var_is_container(s->path) ? HF_VARS_CONTAINER : HF_VARS_BANK;
}

static int read_bytes(struct hf_var_source *s, struct hf_error *err)
{
    bool packed = false;
    int r;

    switch (s->kind) {
    case HF_VARS_CONTAINER:
        return hf_var_container_read(s->path, &s->bytes, &s->size, &s->secure_boot, err);
    case HF_VARS_DEVICE:
        return hf_block_store_read(s->path, &s->bytes, &s->size, err);
    default:
        r = hf_bank_file_read(s->path, FILE_MAX, &s->bytes, &s->size, &packed, err);
        s->kind = packed ? HF_VARS_QCOW2 : HF_VARS_BANK;
        return r;
    }
}

static int open_any(struct hf_var_source *s, hf_varstore_lost lost, void *opaque, struct hf_error *err)
{
    int r;

    s->kind = kind_of(s);
    if (s->kind == HF_VARS_DIRECTORY)
        return hf_var_auth_directory_is(s->path) ? hf_var_auth_directory_read(s->path, &s->set, err)
                                                 : hf_var_directory_read(s->path, &s->set, err);
    r = read_bytes(s, err);
    if (r < 0)
        return r;
    if (s->kind == HF_VARS_CONTAINER || s->kind == HF_VARS_DEVICE)
        s->was = hf_digest_of(s->bytes, (size_t)s->size);
    if (hf_flash_foreign(s->bytes, (size_t)s->size))
        return hf_error_set(err, HF_EUSAGE, "%s", hf_flash_foreign(s->bytes, (size_t)s->size));
    if (s->kind == HF_VARS_BANK && (looks_like_json(s->bytes, s->size) || hf_var_aws_is(s->bytes, (size_t)s->size)))
        return open_list(s, err);
    return open_bank(s, lost, opaque, err);
}

int hf_var_source_open(const char *path, hf_varstore_lost lost, void *opaque, struct hf_var_source *source,
                       struct hf_error *err)
{
    hf_auto(hf_var_source_done) struct hf_var_source s = {0};
    int r;

    s.path = realpath(path, NULL);
    if (!s.path || stat(s.path, &s.file) < 0)
        return hf_error_set(err, errno == ENOENT || errno == ENOTDIR ? HF_ENOTFOUND : HF_EIO, "%s: %s", path,
                            strerror(errno));
    r = open_any(&s, lost, opaque, err);
    if (r < 0)
        return strncmp(err->text, path, strlen(path)) == 0 ? r : hf_error_prefix(err, r, "%s: ", path);
    *source = s;
    s = (struct hf_var_source){0};
    return 0;
}

const struct hf_var *hf_var_source_vars(const struct hf_var_source *source, size_t *count)
{
    if (source->bytes) {
        *count = source->store.count;
        return source->store.vars;
    }
    *count = source->set.count;
    return source->set.vars;
}

static int check_authenticated(const struct hf_var_source *s, const struct hf_var *var, unsigned flags,
                               struct hf_error *err)
{
    const struct hf_var *old = hf_var_set_find(&s->set, var);

    if (!(flags & HF_EDIT_AUTHENTICATED) && (hf_var_authenticated(var) || (old && hf_var_authenticated(old))))
        return hf_error_refuse(err, "authenticated",
                               "only the holder of its key can change this variable from inside the guest; ask for it "
                               "explicitly (--authenticated) to change it from outside");
    return 0;
}

int hf_var_source_set(struct hf_var_source *source, const struct hf_var *var, unsigned flags, struct hf_error *err)
{
    int r;

    if (source->bytes)
        return hf_varstore_set(source->bytes, &source->store, var, flags, err);
    r = check_authenticated(source, var, flags, err);
    return r < 0 ? r : hf_var_set_put(&source->set, var, err);
}

int hf_var_source_delete(struct hf_var_source *source, const struct hf_var *key, unsigned flags, struct hf_error *err)
{
    int r;

    if (source->bytes)
        return hf_varstore_delete(source->bytes, &source->store, &key->guid, key->name, key->name_size, flags, err);
    r = check_authenticated(source, key, flags, err);
    if (r == 0 && !hf_var_set_remove(&source->set, key))
        r = hf_error_set(err, HF_ENOTFOUND, "variable not found");
    return r;
}

static int empty_bank(struct hf_var_source *s, struct hf_error *err)
{
    enum { ANY = HF_EDIT_AUTHENTICATED };
    int r;

    if (s->store.authenticated) {
        r = hf_varstore_format(s->bytes, (size_t)s->size, s->store.layout, err);
        return r < 0 ? r
                     : hf_varstore_open(s->bytes, (size_t)s->size, HF_VARSTORE_STRICT, s->store.vars, s->store.capacity,
                                        NULL, NULL, &s->store, err);
    }
    while (s->store.count) {
        const struct hf_var first = s->store.vars[0];

        r = hf_varstore_delete(s->bytes, &s->store, &first.guid, first.name, first.name_size, ANY, err);
        if (r < 0)
            return r;
    }
    return hf_varstore_reclaim(s->bytes, &s->store, err);
}

int hf_var_source_replace(struct hf_var_source *source, const struct hf_var_set *set, struct hf_error *err)
{
    int r = source->bytes ? empty_bank(source, err) : 0;

    if (!source->bytes)
        hf_var_set_done(&source->set);
    for (size_t i = 0; r == 0 && i < set->count; i++)
        r = hf_var_source_set(source, &set->vars[i], HF_EDIT_AUTHENTICATED | HF_EDIT_RAW, err);
    return r;
}
