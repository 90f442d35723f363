/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The peer and this library's device, side by side: the device is filled with what the peer shows, then both get the
 * same random operations, and every byte they answer must be the same.
 *
 * Operations that are left out, because the difference is meant (docs/libholdfast-fw.md, "Differences"):
 *   - half a DMA address written before a reset: QEMU keeps it, this device forgets it;
 *   - a write whose source is no memory: QEMU leaves zeros in the item, this device leaves the item alone;
 *   - transfers that are partly outside of memory: how much of them happens is the memory's, not the device's.
 */
#include "checks.h"

#include <holdfast/fwcfg_negotiate.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX 0x100
#define ITEM_MAX  0x1000u
#define KEYS_MAX  0x80

struct twin {
    struct hf_qtest *p;
    struct report *r;
    struct hf_fwcfg *device;
    void *block;
    uint8_t memory[HF_QTEST_MEMORY_SIZE];
    uint8_t *bytes[FILES_MAX], *items[KEYS_MAX];
    size_t n_items;
    struct hf_fwcfg_file files[FILES_MAX];
    size_t n_files;
    _Alignas(16) uint8_t domains[4096];
    struct hf_fwcfg_negotiate glue;
    bool smi;
    uint64_t random;
    unsigned long step;
    unsigned keys;
};

static uint32_t pick(struct twin *t, uint32_t below)
{
    t->random ^= t->random << 13; /* xorshift64 */
    t->random ^= t->random >> 7;
    t->random ^= t->random << 17;
    return (uint32_t)(t->random >> 16) % below;
}

static bool in_memory(const struct twin *t, uint64_t at, uint64_t size)
{
    return at >= t->p->memory && at - t->p->memory <= HF_QTEST_MEMORY_SIZE &&
           size <= HF_QTEST_MEMORY_SIZE - (at - t->p->memory);
}

static bool memory_read(void *opaque, uint64_t at, void *to, size_t size)
{
    const struct twin *t = (const struct twin *)opaque;

    if (!in_memory(t, at, size))
        return false;
    memcpy(to, t->memory + (at - t->p->memory), size);
    return true;
}

static bool memory_write(void *opaque, uint64_t at, const void *from, size_t size)
{
    struct twin *t = (struct twin *)opaque;

    if (!in_memory(t, at, size))
        return false;
    memcpy(t->memory + (at - t->p->memory), from, size);
    return true;
}

static bool is_writable(struct twin *t, const struct hf_fwcfg_file *f)
{
    const uint32_t select = (uint32_t)f->key << 16 | HF_FWCFG_DMA_SELECT;

    return f->size != 0 && hf_qtest_dma(t->p, select | HF_FWCFG_DMA_READ, 1, t->p->memory + 0x800) == 0 &&
           hf_qtest_dma(t->p, select | HF_FWCFG_DMA_WRITE, 1, t->p->memory + 0x800) == 0;
}

static bool is_smi(const char *name)
{
    return strncmp(name, "etc/smi/", 8) == 0;
}

static int clone_file(struct twin *t, size_t i)
{
    const struct hf_fwcfg_file *f = &t->files[i];
    struct hf_fwcfg_client c = hf_qtest_client(t->p);
    struct hf_fwcfg_item it = {.name = f->name, .size = f->size, .flags = HF_FWCFG_USER};

    if (strncmp(f->name, "opt/", 4) != 0)
        it.flags = 0;
    if (strcmp(f->name, "etc/vmcoreinfo") == 0)
        it.rank = 110; /* of what devices add; used on machine types that order by rank only */
    if (f->key < HF_FWCFG_FILE_FIRST)
        it.key = f->key;
    t->bytes[i] = (uint8_t *)calloc(f->size + 1, 1);
    if (!t->bytes[i] || hf_fwcfg_client_open(&c) < 0 || hf_fwcfg_client_read(&c, f, t->bytes[i], f->size) < 0)
        return -HF_EIO;
    if (strcmp(f->name, HF_NEGOTIATE_WINDOW_FILE) != 0 && is_writable(t, f)) {
        it.flags |= HF_FWCFG_WRITABLE;
        it.buffer = t->bytes[i];
    } else {
        it.data = t->bytes[i];
    }
    return hf_fwcfg_add_file(t->device, &it, NULL);
}

