/* SPDX-License-Identifier: BSD-2-Clause */
#include <holdfast/siglist.h>

#include <string.h>

#include <holdfast/endian.h>

#include "cursor.h"

struct list_header {
    struct hf_guid type;
    hf_le32 list_size, header_size, signature_size;
};
_Static_assert(sizeof(struct list_header) == 28, "EFI_SIGNATURE_LIST");

struct hf_siglist hf_siglist_of(const void *bytes, size_t size)
{
    return (struct hf_siglist){.bytes = (const uint8_t *)bytes, .size = size};
}

static bool next_list(struct hf_siglist *l)
{
    struct list_header h;
    uint32_t total, skip;

    if (l->at == l->size)
        return false;
    l->bad = true;
    if (l->size - l->at < sizeof h)
        return false;
    memcpy(&h, l->bytes + l->at, sizeof h);
    total = hf_le32_get(h.list_size);
    skip = hf_le32_get(h.header_size);
    l->each = hf_le32_get(h.signature_size);
    if (total < sizeof h || total > l->size - l->at || skip > total - sizeof h || l->each <= sizeof l->type ||
        (total - sizeof h - skip) % l->each)
        return false;
    l->type = h.type;
    l->list_end = l->at + total;
    l->at += sizeof h + skip;
    l->bad = false;
    return true;
}

bool hf_siglist_next(struct hf_siglist *list, struct hf_signature *signature)
{
    if (list->bad)
        return false;
    while (list->at == list->list_end)
        if (!next_list(list))
            return false;
    signature->type = list->type;
    memcpy(&signature->owner, list->bytes + list->at, sizeof signature->owner);
    signature->data = list->bytes + list->at + sizeof signature->owner;
    signature->size = list->each - (uint32_t)sizeof signature->owner;
    list->at += list->each;
    return true;
}

bool hf_certificate_name(const uint8_t *der, size_t size, char *name, size_t name_size)
{
    static const uint8_t common_name[5] = {0x06, 0x03, 0x55, 0x04, 0x03}; /* OID 2.5.4.3 */
    size_t found = 0;

    /* The issuer's comes first, the subject's last; a plain search finds both without an ASN.1 parser. */
    for (size_t i = 0; i + 8 < size; i++) {
        size_t n = der[i + 6], tag = der[i + 5];

        if (memcmp(der + i, common_name, sizeof common_name) != 0 || n >= 0x80 || n > size - i - 7 ||
            n + 1 > name_size || (tag != 0x0C && tag != 0x13 && tag != 0x16))
            continue;
        memcpy(name, der + i + 7, n);
        name[n] = '\0';
        found++;
        if (found == 2)
            return true;
    }
    return found > 0;
}
