/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's half of fw_cfg, for firmware: freestanding, no allocation, no text, needs memcpy, memset, memcmp.
 *
 * It works against QEMU and against the hosts that differ from it (docs/libholdfast-fw.md): it selects by register and
 * never by DMA, never writes the data register, never reads past the size that the directory gives, follows the key in
 * a directory row rather than computing it, and takes a first item longer than four bytes.
 *
 * Functions return 0 or minus one of:
 *   HF_ENOTFOUND  there is no fw_cfg here, or no such file
 *   HF_EREFUSED   the host has no DMA (needed for writing), or refused the transfer
 *   HF_EPROTO     the host said what cannot be: a directory too long, a row without end, a file too large
 *   HF_ENOMEM     the caller's buffer is smaller than the file
 *   HF_ETIMEDOUT  a DMA transfer did not end in HF_FWCFG_CLIENT_POLLS looks
 *   HF_EUSAGE     the caller's arguments: no name, a name too long, a range beyond the file
 */
#ifndef HOLDFAST_FWCFG_CLIENT_H
#define HOLDFAST_FWCFG_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/error.h>
#include <holdfast/fwcfg_wire.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HF_FWCFG_CLIENT_POLLS (1u << 24)

struct hf_fwcfg_client;

/* How this machine reaches the registers. hf_fwcfg_client_ports() and _mmio() are ready made. */
struct hf_fwcfg_bus {
    void (*select)(struct hf_fwcfg_client *client, uint16_t key);
    void (*read)(struct hf_fwcfg_client *client, void *to, size_t size); /* from the data register, byte by byte */
    /* One transfer of the selected item: `control` is HF_FWCFG_DMA_READ or _WRITE. NULL when there is no DMA.
     * Returns 0, HF_EREFUSED (error bit) or HF_ETIMEDOUT. */
    int (*dma)(struct hf_fwcfg_client *client, uint32_t control, void *buffer, uint32_t size);
};

struct hf_fwcfg_client {
    const struct hf_fwcfg_bus *bus;
    uintptr_t base;                 /* port number or address */
    void *opaque;                   /* for a bus of the caller's own */
    bool dma;                       /* set by open: the host announces it and the bus can */
    struct hf_fwcfg_dma descriptor; /* read by the host: identity-mapped, visible to it (not encrypted) */
};

struct hf_fwcfg_file {
    uint32_t size;
    uint16_t key;
    char name[HF_FWCFG_NAME_SIZE];
};

#if defined(__i386__) || defined(__x86_64__)
/* I/O ports at `base` (HF_FWCFG_PORT_BASE). Addresses given to the device are those of the C pointers. */
HF_PUBLIC void hf_fwcfg_client_ports(struct hf_fwcfg_client *client, uint16_t base);
#endif
/* The 0x18-byte MMIO block at `base` (from the device tree or ACPI; machines differ). */
HF_PUBLIC void hf_fwcfg_client_mmio(struct hf_fwcfg_client *client, uintptr_t base);

/* Looks for the signature and for DMA. Call it after every reset. */
HF_PUBLIC int hf_fwcfg_client_open(struct hf_fwcfg_client *client);

/* Finds a file by name. Keys are not stable: look again after a reset, and re-read the size after a select that makes
 * the host build the file (etc/table-loader): hf_fwcfg_client_select. */
HF_PUBLIC int hf_fwcfg_client_find(struct hf_fwcfg_client *client, const char *name, struct hf_fwcfg_file *ret);

/* Selects a file and reads nothing. Hosts build some files at the first select. */
HF_PUBLIC void hf_fwcfg_client_select(struct hf_fwcfg_client *client, uint16_t key);

/* Calls `each` for every directory row until it returns non-zero; returns that, 0 at the end, or an error. The
 * callback must not use the client. */
HF_PUBLIC int hf_fwcfg_client_list(struct hf_fwcfg_client *client,
                                   int (*each)(void *opaque, const struct hf_fwcfg_file *file), void *opaque);

/* The whole file, by DMA where there is. `size` is the buffer's; bytes read are file->size. */
HF_PUBLIC int hf_fwcfg_client_read(struct hf_fwcfg_client *client, const struct hf_fwcfg_file *file, void *buffer,
                                   size_t size);

/* `size` bytes from `offset`; the range must lie inside the file. */
HF_PUBLIC int hf_fwcfg_client_read_at(struct hf_fwcfg_client *client, const struct hf_fwcfg_file *file, uint32_t offset,
                                      void *buffer, size_t size);

/* Writes a file from its beginning, in one transfer. Needs DMA. */
HF_PUBLIC int hf_fwcfg_client_write(struct hf_fwcfg_client *client, const struct hf_fwcfg_file *file, const void *bytes,
                                    size_t size);

/* An item that has only a key: reads `size` bytes, zeros where it has fewer. */
HF_PUBLIC void hf_fwcfg_client_item(struct hf_fwcfg_client *client, uint16_t key, void *to, size_t size);

#ifdef __cplusplus
}
#endif
#endif
