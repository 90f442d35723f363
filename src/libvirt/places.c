/* SPDX-License-Identifier: BSD-2-Clause */
#include "places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

void hf_libvirt_state_path(const char *uuid, const char *name, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, HF_LIBVIRT_STATE "/%s%s%s", uuid, name ? "/" : "", name ? name : "");
}

void hf_libvirt_run_path(const char *uuid, const char *name, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, HF_LIBVIRT_RUN "/%s%s%s", uuid, name ? "/" : "", name ? name : "");
}

bool hf_libvirt_has_mark(const char *uuid, const char *name)
{
    char path[PATH_MAX];

    hf_libvirt_run_path(uuid, name, path);
    return access(path, F_OK) == 0;
}

/* A directory of root's with exactly this mode (0: as it is; a new one is closed to others); one that somebody else
 * owns is not used. */
static int make_directory(const char *path, mode_t mode, gid_t gid, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int fd = -1;
    struct stat st;
    bool made = mkdir(path, 0700) == 0;

    if (!made && errno != EEXIST)
        return hf_error_set(err, HF_EIO, "cannot make directory '%s': %s", path, strerror(errno));
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return hf_error_set(err, HF_EIO, "cannot open directory '%s': %s", path, strerror(errno));
    if (st.st_uid != geteuid())
        return hf_error_refuse(err, "permissions", "directory '%s' belongs to user %lu, not to %lu", path,
                               (unsigned long)st.st_uid, (unsigned long)geteuid());
    if (gid != (gid_t)-1 && st.st_gid != gid && fchown(fd, (uid_t)-1, gid) < 0)
        return hf_error_set(err, HF_EIO, "cannot give directory '%s' to group %lu: %s", path, (unsigned long)gid,
                            strerror(errno));
    if ((made || mode) && fchmod(fd, made && !mode ? 0700 : mode) < 0)
        return hf_error_set(err, HF_EIO, "cannot set the mode of '%s': %s", path, strerror(errno));
    return 0;
}

int hf_libvirt_make_state(const char *uuid, struct hf_error *err)
{
    char path[PATH_MAX];
    int r = make_directory(HF_LIBVIRT_STATE, 0711, (gid_t)-1, err);

    hf_libvirt_state_path(uuid, NULL, path);
    return r < 0 ? r : make_directory(path, 0711, (gid_t)-1, err);
}

int hf_libvirt_make_run(const char *uuid, gid_t gid, struct hf_error *err)
{
    char path[PATH_MAX];
    int r = make_directory(HF_LIBVIRT_RUN, 0711, (gid_t)-1, err);

    hf_libvirt_run_path(uuid, NULL, path);
    return r < 0 ? r : make_directory(path, gid == (gid_t)-1 ? 0 : 0710, gid, err);
}

void hf_libvirt_clean_run(const char *uuid)
{
    static const char *const names[] = {HF_VARS_SOCKET, HF_GUARD_SOCKET, HF_BANK_FILE,
                                        HF_PAUSED_MARK, HF_HOLD_MARK,    HF_WRITER_FILE};
    char path[PATH_MAX];

    for (size_t i = 0; i < HF_ARRAY_SIZE(names); i++) {
        hf_libvirt_run_path(uuid, names[i], path);
        (void)unlink(path);
    }
    hf_libvirt_run_path(uuid, NULL, path);
    (void)rmdir(path);
}
