/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMA, as QEMU does it, synchronously inside the register write:
 *
 *     read the descriptor -> select (if asked, with its callback) -> transfer -> write back `control`
 *
 * READ goes before WRITE goes before SKIP; with none of them the transfer is empty and succeeds.
 *
 *                                  READ                      WRITE                    SKIP
 *     no item, or at its end       zero fill                 error                    nothing
 *     inside, all of it there      copy, advance             copy, callback, advance  advance
 *     inside, longer than the rest copy the rest, zero fill  error, nothing copied    advance to the end
 *
 * A write that fails inside the item advances the offset all the same.
 */
#include "fwcfg_internal.h"

static bool zero_fill(struct hf_fwcfg *d, uint64_t address, uint64_t size)
{
    static const uint8_t zeros[4096];
    const struct hf_fwcfg_memory *m = &d->config.memory;

    if (m->zero)
        return size == 0 || m->zero(m->opaque, address, size);
    for (uint64_t n; size != 0; address += n, size -= n) {
        n = size < sizeof zeros ? size : sizeof zeros;
        if (!m->write(m->opaque, address, zeros, (size_t)n))
            return false;
    }
    return true;
}

/* What is left of the selected item, up to `length`; 0 at its end or without one. */
static uint32_t rest(const struct hf_fwcfg *d, const struct entry *e, uint32_t length)
{
    uint32_t n = e && d->offset < e->size ? e->size - d->offset : 0;

    return n < length ? n : length;
}

static bool transfer_read(struct hf_fwcfg *d, struct entry *e, uint64_t address, uint32_t length)
{
    const struct hf_fwcfg_memory *m = &d->config.memory;
    uint32_t n = rest(d, e, length);

    if (n != 0) {
        bool ok = m->write(m->opaque, address, e->data + d->offset, n);

        d->offset += n;
        if (!ok)
            return false;
        e->seen.bytes_read += n;
    }
    return zero_fill(d, address + n, length - n);
}

static bool transfer_write(struct hf_fwcfg *d, struct entry *e, uint64_t address, uint32_t length)
{
    const struct hf_fwcfg_memory *m = &d->config.memory;
    uint32_t n = rest(d, e, length), at = d->offset;

    if (length == 0)
        return true;
    d->offset += n;
    if (n != length || !(e->flags & HF_FWCFG_WRITABLE) || !m->read(m->opaque, address, e->buffer + at, n)) {
        if (e)
            e->seen.writes_refused++;
        return false;
    }
    e->seen.bytes_written += n;
    if (e->on_write)
        e->on_write(e->opaque, at, n);
    return true;
}

static bool transfer(struct hf_fwcfg *d, uint32_t control, uint64_t address, uint32_t length)
{
    struct entry *e = hf_fwcfg_entry(d, d->selected);

    if (e && control & (HF_FWCFG_DMA_READ | HF_FWCFG_DMA_WRITE))
        hf_fwcfg_touch(d, e);
    if (control & HF_FWCFG_DMA_READ)
        return transfer_read(d, e, address, length);
    if (control & HF_FWCFG_DMA_WRITE)
        return transfer_write(d, e, address, length);
    if (control & HF_FWCFG_DMA_SKIP)
        d->offset += rest(d, e, length);
    return true;
}

void hf_fwcfg_transfer(struct hf_fwcfg *d, uint64_t at)
{
    const struct hf_fwcfg_memory *m = &d->config.memory;
    struct hf_fwcfg_dma descriptor;
    hf_be32 result = hf_be32_of(HF_FWCFG_DMA_ERROR);

    if (m->read(m->opaque, at, &descriptor, sizeof descriptor)) {
        uint32_t control = hf_be32_get(descriptor.control);

        if (control & HF_FWCFG_DMA_SELECT)
            hf_fwcfg_select(d, (uint16_t)(control >> 16));
        if (transfer(d, control, hf_be64_get(descriptor.address), hf_be32_get(descriptor.length)))
            result = hf_be32_of(0);
    }
    (void)m->write(m->opaque, at, &result, sizeof result); /* nobody to tell when the descriptor is not memory */
}
