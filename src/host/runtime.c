/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "own_directory.h"

/* variable/suffix, when the variable is set. */
static bool from_environment(const char *variable, const char *suffix, char dir[PATH_MAX])
{
    const char *value = getenv(variable);

    if (!value || *value != '/')
        return false;
    snprintf(dir, PATH_MAX, "%.*s%s", PATH_MAX - 64, value, suffix);
    return true;
}

static void runtime_path(char dir[PATH_MAX])
{
    if (from_environment("HOLDFAST_RUNTIME_DIR", "", dir))
        return;
    if (geteuid() == 0)
        snprintf(dir, PATH_MAX, "/run/holdfast");
    else if (!from_environment("XDG_RUNTIME_DIR", "/holdfast", dir))
        snprintf(dir, PATH_MAX, "/tmp/holdfast-%u", (unsigned)geteuid());
}

/* *kept: chosen by us, and so in a place where it stays. */
static int state_path(char dir[PATH_MAX], bool *kept, struct hf_error *err)
{
    *kept = false;
    if (from_environment("HOLDFAST_STATE_DIR", "", dir))
        return 0;
    *kept = true;
    if (geteuid() == 0)
        snprintf(dir, PATH_MAX, "/var/lib/holdfast");
    else if (!from_environment("XDG_STATE_HOME", "/holdfast", dir) &&
             !from_environment("HOME", "/.local/state/holdfast", dir))
        return hf_error_refuse(
            err, "state-directory",
            "register of epochs: no directory is set; set HOLDFAST_STATE_DIR, XDG_STATE_HOME or HOME");
    return 0;
}

int hf_runtime_dir(char dir[PATH_MAX], struct hf_error *err)
{
    char found[PATH_MAX];
    int r;

    runtime_path(found);
    r = hf_own_directory(found, false, err);
    if (r == 0)
        memcpy(dir, found, PATH_MAX);
    return r;
}

int hf_state_dir(char dir[PATH_MAX], struct hf_error *err)
{
    char found[PATH_MAX];
    bool kept;
    int r = state_path(found, &kept, err);

    if (r == 0)
        r = hf_own_directory(found, kept, err);
    if (r == 0)
        memcpy(dir, found, PATH_MAX);
    return r;
}

void hf_runtime_guest_path(const char *container_id, char dir[PATH_MAX])
{
    char runtime[PATH_MAX];

    runtime_path(runtime);
    snprintf(dir, PATH_MAX, "%.*s/%s", PATH_MAX - 64, runtime, container_id);
}

int hf_runtime_guest_dir(const char *container_id, char dir[PATH_MAX], struct hf_error *err)
{
    char runtime[PATH_MAX], guest[PATH_MAX];
    int r = hf_runtime_dir(runtime, err);

    if (r < 0)
        return r;
    hf_runtime_guest_path(container_id, guest);
    r = hf_own_directory(guest, false, err);
    if (r == 0)
        memcpy(dir, guest, PATH_MAX);
    return r;
}

static int read_line(const char *path, char *line, size_t size, struct hf_error *err)
{
    int fd hf_auto(hf_cleanup_close) = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : read(fd, line, size - 1);

    if (n < 0)
        return hf_error_set(err, errno == ENOENT ? HF_ENOTFOUND : HF_EIO, "%s: %s", path, strerror(errno));
    line[n] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return 0;
}

int hf_boot_id(char id[HF_UUID_TEXT_SIZE], struct hf_error *err)
{
    const char *given = getenv("HOLDFAST_BOOT_ID");
    char line[64];
    int r;

    if (given && *given) {
        snprintf(id, HF_UUID_TEXT_SIZE, "%s", given);
        return 0;
    }
    r = read_line("/proc/sys/kernel/random/boot_id", line, sizeof line, err);
    if (r == 0)
        snprintf(id, HF_UUID_TEXT_SIZE, "%.36s", line);
    return r;
}

/* Made under another name and linked, so that two first users agree on one. */
static int make_host_id(const char *path, struct hf_error *err)
{
    char id[HF_ID_TEXT_SIZE], draft[PATH_MAX + 64];
    int fd hf_auto(hf_cleanup_close) = -1, r = hf_random_id(id, err);

    if (r < 0)
        return r;
    snprintf(draft, sizeof draft, "%s.%s", path, id);
    fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || dprintf(fd, "%s\n", id) != HF_ID_TEXT_SIZE || fsync(fd) < 0 ||
        (link(draft, path) < 0 && errno != EEXIST))
        r = hf_error_set(err, HF_EIO, "cannot make %s: %s", path, strerror(errno));
    unlink(draft);
    return r;
}

int hf_host_identity(char id[HF_ID_TEXT_SIZE], char name[HF_HOST_NAME_SIZE], struct hf_error *err)
{
    char dir[PATH_MAX], path[PATH_MAX + 16], line[64];
    int r = hf_state_dir(dir, err);

    if (r < 0)
        return r;
    snprintf(path, sizeof path, "%s/host-id", dir);
    if (access(path, F_OK) < 0 && errno == ENOENT) {
        r = make_host_id(path, err);
        if (r < 0)
            return r;
    }
    r = read_line(path, line, sizeof line, err);
    if (r < 0)
        return r;
    if (strlen(line) != HF_ID_TEXT_SIZE - 1 || strspn(line, "0123456789abcdef") != HF_ID_TEXT_SIZE - 1)
        return hf_error_set(err, HF_EDAMAGED, "%s: not a host id of 32 hexadecimal digits; restore or remove the file",
                            path);
    memcpy(id, line, HF_ID_TEXT_SIZE);
    if (gethostname(name, HF_HOST_NAME_SIZE - 1) < 0)
        snprintf(name, HF_HOST_NAME_SIZE, "unnamed");
    name[HF_HOST_NAME_SIZE - 1] = '\0';
    return 0;
}
