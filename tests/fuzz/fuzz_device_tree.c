/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU's list of devices: a list that is taken names each device and its ROM, one that is not says why. */
#include "fuzz.h"

#include "device_tree.h"

struct seen {
    size_t devices, romfiles;
};

static int on_device(void *ctx, const char *type, const char *controller, struct hf_error *err)
{
    struct seen *seen = ctx;

    MUST(type[0] && strlen(type) < HF_DEVICE_TYPE_SIZE && !strchr(type, '\n') && !strchr(type, ' '));
    MUST(strlen(controller) < HF_DEVICE_TYPE_SIZE);
    seen->devices++;
    return 0;
}

static int on_romfile(void *ctx, const char *name, struct hf_error *err)
{
    struct seen *seen = ctx;

    MUST(name[0] && strlen(name) < HF_DEVICE_VALUE_SIZE && !strchr(name, '\n'));
    seen->romfiles++;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct seen seen = {0};
    const struct hf_device_visitor visitor = {on_device, on_romfile, &seen};
    struct hf_error err = {0};
    char *text = malloc(size + 1);

    MUST(text);
    memcpy(text, bytes, size);
    text[size] = '\0';
    if (hf_device_tree_parse(text, &visitor, &err) == 0)
        MUST(seen.devices > 0);
    else
        MUST(err.code == HF_EPROTO && err.text[0]);
    free(text);
    return 0;
}
