/* SPDX-License-Identifier: BSD-2-Clause */
/* The device's inside, shared by its files only. */
#ifndef HF_FWCFG_INTERNAL_H
#define HF_FWCFG_INTERNAL_H

#include <holdfast/fwcfg_device.h>

#include "cursor.h"

/* Items with only a key: the generic ones below the files, and this many of the architecture's. */
#define FWCFG_ARCH_KEYS 0x40
#define FWCFG_KEY_ITEMS (HF_FWCFG_FILE_FIRST + FWCFG_ARCH_KEYS)

struct entry {
    char name[HF_FWCFG_NAME_SIZE]; /* "" for items that have only a key */
    const uint8_t *data;           /* what the guest reads: the caller's data, its buffer, or `number` */
    uint8_t *buffer;               /* NULL for constant bytes */
    uint32_t size, capacity;
    unsigned flags;
    uint16_t key, rank;
    uint8_t number[8];
    hf_fwcfg_select_fn *on_select;
    hf_fwcfg_write_fn *on_write;
    void *opaque;
    struct {
        uint64_t selects, bytes_read, bytes_written, writes_refused, first, last;
    } seen;
};

/*
 * In the caller's block: this struct, the entries (files first, in directory order from the moment they are added, then
 * the others as they come), two maps from key index to entry + 1, and the bytes of the directory.
 */
struct hf_fwcfg {
    struct hf_fwcfg_config config;
    unsigned slots, data_width;
    bool sealed;
    uint16_t selected; /* with bits 14 and 15, or HF_FWCFG_KEY_INVALID */
    uint32_t offset;
    uint64_t latch; /* half a DMA address */
    uint64_t ticks;
    unsigned n_files, n_keyed;
    struct entry *files; /* [slots] */
    struct entry *keyed; /* [FWCFG_KEY_ITEMS] */
    uint16_t *map;       /* [2 * keys]; 0: no such item; n: files[n - 1]; slots + n: keyed[n - 1] */
    uint8_t *directory;
};

static inline unsigned fwcfg_keys(const struct hf_fwcfg *d)
{
    return HF_FWCFG_FILE_FIRST + d->slots;
}

/* The entry behind a key, NULL when there is none. */
struct entry *hf_fwcfg_entry(const struct hf_fwcfg *d, uint16_t key);
struct entry *hf_fwcfg_named(const struct hf_fwcfg *d, const char *name);
void hf_fwcfg_map(struct hf_fwcfg *d, uint16_t key, const struct entry *e);
void hf_fwcfg_select(struct hf_fwcfg *d, uint16_t key);
void hf_fwcfg_touch(struct hf_fwcfg *d, struct entry *e);
/* Writes a directory row again after its file changed size. */
void hf_fwcfg_list_file(struct hf_fwcfg *d, unsigned i);
/* Other bytes for an entry; the caller has checked them against its capacity. */
void hf_fwcfg_set_bytes(struct hf_fwcfg *d, struct entry *e, const void *data, uint32_t size);
/* The place of a name in QEMU's order for machine types until 2.5. */
#define FWCFG_RANK_USER 100
uint16_t hf_fwcfg_legacy_rank(const char *name);

/* The value is the guest's write to the low half (or both halves) of the DMA register. */
void hf_fwcfg_transfer(struct hf_fwcfg *d, uint64_t at);

#endif
