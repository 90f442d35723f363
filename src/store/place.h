/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to the store: where a container lies, and whether that is a place we trust. */
#ifndef HF_PLACE_H
#define HF_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include <holdfast/error.h>

struct hf_place {
    char path[PATH_MAX]; /* absolute; no symbolic link in its directory */
    int fd;              /* keeps the file from being replaced unnoticed; closed after SQLite's descriptors */
    dev_t device;
    ino_t inode;
    uint64_t size;
    struct timespec changed;
    uint64_t log_size;     /* of -wal; 0: none or empty */
    uint64_t journal_size; /* of -journal */
    bool local;            /* the file system is known to be local: write-ahead log */
    bool registered;
};

/* Whether SQLite can open a path of so many bytes. HF_EUSAGE. */
int hf_place_fits(size_t length, struct hf_error *err);

/* Resolves the directory and checks it; the file itself need not exist. place->fd is -1. */
int hf_place_find(const char *path, struct hf_place *place, struct hf_error *err);
/* Opens and checks the file, its header and the files beside it, and enters it in the process's list of open containers.
 * HF_EUSAGE when this process has it open already. Whatever it returns, hf_place_changed tells whether that still holds, and
 * hf_place_close follows. */
int hf_place_open(struct hf_place *place, struct hf_error *err);
void hf_place_close(struct hf_place *place);
/* Looks at file and log again: true when anything differs from what hf_place_open saw. */
bool hf_place_changed(const struct hf_place *place);
/* fsync of the directory. */
int hf_place_sync_dir(const struct hf_place *place, struct hf_error *err);
/* path + suffix */
void hf_place_beside(const struct hf_place *place, const char *suffix, char path[PATH_MAX]);

/* The 100 bytes that SQLite keeps at the start of a file, compared with what ours have. `whole` demands that the file's
 * size be what the header says (no log beside it). */
int hf_header_check(const uint8_t header[100], uint64_t file_size, bool whole, struct hf_error *err);

#endif
