/* SPDX-License-Identifier: BSD-2-Clause */
#include "own_caps.h"

#include "host_describe.h"

#define QEMUS_MAX 32

static char *const usual_qemus[] = {(char *)"qemu-system-x86_64", (char *)"qemu-system-aarch64", NULL};

int hf_own_caps(const struct hf_invocation *inv, const char *directory, json_t **ret, struct hf_error *err)
{
    struct hf_host_query query = {.qemus = usual_qemus, .directory = directory, .holdfast = HOLDFAST_VERSION};
    char *named[QEMUS_MAX + 1] = {NULL};

    for (size_t n = 0; hf_value_at(inv, "qemu", n); n++) {
        if (n == QEMUS_MAX)
            return hf_error_set(err, HF_EUSAGE, "--qemu: at most %d programs", QEMUS_MAX);
        named[n] = (char *)hf_value_at(inv, "qemu", n);
        query.qemus = named;
    }
    return hf_host_describe(&query, ret, err);
}
