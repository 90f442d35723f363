/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine under test: a child process that reads commands from its standard input and answers each with one line
 * that begins with OK. The commands are a part of QEMU's qtest protocol, which a VMM's own test can speak with little:
 *
 *     inb|inw|inl PORT              OK 0xVALUE
 *     outb|outw|outl PORT VALUE     OK
 *     read ADDRESS SIZE             OK 0xBYTES, two digits each, in memory order
 *     write ADDRESS SIZE 0xBYTES    OK
 *     reset                         OK, once the machine is reset (only with --reset line)
 *
 * `read` and `write` reach memory and MMIO; to a register they are one access of that size. Lines that begin with IRQ
 * or with # are passed over. A peer that dies or says anything else ends the program: there is nothing left to test.
 */
#ifndef HF_PEER_H
#define HF_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/fwcfg_client.h>

struct peer {
    int to, from;
    int pid;
    char line[1 << 17];
    size_t held; /* bytes of `line` that were read and not yet used */

    bool mmio;
    uint64_t base;      /* port, or address */
    uint64_t memory;    /* PEER_MEMORY_SIZE bytes of RAM that nobody else uses */
    const char *reset;  /* NULL: cannot; "line"; or "PORT=VALUE" */
};

#define PEER_MEMORY_SIZE 0x10000u
#define PEER_NOWHERE     (1ull << 40) /* an address where no machine under test has anything */

void peer_open(struct peer *p, char *const argv[]);
void peer_close(struct peer *p);
_Noreturn void peer_bail(struct peer *p, const char *why);

uint64_t peer_in(struct peer *p, unsigned port, unsigned size);
void peer_out(struct peer *p, unsigned port, unsigned size, uint64_t value);
void peer_read(struct peer *p, uint64_t address, void *to, size_t size);
void peer_write(struct peer *p, uint64_t address, const void *from, size_t size);
/* False when this peer cannot be reset. */
bool peer_reset(struct peer *p);

/* fw_cfg's registers, whichever kind: bytes in bus order at an offset of the block. */
void peer_register_read(struct peer *p, unsigned offset, void *bytes, unsigned size);
void peer_register_write(struct peer *p, unsigned offset, const void *bytes, unsigned size);
void peer_select(struct peer *p, uint16_t key);
void peer_data(struct peer *p, void *to, size_t size); /* byte by byte */
unsigned peer_dma_offset(const struct peer *p);
/* Runs the descriptor that lies at p->memory + at. */
void peer_start_dma(struct peer *p, uint32_t at);
/* A descriptor at p->memory, a transfer, and the control word afterwards. `address` is absolute. */
uint32_t peer_dma(struct peer *p, uint32_t control, uint32_t length, uint64_t address);

/* A client on that machine. Its transfers use the second half of the peer's memory. */
struct hf_fwcfg_client peer_client(struct peer *p);

#endif
