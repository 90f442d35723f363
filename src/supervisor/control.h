/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The socket `control` in a running guest's directory: how an operator's verb talks to the supervisor of that guest.
 * Mode 0600, and only processes of the same user or root are heard. One line of JSON each way; what is asked for may
 * come with descriptors (SCM_RIGHTS). One peer at a time: another is told so and left.
 *
 * A peer is hostile: a line is at most HF_CONTROL_LINE_MAX bytes and holds one object. A breach ends that peer, never
 * the supervisor, which never waits for one: what a peer has not read yet is kept, up to a bound beyond which whole lines
 * are dropped; the last one is not.
 */
#ifndef HF_CONTROL_H
#define HF_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "loop.h"

#define HF_CONTROL_LINE_MAX 262144
#define HF_CONTROL_FDS_MAX  4

struct hf_control;

struct hf_control_ops {
    /* A line of the peer. `fds` are the callee's to take: what it takes it sets to -1. */
    void (*asked)(void *ctx, const json_t *request, int *fds, size_t fd_count);
    void (*gone)(void *ctx); /* the peer ended the connection, or broke the rules */
    void *ctx;
};

/* Listens at `path` (its directory is ours alone); a socket that a killed supervisor left there is replaced. The caller
 * holds the owner lock, so there is no other. `ops` is copied. HF_EUSAGE: the path is too long; HF_EIO. */
int hf_control_open(const char *path, struct hf_loop *loop, const struct hf_control_ops *ops, struct hf_control **out,
                    struct hf_error *err);
/* Ends the peer, which has a moment to read what it was told last, and removes the socket. NULL is fine. */
void hf_control_close(struct hf_control *c);

/* One line to the peer, when there is one; `line` is stolen. */
void hf_control_say(struct hf_control *c, json_t *line);
/* The last one: the peer is not heard any more, and is gone once it has read everything, or when another one comes. gone()
 * is not called. */
void hf_control_say_last(struct hf_control *c, json_t *line);

/* The other end: connects to the supervisor of the guest whose directory is `dir`. HF_ENOTFOUND: none listens. */
int hf_control_connect(const char *dir, int *fd, struct hf_error *err);
/* Sends one line with descriptors. `line` is stolen. Waits. */
int hf_control_ask(int fd, json_t *line, const int *fds, size_t fd_count, struct hf_error *err);

/* "control" in `dir`; false: too long for a socket. */
bool hf_control_path(const char *dir, char *path, size_t size);

#endif
