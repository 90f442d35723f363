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

const uint8_t *hf_certdb_find(const struct hf_var *certdb, const struct hf_var *var)
{
    struct hf_cursor c;

    if (!certdb)
        return NULL;
    c = hf_cursor_of(certdb->data, certdb->data_size);
    if (hf_cursor_le32(&c) != certdb->data_size)
        return NULL;
    while (hf_cursor_left(&c)) {
        struct node n;
        const uint8_t *node_name, *digest;
        uint32_t chars;

        hf_cursor_copy(&c, &n, sizeof n);
        chars = hf_le32_get(n.name_chars);
        node_name = hf_cursor_take(&c, (uint64_t)chars * 2);
        digest = hf_cursor_take(&c, hf_le32_get(n.digest_size));
        if (c.bad || hf_le32_get(n.size) != sizeof n + (uint64_t)chars * 2 + hf_le32_get(n.digest_size))
            return NULL;
        if (hf_le32_get(n.digest_size) == HF_CERTDB_DIGEST && hf_guid_equal(&n.vendor, &var->guid) &&
            (uint64_t)chars * 2 + 2 == var->name_size && memcmp(node_name, var->name, (size_t)chars * 2) == 0)
            return digest;
    }
    return NULL;
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
        return hf_error_set(err, HF_ENOMEM, "no memory for certdb");
    if (old)
        memcpy(data, old->data, had);
    memcpy(data, &total, sizeof total);
    memcpy(data + had, &n, sizeof n);
    memcpy(data + had + sizeof n, var->name, name_bytes);
    memcpy(data + had + sizeof n + name_bytes, digest, HF_CERTDB_DIGEST);
    return hf_var_set_put(set, &certdb, err);
}
