/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies of a container. Each is complete and checked under another name before it gets its own; nothing may exist at
 * the target (HF_EREFUSED "exists"). */
#ifndef HF_COPY_H
#define HF_COPY_H

#include "container.h"

/* Works beside a runner; the copy is one moment. It can be read, but does not run until restored. */
int hf_backup(const char *container, const char *target, int64_t now, struct hf_error *err);

/* Makes `backup` the guest's container again, on this host, at an epoch above any this host has seen. Any copy may be
 * restored, not only a backup. HF_EOWNED: the same container runs here. */
int hf_restore(const char *backup, const char *target, int64_t now, struct hf_error *err);

/* Another guest with the same firmware and variables: new id, the UUID given, epoch 1. `name` may be NULL. */
int hf_clone(const char *container, const char *target, const char *uuid, const char *name, int64_t now,
             struct hf_error *err);

#endif
