/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's half of fw_cfg: a device model that a virtual machine monitor hangs into its I/O ports or its memory map.
 * It answers every access as QEMU's device does (tests/fwcfg runs both in lock step); docs/libholdfast-fw.md lists the
 * few differences.
 *
 *     config:  hf_fwcfg_init -> hf_fwcfg_add_file / _add_item / _add_uNN ... -> hf_fwcfg_seal
 *     running: hf_fwcfg_port_read/_write or hf_fwcfg_mmio_read/_write from the exits; hf_fwcfg_update; hf_fwcfg_reset
 *     moving:  hf_fwcfg_save on one side, hf_fwcfg_load into a sealed device on the other
 *
 * The device allocates nothing: the caller gives one block of memory. It reaches guest memory only through the three
 * functions of `struct hf_fwcfg_memory`. It holds no lock: one thread at a time, callbacks included.
 *
 * What a guest can make it do is bounded: a register access touches at most 8 bytes; a DMA access copies at most once
 * the bytes of the selected item, and zero-fills at most the 32-bit length the guest asked for, in one call of `zero`
 * or in pieces of 4 KiB through `write`, ending at the first piece outside of guest memory.
 */
#ifndef HOLDFAST_FWCFG_DEVICE_H
#define HOLDFAST_FWCFG_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/error.h>
#include <holdfast/fwcfg_wire.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hf_fwcfg;

/* Guest-physical memory as the device may see it. Each returns false when any byte of the range is not guest RAM; it
 * should then have changed nothing. `zero` may be NULL. Addresses come from the guest: ranges can be anything. */
struct hf_fwcfg_memory {
    bool (*read)(void *opaque, uint64_t address, void *to, size_t size);
    bool (*write)(void *opaque, uint64_t address, const void *from, size_t size);
    bool (*zero)(void *opaque, uint64_t address, uint64_t size);
    void *opaque;
};

enum hf_fwcfg_order {
    HF_FWCFG_SORTED, /* by name, as machine types since 2.6 */
    HF_FWCFG_LEGACY, /* by QEMU's rank table, as machine types until 2.5 */
};

struct hf_fwcfg_config {
    unsigned slots;      /* directory rows, 0x10 .. 0x3fe0; 0 means 0x20. Guest ABI: fix it per machine type */
    unsigned data_width; /* MMIO only: widest access to the data register, 1, 2, 4 or 8; 0 means 8 */
    bool dma;            /* guest ABI too: a guest that saw DMA once keeps using it */
    enum hf_fwcfg_order order;
    struct hf_fwcfg_memory memory; /* needed with dma */
    /* For the audit: any monotonic number, such as a time. NULL: the device counts its selects and transfers. */
    uint64_t (*now)(void *opaque);
    void *now_opaque;
    uint64_t reserved[2]; /* 0; for members of later versions. Anything else is HF_EUSAGE */
};

/* Called once per select of the item, before any byte of it is read. May call hf_fwcfg_update for any item. */
typedef void hf_fwcfg_select_fn(void *opaque, struct hf_fwcfg *device);
/* Called when one DMA write has put `length` bytes at `offset` of the item. A guest may write in pieces. */
typedef void hf_fwcfg_write_fn(void *opaque, uint32_t offset, uint32_t length);

enum hf_fwcfg_flag {
    HF_FWCFG_WRITABLE = 1, /* the guest may write it by DMA; needs `buffer`; its bytes travel */
    HF_FWCFG_TRAVELS = 2,  /* its bytes are part of the saved state; needs `buffer` */
    HF_FWCFG_USER = 4,     /* named by the machine's user, who owns "opt/"; see hf_fwcfg_check_user_name */
};

/*
 * One item. `data` or `buffer` is borrowed until the device is gone. Bytes that never change come in `data`; bytes that
 * the guest writes, or that travel, live in `buffer` with room for `capacity` bytes (0: `size`).
 */
struct hf_fwcfg_item {
    const char *name; /* files: 1 .. 55 bytes, copied. NULL for an item that has only a key */
    const void *data;
    void *buffer;
    uint32_t size, capacity;
    unsigned flags; /* enum hf_fwcfg_flag */
    uint16_t key;   /* items without name: the key. Files: 0, or a fixed selector in 0x1a .. 0x1f; such files are
                       listed after the sorted ones and never move */
    uint16_t rank;  /* legacy order only: 0 means by the name's rank */
    hf_fwcfg_select_fn *on_select; /* may be NULL */
    hf_fwcfg_write_fn *on_write;   /* may be NULL */
    void *opaque;
    uint64_t reserved[2]; /* 0; for members of later versions. Anything else is HF_EUSAGE */
};

/* Bytes of memory that a device with so many slots needs (0 means 0x20 slots). */
HF_PUBLIC size_t hf_fwcfg_size(unsigned slots);

/* Makes a device in `memory` (aligned as malloc does), with signature, ID and an empty directory. Nothing has to be
 * undone: forget the memory when the machine is gone. HF_EUSAGE: slots, width or callbacks are wrong; HF_ENOMEM:
 * `memory` is NULL, as malloc may return it, or `size` is less than hf_fwcfg_size() says. */
HF_PUBLIC int hf_fwcfg_init(void *memory, size_t size, const struct hf_fwcfg_config *config, struct hf_fwcfg **ret,
                            struct hf_error *err);

