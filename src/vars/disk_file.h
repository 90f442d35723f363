/* SPDX-License-Identifier: BSD-2-Clause */
/* A raw disk image or a block device, opened to be read. */
#ifndef HF_DISK_FILE_H
#define HF_DISK_FILE_H

#include "fat.h"
#include "gpt.h"

struct hf_disk_file {
    int fd;
    struct hf_disk disk; /* reads this file: the struct must not move */
    uint8_t *head;       /* the table lies in it */
    struct hf_gpt gpt;
};

/* Whether the file is a disk rather than a program: a block device, an image with a partition table, a qcow2 image. */
bool hf_disk_file_is(const char *path);

/* HF_ENOTFOUND, HF_EIO, HF_ENOMEM; HF_EUSAGE: a qcow2 image; HF_EDAMAGED: no partition table. */
int hf_disk_file_open(const char *path, struct hf_disk_file *disk, struct hf_error *err);
void hf_disk_file_done(struct hf_disk_file *disk);

#endif
