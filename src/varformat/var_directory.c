/* SPDX-License-Identifier: BSD-2-Clause */
#include "var_directory.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <holdfast/endian.h>
#include <holdfast/ucs2.h>

#include "cleanup.h"

enum { ATTRIBUTES = 4, FILE_MAX = 256 << 10, FILES_MAX = 10000, GUID_TEXT = HF_GUID_TEXT_SIZE - 1 };

/* Its bytes, one more than FILE_MAX at most. */
static int read_file(const char *directory, const char *name, uint8_t **bytes, size_t *size, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *all = (uint8_t *)malloc(FILE_MAX + 1);
    hf_auto(hf_cleanup_free) char *path = NULL;
    FILE *f;
    size_t n;

    if (!all || asprintf(&path, "%s/%s", directory, name) < 0)
        return hf_error_set(err, HF_ENOMEM, "'%s': out of memory", name);
    f = fopen(path, "rbe");
    if (!f)
        return hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    n = fread(all, 1, FILE_MAX + 1, f);
    if (ferror(f)) {
        (void)fclose(f);
        return hf_error_set(err, HF_EIO, "%s: cannot be read", path);
    }
    (void)fclose(f);
    if (n <= ATTRIBUTES || n > FILE_MAX)
        return hf_error_set(err, HF_EDAMAGED, "%s: %s; a variable has 4 bytes of attributes and then its data", path,
                            n > FILE_MAX ? "more than 256 KiB" : "too short");
    *bytes = hf_take_ptr(all);
    *size = n;
    return 0;
}

static int add(const char *directory, const char *file, struct hf_var_set *set, struct hf_error *err)
{
    size_t length = strlen(file), chars = length > GUID_TEXT + 1 ? length - GUID_TEXT - 1 : 0, size;
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    uint8_t name[2 * NAME_MAX + 2];
    char text[NAME_MAX + 1] = "";
    struct hf_var var = {.name = name};
    int n, r;

    if (chars && chars <= NAME_MAX)
        memcpy(text, file, chars);
    n = text[0] ? hf_ucs2_from_utf8(text, name, sizeof name) : -HF_EUSAGE;
    if (n < 0 || file[chars] != '-' || hf_guid_parse(file + chars + 1, GUID_TEXT, &var.guid) < 0)
        return hf_error_set(err, HF_EDAMAGED, "'%s' in %s: no variable of efivarfs, whose files are called NAME-GUID",
                            file, directory);
    r = read_file(directory, file, &bytes, &size, err);
    if (r < 0)
        return r;
    hf_le32 attributes;
    memcpy(&attributes, bytes, sizeof attributes);
    var.attributes = hf_le32_get(attributes);
    var.name_size = (uint32_t)n;
    var.data = bytes + ATTRIBUTES;
    var.data_size = (uint32_t)(size - ATTRIBUTES);
    return var.attributes & HF_VAR_NON_VOLATILE ? hf_var_set_put(set, &var, err) : 0;
}

int hf_var_directory_read(const char *path, struct hf_var_set *set, struct hf_error *err)
{
    hf_auto(hf_var_set_done) struct hf_var_set read = {0};
    struct dirent **list = NULL;
    int n = scandir(path, &list, NULL, alphasort), r = 0;

    if (n < 0)
        return hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    if (n > FILES_MAX)
        r = hf_error_set(err, HF_EDAMAGED, "%s: %d files; at most %d are read", path, n, FILES_MAX);
    for (int i = 0; i < n; i++) {
        if (r == 0 && list[i]->d_name[0] != '.')
            r = add(path, list[i]->d_name, &read, err);
        free(list[i]);
    }
    free((void *)list);
    if (r < 0)
        return r;
    hf_var_set_done(set);
    *set = read;
    read = (struct hf_var_set){0};
    return 0;
}
