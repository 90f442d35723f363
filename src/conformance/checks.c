/* SPDX-License-Identifier: BSD-2-Clause */
#include "checks.h"

#include <stdio.h>
#include <string.h>

#define SELECT(key) ((uint32_t)(key) << 16 | HF_FWCFG_DMA_SELECT)
#define ROOM        0x1000u /* where transfers go, in the peer's memory */

struct list {
    struct hf_fwcfg_file *files;
    size_t n, max;
};

static int add_to_list(void *opaque, const struct hf_fwcfg_file *file)
{
    struct list *l = (struct list *)opaque;

    if (l->n < l->max)
        l->files[l->n] = *file;
    l->n++;
    return 0;
}

size_t list_files(struct hf_qtest *p, struct hf_fwcfg_file *files, size_t max)
{
    struct hf_fwcfg_client c = hf_qtest_client(p);
    struct list l = {files, 0, max};

    if (hf_fwcfg_client_open(&c) < 0 || hf_fwcfg_client_list(&c, add_to_list, &l) < 0)
        return 0;
    return l.n < max ? l.n : max;
}

static void check_signature(struct hf_qtest *p, struct report *r)
{
    uint8_t got[8], id[8];

    hf_qtest_select(p, HF_FWCFG_SIGNATURE);
    hf_qtest_data(p, got, sizeof got);
    report_expect(r, memcmp(got, "QEMU\0\0\0\0", 8) == 0, "key 0 reads '%.8s', not 'QEMU' and zeros", (char *)got);
    hf_qtest_select(p, HF_FWCFG_ID);
    hf_qtest_data(p, id, sizeof id);
    report_expect(r, id[0] & HF_FWCFG_ID_TRADITIONAL, "bit 0 of the ID is not set");
    report_expect(r, (id[0] & ~3) == 0 && memcmp(id + 1, "\0\0\0\0\0\0", 7) == 0, "the ID has unknown bits");
    report_end(r, "signature and ID");
}

static void check_directory(struct hf_qtest *p, struct report *r, unsigned slots)
{
    static uint8_t dir[HF_FWCFG_DIR_SIZE(0x400)];
    size_t size = HF_FWCFG_DIR_SIZE(slots);
    uint32_t count;
    hf_be32 head;

    hf_qtest_select(p, HF_FWCFG_FILE_DIR);
    hf_qtest_data(p, dir, size);
    memcpy(&head, dir, sizeof head);
    count = hf_be32_get(head);
    if (report_expect(r, count <= slots, "%u files in %u slots", count, slots)) {
        for (uint32_t i = 0; i < count; i++) {
            struct hf_fwcfg_row row;

            memcpy(&row, dir + HF_FWCFG_DIR_SIZE(i), sizeof row);
            report_expect(r, memchr(row.name, '\0', sizeof row.name) != NULL, "row %u: the name has no end", i);
            report_expect(r, hf_be16_get(row.reserved) == 0, "row %u: the reserved bytes are not zero", i);
            report_expect(r,
                          hf_be16_get(row.key) == HF_FWCFG_FILE_FIRST + i ||
                              (hf_be16_get(row.key) >= 0x1a && hf_be16_get(row.key) < HF_FWCFG_FILE_FIRST),
                          "row %u: key 0x%x", i, hf_be16_get(row.key));
        }
        for (size_t i = HF_FWCFG_DIR_SIZE(count); i < size; i++)
            report_expect(r, dir[i] == 0, "byte %zu behind the last row is 0x%02x", i, dir[i]);
    }
    report_end(r, "the directory: terminated names, dense keys, zeros behind");
}

/* Selects `key`, reads n bytes. */
static void read_item(struct hf_qtest *p, uint16_t key, void *to, size_t n)
{
    hf_qtest_select(p, key);
    hf_qtest_data(p, to, n);
}

