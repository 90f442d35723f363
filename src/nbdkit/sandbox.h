/* SPDX-License-Identifier: BSD-2-Clause */
/* What the server gives up once everything is open. */
#ifndef HF_SANDBOX_H
#define HF_SANDBOX_H

#include <sys/types.h>

#include <holdfast/error.h>

/* Whom the process becomes. (uid_t)-1, (gid_t)-1: it stays who it is. */
struct hf_identity {
    uid_t uid;
    gid_t gid;
};

/* Looks up names or numbers; either may be NULL. A user alone brings its own group. HF_ENOTFOUND. */
int hf_identity_find(const char *user, const char *group, struct hf_identity *out, struct hf_error *err);

/* Whom a server started by root becomes when nobody said: the owner of the container's file. Nobody else: unchanged. */
int hf_identity_of_file(const char *path, struct hf_identity *out, struct hf_error *err);

/* Becomes that identity, without other groups, and gives up every capability and the means to regain any. One thread. */
int hf_privileges_drop(const struct hf_identity *to, struct hf_error *err);

/* From now on a system call that serving does not need kills the process. All threads. */
int hf_seccomp_enter(struct hf_error *err);

#endif
