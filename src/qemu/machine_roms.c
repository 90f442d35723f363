/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine_roms.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "datadirs.h"
#include "eventlog.h"
#include "images.h"
#include "settings.h"
#include "whole_file.h"

#define ROM_SIZE_MAX (16U << 20)

static int are_host_s(struct hf_container *c, bool *host, struct hf_error *err)
{
    char who[HF_SETTING_VALUE_SIZE];
    int r = hf_setting_get(c, "roms", who, err);

    if (r == 0)
        *host = strcmp(who, "host") == 0;
    return r;
}

/* ---- to the directory ---- */

static int check_working_directory(const char *name, struct hf_error *err)
{
    if (access(name, R_OK) < 0)
        return 0;
    return hf_error_refuse(err, "rom",
                           "'%s' in the working directory: QEMU would load it instead of the guest's own; "
                           "start from another directory",
                           name);
}

static int publish_one(struct hf_container *c, const char *dir, const struct hf_rom *rom, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    char path[PATH_MAX];
    uint64_t size;
    int r = check_working_directory(rom->name, err);

    if (r == 0)
        r = hf_image_load(c, &rom->image, &bytes, &size, err);
    if (r < 0)
        return r;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, rom->name) >= sizeof path)
        return hf_error_set(err, HF_EUSAGE, "%s: the runtime directory's path is too long", dir);
    return hf_file_replace(path, bytes, size, 0600, NULL, err);
}

/* NULL: it is not in the list. */
static const struct hf_rom *find_recorded(const struct hf_rom *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(list[i].name, name))
            return &list[i];
    }
    return NULL;
}

/* QEMU would load a file that an earlier run left here. */
static int remove_others(const char *dir, const struct hf_rom *list, size_t count, struct hf_error *err)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    int r = 0;

    if (!d)
        return hf_error_set(err, HF_EIO, "%s: %s", dir, strerror(errno));
    while (r == 0 && (entry = readdir(d))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") || find_recorded(list, count, entry->d_name))
            continue;
        if (unlinkat(dirfd(d), entry->d_name, 0) < 0)
            r = hf_error_set(err, HF_EIO, "%s/%s: %s", dir, entry->d_name, strerror(errno));
    }
    (void)closedir(d);
    return r;
}

int hf_machine_roms_publish(struct hf_container *c, const char *dir, size_t *count, struct hf_error *err)
{
    struct hf_rom list[HF_ROMS_MAX];
    bool host = false;
    size_t n = 0;
    int r = are_host_s(c, &host, err);

    if (r == 0 && !host)
        r = hf_rom_list(c, HF_SLOT_ACTIVE, list, &n, err);
    if (r < 0)
        return r;
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return hf_error_set(err, HF_EIO, "%s: %s", dir, strerror(errno));
    r = remove_others(dir, list, n, err);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = publish_one(c, dir, &list[i], err);
    if (r == 0)
        *count = n;
    return r;
}

/* ---- into the container ---- */

/* `dir`/`name`, when QEMU could read it there. */
static bool lies_in(const char *dir, const char *name, char path[PATH_MAX])
{
    return (size_t)snprintf(path, PATH_MAX, "%s%s%s", dir, *dir ? "/" : "", name) < PATH_MAX && access(path, R_OK) == 0;
}

/* QEMU's own order: the name as it is, each -L, the built-in directories. */
static bool find_rom(const struct hf_rom_search *search, char *const *datadirs, const char *name, char path[PATH_MAX])
{
    if (lies_in("", name, path))
        return true;
    for (char *const *a = search->argv; *a && a[1]; a++) {
        if ((!strcmp(*a, "-L") || !strcmp(*a, "--L")) && lies_in(a[1], name, path))
            return true;
    }
    for (; datadirs && *datadirs; datadirs++) {
        if (lies_in(*datadirs, name, path))
            return true;
    }
    return false;
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

static int check_unchanged(const char *path, const struct hf_rom_search *search, struct hf_error *err)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    if (is_later(&st.st_mtim, &search->started) || is_later(&st.st_ctim, &search->started))
        return hf_error_refuse(err, "rom", "%s: changed during the first start of the guest; start it again", path);
    return 0;
}

/* In a transaction. `before`: what is recorded of that name, or NULL. */
static int record_one(struct hf_container *c, const char *name, const struct hf_rom *before,
                      const struct hf_rom_search *search, char *const *datadirs, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    struct hf_rom rom = {0};
    struct hf_digest digest;
    char path[PATH_MAX];
    uint64_t size;
    int r;

    if (!find_rom(search, datadirs, name, path))
        return hf_error_set(err, HF_ENOTFOUND, "ROM '%s': the machine loaded it, but it is in no data directory of %s",
                            name, search->qemu);
    r = check_unchanged(path, search, err);
    if (r == 0)
        r = hf_file_read(path, ROM_SIZE_MAX, &bytes, &size, err);
    if (r == 0 && before) {
        digest = hf_digest_of(bytes, size);
        if (hf_digest_equal(&digest, &before->image))
            return 0;
    }
    if (r == 0)
        r = hf_image_add(c, HF_IMAGE_ROM, name, bytes, size, search->now, &rom.image, err);
    if (r < 0)
        return r;
    strcpy(rom.name, name);
    r = hf_rom_set(c, HF_SLOT_ACTIVE, &rom, err);
    return r < 0 ? r : hf_event_append(c, search->now, "rom", err, "%s recorded from %s", name, path);
}

/* The guest's own are recorded once. The host's are those of each start: what a move and a return to the guest's own
 * begin with. */
static int record_all(struct hf_container *c, const struct hf_rom_names *names, bool host,
                      const struct hf_rom_search *search, char *const *datadirs, size_t *added, struct hf_error *err)
{
    struct hf_rom list[HF_ROMS_MAX];
    size_t count = 0, n = 0;
    int r = hf_rom_list(c, HF_SLOT_ACTIVE, list, &count, err);

    for (size_t i = 0; r == 0 && i < names->count; i++) {
        const struct hf_rom *before = find_recorded(list, count, names->name[i]);

        if (before && !host)
            continue;
        r = record_one(c, names->name[i], before, search, datadirs, err);
        n++;
    }
    if (r == 0)
        *added = n;
    return r;
}

static bool all_recorded(struct hf_container *c, const struct hf_rom_names *names)
{
    struct hf_rom list[HF_ROMS_MAX];
    size_t count = 0;

    if (hf_rom_list(c, HF_SLOT_ACTIVE, list, &count, NULL) < 0)
        return false;
    for (size_t i = 0; i < names->count; i++) {
        if (!find_recorded(list, count, names->name[i]))
            return false;
    }
    return true;
}

int hf_machine_roms_record(struct hf_container *c, const struct hf_rom_names *names, const struct hf_rom_search *search,
                           size_t *added, struct hf_error *err)
{
    char **datadirs = NULL;
    bool host = false;
    size_t n = 0;
    int r = are_host_s(c, &host, err);

    if (r < 0)
        return r;
    if (host ? names->count == 0 : all_recorded(c, names)) {
        *added = 0;
        return 0;
    }
    r = hf_datadirs_list(search->qemu, &datadirs, err);
    if (r < 0)
        return r;
    r = hf_begin(c, err);
    if (r == 0)
        r = record_all(c, names, host, search, datadirs, &n, err);
    if (r == 0)
        r = hf_commit(c, HF_DURABLE, err);
    else
        hf_abort(c);
    hf_datadirs_free(datadirs);
    if (r == 0)
        *added = n;
    return r;
}
