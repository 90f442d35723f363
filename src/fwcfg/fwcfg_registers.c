/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest accesses. A bus access is cut into pieces as QEMU's memory core does: no wider than the register allows, and
 * naturally aligned inside it. Each piece then is accepted by its register or reads as 0.
 */
#include "fwcfg_internal.h"

struct reg {
    unsigned at, size; /* in the block */
    unsigned widest;   /* piece */
    uint64_t (*read)(struct hf_fwcfg *d, unsigned offset, unsigned size, bool *ok);
    bool (*write)(struct hf_fwcfg *d, unsigned offset, uint64_t value, unsigned size);
    bool little; /* the bus value's byte order */
};

void hf_fwcfg_touch(struct hf_fwcfg *d, struct entry *e)
{
    uint64_t now = d->config.now ? d->config.now(d->config.now_opaque) : ++d->ticks;

    if (e->seen.first == 0)
        e->seen.first = now;
    e->seen.last = now;
}

void hf_fwcfg_select(struct hf_fwcfg *d, uint16_t key)
{
    struct entry *e;

    d->offset = 0;
    if ((key & HF_FWCFG_KEY_MASK) >= fwcfg_keys(d)) {
        d->selected = HF_FWCFG_KEY_INVALID;
        return;
    }
    d->selected = key;
    e = hf_fwcfg_entry(d, key);
    if (!e)
        return;
    e->seen.selects++;
    hf_fwcfg_touch(d, e);
    if (e->on_select)
        e->on_select(e->opaque, d);
}

void hf_fwcfg_reset(struct hf_fwcfg *d)
{
    d->latch = 0;
    d->offset = 0;
    d->selected = HF_FWCFG_SIGNATURE;
}

/* The next bytes of the item, most significant first; zeros on the right for those that are not there. */
static uint64_t data_read(struct hf_fwcfg *d, unsigned size)
{
    struct entry *e = hf_fwcfg_entry(d, d->selected);
    uint64_t value = 0;
    unsigned n = 0;

    if (e && d->offset < e->size) {
        do {
            value = value << 8 | e->data[d->offset++];
        } while (++n < size && d->offset < e->size);
        e->seen.bytes_read += n;
        value = n < size ? value << 8 * (size - n) : value;
    }
    return value;
}

static uint64_t port_comb_read(struct hf_fwcfg *d, unsigned offset, unsigned size, bool *ok)
{
    (void)offset; /* a byte read of the selector's port is a data read too */
    *ok = size == 1;
    return *ok ? data_read(d, 1) : 0;
}

static bool port_comb_write(struct hf_fwcfg *d, unsigned offset, uint64_t value, unsigned size)
{
    (void)offset;
    if (size == 2)
        hf_fwcfg_select(d, (uint16_t)value);
    return size <= 2; /* a byte is a write to the data register, which does nothing */
}

static uint64_t mmio_data_read(struct hf_fwcfg *d, unsigned offset, unsigned size, bool *ok)
{
    *ok = offset == 0;
    return *ok ? data_read(d, size) : 0;
}

static bool mmio_data_write(struct hf_fwcfg *d, unsigned offset, uint64_t value, unsigned size)
{
    (void)d, (void)value, (void)size;
    return offset == 0;
}

static uint64_t mmio_selector_read(struct hf_fwcfg *d, unsigned offset, unsigned size, bool *ok)
{
    (void)d, (void)offset, (void)size;
    *ok = false;
    return 0;
}

static bool mmio_selector_write(struct hf_fwcfg *d, unsigned offset, uint64_t value, unsigned size)
{
    (void)offset;
    if (size != 2)
        return false;
    hf_fwcfg_select(d, (uint16_t)value);
    return true;
}

static uint64_t dma_read(struct hf_fwcfg *d, unsigned offset, unsigned size, bool *ok)
{
    uint64_t value = 0;

    (void)d;
    *ok = true;
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | (uint8_t)HF_FWCFG_DMA_SIGNATURE[offset + i];
    return value;
}

static bool dma_write(struct hf_fwcfg *d, unsigned offset, uint64_t value, unsigned size)
{
    uint64_t descriptor;

    if (size == 4 && offset == 0) {
        d->latch = value << 32;
        return true;
    }
    if (!(size == 4 && offset == 4) && !(size == 8 && offset == 0))
        return false;
    descriptor = size == 8 ? value : d->latch | value;
    d->latch = 0; /* so that a firmware that only ever writes the low half reaches the first 4 GiB */
    hf_fwcfg_transfer(d, descriptor);
    return true;
}

