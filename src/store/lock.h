/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to the store: locks with a holder that can be named, on files in the runtime directory. An open file
 * description holds the lock, so it is inherited over fork and exec and ends with its last descriptor. */
#ifndef HF_LOCK_H
#define HF_LOCK_H

#include "owner.h"
#include "place.h"

/* Held for the container at `place`. HF_EOWNED: held already; the text begins with `what` and names the holder. */
int hf_lock_take(const char *path, const char *what, const struct hf_place *place, int64_t now, int *fd,
                 struct hf_error *err);
/* 1: held by another open file description, and *runner says whose it is; 0: free, or never made. HF_ETIMEDOUT: its
 * holder has not said who it is for a second. */
int hf_lock_look(const char *path, struct hf_runner *runner, struct hf_error *err);

/* The same for the owner lock of a container. */
int hf_runner_look(const char *container_id, struct hf_runner *runner, struct hf_error *err);

/* The owner lock of a container and the lock of a guest's UUID: paths in the runtime directory, which is made. */
int hf_lock_path_owner(const char *container_id, char path[PATH_MAX], struct hf_error *err);
int hf_lock_path_uuid(const char *uuid, char path[PATH_MAX], struct hf_error *err);

#endif