static void check_selector(struct hf_qtest *p, struct report *r, unsigned slots)
{
    uint8_t a[4], b[4], c[2];

    read_item(p, HF_FWCFG_SIGNATURE, a, 2);
    read_item(p, HF_FWCFG_SIGNATURE, b, 4);
    report_expect(r, memcmp(b, "QEMU", 4) == 0, "a second select does not start again");
    read_item(p, HF_FWCFG_SIGNATURE | HF_FWCFG_KEY_WRITE, b, 4);
    report_expect(r, memcmp(b, "QEMU", 4) == 0, "bit 14 of a key is not ignored");
    read_item(p, (uint16_t)(HF_FWCFG_FILE_FIRST + slots), c, 2);
    report_expect(r, c[0] == 0 && c[1] == 0, "an invalid key reads %02x %02x", c[0], c[1]);
    read_item(p, HF_FWCFG_KEY_INVALID, c, 2);
    report_expect(r, c[0] == 0 && c[1] == 0, "key 0xffff reads %02x %02x", c[0], c[1]);
    report_end(r, "the selector: starts again, ignores bit 14, invalid keys read zero");
}

static void check_odd_accesses(struct hf_qtest *p, struct report *r)
{
    unsigned data = p->mmio ? HF_FWCFG_MMIO_DATA : HF_FWCFG_PORT_DATA;
    uint8_t b[8];

    hf_qtest_select(p, HF_FWCFG_SIGNATURE);
    hf_qtest_register_write(p, data, "x", 1);
    hf_qtest_data(p, b, 1);
    report_expect(r, b[0] == 'Q', "a write to the data register moved the offset");
    if (!p->mmio) {
        hf_qtest_register_read(p, HF_FWCFG_PORT_SELECTOR, b, 1);
        report_expect(r, b[0] == 'E', "a byte read of the selector's port gives 0x%02x, not the next byte", b[0]);
        hf_qtest_register_read(p, HF_FWCFG_PORT_SELECTOR, b, 2);
        report_expect(r, b[0] == 0 && b[1] == 0, "a word read of the selector's port gives %02x %02x", b[0], b[1]);
        hf_qtest_data(p, b, 1);
        report_expect(r, b[0] == 'M', "a word read of the selector's port moved the offset");
    } else {
        hf_qtest_register_read(p, HF_FWCFG_MMIO_DATA, b, 2);
        report_expect(r, memcmp(b, "EM", 2) == 0, "a read of two bytes gives %02x %02x", b[0], b[1]);
        hf_qtest_register_read(p, HF_FWCFG_MMIO_DATA, b, 4);
        report_expect(r, memcmp(b, "U\0\0\0", 4) == 0, "the end of an item is not padded with zeros");
        hf_qtest_register_read(p, HF_FWCFG_MMIO_DATA + 4, b, 4);
        report_expect(r, memcmp(b, "\0\0\0\0", 4) == 0, "there is data at offset 4");
    }
    report_end(r, "accesses of other widths and to other offsets");
}

static void check_dma_register(struct hf_qtest *p, struct report *r)
{
    uint8_t b[8];

    hf_qtest_register_write(p, hf_qtest_dma_offset(p), "\0\0\1\0", 4);
    hf_qtest_register_read(p, hf_qtest_dma_offset(p), b, 4);
    hf_qtest_register_read(p, hf_qtest_dma_offset(p) + 4, b + 4, 4);
    report_expect(r, memcmp(b, HF_FWCFG_DMA_SIGNATURE, 8) == 0, "reads '%.8s', not '%s'", (char *)b,
                  HF_FWCFG_DMA_SIGNATURE);
    hf_qtest_register_write(p, hf_qtest_dma_offset(p), "\0\0\0\0", 4);
    report_end(r, "the DMA register reads as its signature");
}

