/* SPDX-License-Identifier: BSD-2-Clause */
/* The way to a holdfast on another host: ssh, any command, or a unix socket; a pair of descriptors either way. */
#ifndef HF_PEER_LINK_H
#define HF_PEER_LINK_H

#include <sys/types.h>

#include <holdfast/error.h>

struct hf_peer_call {
    const char *to;      /* ssh://[USER@]HOST[:PORT], exec:COMMAND, unix:PATH */
    const char *verb;    /* what to run there by ssh: "receive", with its options */
    const char *path;    /* its operand; exec: the command finds it in $HOLDFAST_AS */
    const char *program; /* holdfast on that host; NULL: in its PATH */
};

struct hf_peer_link {
    int in, out; /* not blocking; the same descriptor for a socket */
    pid_t pid;   /* of ssh or the command; 0: none */
};

/* Starts what is to be started; whether it gets there shows at the first read. HF_EUSAGE: not such an address;
 * HF_ENOTFOUND, HF_EIO: no such program or socket. */
int hf_peer_link_open(const struct hf_peer_call *call, struct hf_peer_link *ret, struct hf_error *err);

/* Closes both ways and waits for the child, which ends by that, or is killed after some seconds. `how` (64 bytes, may
 * be NULL) gets how it ended, "" when there was none. */
void hf_peer_link_close(struct hf_peer_link *link, char *how);

#endif
