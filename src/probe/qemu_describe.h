/* SPDX-License-Identifier: BSD-2-Clause */
/* What a QEMU program says of itself over QMP, without a guest: what `holdfast caps` tells of it. */
#ifndef HF_QEMU_DESCRIBE_H
#define HF_QEMU_DESCRIBE_H

#include <jansson.h>

#include <holdfast/error.h>

/* A new object as in preflight/host_caps.h ("program", "arch", "version", "machines", "accelerators", "smm", "devices",
 * "block-drivers"); the caller's reference. `devices` lists only those that a container can need.
 * HF_ENOTFOUND: no such program; HF_EPROTO: it is no QEMU system emulator; HF_ETIMEDOUT; HF_EIO; HF_ENOMEM. */
int hf_qemu_describe(const char *program, json_t **ret, struct hf_error *err);

#endif
