/* SPDX-License-Identifier: BSD-2-Clause */
/* Notices that the process which started the server is gone. */
#ifndef HF_SUPERVISOR_WATCH_H
#define HF_SUPERVISOR_WATCH_H

#include <holdfast/error.h>

/* Calls gone() once, from a thread of its own, when nobody has the other end of the pipe `fd` any more. The kernel's
 * parent-death signal would not do: it ends with a change of identity, and nbdkit answers it by failing the requests
 * that come before the connection is closed, which QEMU does not repeat. */
int hf_supervisor_watch(int fd, void (*gone)(void), struct hf_error *err);

#endif