static void check_dma_read(struct hf_qtest *p, struct report *r)
{
    const uint64_t to = p->memory + ROOM;
    uint8_t b[16];

    memset(b, 0xee, sizeof b);
    hf_qtest_write(p, to, b, sizeof b);
    report_expect(r, hf_qtest_dma(p, SELECT(0) | HF_FWCFG_DMA_READ, 8, to) == 0, "select and read failed");
    hf_qtest_read(p, to, b, sizeof b);
    report_expect(r, memcmp(b, "QEMU\0\0\0\0\xee\xee", 10) == 0, "a read past the end is not filled with zeros");
    report_expect(r, hf_qtest_dma(p, SELECT(0) | HF_FWCFG_DMA_SKIP, 2, 0) == 0, "select and skip failed");
    report_expect(r, hf_qtest_dma(p, HF_FWCFG_DMA_READ | HF_FWCFG_DMA_SKIP, 1, to) == 0, "read failed");
    hf_qtest_read(p, to, b, 1);
    report_expect(r, b[0] == 'M', "after a skip of 2 a read gives 0x%02x, not 'M'", b[0]);
    report_expect(r, hf_qtest_dma(p, HF_FWCFG_DMA_SKIP, 1000, 0) == 0, "a skip past the end failed");
    hf_qtest_data(p, b, 1);
    report_expect(r, b[0] == 0, "after a skip past the end a read gives 0x%02x", b[0]);
    report_expect(r, hf_qtest_dma(p, SELECT(0), 1000, 0) == 0, "a transfer that only selects failed");
    hf_qtest_data(p, b, 1);
    report_expect(r, b[0] == 'Q', "a transfer that only selects did not start again");
    report_expect(r, hf_qtest_dma(p, SELECT(HF_FWCFG_KEY_INVALID) | HF_FWCFG_DMA_READ, 4, to) == 0,
                  "a read of an invalid key failed");
    report_expect(r, hf_qtest_dma(p, SELECT(0) | HF_FWCFG_DMA_READ, 4, PEER_NOWHERE) != 0,
                  "a read to where no memory is succeeded");
    report_end(r, "DMA: read, fill, skip, select only, no memory");
}

static void check_dma_descriptor(struct hf_qtest *p, struct report *r)
{
    struct hf_fwcfg_dma d = {hf_be32_of(SELECT(0) | HF_FWCFG_DMA_READ), hf_be32_of(2), hf_be64_of(p->memory + ROOM)};
    struct hf_fwcfg_dma got;
    hf_be32 high = hf_be32_of(1);

    hf_qtest_write(p, p->memory + 0x101, &d, sizeof d); /* no alignment is asked for */
    hf_qtest_start_dma(p, 0x101);
    hf_qtest_read(p, p->memory + 0x101, &got, sizeof got);
    report_expect(r, hf_be32_get(got.control) == 0, "control is 0x%x after success", hf_be32_get(got.control));
    report_expect(r, memcmp(&got.length, &d.length, 12) == 0, "length or address of the descriptor was changed");
    hf_qtest_register_write(p, hf_qtest_dma_offset(p), high.b, 4); /* a stale high half */
    hf_qtest_start_dma(p, 0x101);                                  /* is replaced */
    d.control = hf_be32_of(SELECT(0) | HF_FWCFG_DMA_READ);
    hf_qtest_write(p, p->memory + 0x101, &d, sizeof d);
    d.address = hf_be64_of(p->memory + 0x101);
    hf_qtest_register_write(p, hf_qtest_dma_offset(p) + 4, d.address.b + 4, 4); /* the low half alone */
    hf_qtest_read(p, p->memory + 0x101, &got, 4);
    if (p->memory >> 32 == 0)
        report_expect(r, hf_be32_get(got.control) == 0, "the low half alone does not start a transfer below 4 GiB");
    report_end(r, "DMA: the descriptor and the register's halves");
}

static void check_read_only(struct hf_qtest *p, struct report *r)
{
    uint8_t b[4];

    report_expect(r, hf_qtest_dma(p, SELECT(0) | HF_FWCFG_DMA_WRITE, 2, p->memory + ROOM) == 1,
                  "a write to a read-only item did not fail");
    hf_qtest_data(p, b, 2);
    report_expect(r, memcmp(b, "MU", 2) == 0, "a failed write of 2 did not move the offset by 2");
    read_item(p, 0, b, 4);
    report_expect(r, memcmp(b, "QEMU", 4) == 0, "a failed write changed the item");
    report_expect(r, hf_qtest_dma(p, SELECT(0) | HF_FWCFG_DMA_WRITE, 0, 0) == 0, "a write of nothing failed");
    report_expect(r, hf_qtest_dma(p, SELECT(0) | HF_FWCFG_DMA_WRITE | HF_FWCFG_DMA_READ, 2, p->memory + ROOM) == 0,
                  "READ does not go before WRITE");
    report_end(r, "DMA: writes to what is read-only");
}

