/* SPDX-License-Identifier: BSD-2-Clause */
#include "window.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define VENDOR 0x1af4
#define DEVICE 0x1110

/* One line of a small file, without its newline; "" when there is none. */
static void read_line(const char *directory, const char *name, char *line, size_t size)
{
    char path[PATH_MAX];
    FILE *file;

    line[0] = '\0';
    if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, name) >= sizeof path)
        return;
    file = fopen(path, "re");
    if (!file)
        return;
    if (!fgets(line, (int)size, file))
        line[0] = '\0';
    (void)fclose(file);
    line[strcspn(line, "\n")] = '\0';
}

static bool is_number(const char *directory, const char *name, unsigned long wanted)
{
    char line[32];

    read_line(directory, name, line, sizeof line);
    return line[0] && strtoul(line, NULL, 16) == wanted;
}

/* "integrity" or "confidentiality" when the kernel is locked down; the present mode stands in brackets. */
static bool locked_down(char *mode, size_t size)
{
    char line[128], *begin;

    read_line("/sys/kernel/security", "lockdown", line, sizeof line);
    begin = strchr(line, '[');
    if (!begin)
        return false;
    begin++;
    begin[strcspn(begin, "]")] = '\0';
    (void)snprintf(mode, size, "%s", begin);
    return strcmp(mode, "none") != 0;
}

/* Opening is allowed under lockdown, mapping is not; without root both fail. */
static int not_permitted(const struct window *w, int why, struct hf_error *err)
{
    char mode[32];

    if (why != EPERM && why != EACCES)
        return hf_error_set(err, HF_EIO, "%s/resource2: %s", w->device, strerror(why));
    if (geteuid() != 0)
        return hf_error_refuse(err, "root", "%s/resource2: %s; run this as root", w->device, strerror(why));
    return hf_error_refuse(
        err, "lockdown",
        "%s/resource2: %s: the kernel is locked down%s%s%s, as under Secure Boot, and device memory cannot be mapped. "
        "Ask the host's operator for 'holdfast stage', 'confirm' or 'rollback', or boot without lockdown",
        w->device, strerror(why), locked_down(mode, sizeof mode) ? " ('" : "",
        locked_down(mode, sizeof mode) ? mode : "", locked_down(mode, sizeof mode) ? "')" : "");
}

/* Nothing drives the device, so its memory may be switched off. */
static void switch_on(const struct window *w)
{
    char path[PATH_MAX + 16], line[16];
    int fd;

    read_line(w->device, "enable", line, sizeof line);
    if (strcmp(line, "0") != 0)
        return;
    (void)snprintf(path, sizeof path, "%s/enable", w->device);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    while (write(fd, "1", 1) < 0 && errno == EINTR)
        ; /* where it stays off the magic is missing, which is an answer too */
    (void)close(fd);
}

static int lock(const struct window *w, struct hf_error *err)
{
    if (flock(w->fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return errno == EWOULDBLOCK ? hf_error_set(err, HF_EOWNED, "%s: in use by another holdfast-guest", w->device)
                                : hf_error_set(err, HF_EIO, "%s: flock: %s", w->device, strerror(errno));
}

static int open_bar(struct window *w, struct hf_error *err)
{
    char path[PATH_MAX + 16];
    struct stat st;

    (void)snprintf(path, sizeof path, "%s/resource2", w->device);
    w->fd = open(path, O_RDWR | O_CLOEXEC);
    if (w->fd < 0)
        return not_permitted(w, errno, err);
    if (fstat(w->fd, &st) < 0 || st.st_size != HF_MAILBOX_SIZE)
        return hf_error_set(err, HF_ENOTFOUND, "%s: not a mailbox: its memory does not have %u bytes", w->device,
                            HF_MAILBOX_SIZE);
    return 0;
}

static int map(struct window *w, struct hf_error *err)
{
    void *at;
    int r;

    switch_on(w);
    r = open_bar(w, err);
    if (r == 0)
        r = lock(w, err);
    if (r < 0)
        return r;
    at = mmap(NULL, HF_MAILBOX_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd, 0);
    if (at == MAP_FAILED)
        return not_permitted(w, errno, err);
    w->port.window = at;
    if (hf_mailbox_guest_attach(&w->port) < 0)
        return hf_error_set(err, HF_ENOTFOUND,
                            "%s: no holdfast serves this device, or it is newer than this program supports", w->device);
    return 0;
}

static void unmap(struct window *w)
{
    if (w->port.window)
        (void)munmap((void *)w->port.window, HF_MAILBOX_SIZE);
    if (w->fd >= 0)
        (void)close(w->fd);
    w->port.window = NULL;
    w->fd = -1;
}

/* The first device whose memory is a mailbox. When none is, the reason of the last one that could be. */
static int look(struct window *w, struct hf_error *err)
{
    struct dirent **names = NULL;
    int count = scandir(HF_PCI_DEVICES, &names, NULL, alphasort);
    int r = hf_error_set(err, HF_ENOTFOUND,
                         "this machine has no mailbox (no PCI device 1af4:1110): the host runs it without "
                         "'holdfast run --mailbox', or not with holdfast");

    for (int i = 0; i < count; i++) {
        (void)snprintf(w->device, sizeof w->device, "%s/%s", HF_PCI_DEVICES, names[i]->d_name);
        if (r < 0 && is_number(w->device, "vendor", VENDOR) && is_number(w->device, "device", DEVICE)) {
            r = map(w, err);
            if (r < 0)
                unmap(w);
        }
    }
    while (count > 0)
        free(names[--count]);
    free((void *)names);
    return r;
}

static int take(const char *device, struct window *w, struct hf_error *err)
{
    bool is_path = strchr(device, '/') != NULL;

    if ((size_t)snprintf(w->device, sizeof w->device, "%s%s", is_path ? "" : HF_PCI_DEVICES "/", device) >=
        sizeof w->device)
        return hf_error_set(err, HF_EUSAGE, "--device %.60s...: too long", device);
    if (access(w->device, F_OK) < 0)
        return hf_error_set(err, HF_ENOTFOUND, "%s: %s", w->device, strerror(errno));
    return map(w, err);
}

int window_open(const char *device, struct window *w, struct hf_error *err)
{
    struct window found = {.fd = -1, .port = w->port};
    int r;

    found.port.window = NULL;
    r = device ? take(device, &found, err) : look(&found, err);
    if (r == 0 && hf_mailbox_guest_is_boot_only(&found.port))
        r = hf_error_refuse(err, "boot-only",
                            "the mailbox is boot-only: it is closed once an operating system runs. The host's operator "
                            "can change that with 'holdfast set G.hold mailbox=always'");
    if (r < 0) {
        unmap(&found);
        return r;
    }
    *w = found;
    return 0;
}

void window_close(struct window *w)
{
    unmap(w);
}
