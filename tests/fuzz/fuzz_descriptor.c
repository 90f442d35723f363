/* SPDX-License-Identifier: BSD-2-Clause */
/* A firmware descriptor: whatever it is, the questions about it have answers. */
#include "as_file.h"

#include "descriptor.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct hf_error err = {0};
    const char *found = NULL;
    json_t *json = NULL;
    char path[32];
    int fd = hf_as_file(bytes, size, path);

    if (hf_descriptor_load(path, &json, &err) < 0) {
        MUST(strstr(err.text, path));
    } else if (json) {
        if (hf_descriptor_usable(path, json, &err) == 0)
            MUST(hf_descriptor_text(json, "mapping", "executable", "filename"));
        (void)hf_descriptor_features(json);
        if (hf_descriptor_has_target(json, NULL, NULL, &found))
            MUST(found && found[0]);
        (void)hf_descriptor_has_target(json, "x86_64", "pc-q35-7.2", &found);
        json_decref(json);
    }
    close(fd);
    return 0;
}
