/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fw_cfg as it stands on the wire: registers, keys, the directory, the DMA descriptor. QEMU defined it; nothing here is
 * ours. Byte order, because one device uses four conventions: directory and DMA descriptor big endian; the selector
 * little endian as an I/O port and big endian as MMIO; integers inside items little endian.
 *
 * Freestanding; shared by the host's device and the guest's client.
 */
#ifndef HOLDFAST_FWCFG_WIRE_H
#define HOLDFAST_FWCFG_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include <holdfast/endian.h>

/* I/O ports, offsets from the base port. */
#define HF_FWCFG_PORT_BASE     0x510
#define HF_FWCFG_PORT_SELECTOR 0 /* 2 bytes, write only, little endian */
#define HF_FWCFG_PORT_DATA     1 /* 1 byte; overlaps the selector's high byte */
#define HF_FWCFG_PORT_DMA      4 /* 8 bytes, big endian; the write to its low half (+4) starts a transfer */
#define HF_FWCFG_PORT_SIZE     12

/* MMIO, offsets from the base address. */
#define HF_FWCFG_MMIO_DATA     0x00 /* up to 8 bytes, string preserving */
#define HF_FWCFG_MMIO_SELECTOR 0x08 /* 2 bytes, write only, big endian */
#define HF_FWCFG_MMIO_DMA      0x10 /* 8 bytes, big endian */
#define HF_FWCFG_MMIO_SIZE     0x18

/* What a read of the DMA register gives: "QEMU CFG" as bytes, never the pending address. */
#define HF_FWCFG_DMA_SIGNATURE "QEMU CFG"

/* A key has 14 bits of index. Bit 14 is ignored; bit 15 chooses the architecture's own items. */
#define HF_FWCFG_KEY_MASK       0x3fff
#define HF_FWCFG_KEY_WRITE      0x4000
#define HF_FWCFG_KEY_ARCH_LOCAL 0x8000
#define HF_FWCFG_KEY_INVALID    0xffff

#define HF_FWCFG_SIGNATURE      0x00 /* "QEMU", no NUL */
#define HF_FWCFG_ID             0x01 /* u32: bit 0 always, bit 1 DMA */
#define HF_FWCFG_UUID           0x02
#define HF_FWCFG_RAM_SIZE       0x03 /* u64 */
#define HF_FWCFG_NOGRAPHIC      0x04 /* u16: 1 when there is no display */
#define HF_FWCFG_NB_CPUS        0x05 /* u16 */
#define HF_FWCFG_NUMA           0x0d
#define HF_FWCFG_BOOT_MENU      0x0e /* u16 */
#define HF_FWCFG_MAX_CPUS       0x0f /* u16: on x86 the limit of APIC ids, not a number of CPUs */
#define HF_FWCFG_FILE_DIR       0x19
#define HF_FWCFG_FILE_FIRST     0x20 /* the key of the directory's first file */
#define HF_FWCFG_ID_TRADITIONAL 0x01
#define HF_FWCFG_ID_DMA         0x02

/* The number of directory rows is part of the guest's ABI: it sets the directory's length and the valid keys. */
#define HF_FWCFG_SLOTS_MIN     0x10
#define HF_FWCFG_SLOTS_DEFAULT 0x20
#define HF_FWCFG_SLOTS_MAX     0x3fe0
#define HF_FWCFG_NAME_SIZE     56 /* with the NUL: 55 characters */

/* The directory: a count, then rows. Its length covers all slots; only `count` rows mean something. */
struct hf_fwcfg_row {
    hf_be32 size;
    hf_be16 key;
    hf_be16 reserved;
    char name[HF_FWCFG_NAME_SIZE];
};
_Static_assert(sizeof(struct hf_fwcfg_row) == 64, "a directory row is 64 bytes");
_Static_assert(offsetof(struct hf_fwcfg_row, name) == 8, "the name follows key and padding");
#define HF_FWCFG_DIR_SIZE(slots) (sizeof(hf_be32) + sizeof(struct hf_fwcfg_row) * (slots))

/* The DMA descriptor, in guest memory. The device writes back `control` and nothing else: 0 done, bit 0 failed. */
struct hf_fwcfg_dma {
    hf_be32 control; /* HF_FWCFG_DMA_*; the key to select in bits 31..16 */
    hf_be32 length;
    hf_be64 address;
};
_Static_assert(sizeof(struct hf_fwcfg_dma) == 16, "the descriptor is 16 bytes");
#define HF_FWCFG_DMA_ERROR  0x01u
#define HF_FWCFG_DMA_READ   0x02u
#define HF_FWCFG_DMA_SKIP   0x04u
#define HF_FWCFG_DMA_SELECT 0x08u
#define HF_FWCFG_DMA_WRITE  0x10u

#endif