/* The SMI files are not copied but made: the view must behave as the peer's. */
static int clone_smi(struct twin *t, uint64_t supported)
{
    struct hf_negotiate_domain d = hf_smi_domain(supported);
    struct hf_negotiate *n;
    int r = hf_negotiate_init(t->domains, sizeof t->domains, &d, 1, 1, &n, NULL);

    t->glue = (struct hf_fwcfg_negotiate){.n = n};
    t->smi = r == 0;
    return r < 0 ? r : hf_fwcfg_negotiate_attach_smi(&t->glue, t->device, NULL);
}

/* An item's length cannot be asked for: what is behind it reads as zero, so zeros at its end make no difference. */
static void clone_key(struct twin *t, uint16_t key)
{
    uint8_t *bytes = (uint8_t *)calloc(ITEM_MAX, 1);
    struct hf_fwcfg_item it = {.key = key, .data = bytes, .size = ITEM_MAX};

    if (!bytes)
        return;
    (void)hf_qtest_dma(t->p, (uint32_t)key << 16 | 0x0a, ITEM_MAX, t->p->memory + 0x1000);
    hf_qtest_read(t->p, t->p->memory + 0x1000, bytes, ITEM_MAX);
    while (it.size != 0 && bytes[it.size - 1] == 0)
        it.size--;
    if (it.size == 0 || hf_fwcfg_add_item(t->device, &it, NULL) < 0)
        free(bytes);
    else
        t->items[t->n_items++] = bytes;
}

static bool sorted(const struct twin *t)
{
    for (size_t i = 1; i < t->n_files; i++)
        if (t->files[i].key >= HF_FWCFG_FILE_FIRST && strcmp(t->files[i - 1].name, t->files[i].name) > 0)
            return false;
    return true;
}

static int clone(struct twin *t, unsigned slots)
{
    struct hf_fwcfg_config config = {
        .slots = slots, .dma = true, .memory = {.read = memory_read, .write = memory_write, .opaque = t}};
    struct hf_fwcfg_client c = hf_qtest_client(t->p);
    struct hf_fwcfg_file f;
    hf_le64 supported;
    int r;

    if (hf_fwcfg_client_open(&c) < 0)
        return -HF_EIO;
    if (!c.dma)
        return -HF_ENOTFOUND;
    if (hf_fwcfg_client_find(&c, "etc/table-loader", &f) == 0)
        hf_fwcfg_client_select(&c, f.key); /* some hosts build it now, and other sizes with it */
    t->n_files = list_files(t->p, t->files, FILES_MAX);
    config.order = sorted(t) ? HF_FWCFG_SORTED : HF_FWCFG_LEGACY;
    t->block = malloc(hf_fwcfg_size(slots));
    r = t->block ? hf_fwcfg_init(t->block, hf_fwcfg_size(slots), &config, &t->device, NULL) : -HF_ENOMEM;
    if (r == 0 && hf_fwcfg_client_find(&c, HF_SMI_SUPPORTED_FILE, &f) == 0 && f.size == sizeof supported &&
        hf_fwcfg_client_read(&c, &f, &supported, sizeof supported) == 0)
        r = clone_smi(t, hf_le64_get(supported));
    for (size_t i = 0; i < t->n_files && r == 0; i++)
        r = t->smi && is_smi(t->files[i].name) ? 0 : clone_file(t, i);
    for (uint16_t key = 2; key < HF_FWCFG_FILE_DIR && r == 0; key++)
        clone_key(t, key);
    for (uint16_t key = 0; key < 0x40 && key < HF_FWCFG_FILE_FIRST + slots && r == 0; key++)
        clone_key(t, HF_FWCFG_KEY_ARCH_LOCAL | key);
    if (r == 0)
        hf_fwcfg_seal(t->device);
    return r;
}

static bool device_read(struct twin *t, unsigned offset, void *bytes, unsigned size)
{
    return (t->p->mmio ? hf_fwcfg_mmio_read : hf_fwcfg_port_read)(t->device, offset, bytes, size);
}

