/* SPDX-License-Identifier: BSD-2-Clause */
#include "dbx.h"

#include <string.h>

#include "cursor.h"

#define GUID_SIZE 16

/* One EFI_SIGNATURE_LIST: entries of one type and one size, each beginning with its owner's GUID. */
struct list {
    const uint8_t *type;
    struct hf_cursor entries;
    uint32_t entry_size;
};

/* False at the end, and at the first list that cannot be (then the cursor is bad). */
static bool next_list(struct hf_cursor *c, struct list *l)
{
    uint32_t size, header, entry;

    if (c->bad || hf_cursor_left(c) == 0)
        return false;
    l->type = hf_cursor_take(c, GUID_SIZE);
    size = hf_cursor_le32(c);
    header = hf_cursor_le32(c);
    entry = hf_cursor_le32(c);
    c->bad = c->bad || size < GUID_SIZE + 12 || entry <= GUID_SIZE;
    l->entries = hf_cursor_sub(c, c->bad ? 0 : size - (GUID_SIZE + 12));
    (void)hf_cursor_take(&l->entries, header);
    c->bad = c->bad || l->entries.bad || hf_cursor_left(&l->entries) % entry != 0;
    l->entry_size = entry;
    return !c->bad;
}

static bool holds(const void *bytes, size_t size, const struct list *of, const uint8_t *entry)
{
    struct hf_cursor c = hf_cursor_of(bytes, size);
    struct list l;

    while (next_list(&c, &l)) {
        if (memcmp(l.type, of->type, GUID_SIZE) != 0 || l.entry_size != of->entry_size)
            continue;
        while (hf_cursor_left(&l.entries) > 0) {
            const uint8_t *other = hf_cursor_take(&l.entries, l.entry_size);

            if (memcmp(other + GUID_SIZE, entry + GUID_SIZE, l.entry_size - GUID_SIZE) == 0)
                return true;
        }
    }
    return false;
}

bool hf_dbx_covers(const void *a, size_t a_size, const void *b, size_t b_size)
{
    struct hf_cursor c = hf_cursor_of(b, b_size);
    struct list l;

    if (b_size == 0 || (a_size == b_size && memcmp(a, b, a_size) == 0))
        return true;
    while (next_list(&c, &l)) {
        while (hf_cursor_left(&l.entries) > 0) {
            if (!holds(a, a_size, &l, hf_cursor_take(&l.entries, l.entry_size)))
                return false;
        }
    }
    return !c.bad;
}
