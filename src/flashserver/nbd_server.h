/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that serves one container's banks to QEMU: nbdkit with holdfast's plugin. Started, watched, restarted and
 * ended here; used by run, serve and the libvirt hook.
 *
 * The caller has the container open with HF_OPEN_RUN; the server inherits the owner lock, so both are one owner, and
 * the one that lives longer still holds it. The caller does not change the bank while a server runs.
 *
 * The server ends when the process that started it ends: it brings in what it has answered for, then closes its
 * connections without another answer.
 *
 * A server that died is replaced with hf_nbd_server_restart(): what it answered for is in a queue that the next one
 * takes over. When there will be no next one, call hf_writeback_drain().
 */
#ifndef HF_NBD_SERVER_H
#define HF_NBD_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

#include "nbd_status.h"

struct hf_nbd_server_config {
    const char *container; /* path of the .hold file */
    int lock_fd;           /* hf_container_lock_fd() of the caller's handle */
    const char *socket;    /* where to listen; at most 107 bytes; its directory exists */
    uid_t socket_uid;      /* whose socket it becomes; (uid_t)-1: the caller's own */
    gid_t socket_gid;
    const char *user, *group;  /* what the server becomes once it has everything open; NULL: see below */
    const char *selinux_label; /* label of the socket, NULL: none */
    int64_t writer;            /* the process that may write; 0: the first to write; below 0: it has ended, so none */
    bool judged;               /* HF_NBD_WHOLE waits for hf_nbd_server_allow() */
    const char *boot_id; /* the server opens the guest's boot (boots.h); the host's boot id. NULL: the caller does */
    bool incoming;       /* the container is being received; see hf_nbd_server_claimed() */
};

struct hf_nbd_server;

/* Starts a server and waits until it listens or failed; then the error is the server's own: HF_EOWNED, HF_EDAMAGED, ...
 * HF_EOWNED also when somebody listens on that socket. HF_ENOTFOUND: nbdkit or the plugin is not installed.
 * HF_ETIMEDOUT: not ready within 30 s. The strings are copied. Without `user`, a server started by root becomes
 * the owner of the container's file. It gives up every capability in any case. */
int hf_nbd_server_start(const struct hf_nbd_server_config *config, struct hf_nbd_server **out, struct hf_error *err);

/* Readable when there is something for hf_nbd_server_next(). Changes with a restart. */
int hf_nbd_server_fd(const struct hf_nbd_server *s);
pid_t hf_nbd_server_pid(const struct hf_nbd_server *s); /* -1: none runs */
const char *hf_nbd_server_socket(const struct hf_nbd_server *s);

/* The next thing the server said, without waiting: 1 and *out, 0 when there is nothing. After HF_NBD_DIED none runs.
 * HF_NBD_WRITER is kept for the next start and not passed on: hf_nbd_server_writer(). */
int hf_nbd_server_next(struct hf_nbd_server *s, struct hf_nbd_status *out, struct hf_error *err);

/* The process that writes in this start, as far as the server has said; otherwise as it was configured. */
int64_t hf_nbd_server_writer(const struct hf_nbd_server *s);

/* The answer to HF_NBD_WHOLE: whether the bank may be written. A write that may not fails, and changes nothing. */
void hf_nbd_server_allow(struct hf_nbd_server *s, bool allowed);

/* Starts it again after HF_NBD_DIED, or ends a running one first. It is the same start of the guest: the process that
 * has written may write, and no other. */
int hf_nbd_server_restart(struct hf_nbd_server *s, struct hf_error *err);

/* The container that was `incoming` is the caller's from now on: a server that is started again says so too. */
void hf_nbd_server_claimed(struct hf_nbd_server *s);

/* The caller's handle was opened anew: the lock of the next start. */
void hf_nbd_server_set_lock(struct hf_nbd_server *s, int lock_fd);

/* Ends it: it brings in what waits and removes its socket. One that has not ended after 500 ms, because a client holds
 * its connection or the disk is slow, is killed, which loses nothing: call hf_writeback_drain() afterwards in any case.
 * Harmless when none runs. */
void hf_nbd_server_stop(struct hf_nbd_server *s);

/* Ends it on the spot, which loses nothing either. */
void hf_nbd_server_kill(struct hf_nbd_server *s);

/* Stops it and frees. NULL is fine. */
void hf_nbd_server_free(struct hf_nbd_server *s);

/* "nbd+unix:///vars?socket=..." for an export; cut to size. */
void hf_nbd_server_uri(const char *socket, const char *export_name, char *uri, size_t size);

/* Where the plugin is: $HOLDFAST_NBDKIT_PLUGIN, beside this program in a build tree, or installed. HF_ENOTFOUND. */
int hf_nbd_plugin_path(char *path, size_t size, struct hf_error *err);

#endif
