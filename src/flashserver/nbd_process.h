/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One process of nbdkit with holdfast's plugin: its arguments, what it says on its status pipe, and how it ended. Whose
 * it is, and whether another follows, is nbd_server.h's.
 */
#ifndef HF_NBD_PROCESS_H
#define HF_NBD_PROCESS_H

#include "nbd_server.h"

struct hf_nbd_process {
    pid_t pid;     /* -1: none runs */
    int status_fd; /* its lines */
    int words_fd;  /* its standard error */
    char line[HF_NBD_STATUS_LINE_MAX];
    size_t line_used;
};

#define HF_NBD_NO_PROCESS ((struct hf_nbd_process){.pid = -1, .status_fd = -1, .words_fd = -1})

/* `p` runs none. On failure hf_nbd_process_kill() clears up. HF_EIO. */
int hf_nbd_process_start(struct hf_nbd_process *p, const struct hf_nbd_server_config *config, const char *plugin,
                         struct hf_error *err);

/* As hf_nbd_server_next(). */
int hf_nbd_process_next(struct hf_nbd_process *p, struct hf_nbd_status *out, struct hf_error *err);

/* Ends it on the spot; harmless when none runs. */
void hf_nbd_process_kill(struct hf_nbd_process *p);

#endif
