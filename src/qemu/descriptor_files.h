/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to descriptors.c: the firmware descriptors of some directories, sorted and masked as firmware.json says. */
#ifndef HF_DESCRIPTOR_FILES_H
#define HF_DESCRIPTOR_FILES_H

#include <stddef.h>

#include <holdfast/error.h>

struct hf_descriptor_file {
    char *path;
    char *base; /* points into path */
};

struct hf_descriptor_files {
    struct hf_descriptor_file *at;
    size_t count;
};

int hf_descriptor_files_list(char *const *dirs, struct hf_descriptor_files *out, struct hf_error *err);
void hf_descriptor_files_done(struct hf_descriptor_files *files);

#endif
