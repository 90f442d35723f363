/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine under test: a child process that takes the commands of qtest.h on its standard input and answers on its
 * standard output. A VMM's own test can speak them with little. One more than those:
 *
 *     reset                         OK, once the machine is reset (only with --reset line)
 *
 * Answers that begin with # are passed over. A peer that dies or says anything else ends the program: there is nothing
 * left to test.
 */
#ifndef HF_PEER_H
#define HF_PEER_H

#include "qtest.h"

struct peer {
    struct hf_qtest machine;
    int to, from;
    int pid;
    char line[HF_QTEST_LINE_SIZE];
    size_t held;       /* bytes of `line` that were read and not yet used */
    const char *reset; /* NULL: cannot; "line"; or "PORT=VALUE" */
};

#define PEER_NOWHERE (1ull << 40) /* an address where no machine under test has anything */

/* Starts it; the machine's base, mmio and memory are the caller's to set before. */
void peer_open(struct peer *p, char *const argv[]);
void peer_close(struct peer *p);
/* `machine` is a peer's in both. */
bool peer_resets(const struct hf_qtest *machine);
/* False when this peer cannot be reset. */
bool peer_reset(struct hf_qtest *machine);

#endif
