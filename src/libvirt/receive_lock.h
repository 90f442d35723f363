/* SPDX-License-Identifier: BSD-2-Clause */
/* Held by the process that receives a domain's container, for as long as it lives. */
#ifndef HF_RECEIVE_LOCK_H
#define HF_RECEIVE_LOCK_H

#include <stdbool.h>

#include <holdfast/error.h>

/* *fd holds it. HF_EOWNED: another process receives this domain. */
int hf_receive_lock(const char *uuid, int *fd, struct hf_error *err);
bool hf_libvirt_is_receiving(const char *uuid);

#endif
