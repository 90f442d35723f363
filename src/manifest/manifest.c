/* SPDX-License-Identifier: BSD-2-Clause */
#include "manifest.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "manifest_file.h"

struct image {
    const char *digest;
    size_t file, directory;
};

struct hf_manifests {
    struct hf_manifest_file *files;
    struct image *images;
    size_t file_count, image_count;
};

static struct image *find(const struct hf_manifests *set, const char *digest)
{
    for (size_t i = 0; i < set->image_count; i++)
        if (!strcmp(set->images[i].digest, digest))
            return &set->images[i];
    return NULL;
}

static int add_image(struct hf_manifests *set, const char *digest, size_t directory, struct hf_error *err)
{
    struct image *image = find(set, digest), *more;

    if (image && image->directory == directory)
        return hf_error_set(err, HF_EDAMAGED, "%s: image %s has a manifest already: %s; remove one of them",
                            set->files[set->file_count - 1].path, digest, set->files[image->file].path);
    if (!image) {
        more = realloc(set->images, (set->image_count + 1) * sizeof *more);
        if (!more)
            return hf_error_nomem(err);
        set->images = more;
        image = &more[set->image_count++];
    }
    *image = (struct image){.digest = digest, .file = set->file_count - 1, .directory = directory};
    return 0;
}

static int add_file(struct hf_manifests *set, const char *path, size_t directory, struct hf_error *err)
{
    struct hf_manifest_file *more = realloc(set->files, (set->file_count + 1) * sizeof *more);
    json_t *image;
    size_t i;
    int r;

    if (!more)
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
    set->files = more;
    r = hf_manifest_file_read(path, &more[set->file_count], err);
    if (r < 0)
        return r;
    set->file_count++;
    json_array_foreach(more[set->file_count - 1].images, i, image) {
        if (r == 0)
            r = add_image(set, json_string_value(json_object_get(image, "sha256")), directory, err);
    }
    return r;
}

static int is_manifest(const struct dirent *e)
{
    size_t n = strlen(e->d_name);

    return n > 5 && e->d_name[0] != '.' && !strcmp(e->d_name + n - 5, ".json");
}

static void free_names(struct dirent **names, int count)
{
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

static int add_directory(struct hf_manifests *set, const char *path, size_t directory, struct hf_error *err)
{
    struct dirent **names = NULL;
    int count = scandir(path, &names, is_manifest, alphasort), r = 0;

    if (count < 0)
        return errno == ENOENT ? 0 : hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    if (count > HF_MANIFEST_FILES_MAX)
        r = hf_error_refuse(err, "limits", "%s: too many manifests: %d; the limit is %d", path, count,
                            HF_MANIFEST_FILES_MAX);
    for (int i = 0; r == 0 && i < count; i++) {
        hf_auto(hf_cleanup_free) char *file = NULL;

        if (asprintf(&file, "%s/%s", path, names[i]->d_name) < 0) {
            file = NULL;
            r = hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
        } else {
            r = add_file(set, file, directory, err);
        }
    }
    free_names(names, count);
    return r;
}

int hf_manifests_open(const char *const *directories, size_t count, struct hf_manifests **ret, struct hf_error *err)
{
    struct hf_manifests *set = calloc(1, sizeof *set);
    int r = set ? 0 : hf_error_nomem(err);

    for (size_t i = 0; r == 0 && i < count; i++)
        r = add_directory(set, directories[i], i, err);
    if (r < 0)
        hf_manifests_close(set);
    else
        *ret = set;
    return r;
}

int hf_manifests_open_default(struct hf_manifests **ret, struct hf_error *err)
{
    const char *given = getenv("HOLDFAST_MANIFEST_DIR");
    const char *const usual[] = {HOLDFAST_MANIFEST_DIR, "/etc/holdfast/manifests"};

    return given && *given ? hf_manifests_open(&given, 1, ret, err) : hf_manifests_open(usual, 2, ret, err);
}

void hf_manifests_close(struct hf_manifests *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->file_count; i++)
        hf_manifest_file_done(&set->files[i]);
    free(set->files);
    free(set->images);
    free(set);
}

const struct hf_manifest *hf_manifests_find(const struct hf_manifests *set, const char *digest)
{
    const struct image *image = find(set, digest);

    return image ? &set->files[image->file].manifest : NULL;
}

size_t hf_manifests_count(const struct hf_manifests *set)
{
    return set->image_count;
}

const struct hf_manifest *hf_manifests_at(const struct hf_manifests *set, size_t i, const char **digest)
{
    *digest = set->images[i].digest;
    return &set->files[set->images[i].file].manifest;
}

uint64_t hf_manifest_features(const struct hf_manifest *manifest, const char *domain, uint32_t version)
{
    for (size_t i = 0; manifest && i < manifest->domain_count; i++) {
        const struct hf_manifest_domain *d = &manifest->domains[i];
        uint64_t bits = 0;

        if (strcmp(d->name, domain) || d->version != version)
            continue;
        for (unsigned n = 0; n < 8; n++)
            bits |= (uint64_t)d->bits[n] << 8 * n;
        return bits;
    }
    return 0;
}

bool hf_manifest_break_concerns(const struct hf_manifest_break *b, unsigned major, unsigned minor)
{
    bool from = major > b->from_major || (major == b->from_major && minor >= b->from_minor);
    bool until =
        b->until_major != 0 && (major > b->until_major || (major == b->until_major && minor >= b->until_minor));

    return from && !until;
}
