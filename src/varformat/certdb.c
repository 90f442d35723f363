/* SPDX-License-Identifier: BSD-2-Clause */
#include "certdb.h"

#include <stdlib.h>
#include <string.h>

#include <holdfast/endian.h>

#include "cleanup.h"
#include "cursor.h"

struct node {
    struct hf_guid vendor;
    hf_le32 size, name_chars, digest_size;
};
_Static_assert(sizeof(struct node) == 28, "AUTH_CERT_DB_DATA");

static const struct hf_guid vendor = HF_GUID(0xd9bee56e, 0x75dc, 0x49d9, 0xb4d7, 0xb534210f637a);
static const uint8_t name[] = {'c', 0, 'e', 0, 'r', 0, 't', 0, 'd', 0, 'b', 0, 0, 0};

const struct hf_var *hf_certdb_in(const struct hf_var *vars, size_t count)
{
    const struct hf_var key = {.guid = vendor, .name = name, .name_size = sizeof name};

    for (size_t i = 0; i < count; i++)
        if (hf_var_same_key(&vars[i], &key))
            return &vars[i];
    return NULL;
}

struct entry {
    struct hf_guid vendor;
    const uint8_t *name; /* without its NUL */
    size_t name_size;
    const uint8_t *digest;
    size_t digest_size;
};

static struct hf_cursor begin(const void *data, size_t size)
{
    struct hf_cursor c = hf_cursor_of(data, size);

    if (hf_cursor_le32(&c) != size)
        c.bad = true;
    return c;
}

/* False at the end, and where sizes do not add up: then c->bad. */
static bool next(struct hf_cursor *c, struct entry *ret)
{
    struct entry e;
    struct node n;

    if (hf_cursor_left(c) == 0)
        return false;
    hf_cursor_copy(c, &n, sizeof n);
    e.vendor = n.vendor;
    e.name_size = (size_t)hf_le32_get(n.name_chars) * 2;
    e.name = hf_cursor_take(c, e.name_size);
    e.digest_size = hf_le32_get(n.digest_size);
    e.digest = hf_cursor_take(c, e.digest_size);
    if (hf_le32_get(n.size) != sizeof n + (uint64_t)e.name_size + e.digest_size)
        c->bad = true;
    if (c->bad)
        return false;
    *ret = e;
    return true;
}

const uint8_t *hf_certdb_find(const struct hf_var *certdb, const struct hf_var *var)
{
    struct hf_cursor c;
    struct entry e;

    if (!certdb)
        return NULL;
    c = begin(certdb->data, certdb->data_size);
    while (next(&c, &e))
        if (e.digest_size == HF_CERTDB_DIGEST && hf_guid_equal(&e.vendor, &var->guid) &&
            e.name_size + 2 == var->name_size && memcmp(e.name, var->name, e.name_size) == 0)
            return e.digest;
    return NULL;
}

bool hf_certdb_valid(const void *data, size_t size)
{
    struct hf_cursor c = begin(data, size);
    struct entry e;

    while (next(&c, &e))
        ;
    return !c.bad;
}

bool hf_certdb_other(const struct hf_var *certdb, const struct hf_var *vars, size_t count)
{
    struct hf_cursor c = begin(certdb->data, certdb->data_size);
    struct entry e;

    while (next(&c, &e)) {
        size_t i = 0;

        while (i < count &&
               (!(vars[i].attributes & HF_VAR_TIME_AUTHENTICATED) || hf_certdb_find(certdb, &vars[i]) != e.digest))
            i++;
        if (i == count)
            return true;
    }
    return c.bad;
}

int hf_certdb_note(struct hf_var_set *set, const struct hf_var *var, const uint8_t digest[HF_CERTDB_DIGEST],
                   struct hf_error *err)
{
    const struct hf_var *old = hf_certdb_in(set->vars, set->count);
    uint32_t had = old ? old->data_size : 4, name_bytes = var->name_size - 2;
    uint32_t size = (uint32_t)sizeof(struct node) + name_bytes + HF_CERTDB_DIGEST;
    struct node n = {.vendor = var->guid,
                     .size = hf_le32_of(size),
                     .name_chars = hf_le32_of(name_bytes / 2),
                     .digest_size = hf_le32_of(HF_CERTDB_DIGEST)};
    hf_auto(hf_cleanup_free) uint8_t *data = (uint8_t *)calloc(1, (size_t)had + size);
    struct hf_var certdb = {.guid = vendor,
                            .name = name,
                            .name_size = sizeof name,
                            .attributes = 0x27,
                            .data = data,
                            .data_size = had + size};
    hf_le32 total = hf_le32_of(had + size);

    if (!data)
        return hf_error_nomem(err);
    if (old)
        memcpy(data, old->data, had);
    memcpy(data, &total, sizeof total);
    memcpy(data + had, &n, sizeof n);
    memcpy(data + had + sizeof n, var->name, name_bytes);
    memcpy(data + had + sizeof n + name_bytes, digest, HF_CERTDB_DIGEST);
    return hf_var_set_put(set, &certdb, err);
}
