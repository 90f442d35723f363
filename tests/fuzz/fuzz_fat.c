/* SPDX-License-Identifier: BSD-2-Clause */
/* A FAT file system, zeros behind what there is of it: the walk ends, and a file that is read has its size. The first 8
 * bytes are the volume's size. */
#include "fuzz.h"

#include "fat.h"

struct input {
    const uint8_t *bytes;
    size_t size;
};

static int give(void *ctx, uint64_t at, void *to, size_t size, struct hf_error *err)
{
    const struct input *in = (const struct input *)ctx;
    size_t n = at < in->size ? (in->size - (size_t)at < size ? in->size - (size_t)at : size) : 0;

    (void)err;
    memset(to, 0, size);
    if (n)
        memcpy(to, in->bytes + at, n);
    return 0;
}

struct walked {
    const struct hf_fat *fat;
    size_t read;
};

static int look(void *ctx, const struct hf_fat_file *file, struct hf_error *err)
{
    struct walked *w = (struct walked *)ctx;
    uint8_t *bytes = NULL;

    MUST(file->path[0] == '/' && memchr(file->path, 0, sizeof file->path));
    if (file->directory || w->read++ > 16)
        return 0;
    if (hf_fat_read(w->fat, file, 1 << 16, &bytes, err) == 0) {
        MUST(bytes);
        free(bytes);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct input in;
    struct hf_disk disk = {.read = give, .ctx = &in};
    struct hf_error err = {0};
    struct hf_fat fat;
    struct walked w = {.fat = &fat};

    if (size < sizeof disk.size)
        return 0;
    memcpy(&disk.size, bytes, sizeof disk.size);
    in = (struct input){bytes + sizeof disk.size, size - sizeof disk.size};
    if (hf_fat_open(&disk, 0, disk.size, &fat, &err) < 0) {
        MUST(err.text[0]);
        return 0;
    }
    (void)hf_fat_walk(&fat, look, &w, &err);
    return 0;
}
