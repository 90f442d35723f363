/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a killed process leaves under a name of its own making. Whoever makes such a file notes path, device and inode in
 * the host's state directory, in a file that he keeps locked; the next one who makes any removes what a note names whose
 * maker is gone: that very file, and nothing else that may have its name by now.
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

/* The file that was just made at `path`, open as `fd`; until hf_leftover_forget(), or the end of this process. */
void hf_leftover_note(const char *path, int fd, struct hf_leftover *ret);
/* It has its final name, or is gone. Harmless for one that was not noted (zeros), and when repeated. */
void hf_leftover_forget(struct hf_leftover *l);
/* Removes what dead processes left. */
void hf_leftover_sweep(void);

#endif