static void both_write(struct twin *t, unsigned offset, const void *bytes, unsigned size)
{
    hf_qtest_register_write(t->p, offset, bytes, size);
    (void)(t->p->mmio ? hf_fwcfg_mmio_write : hf_fwcfg_port_write)(t->device, offset, bytes, size);
}

static void both_select(struct twin *t, uint16_t key)
{
    const uint8_t low = (uint8_t)key, high = (uint8_t)(key >> 8);
    const uint8_t bytes[2] = {t->p->mmio ? high : low, t->p->mmio ? low : high};

    both_write(t, t->p->mmio ? HF_FWCFG_MMIO_SELECTOR : HF_FWCFG_PORT_SELECTOR, bytes, 2);
}

static uint16_t any_key(struct twin *t)
{
    uint32_t kind = pick(t, 16);
    uint32_t key = kind < 9    ? HF_FWCFG_FILE_FIRST + pick(t, (uint32_t)t->n_files + 2)
                   : kind < 13 ? pick(t, HF_FWCFG_FILE_FIRST)
                   : kind < 15 ? pick(t, t->keys + 4)
                               : pick(t, 0x10000);

    if (key == HF_FWCFG_FILE_DIR && pick(t, 2) == 0)
        key = HF_FWCFG_SIGNATURE;
    if ((key & HF_FWCFG_KEY_MASK) == HF_NEGOTIATE_DOMAINS_KEY || (key & HF_FWCFG_KEY_MASK) == HF_NEGOTIATE_WINDOW_KEY)
        key = HF_FWCFG_SIGNATURE; /* what stands there depends on domains whose rules cannot be seen from outside */
    return (uint16_t)(key | (pick(t, 8) == 0 ? HF_FWCFG_KEY_WRITE : 0) |
                      (pick(t, 8) == 0 ? HF_FWCFG_KEY_ARCH_LOCAL : 0));
}

static bool compare(struct twin *t, const char *what, const void *peer, const void *own, size_t n)
{
    const uint8_t *a = (const uint8_t *)peer, *b = (const uint8_t *)own;
    size_t i = 0;

    while (i < n && a[i] == b[i])
        i++;
    return report_expect(t->r, i == n, "operation %lu, %s: byte %zu of %zu is 0x%02x on the peer, 0x%02x here", t->step,
                         what, i, n, i < n ? a[i] : 0, i < n ? b[i] : 0);
}

/* Any access to any byte of the block: only a start of DMA with an address of nobody's choice is not made. */
static void register_access(struct twin *t)
{
    unsigned block = t->p->mmio ? HF_FWCFG_MMIO_SIZE : HF_FWCFG_PORT_SIZE, dma = hf_qtest_dma_offset(t->p);
    unsigned size = 1u << pick(t, t->p->mmio ? 4 : 3), offset = pick(t, block - size + 1);
    uint8_t a[8], b[8];

    if (pick(t, 4) != 0) {
        hf_qtest_register_read(t->p, offset, a, size);
        (void)device_read(t, offset, b, size);
        compare(t, "register read", a, b, size);
        return;
    }
    for (unsigned i = 0; i < size; i++)
        a[i] = (uint8_t)pick(t, 4);
    if (offset + size > dma + 4 && size >= 4)
        return;
    both_write(t, offset, a, size);
    if (offset + size > dma)
        both_write(t, dma, "\0\0\0\0", 4);
}

static void data_reads(struct twin *t)
{
    uint8_t a[64], b[64];
    uint32_t n = 1 + pick(t, sizeof a);

    hf_qtest_data(t->p, a, n);
    for (uint32_t i = 0; i < n; i++)
        (void)device_read(t, t->p->mmio ? HF_FWCFG_MMIO_DATA : HF_FWCFG_PORT_DATA, b + i, 1);
    compare(t, "data reads", a, b, n);
}

static void fill(struct twin *t, uint32_t at, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        t->memory[at + i] = (uint8_t)(pick(t, 3) == 0 ? 0 : pick(t, 8));
    hf_qtest_write(t->p, t->p->memory + at, t->memory + at, n);
}

