/* SPDX-License-Identifier: BSD-2-Clause */
/* A FAT file system that is only read, as firmware reads it to find boot loaders: FAT12, FAT16 and FAT32 with long
 * names (Microsoft's FAT specification 1.03). Bytes come through a function of the caller's; the image is hostile. */
#ifndef HF_FAT_H
#define HF_FAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/error.h>

struct hf_disk {
    /* Exactly `size` bytes from `at` on, which lie in the disk. */
    int (*read)(void *ctx, uint64_t at, void *to, size_t size, struct hf_error *err);
    void *ctx;
    uint64_t size;
};

struct hf_fat {
    const struct hf_disk *disk;
    uint64_t at; /* of the volume on the disk */
    uint32_t sector, cluster_bytes, clusters;
    uint64_t tables, data, root; /* offsets in the volume; root: of FAT12 and FAT16 */
    uint32_t root_bytes, root_cluster;
    unsigned bits; /* 12, 16, 32 */
};

#define HF_FAT_PATH_MAX 512

struct hf_fat_file {
    char path[HF_FAT_PATH_MAX]; /* "/EFI/BOOT/BOOTX64.EFI", as it is written there, UTF-8 */
    uint32_t cluster, size;
    bool directory;
};

/* HF_EDAMAGED: the text names the field. */
int hf_fat_open(const struct hf_disk *disk, uint64_t at, uint64_t size, struct hf_fat *ret, struct hf_error *err);

/* Every file, directories before what is in them, at most 16 deep. Volume labels, deleted entries and names that are no
 * text are passed over. Ends with the callback's return when that is not 0. HF_EDAMAGED: a chain of clusters that
 * leaves the volume or does not end, more than HF_FAT_FILES_MAX files. */
#define HF_FAT_FILES_MAX 20000
typedef int (*hf_fat_each)(void *ctx, const struct hf_fat_file *file, struct hf_error *err);
int hf_fat_walk(const struct hf_fat *fat, hf_fat_each each, void *ctx, struct hf_error *err);

/* The whole file, allocated. HF_EREFUSED "size": more than `max` bytes. HF_EDAMAGED: its chain is shorter than it. */
int hf_fat_read(const struct hf_fat *fat, const struct hf_fat_file *file, uint32_t max, uint8_t **bytes,
                struct hf_error *err);

#endif
