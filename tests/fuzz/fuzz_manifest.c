/* SPDX-License-Identifier: BSD-2-Clause */
/* A manifest: refused with its file's name, or whole and inside its limits. */
#include "as_file.h"

#include "manifest_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct hf_manifest_file f;
    struct hf_error err = {0};
    char path[32];
    int fd = hf_as_file(bytes, size, path);

    if (hf_manifest_file_read(path, &f, &err) < 0) {
        MUST(strstr(err.text, path));
    } else {
        MUST(f.manifest.name && f.manifest.file && json_is_array(f.images));
        for (size_t i = 0; i < f.manifest.domain_count; i++)
            MUST(strlen(f.manifest.domains[i].name) < 32 && f.manifest.domains[i].version > 0);
        for (size_t i = 0; i < f.manifest.break_count; i++)
            MUST(f.manifest.breaks[i].name && f.manifest.breaks[i].what && f.manifest.breaks[i].remedy);
        hf_manifest_file_done(&f);
    }
    close(fd);
    return 0;
}
