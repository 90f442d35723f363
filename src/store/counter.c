/* SPDX-License-Identifier: BSD-2-Clause */
#include "counter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "runtime.h"

struct hf_counter_page {
    char boot[40];
    _Atomic uint64_t commits;
};
_Static_assert(offsetof(struct hf_counter_page, commits) == 40, "the file's layout");

static int counter_path(const char *container_id, char path[PATH_MAX], struct hf_error *err)
{
    char dir[PATH_MAX];
    int r = hf_runtime_guest_dir(container_id, dir, err);

    if (r == 0)
        snprintf(path, PATH_MAX, "%.*s/commits", PATH_MAX - 16, dir);
    return r;
}

static struct hf_counter_page *map(int fd, int protection)
{
    void *page = mmap(NULL, sizeof(struct hf_counter_page), protection, MAP_SHARED, fd, 0);

    return page == MAP_FAILED ? NULL : (struct hf_counter_page *)page;
}

int hf_counter_open(const char *container_id, struct hf_counter *counter, struct hf_error *err)
{
    char path[PATH_MAX], boot[HF_UUID_TEXT_SIZE] = "";
    int fd hf_auto(hf_cleanup_close) = -1;
    struct hf_counter_page *page;
    int r = counter_path(container_id, path, err);

    if (r == 0)
        r = hf_boot_id(boot, err);
    if (r < 0)
        return r;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) < 0 || ftruncate(fd, sizeof *page) < 0 ||
        !(page = map(fd, PROT_READ | PROT_WRITE)))
        return hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    if (strncmp(page->boot, boot, sizeof page->boot) != 0) {
        atomic_store(&page->commits, 0);
        snprintf(page->boot, sizeof page->boot, "%s", boot);
    }
    (void)flock(fd, LOCK_UN); /* the mapping would keep the lock beyond close() */
    counter->page = page;
    return 0;
}

void hf_counter_close(struct hf_counter *counter)
{
    if (counter->page)
        munmap(counter->page, sizeof *counter->page);
    counter->page = NULL;
}

void hf_counter_raise(struct hf_counter *counter, uint64_t commits)
{
    uint64_t seen;

    if (!counter->page)
        return;
    seen = atomic_load(&counter->page->commits);
    while (seen < commits && !atomic_compare_exchange_weak(&counter->page->commits, &seen, commits))
        ;
}

int hf_counter_look(const char *container_id, uint64_t *commits, struct hf_error *err)
{
    char dir[PATH_MAX], path[PATH_MAX + 16], boot[HF_UUID_TEXT_SIZE] = "";
    int fd hf_auto(hf_cleanup_close) = -1;
    struct hf_counter_page page;
    int r = hf_boot_id(boot, err);

    if (r < 0)
        return r;
    hf_runtime_guest_path(container_id, dir);
    snprintf(path, sizeof path, "%s/commits", dir);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno != ENOENT)
        return hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    *commits = 0;
    if (fd >= 0 && pread(fd, &page, sizeof page, 0) == (ssize_t)sizeof page &&
        strncmp(page.boot, boot, sizeof page.boot) == 0)
        *commits = page.commits;
    return 0;
}
