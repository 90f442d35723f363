/* SPDX-License-Identifier: BSD-2-Clause */
#include "key_bundle.h"

#include <stdlib.h>
#include <string.h>

#include <holdfast/endian.h>

#include "cursor.h"
#include "key_time.h"

struct head {
    uint8_t magic[8];
    hf_le32 allow; /* a bit for each rule */
    hf_le32 variables;
};
struct part {
    hf_le32 size;
    uint8_t time[16];
};
_Static_assert(sizeof(struct head) == 16 && sizeof(struct part) == 20, "a bundle's layout");

static const uint8_t magic[8] = {'H', 'F', 'K', 'E', 'Y', 'S', '1', 0};

void hf_key_bundle_done(struct hf_key_bundle *bundle)
{
    for (size_t v = 0; v < HF_KEY_VARIABLES; v++)
        hf_key_file_done(&bundle->lists[v]);
    bundle->count = 0;
}

static int read_parts(struct hf_cursor *c, struct hf_key_bundle *b, struct hf_error *err)
{
    int r = 0;

    for (size_t v = 0; r == 0 && v < HF_KEY_VARIABLES; v++) {
        const uint8_t *lists;
        struct part part;
        uint32_t size;

        hf_cursor_copy(c, &part, sizeof part);
        size = hf_le32_get(part.size);
        lists = hf_cursor_take(c, size);
        if (c->bad)
            return hf_error_set(err, HF_EDAMAGED, "staged keys: truncated");
        memcpy(b->times[v], part.time, sizeof part.time);
        b->lists[v].kind = HF_KEY_FILE_LISTS;
        if (size == 0)
            continue;
        r = hf_sig_chain_load(lists, size, &b->lists[v].lists, err);
        b->additions[b->count] = (struct hf_key_addition){
            .variable = (enum hf_key_variable)v, .origin = "staged keys", .file = &b->lists[v], .time = b->times[v]};
        b->count += r == 0;
    }
    return r;
}

int hf_key_bundle_open(const void *bytes, size_t size, struct hf_key_bundle *ret, struct hf_error *err)
{
    struct hf_cursor c = hf_cursor_of(bytes, size);
    struct head head;
    int r;

    memset(ret, 0, sizeof *ret);
    hf_cursor_copy(&c, &head, sizeof head);
    if (c.bad || memcmp(head.magic, magic, sizeof magic) != 0 || hf_le32_get(head.variables) != HF_KEY_VARIABLES)
        return hf_error_set(err, HF_EDAMAGED, "staged keys: not written by 'keys update'");
    for (size_t rule = 0; rule < HF_KEY_RULES; rule++)
        ret->allow[rule] = hf_le32_get(head.allow) & 1u << rule;
    r = read_parts(&c, ret, err);
    if (r == 0 && hf_cursor_left(&c))
        r = hf_error_set(err, HF_EDAMAGED, "staged keys: %zu extra bytes", hf_cursor_left(&c));
    if (r < 0)
        hf_key_bundle_done(ret);
    return r;
}

struct hf_key_request hf_key_bundle_request(const struct hf_key_bundle *bundle, const struct hf_varstore *store)
{
    struct hf_key_request request = {.additions = bundle->additions, .count = bundle->count, .store = store};

    memcpy(request.allow, bundle->allow, sizeof request.allow);
    return request;
}

/* One addition into what is gathered for its variable. The last PK is the one. */
static int gather(struct hf_key_bundle *b, const struct hf_key_addition *a, struct hf_error *err)
{
    struct hf_sig_chain *lists = &b->lists[a->variable].lists;
    const uint8_t *time = a->file->kind == HF_KEY_FILE_SIGNED ? a->file->update.time : a->time;
    size_t added;

    if (a->variable == HF_KEY_PK)
        hf_sig_chain_done(lists);
    if (time && hf_key_time_newer(time, b->times[a->variable]))
        memcpy(b->times[a->variable], time, 16);
    return hf_sig_chain_merge(lists, a->file->lists.bytes, a->file->lists.size, &added, err);
}

static int write_bundle(const struct hf_key_bundle *b, uint8_t **bytes, size_t *size, struct hf_error *err)
{
    struct head head = {.variables = hf_le32_of(HF_KEY_VARIABLES)};
    size_t total = sizeof head, at = sizeof head;
    uint32_t allow = 0;
    uint8_t *out;

    for (size_t v = 0; v < HF_KEY_VARIABLES; v++)
        total += sizeof(struct part) + b->lists[v].lists.size;
    for (size_t rule = 0; rule < HF_KEY_RULES; rule++)
        allow |= b->allow[rule] ? 1u << rule : 0;
    out = (uint8_t *)malloc(total);
    if (!out)
        return hf_error_set(err, HF_ENOMEM, "staged keys: out of memory for %zu bytes", total);
    memcpy(head.magic, magic, sizeof magic);
    head.allow = hf_le32_of(allow);
    memcpy(out, &head, sizeof head);
    for (size_t v = 0; v < HF_KEY_VARIABLES; v++) {
        const struct hf_sig_chain *lists = &b->lists[v].lists;
        struct part part = {.size = hf_le32_of((uint32_t)lists->size)};

        memcpy(part.time, b->times[v], sizeof part.time);
        memcpy(out + at, &part, sizeof part);
        at += sizeof part;
        if (lists->size)
            memcpy(out + at, lists->bytes, lists->size);
        at += lists->size;
    }
    *bytes = out;
    *size = total;
    return 0;
}

int hf_key_bundle_pack(const struct hf_key_request *request, const void *earlier, size_t earlier_size, uint8_t **bytes,
                       size_t *size, struct hf_error *err)
{
    struct hf_key_bundle b;
    int r = 0;

    memset(&b, 0, sizeof b);
    if (earlier)
        r = hf_key_bundle_open(earlier, earlier_size, &b, err);
    for (size_t i = 0; r == 0 && i < request->count; i++)
        r = gather(&b, &request->additions[i], err);
    for (size_t rule = 0; rule < HF_KEY_RULES; rule++)
        b.allow[rule] = b.allow[rule] || request->allow[rule];
    if (r == 0)
        r = write_bundle(&b, bytes, size, err);
    hf_key_bundle_done(&b);
    return r;
}