/* A file of 8 bytes or more that takes a write of its own first byte. */
static bool find_writable(struct hf_qtest *p, struct hf_fwcfg_file *ret)
{
    static struct hf_fwcfg_file files[0x400];
    size_t n = list_files(p, files, 0x400);
    const uint64_t at = p->memory + ROOM;

    for (size_t i = 0; i < n; i++) {
        if (files[i].size < 8 || strncmp(files[i].name, "etc/negotiate/", 14) == 0 ||
            hf_qtest_dma(p, SELECT(files[i].key) | HF_FWCFG_DMA_READ, 1, at) != 0 ||
            hf_qtest_dma(p, SELECT(files[i].key) | HF_FWCFG_DMA_WRITE, 1, at) != 0)
            continue;
        *ret = files[i];
        return true;
    }
    return false;
}

static void check_writable(struct hf_qtest *p, struct report *r)
{
    const uint64_t at = p->memory + ROOM;
    struct hf_fwcfg_file f;
    uint8_t before[8], b[8];

    if (!find_writable(p, &f)) {
        report_skip(r, "DMA: writes to what is writable", "this machine has no writable file of 8 bytes");
        return;
    }
    report_note("the writable file is '%s', %u bytes", f.name, f.size);
    read_item(p, f.key, before, 8);
    hf_qtest_write(p, at, "\x11\x22\x33", 3);
    report_expect(r, hf_qtest_dma(p, SELECT(f.key) | HF_FWCFG_DMA_WRITE, 2, at) == 0, "a write of 2 bytes failed");
    report_expect(r, hf_qtest_dma(p, HF_FWCFG_DMA_WRITE, 1, at + 2) == 0, "the write of the next byte failed");
    read_item(p, f.key, b, 8);
    report_expect(r, memcmp(b, "\x11\x22\x33", 3) == 0 && memcmp(b + 3, before + 3, 5) == 0,
                  "the bytes are not where they were written");
    report_expect(r, hf_qtest_dma(p, SELECT(f.key) | HF_FWCFG_DMA_WRITE, f.size + 1, at) != 0,
                  "a write past the end did not fail");
    hf_qtest_data(p, b, 1);
    report_expect(r, b[0] == 0, "a failed write past the end did not move the offset to the end");
    read_item(p, f.key, b, 8);
    report_expect(r, memcmp(b, "\x11\x22\x33", 3) == 0, "a write past the end changed the item");
    hf_qtest_write(p, at, before, 8);
    (void)hf_qtest_dma(p, SELECT(f.key) | HF_FWCFG_DMA_WRITE, 8, at);
    report_end(r, "DMA: writes to what is writable");
}

static void check_after_reset(struct hf_qtest *p, struct report *r)
{
    const char *name = "reset selects the signature";
    uint8_t b[4];

    hf_qtest_select(p, HF_FWCFG_FILE_DIR);
    if (!peer_reset(p)) {
        report_skip(r, name, "this peer cannot be reset");
        return;
    }
    hf_qtest_data(p, b, 4);
    report_expect(r, memcmp(b, "QEMU", 4) == 0, "after reset the data register reads '%.4s'", (char *)b);
    report_end(r, name);
}

void check_device(struct hf_qtest *p, struct report *r, unsigned slots)
{
    struct hf_fwcfg_client c = hf_qtest_client(p);

    report_expect(r, hf_fwcfg_client_open(&c) == 0, "no signature");
    report_end(r, "there is a fw_cfg");
    check_signature(p, r);
    check_directory(p, r, slots);
    check_selector(p, r, slots);
    check_odd_accesses(p, r);
    if (c.dma) {
        check_dma_register(p, r);
        check_dma_read(p, r);
        check_dma_descriptor(p, r);
        check_read_only(p, r);
        check_writable(p, r);
    } else {
        report_skip(r, "DMA", "the ID does not announce it");
    }
    check_after_reset(p, r);
}
