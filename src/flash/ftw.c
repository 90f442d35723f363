/* SPDX-License-Identifier: BSD-2-Clause */
#include "ftw.h"

#include <assert.h>
#include <string.h>

#include "crc32.h"
#include "cursor.h"

const struct hf_guid hf_guid_ftw = HF_GUID(0x9e58292b, 0x7c68, 0x497d, 0xa0ce, 0x6500fd9f1b95);

static struct hf_ftw_work_header good_header(const struct hf_layout_info *layout)
{
    struct hf_ftw_work_header h;

    memset(&h, 0xFF, sizeof h);
    h.signature = hf_guid_ftw;
    h.queue_size = hf_le64_of(layout->work_size - sizeof h);
    h.crc = hf_le32_of(hf_crc32(0, &h, sizeof h));
    h.state[0] = 0xFE;
    return h;
}

/* The first write header that is not complete; false when the queue ends before one. */
static bool last_write(struct hf_cursor *c, struct hf_ftw_write_header *h)
{
    for (;;) {
        uint64_t writes, private_size;

        hf_cursor_copy(c, h, sizeof *h);
        if (c->bad)
            return false;
        if (h->flags & HF_FTW_COMPLETE) /* bit still one: not complete */
            return true;
        writes = hf_le64_get(h->writes);
        private_size = hf_le64_get(h->private_size);
        if (writes > c->size || private_size > c->size)
            return false;
        (void)hf_cursor_take(c, writes * (sizeof(struct hf_ftw_record) + private_size));
    }
}

/* The first record whose target is not complete; false when all are. */
static bool last_record(struct hf_cursor *c, const struct hf_ftw_write_header *h, struct hf_ftw_record *r)
{
    uint64_t writes = hf_le64_get(h->writes);

    for (uint64_t i = 0; i < writes; i++) {
        hf_cursor_copy(c, r, sizeof *r);
        if (c->bad)
            return false;
        if (r->flags & HF_FTW_TARGET_DONE)
            return true;
        (void)hf_cursor_take(c, hf_le64_get(h->private_size));
    }
    return false;
}

static void locate(const struct hf_ftw_record *r, const struct hf_layout_info *l, struct hf_ftw *ftw)
{
    uint64_t offset = hf_le64_get(r->offset), length = hf_le64_get(r->length), blocks;
    uint64_t target = l->spare_at + hf_le64_get(r->relative); /* signed, so it may wrap to below the spare area */

    if (offset > l->spare_size || length > l->spare_size - offset) {
        ftw->problem = "the pending write is larger than the spare area";
        return;
    }
    blocks = (offset + length + l->block_size - 1) / l->block_size;
    if (target % l->block_size || blocks * l->block_size > l->spare_size ||
        !hf_range_ok(target, blocks * l->block_size, l->spare_at)) {
        ftw->problem = "the pending write's target lies outside the variable region";
        return;
    }
    if (!(r->flags & HF_FTW_BOOT_BLOCK)) {
        ftw->problem = "the pending write is for a boot block, which no known firmware keeps in this bank";
        return;
    }
    ftw->pending = true;
    ftw->target = (size_t)target;
    ftw->length = (size_t)(blocks * l->block_size);
}

void hf_ftw_read(const uint8_t *bytes, size_t size, const struct hf_layout_info *layout, struct hf_ftw *ftw)
{
    struct hf_ftw_work_header good = good_header(layout);
    struct hf_ftw_write_header h;
    struct hf_ftw_record r;
    struct hf_cursor c;

    assert(size >= layout->volume_size);
    *ftw = (struct hf_ftw){0};
    c = hf_cursor_of(bytes + layout->work_at, layout->work_size);
    if (memcmp(hf_cursor_take(&c, sizeof good), &good, sizeof good) != 0)
        return;
    ftw->valid = true;
    if (!last_write(&c, &h) || h.flags & HF_FTW_ALLOCATED || !last_record(&c, &h, &r))
        return;
    if (!(r.flags & HF_FTW_SPARE_DONE))
        locate(&r, layout, ftw);
}

void hf_ftw_replay(uint8_t *bytes, const struct hf_layout_info *layout, const struct hf_ftw *ftw)
{
    assert(ftw->pending);
    memcpy(bytes + ftw->target, bytes + layout->spare_at, ftw->length);
    hf_ftw_format(bytes, layout);
}

void hf_ftw_format(uint8_t *bytes, const struct hf_layout_info *layout)
{
    struct hf_ftw_work_header good = good_header(layout);

    memset(bytes + layout->work_at, 0xFF, layout->work_size);
    memcpy(bytes + layout->work_at, &good, sizeof good);
    memset(bytes + layout->spare_at, 0xFF, layout->spare_size);
}
