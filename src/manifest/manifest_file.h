/* SPDX-License-Identifier: BSD-2-Clause */
/* One manifest file, read and checked. */
#ifndef HF_MANIFEST_FILE_H
#define HF_MANIFEST_FILE_H

#include <jansson.h>

#include "manifest.h"

/* The pieces of a file: the manifest borrows its strings from `json` and owns its two arrays. */
struct hf_manifest_file {
    json_t *json;
    char *path;
    struct hf_manifest manifest;
    json_t *images; /* borrowed from json: an array of objects with a checked "sha256" */
};

int hf_manifest_file_read(const char *path, struct hf_manifest_file *ret, struct hf_error *err);
void hf_manifest_file_done(struct hf_manifest_file *f);

#endif
