/* SPDX-License-Identifier: BSD-2-Clause */
#include "descriptor_files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "descriptors.h"

#define DIRECTORY_FILES_MAX 256U

static void close_dir(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

void hf_descriptor_files_done(struct hf_descriptor_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->at[i].path);
    free(files->at);
    *files = (struct hf_descriptor_files){0};
}

static char *config_home_dir(void)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    char *path = NULL;
    int n = -1;

    if (config && config[0] == '/')
        n = asprintf(&path, "%s/qemu/firmware", config);
    else if (home && home[0] == '/')
        n = asprintf(&path, "%s/.config/qemu/firmware", home);
    return n < 0 ? NULL : path;
}

char **hf_host_firmware_dirs(void)
{
    char **dirs = calloc(4, sizeof *dirs);
    size_t n = 0;

    if (!dirs)
        return NULL;
    dirs[n] = config_home_dir();
    n += dirs[n] != NULL;
    dirs[n++] = strdup("/etc/qemu/firmware");
    dirs[n++] = strdup("/usr/share/qemu/firmware");
    for (size_t i = 0; i < n; i++) {
        if (!dirs[i]) {
            for (size_t j = 0; j < n; j++)
                free(dirs[j]);
            free(dirs);
            return NULL;
        }
    }
    return dirs;
}

void hf_firmware_dirs_free(char **dirs)
{
    for (size_t i = 0; dirs && dirs[i]; i++)
        free(dirs[i]);
    free(dirs);
}

static bool is_descriptor_name(const char *name)
{
    size_t n = strlen(name);

    return n > 5 && name[0] != '.' && !strcmp(name + n - 5, ".json");
}

static bool masked(const struct hf_descriptor_files *files, const char *base)
{
    for (size_t i = 0; i < files->count; i++) {
        if (!strcmp(files->at[i].base, base))
            return true;
    }
    return false;
}

static int add_file(struct hf_descriptor_files *files, const char *dir, const char *base, struct hf_error *err)
{
    struct hf_descriptor_file *grown = reallocarray(files->at, files->count + 1, sizeof *grown);
    char *path = NULL;

    if (!grown)
        return hf_error_nomem(err);
    files->at = grown;
    if (asprintf(&path, "%s/%s", dir, base) < 0)
        return hf_error_nomem(err);
    files->at[files->count++] = (struct hf_descriptor_file){path, strrchr(path, '/') + 1};
    return 0;
}

static int add_directory(struct hf_descriptor_files *files, const char *dir, struct hf_error *err)
{
    hf_auto(close_dir) DIR *d = opendir(dir);
    struct hf_descriptor_files before = *files;
    struct dirent *entry;
    size_t seen = 0;

    while (d && (entry = readdir(d))) {
        /* masked only by earlier directories: names within one directory are distinct anyway */
        if (!is_descriptor_name(entry->d_name) ||
            masked(&(struct hf_descriptor_files){files->at, before.count}, entry->d_name))
            continue;
        if (++seen > DIRECTORY_FILES_MAX)
            return hf_error_set(err, HF_EUSAGE, "%s: more than %u firmware descriptors", dir, DIRECTORY_FILES_MAX);
        int r = add_file(files, dir, entry->d_name, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int by_base(const void *a, const void *b)
{
    return strcmp(((const struct hf_descriptor_file *)a)->base, ((const struct hf_descriptor_file *)b)->base);
}

int hf_descriptor_files_list(char *const *dirs, struct hf_descriptor_files *out, struct hf_error *err)
{
    struct hf_descriptor_files files = {0};

    for (size_t i = 0; dirs[i]; i++) {
        int r = add_directory(&files, dirs[i], err);
        if (r < 0) {
            hf_descriptor_files_done(&files);
            return r;
        }
    }
    if (files.count)
        qsort(files.at, files.count, sizeof *files.at, by_base);
    *out = files;
    return 0;
}
