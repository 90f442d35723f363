/* SPDX-License-Identifier: BSD-2-Clause */
/* The head of a queue that another process has, or had: what waits in it. */
#include "write_queue_layout.h"

#include <stddef.h>

size_t hf_write_queue_peek_size(void)
{
    return offsetof(struct hf_write_queue_layout, intent);
}

int hf_write_queue_peek(const void *head, size_t size, int64_t *behind, uint32_t *waiting, struct hf_error *err)
{
    const struct hf_write_queue_layout *l = head;

    if (size < hf_write_queue_peek_size() || l->magic != MAGIC || l->version != VERSION)
        return hf_error_set(err, HF_ENOTFOUND, "not a queue of flash writes");
    *behind = l->behind;
    *waiting = count(l->batch[0].dirty) + count(l->batch[1].dirty);
    return 0;
}

const uint8_t *hf_write_queue_peek_key(const void *head)
{
    return ((const struct hf_write_queue_layout *)head)->key;
}

uint64_t hf_write_queue_peek_mark(const void *head)
{
    return ((const struct hf_write_queue_layout *)head)->mark;
}
