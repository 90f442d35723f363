/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a killed process leaves under a name of its own making. The maker of such a file notes path, device and inode in
 * the host's state directory, in a file that it keeps locked; the next one that makes any removes what a note names whose
 * maker is gone: that very file, and nothing else that may have its name by now. One that was killed between its note and
 * its file, or just behind that, noted the path alone: then it is a file of this user with that name.
 *
 * Best effort: a note that cannot be written is no failure of what is made, and a file that nobody noted stays.
 */
#ifndef HF_LEFTOVER_H
#define HF_LEFTOVER_H

#include <limits.h>

struct hf_leftover {
    char note[PATH_MAX]; /* "": there is none */
    int lock;
};

/* The file that is about to be made at `path` (absolute), a name that nobody else makes; until hf_leftover_forget(), or the
 * end of this process. */
void hf_leftover_expect(const char *path, struct hf_leftover *ret);
/* It was made, open as `fd`: from now on the note is about that very file. */
void hf_leftover_made(struct hf_leftover *l, const char *path, int fd);
/* It has its final name, or is gone. Harmless for one that was not noted (zeros), and when repeated. */
void hf_leftover_forget(struct hf_leftover *l);
/* Removes what dead processes left. */
void hf_leftover_sweep(void);

#endif
