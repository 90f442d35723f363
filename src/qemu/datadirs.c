/* SPDX-License-Identifier: BSD-2-Clause */
#include "datadirs.h"

#include <stdio.h>
#include <string.h>

#include "cache.h"
#include "cleanup.h"
#include "file_key.h"
#include "program_output.h"

static int split(const char *qemu, char *text, char ***out, struct hf_error *err)
{
    char **dirs = calloc(HF_DATADIRS_MAX + 1, sizeof *dirs), *rest = text, *line;
    size_t n = 0;

    if (!dirs)
        return hf_error_nomem(err);
    while ((line = strsep(&rest, "\n")) && n < HF_DATADIRS_MAX) {
        if (line[0] == '/' && !(dirs[n++] = strdup(line))) {
            hf_datadirs_free(dirs);
            return hf_error_nomem(err);
        }
    }
    if (n == 0) {
        hf_datadirs_free(dirs);
        return hf_error_set(err, HF_EPROTO, "%s -L help: lists no directory", qemu);
    }
    *out = dirs;
    return 0;
}

static int ask(const char *qemu, char **text, struct hf_error *err)
{
    char *const argv[] = {(char *)qemu, (char *)"-L", (char *)"help", NULL};
    int r = hf_program_output(argv, text, err);

    if (r == -HF_EPROTO)
        return hf_error_set(err, HF_EPROTO, "%s -L help: failed; is this a QEMU system emulator?", qemu);
    return r;
}

/* The program decides what it lists, so a QEMU that has not changed is not started for it again. */
int hf_datadirs_list(const char *qemu, char ***out, struct hf_error *err)
{
    char file[HF_FILE_KEY_SIZE];
    struct hf_cache_key key = {.kind = "datadirs", .bytes = file};
    hf_auto(hf_cleanup_free) char *text = NULL;
    bool lasts = hf_program_key(qemu, file);
    size_t size;
    int r;

    key.size = lasts ? strlen(file) : 0;
    if (lasts && hf_cache_read(&key, (uint8_t **)&text, &size) && size > 0 && text[size - 1] == '\0')
        return split(qemu, text, out, err);
    free(hf_take_ptr(text));
    r = ask(qemu, &text, err);
    if (r < 0)
        return r;
    if (lasts)
        hf_cache_write(&key, text, strlen(text) + 1);
    return split(qemu, text, out, err);
}

void hf_datadirs_free(char **dirs)
{
    for (size_t i = 0; dirs && dirs[i]; i++)
        free(dirs[i]);
    free(dirs);
}

int hf_datadirs_find(const char *qemu, const char *name, char **out, struct hf_error *err)
{
    char **dirs = NULL, *path = NULL;
    int r = hf_datadirs_list(qemu, &dirs, err);

    if (r < 0)
        return r;
    for (size_t i = 0; dirs[i] && !path; i++) {
        if (asprintf(&path, "%s/%s", dirs[i], name) < 0)
            path = NULL;
        else if (access(path, R_OK) < 0)
            free(hf_take_ptr(path));
    }
    hf_datadirs_free(dirs);
    if (!path)
        return hf_error_set(err, HF_ENOTFOUND, "%s: not found in the data directories of %s", name, qemu);
    *out = path;
    return 0;
}
