/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cursor.h"
#include "handle.h"

/*
 * The header of a write-ahead log, big-endian: magic, version, page size, checkpoint number, two salts, two checksums
 * over the first 24 bytes. The first salt grows by one whenever the log begins anew, which happens only after everything
 * in it went into the database. So a database that was written by a checkpoint of a log with salt n belongs to a log
 * with salt n, or n + 1. The container's mark is that n, with bits above it (handle.h).
 */
#define HEADER_SIZE 32
#define MAGIC       0x377f0682U /* the last bit says in which byte order checksums are computed */
#define VERSION     3007000U
#define PAGE_SIZE   4096U

static uint32_t checksum_word(const uint8_t *p, bool big)
{
    return big ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
               : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* 0 when it is no log's header. */
static uint64_t mark_of_header(const uint8_t header[HEADER_SIZE])
{
    struct hf_cursor cursor = hf_cursor_of(header, HEADER_SIZE);
    uint32_t magic = hf_cursor_be32(&cursor), version = hf_cursor_be32(&cursor), page = hf_cursor_be32(&cursor);
    uint32_t a = 0, b = 0, salt;

    hf_cursor_take(&cursor, 4);
    salt = hf_cursor_be32(&cursor);
    hf_cursor_take(&cursor, 4);
    if ((magic & ~1U) != MAGIC || version != VERSION || page != PAGE_SIZE)
        return 0;
    for (unsigned i = 0; i < 24; i += 8) {
        a += checksum_word(header + i, magic & 1) + b;
        b += checksum_word(header + i + 4, magic & 1) + a;
    }
    if (hf_cursor_be32(&cursor) != a || hf_cursor_be32(&cursor) != b)
        return 0;
    return HF_MARK_LOG | salt;
}

uint64_t hf_mark_of_total(const uint8_t total[HF_SUM_SIZE])
{
    hf_le64 mark;

    memcpy(&mark, total, sizeof mark);
    return hf_le64_get(mark);
}

void hf_mark_to_total(uint64_t mark, uint8_t total[HF_SUM_SIZE])
{
    hf_le64 word = hf_le64_of(mark);

    memset(total, 0, HF_SUM_SIZE);
    memcpy(total, &word, sizeof word);
}

/* The log as SQLite has it open; NULL while there is none. */
static sqlite3_file *log_file(struct hf_container *c)
{
    sqlite3_file *file = NULL;

    if (!c->wal || sqlite3_file_control(c->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) != SQLITE_OK)
        return NULL;
    return file && file->pMethods ? file : NULL;
}

int hf_wal_mark(struct hf_container *c, uint64_t *mark, struct hf_error *err)
{
    sqlite3_file *file = log_file(c);
    uint8_t header[HEADER_SIZE];
    int rc;

    *mark = 0;
    if (!file)
        return 0;
    rc = file->pMethods->xRead(file, header, sizeof header, 0);
    if (rc == SQLITE_IOERR_SHORT_READ)
        return 0;
    if (rc != SQLITE_OK)
        return hf_sql_error(c, rc, err, "read the log");
    *mark = mark_of_header(header);
    return 0;
}

int hf_wal_sync(struct hf_container *c, struct hf_error *err)
{
    sqlite3_file *file = log_file(c);
    int rc = file ? file->pMethods->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY) : SQLITE_OK;

    return rc == SQLITE_OK ? 0 : hf_sql_error(c, rc, err, "make the log durable");
}

int hf_wal_open(const struct hf_container *c, int *fd, struct hf_error *err)
{
    char path[PATH_MAX + 8];
    int opened;

    snprintf(path, sizeof path, "%s-wal", c->place.path);
    opened = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (opened < 0)
        return hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    *fd = opened;
    return 0;
}

int hf_wal_allocate(struct hf_container *c, uint64_t bytes, struct hf_error *err)
{
    static const uint8_t zeros[64 << 10];
    sqlite3_file *file = log_file(c);
    sqlite3_int64 size = 0;
    int rc = file ? file->pMethods->xFileSize(file, &size) : SQLITE_OK;

    while (file && rc == SQLITE_OK && (uint64_t)size < bytes) {
        rc = file->pMethods->xWrite(file, zeros, (int)sizeof zeros, size);
        size += (sqlite3_int64)sizeof zeros;
    }
    if (rc != SQLITE_OK)
        return hf_sql_error(c, rc, err, "allocate the log");
    return hf_wal_sync(c, err);
}

int hf_wal_look(const char *container_path, uint64_t *mark, struct hf_error *err)
{
    char path[PATH_MAX + 8];
    uint8_t header[HEADER_SIZE];
    int fd hf_auto(hf_cleanup_close) = -1;
    ssize_t n;

    snprintf(path, sizeof path, "%s-wal", container_path);
    *mark = 0;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? 0 : hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    n = pread(fd, header, sizeof header, 0);
    if (n < 0)
        return hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    if (n == HEADER_SIZE)
        *mark = mark_of_header(header);
    return 0;
}
