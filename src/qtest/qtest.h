/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine reached from outside: its ports, its memory and its fw_cfg, by a part of QEMU's qtest protocol. One command
 * a line, one answer a line that begins with OK:
 *
 *     inb|inw|inl PORT              OK 0xVALUE
 *     outb|outw|outl PORT VALUE     OK
 *     read ADDRESS SIZE             OK 0xBYTES, two digits each, in memory order
 *     write ADDRESS SIZE 0xBYTES    OK
 *
 * `read` and `write` reach memory and MMIO; to a register they are one access of that size. How lines travel is the
 * caller's. The first failure sticks in `fault`: from then on nothing is sent and everything reads as zero, so that a
 * row of accesses needs one look at its end. One thread at a time.
 */
#ifndef HF_QTEST_H
#define HF_QTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/error.h>
#include <holdfast/fwcfg_client.h>

#define HF_QTEST_MEMORY_SIZE 0x10000u
#define HF_QTEST_LINE_SIZE   (2 * HF_QTEST_MEMORY_SIZE + 64) /* of the longest command or answer, NUL included */

struct hf_qtest {
    /* Sends `command` (its newline included), then receives the answer into `answer`, without its newline; both may be
     * the same memory. Lines that begin with IRQ are no answers. HF_EIO, HF_ETIMEDOUT, HF_EPROTO (too long). */
    int (*exchange)(void *ctx, const char *command, size_t size, char *answer, size_t room, struct hf_error *err);
    void (*failed)(void *ctx, const struct hf_error *why); /* told of the first failure; may be NULL */
    void *ctx;

    bool mmio;       /* fw_cfg's registers are at an address, not at ports */
    uint64_t base;   /* port, or address */
    uint64_t memory; /* HF_QTEST_MEMORY_SIZE bytes of RAM that nobody else uses */

    struct hf_error fault; /* code HF_OK: none */
    char line[HF_QTEST_LINE_SIZE];
};

uint64_t hf_qtest_in(struct hf_qtest *q, unsigned port, unsigned size);
void hf_qtest_out(struct hf_qtest *q, unsigned port, unsigned size, uint64_t value);
/* At most HF_QTEST_MEMORY_SIZE bytes each. */
void hf_qtest_read(struct hf_qtest *q, uint64_t address, void *to, size_t size);
void hf_qtest_write(struct hf_qtest *q, uint64_t address, const void *from, size_t size);
/* Any other command whose answer says nothing but OK. */
void hf_qtest_tell(struct hf_qtest *q, const char *command);

/* fw_cfg's registers, whichever kind: bytes in bus order at an offset of the block. */
void hf_qtest_register_read(struct hf_qtest *q, unsigned offset, void *bytes, unsigned size);
void hf_qtest_register_write(struct hf_qtest *q, unsigned offset, const void *bytes, unsigned size);
void hf_qtest_select(struct hf_qtest *q, uint16_t key);
void hf_qtest_data(struct hf_qtest *q, void *to, size_t size); /* byte by byte */
unsigned hf_qtest_dma_offset(const struct hf_qtest *q);
/* Runs the descriptor that lies at q->memory + at. */
void hf_qtest_start_dma(struct hf_qtest *q, uint32_t at);
/* A descriptor at q->memory, a transfer, and the control word afterwards. `address` is absolute. */
uint32_t hf_qtest_dma(struct hf_qtest *q, uint32_t control, uint32_t length, uint64_t address);

/* A client on that machine. Its transfers use the second half of q->memory. */
struct hf_fwcfg_client hf_qtest_client(struct hf_qtest *q);

#endif