/* Adds a file. HF_EUSAGE: bad or duplicate name, bad buffer, already sealed; HF_ENOSPC: all slots are taken;
 * HF_EREFUSED (rule "opt-prefix"): a name below "opt/" without HF_FWCFG_USER. */
HF_PUBLIC int hf_fwcfg_add_file(struct hf_fwcfg *device, const struct hf_fwcfg_item *item, struct hf_error *err);

/* Adds an item that has a key and no name: 0x02 .. 0x18, or 0x8000 | 0 .. 0x3f. Errors as above. */
HF_PUBLIC int hf_fwcfg_add_item(struct hf_fwcfg *device, const struct hf_fwcfg_item *item, struct hf_error *err);

/* Integers, stored little endian inside the device. */
HF_PUBLIC int hf_fwcfg_add_u16(struct hf_fwcfg *device, uint16_t key, uint16_t value, struct hf_error *err);
HF_PUBLIC int hf_fwcfg_add_u32(struct hf_fwcfg *device, uint16_t key, uint32_t value, struct hf_error *err);
HF_PUBLIC int hf_fwcfg_add_u64(struct hf_fwcfg *device, uint16_t key, uint64_t value, struct hf_error *err);

/* What a machine's user may name a file on a command line: 0 for "opt/..." names; 1 for a name that works but should
 * be warned about (it may meet a later file of the machine); HF_EUSAGE for names that cannot be. */
HF_PUBLIC int hf_fwcfg_check_user_name(const char *name, struct hf_error *err);

/* Closes the configuration: assigns keys, builds the directory. Before it, the guest reads zeros. */
HF_PUBLIC void hf_fwcfg_seal(struct hf_fwcfg *device);

/* The key and size of a file of a sealed device; HF_ENOTFOUND. Either out-parameter may be NULL. */
HF_PUBLIC int hf_fwcfg_find(const struct hf_fwcfg *device, const char *name, uint16_t *ret_key, uint32_t *ret_size);

/* Gives a file other bytes and another size; the directory follows. Allowed at any time, in callbacks too. For a file
 * with `data`, `data` is borrowed from now on; for one with `buffer`, the bytes are copied into it (`data` may be the
 * buffer itself, changed in place). A read under way goes on at its offset. HF_ENOTFOUND; HF_ENOSPC: over capacity. */
HF_PUBLIC int hf_fwcfg_update(struct hf_fwcfg *device, const char *name, const void *data, uint32_t size,
                              struct hf_error *err);

/*
 * Guest accesses. `offset` counts from the base port or base address, `bytes` are in bus order (as kvm_run's data),
 * `size` is 1, 2, 4 or 8. False means that nothing decoded some part of the access; a read then has 0 (ports between
 * the registers: 0xff) there, and a VMM whose bus has errors may raise one. Never fails otherwise.
 */
HF_PUBLIC bool hf_fwcfg_port_read(struct hf_fwcfg *device, unsigned offset, void *bytes, unsigned size);
HF_PUBLIC bool hf_fwcfg_port_write(struct hf_fwcfg *device, unsigned offset, const void *bytes, unsigned size);
HF_PUBLIC bool hf_fwcfg_mmio_read(struct hf_fwcfg *device, unsigned offset, void *bytes, unsigned size);
HF_PUBLIC bool hf_fwcfg_mmio_write(struct hf_fwcfg *device, unsigned offset, const void *bytes, unsigned size);

/* System reset: selects the signature and forgets half a DMA address. Items are their owners' to reset. */
HF_PUBLIC void hf_fwcfg_reset(struct hf_fwcfg *device);

/*
 * State as bytes: selector, offset, DMA address, the directory's shape, and the contents of items that travel.
 * Load is all or nothing, into a sealed device of the same machine type. HF_EDAMAGED: not a whole state; HF_EVERSION:
 * written by a newer library that says this one cannot read it; HF_EREFUSED: rule "slots" or "dma" (the machine
 * differs), "directory" (a file that the guest may know by its key is missing here or has another key; only one with a
 * fixed selector may be missing), "size" (bytes that travel do not fit here).
 */
HF_PUBLIC size_t hf_fwcfg_state_size(const struct hf_fwcfg *device);
HF_PUBLIC int hf_fwcfg_save(const struct hf_fwcfg *device, void *bytes, size_t size, size_t *ret_size,
                            struct hf_error *err);
HF_PUBLIC int hf_fwcfg_load(struct hf_fwcfg *device, const void *bytes, size_t size, struct hf_error *err);

/* What the guest did with an item since init or since hf_fwcfg_audit_clear. */
struct hf_fwcfg_audit {
    const char *name; /* NULL for items that have only a key */
    uint16_t key;
    uint32_t size;
    uint64_t selects;
    uint64_t bytes_read; /* zero fill past the end not counted */
    uint64_t bytes_written, writes_refused;
    uint64_t first, last; /* `now` of the first and last select, transfer or write; 0, 0 when never touched */
};

/* The i-th item of a sealed device: files in directory order first, then the others. HF_ENOTFOUND past the last. */
HF_PUBLIC int hf_fwcfg_audit(const struct hf_fwcfg *device, unsigned i, struct hf_fwcfg_audit *ret);
HF_PUBLIC void hf_fwcfg_audit_clear(struct hf_fwcfg *device);

#ifdef __cplusplus
}
#endif
#endif
