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

/* The same beside the container itself, where every host that has its file system sees it: storage may be shared, and
 * two hosts may have one identity when one was copied from the other. The file is there while the container runs, and
 * after a crash until the next run. *fd -1: the file system has no locks. HF_EOWNED: the text names host, process and
 * since when. */
int hf_lock_take_beside(const struct hf_place *place, int64_t now, int *fd, struct hf_error *err);
/* HF_EOWNED as above; 0: free. */
int hf_lock_check_beside(const struct hf_place *place, struct hf_error *err);
/* As hf_lock_look(). */
int hf_lock_look_beside(const struct hf_place *place, struct hf_runner *runner, struct hf_error *err);
/* Ends one's own and removes the file. *fd may be -1. */
void hf_lock_drop_beside(const struct hf_place *place, int *fd);
/* Its holder has a file that is no longer used. */
void hf_lock_break_beside(const struct hf_place *place);

/* The same for the owner lock of a container. */
int hf_runner_look(const char *container_id, struct hf_runner *runner, struct hf_error *err);

/* The owner lock of a container and the lock of a guest's UUID: paths in the runtime directory, which is made. */
int hf_lock_path_owner(const char *container_id, char path[PATH_MAX], struct hf_error *err);
int hf_lock_path_uuid(const char *uuid, char path[PATH_MAX], struct hf_error *err);

#endif
