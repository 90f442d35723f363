/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to host: directories outside the container that are to be trusted, with all that leads to them. */
#ifndef HF_OWN_DIRECTORY_H
#define HF_OWN_DIRECTORY_H

#include <stdbool.h>

#include <holdfast/error.h>

/*
 * Makes a directory (0700) and what leads to it, and demands that nobody but this user and root can exchange or change
 * it: it is this user's or root's, nobody else can write it, and every directory on the way, behind links too, is this
 * user's or root's and not for others to write, unless they can remove only what is their own there (sticky, as /tmp).
 * `kept`: not below one of those either: they are swept by the system. HF_EREFUSED "permissions" names the component.
 * HF_EIO.
 */
int hf_own_directory(const char *dir, bool kept, struct hf_error *err);

#endif
