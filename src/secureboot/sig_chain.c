/* SPDX-License-Identifier: BSD-2-Clause */
#include "sig_chain.h"

#include <stdlib.h>
#include <string.h>

#include <holdfast/endian.h>

#include "cleanup.h"
#include "cursor.h"

struct list_header {
    struct hf_guid type;
    hf_le32 list_size, header_size, signature_size;
};
_Static_assert(sizeof(struct list_header) == 28, "EFI_SIGNATURE_LIST");

const struct hf_guid hf_sig_x509 = HF_GUID(0xa5c059a1, 0x94e4, 0x4aa7, 0x87b5, 0xab155c2bf072);
const struct hf_guid hf_sig_sha256 = HF_GUID(0xc1c41626, 0x504c, 0x4092, 0xaca9, 0x41f936934328);

void hf_sig_chain_done(struct hf_sig_chain *chain)
{
    free(chain->bytes);
    *chain = (struct hf_sig_chain){0};
}

int hf_sig_chain_check(const void *bytes, size_t size, struct hf_error *err)
{
    struct hf_siglist walk = hf_siglist_of(bytes, size);
    struct hf_signature s;

    while (hf_siglist_next(&walk, &s))
        continue;
    if (walk.bad)
        return hf_error_set(err, HF_EDAMAGED, "signature list at byte %zu: invalid sizes", walk.at);
    return 0;
}

static int make_room(struct hf_sig_chain *chain, size_t more, struct hf_error *err)
{
    size_t room = chain->room ? chain->room : 4096;
    uint8_t *bytes;

    if (more > HF_SIG_CHAIN_MAX - chain->size)
        return hf_error_set(err, HF_ENOSPC, "signature lists: too large: %zu bytes; the limit is %u",
                            chain->size + more, HF_SIG_CHAIN_MAX);
    while (room < chain->size + more)
        room *= 2;
    if (room == chain->room)
        return 0;
    bytes = (uint8_t *)realloc(chain->bytes, room);
    if (!bytes)
        return hf_error_set(err, HF_ENOMEM, "signature lists: out of memory for %zu bytes", room);
    chain->bytes = bytes;
    chain->room = room;
    return 0;
}

int hf_sig_chain_load(const void *bytes, size_t size, struct hf_sig_chain *ret, struct hf_error *err)
{
    struct hf_sig_chain chain = {0};
    int r = hf_sig_chain_check(bytes, size, err);

    if (r == 0 && size)
        r = make_room(&chain, size, err);
    if (r < 0)
        return r;
    if (size)
        memcpy(chain.bytes, bytes, size);
    chain.size = size;
    *ret = chain;
    return 0;
}

/* The last list of the chain, when a signature of this type and size can be put at its end; else NULL. The chain is one
 * that hf_sig_chain_check() accepts. A certificate gets a list of its own, as every tool writes them. */
static struct list_header *last_list_for(struct hf_sig_chain *chain, const struct hf_signature *s)
{
    struct list_header *last = NULL;
    size_t at = 0;

    while (at < chain->size) {
        last = (struct list_header *)(void *)(chain->bytes + at); /* bytes only: no alignment */
        at += hf_le32_get(last->list_size);
    }
    if (!last || hf_guid_equal(&s->type, &hf_sig_x509) || !hf_guid_equal(&last->type, &s->type) ||
        hf_le32_get(last->signature_size) != s->size + sizeof s->owner)
        return NULL;
    return last;
}

int hf_sig_chain_add(struct hf_sig_chain *chain, const struct hf_signature *s, struct hf_error *err)
{
    size_t each = s->size + sizeof s->owner;
    struct list_header *last;
    int r;

    if (s->size == 0 || s->size > HF_SIG_CHAIN_MAX)
        return hf_error_set(err, HF_EUSAGE, "signature: unsupported size of %u bytes; use 1 to %u", s->size,
                            HF_SIG_CHAIN_MAX);
    r = make_room(chain, sizeof *last + each, err);
    if (r < 0)
        return r;
    last = last_list_for(chain, s);
    if (last) {
        last->list_size = hf_le32_of(hf_le32_get(last->list_size) + (uint32_t)each);
    } else {
        struct list_header head = {.type = s->type,
                                   .list_size = hf_le32_of((uint32_t)(sizeof head + each)),
                                   .signature_size = hf_le32_of((uint32_t)each)};

        memcpy(chain->bytes + chain->size, &head, sizeof head);
        chain->size += sizeof head;
    }
    memcpy(chain->bytes + chain->size, &s->owner, sizeof s->owner);
    memcpy(chain->bytes + chain->size + sizeof s->owner, s->data, s->size);
    chain->size += each;
    return 0;
}

bool hf_sig_chain_has(const void *bytes, size_t size, const struct hf_signature *signature)
{
    struct hf_siglist walk = hf_siglist_of(bytes, size);
    struct hf_signature s;

    while (hf_siglist_next(&walk, &s))
        if (s.size == signature->size && hf_guid_equal(&s.type, &signature->type) &&
            memcmp(s.data, signature->data, s.size) == 0)
            return true;
    return false;
}

int hf_sig_chain_merge(struct hf_sig_chain *chain, const void *bytes, size_t size, size_t *added, struct hf_error *err)
{
    struct hf_siglist walk = hf_siglist_of(bytes, size);
    struct hf_signature s;
    size_t n = 0;
    int r = hf_sig_chain_check(bytes, size, err);

    while (r == 0 && hf_siglist_next(&walk, &s)) {
        if (hf_sig_chain_has(chain->bytes, chain->size, &s))
            continue;
        r = hf_sig_chain_add(chain, &s, err);
        n += r == 0;
    }
    if (r == 0)
        *added = n;
    return r;
}