static const struct reg port_regs[] = {
    {HF_FWCFG_PORT_SELECTOR, 2, 4, port_comb_read, port_comb_write, /* little= */ true},
    {HF_FWCFG_PORT_DMA, 8, 8, dma_read, dma_write, /* little= */ false},
};
static const struct reg mmio_regs[] = {
    {HF_FWCFG_MMIO_DATA, 8, 8, mmio_data_read, mmio_data_write, /* little= */ false},
    {HF_FWCFG_MMIO_SELECTOR, 2, 4, mmio_selector_read, mmio_selector_write, /* little= */ false},
    {HF_FWCFG_MMIO_DMA, 8, 8, dma_read, dma_write, /* little= */ false},
};

struct block {
    const struct reg *regs;
    unsigned n;
    uint8_t floating; /* what a byte reads as where no register is */
};
static const struct block port_block = {port_regs, sizeof port_regs / sizeof port_regs[0], 0xff};
static const struct block mmio_block = {mmio_regs, sizeof mmio_regs / sizeof mmio_regs[0], 0};

/* The register as this device has it: none without DMA, a narrower data register. False when it is not there. */
static bool present(const struct hf_fwcfg *d, const struct reg *r, struct reg *ret)
{
    *ret = *r;
    if (r->read == mmio_data_read)
        ret->size = ret->widest = d->data_width;
    return r->read != dma_read || d->config.dma;
}

static const struct reg *reg_at(const struct hf_fwcfg *d, const struct block *b, unsigned at, struct reg *room)
{
    for (unsigned i = 0; i < b->n; i++)
        if (present(d, &b->regs[i], room) && at >= room->at && at - room->at < room->size)
            return room;
    return NULL;
}

/* How much of an access of `left` bytes at `offset` of a register is one piece. A piece may reach past the register's
 * end: it is then too wide for it, and nothing behind it sees the rest. */
static unsigned piece(const struct reg *r, unsigned offset, unsigned left)
{
    unsigned n = left < r->widest ? left : r->widest, align = offset & (0u - offset);

    n = align != 0 && align < n ? align : n;
    return n >= 8 ? 8 : n >= 4 ? 4 : n >= 2 ? 2 : n; /* the power of two below */
}

static uint64_t bytes_to_value(const struct reg *r, const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value = value << 8 | bytes[r->little ? size - 1 - i : i];
    return value;
}

static void value_to_bytes(const struct reg *r, uint64_t value, uint8_t *bytes, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        bytes[r->little ? i : size - 1 - i] = (uint8_t)(value >> 8 * i);
}

static bool access_read(struct hf_fwcfg *d, const struct block *b, unsigned at, uint8_t *bytes, unsigned size)
{
    struct reg room;
    bool all = true;

    for (unsigned n; size != 0; at += n, bytes += n, size -= n) {
        const struct reg *r = reg_at(d, b, at, &room);
        bool ok = false;

        n = r ? piece(r, at - r->at, size) : 1;
        if (r)
            value_to_bytes(r, d->sealed ? r->read(d, at - r->at, n, &ok) : 0, bytes, n);
        else
            *bytes = b->floating;
        all = all && ok;
    }
    return all;
}

static bool access_write(struct hf_fwcfg *d, const struct block *b, unsigned at, const uint8_t *bytes, unsigned size)
{
    struct reg room;
    bool all = true;

    for (unsigned n; size != 0; at += n, bytes += n, size -= n) {
        const struct reg *r = reg_at(d, b, at, &room);

        n = r ? piece(r, at - r->at, size) : 1;
        all = r && d->sealed && r->write(d, at - r->at, bytes_to_value(r, bytes, n), n) && all;
    }
    return all;
}

/* The access that nearly every exit is: one byte of data. */
bool hf_fwcfg_port_read(struct hf_fwcfg *d, unsigned offset, void *bytes, unsigned size)
{
    if (size == 1 && offset == HF_FWCFG_PORT_DATA && d->sealed) {
        *(uint8_t *)bytes = (uint8_t)data_read(d, 1);
        return true;
    }
    return access_read(d, &port_block, offset, (uint8_t *)bytes, size);
}

bool hf_fwcfg_port_write(struct hf_fwcfg *d, unsigned offset, const void *bytes, unsigned size)
{
    return access_write(d, &port_block, offset, (const uint8_t *)bytes, size);
}

bool hf_fwcfg_mmio_read(struct hf_fwcfg *d, unsigned offset, void *bytes, unsigned size)
{
    return access_read(d, &mmio_block, offset, (uint8_t *)bytes, size);
}

bool hf_fwcfg_mmio_write(struct hf_fwcfg *d, unsigned offset, const void *bytes, unsigned size)
{
    return access_write(d, &mmio_block, offset, (const uint8_t *)bytes, size);
}
