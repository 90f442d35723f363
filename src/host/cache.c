/* SPDX-License-Identifier: BSD-2-Clause */
#include "cache.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "cleanup.h"
#include "crc32.h"
#include "own_directory.h"
#include "runtime.h"

/* A file is this, the key and the value. It never leaves the host: numbers are as the processor has them. */
struct head {
    char magic[16];
    uint32_t key_size, value_size;
    uint32_t crc; /* of key and value */
};

static const char magic[16] = "holdfast cache\n";

static bool find_path(const struct hf_cache_key *key, char path[PATH_MAX])
{
    unsigned slot = hf_crc32(0, key->bytes, key->size) % HF_CACHE_FILES;
    char runtime[PATH_MAX], dir[PATH_MAX];

    return hf_runtime_dir(runtime, NULL) == 0 && (size_t)snprintf(dir, sizeof dir, "%s/cache", runtime) < sizeof dir &&
           hf_own_directory(dir, false, NULL) == 0 &&
           (size_t)snprintf(path, PATH_MAX, "%s/%s-%02x", dir, key->kind, slot) < PATH_MAX;
}

static uint32_t crc_of(const void *key, size_t key_size, const void *value, size_t value_size)
{
    return hf_crc32(hf_crc32(0, key, key_size), value, value_size);
}

static bool is_trusted(const struct stat *st)
{
    return S_ISREG(st->st_mode) && (st->st_uid == geteuid() || st->st_uid == 0) &&
           (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static bool read_all(int fd, uint8_t *bytes, size_t size)
{
    size_t at = 0;
    ssize_t n = 1;

    while (at < size && n > 0) {
        n = read(fd, bytes + at, size - at);
        if (n > 0)
            at += (size_t)n;
        else if (n < 0 && errno == EINTR)
            n = 1;
    }
    return at == size;
}

/* Whether the file's bytes are a whole answer to this key. */
static bool answers(const uint8_t *bytes, size_t size, const struct hf_cache_key *key, struct head *head)
{
    const uint8_t *body = bytes + sizeof *head;

    if (size < sizeof *head)
        return false;
    memcpy(head, bytes, sizeof *head);
    size -= sizeof *head;
    return memcmp(head->magic, magic, sizeof magic) == 0 && head->key_size == key->size && head->key_size <= size &&
           head->value_size == size - head->key_size && memcmp(body, key->bytes, key->size) == 0 &&
           head->crc == crc_of(body, key->size, body + key->size, head->value_size);
}

bool hf_cache_read(const struct hf_cache_key *key, uint8_t **value, size_t *size)
{
    hf_auto(hf_cleanup_close) int fd = -1;
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    char path[PATH_MAX];
    struct head head;
    struct stat st;

    if (!find_path(key, path))
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0 || !is_trusted(&st) || st.st_size > HF_CACHE_SIZE_MAX + (off_t)sizeof head)
        return false;
    bytes = malloc((size_t)st.st_size + 1);
    if (!bytes || !read_all(fd, bytes, (size_t)st.st_size) || !answers(bytes, (size_t)st.st_size, key, &head))
        return false;
    memmove(bytes, bytes + sizeof head + head.key_size, head.value_size);
    *value = hf_take_ptr(bytes);
    *size = head.value_size;
    return true;
}

/* Two that write at the same time may spoil each other's file, which its CRC then tells. */
void hf_cache_write(const struct hf_cache_key *key, const void *value, size_t size)
{
    struct head head = {.key_size = (uint32_t)key->size, .value_size = (uint32_t)size};
    struct iovec parts[] = {{&head, sizeof head}, {(void *)key->bytes, key->size}, {(void *)value, size}};
    hf_auto(hf_cleanup_close) int fd = -1;
    char path[PATH_MAX], draft[PATH_MAX];

    if (key->size > HF_CACHE_SIZE_MAX || size > HF_CACHE_SIZE_MAX - key->size || !find_path(key, path) ||
        (size_t)snprintf(draft, sizeof draft, "%s.new", path) >= sizeof draft)
        return;
    memcpy(head.magic, magic, sizeof magic);
    head.crc = crc_of(key->bytes, key->size, value, size);
    fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0)
        return;
    if (writev(fd, parts, HF_ARRAY_SIZE(parts)) != (ssize_t)(sizeof head + key->size + size) || rename(draft, path) < 0)
        (void)unlink(draft);
}
