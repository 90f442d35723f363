/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An SQLite VFS around the real one that knows what a disk would know: it records every write, truncation, sync and
 * removal of one container's files, can make the nth of them fail once, and can lay out what a disk may hold when the
 * power goes at any moment.
 */
#ifndef HF_TEST_DISK_VFS_H
#define HF_TEST_DISK_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum disk_file { DISK_MAIN, DISK_LOG, DISK_JOURNAL, DISK_FILES, DISK_OTHER = DISK_FILES };
enum disk_kind { DISK_WRITE, DISK_TRUNCATE, DISK_SYNC, DISK_REMOVE, DISK_CREATE, DISK_NOTE, DISK_LOSS };

struct disk_event {
    enum disk_kind kind;
    enum disk_file file;
    uint64_t at;    /* WRITE: offset; TRUNCATE: size; NOTE: the caller's number */
    size_t size;    /* WRITE */
    uint8_t *bytes; /* WRITE */
    bool durable;   /* NOTE */
};

/* Makes it the process's VFS and forgets what was recorded. Only files named `path`, `path`-wal, `path`-journal are recorded;
 * those named `path`.ANYTHING (copies of it) can fail as well. */
void disk_begin(const char *path);
/* Back to the real one. */
void disk_end(void);

/* The caller's own mark in the record: commit `number` was acknowledged. */
void disk_note(uint64_t number, bool durable);
size_t disk_events(const struct disk_event **events);

/* Call number n (from 1) among opens, writes, truncations, syncs and removals fails once with this SQLite code; 0: none. */
void disk_fail(unsigned n, int code);
/* So does every sync, from number n on (from 1; 0: none) until the next call of this. What it was for is lost: as on Linux, a
 * later sync succeeds and does not write it. */
void disk_fail_syncs(unsigned n, unsigned count);
/* How many such calls there were since disk_begin or disk_fail. */
unsigned disk_calls(void);
/* Whether the failure happened. */
bool disk_failed(void);

/* What lies on the disk when the power goes after `count` events. */
enum disk_layout {
    DISK_ALL,         /* everything got there */
    DISK_SYNCED_ONLY, /* nothing that was not synced */
    DISK_TORN,        /* everything, and of the last write some sectors from its beginning */
    DISK_SCATTERED,   /* of what was not synced, any sectors */
};
/* Writes the files of `path` anew. `base`, `base_size`: the main file at disk_begin. */
void disk_lay_out(const char *path, const uint8_t *base, size_t base_size, size_t count, enum disk_layout layout,
                  uint32_t seed);

#endif