static void dma(struct twin *t)
{
    static const uint32_t lengths[] = {0, 1, 2, 4, 8, 9, 16, 20, 64, 200, 4096, 9000};
    static uint8_t peer[HF_QTEST_MEMORY_SIZE];
    uint32_t control = pick(t, 32) & ~HF_FWCFG_DMA_ERROR, length = lengths[pick(t, 12)];
    uint32_t descriptor = pick(t, 0x100), to = 0x1000 + pick(t, 0x1000), seen = length < 9000 ? length : 9000;
    bool nowhere = pick(t, 12) == 0 && !(control & HF_FWCFG_DMA_WRITE), wide = pick(t, 4) == 0 && t->p->mmio;
    struct hf_fwcfg_dma d = {.length = hf_be32_of(length),
                             .address = hf_be64_of(nowhere ? PEER_NOWHERE : t->p->memory + to)};
    hf_be64 at = hf_be64_of(t->p->memory + descriptor);

    d.control = hf_be32_of(control | pick(t, 20) / 19 * 0xfe0u | (uint32_t)any_key(t) << 16);
    fill(t, to, seen + 16 < 256 ? seen + 16 : 256);
    memcpy(t->memory + descriptor, &d, sizeof d);
    hf_qtest_write(t->p, t->p->memory + descriptor, &d, sizeof d);
    if (wide) {
        both_write(t, hf_qtest_dma_offset(t->p), at.b, 8);
    } else {
        if (pick(t, 2) == 0 || t->p->memory >> 32 != 0)
            both_write(t, hf_qtest_dma_offset(t->p), at.b, 4);
        both_write(t, hf_qtest_dma_offset(t->p) + 4, at.b + 4, 4);
    }
    hf_qtest_read(t->p, t->p->memory + descriptor, peer, sizeof d);
    compare(t, "descriptor", peer, t->memory + descriptor, sizeof d);
    hf_qtest_read(t->p, t->p->memory + to, peer, seen + 16);
    compare(t, "memory", peer, t->memory + to, seen + 16);
}

static void reset(struct twin *t)
{
    if (!peer_reset(t->p))
        return;
    hf_fwcfg_reset(t->device);
    if (t->smi)
        hf_fwcfg_negotiate_reset(&t->glue);
    for (size_t i = 0; i < t->n_files; i++) { /* each owner resets its own file, in its own way: take what there is */
        struct hf_fwcfg_client c = hf_qtest_client(t->p);

        if (t->bytes[i] && is_writable(t, &t->files[i]) && hf_fwcfg_client_open(&c) == 0)
            (void)hf_fwcfg_client_read(&c, &t->files[i], t->bytes[i], t->files[i].size);
    }
    both_select(t, HF_FWCFG_SIGNATURE);
}

static void step(struct twin *t)
{
    uint32_t kind = pick(t, 1000);

    if (kind < 250)
        both_select(t, any_key(t));
    else if (kind < 500)
        data_reads(t);
    else if (kind < 700)
        register_access(t);
    else if (kind < 999)
        dma(t);
    else
        reset(t);
}

void check_lockstep(struct hf_qtest *p, struct report *r, unsigned slots, uint64_t seed, unsigned long operations)
{
    static struct twin t;
    char name[96];
    int res;

    t = (struct twin){.p = p, .r = r, .random = seed | 1, .keys = HF_FWCFG_FILE_FIRST + slots};
    snprintf(name, sizeof name, "lock step: %lu random operations, seed 0x%llx", operations, (unsigned long long)seed);
    res = clone(&t, slots);
    if (res == -HF_ENOTFOUND) {
        report_skip(r, name, "this machine has no DMA to copy its items with");
        return;
    }
    if (!report_expect(r, res == 0, "the peer's files could not be copied into a device")) {
        report_end(r, name);
        return;
    }
    hf_qtest_write(p, p->memory, t.memory, sizeof t.memory);
    both_select(&t, HF_FWCFG_SIGNATURE);
    for (t.step = 0; t.step < operations && r->bad == 0; t.step++)
        step(&t);
    report_end(r, name);
    for (size_t i = 0; i < t.n_files; i++)
        free(t.bytes[i]);
    for (size_t i = 0; i < t.n_items; i++)
        free(t.items[i]);
    free(t.block);
}
