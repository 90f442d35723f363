/* SPDX-License-Identifier: BSD-2-Clause */
#include "own_caps.h"

#include <string.h>

#include "cleanup.h"
#include "host_describe.h"

#define QEMUS_MAX 32

static char *const usual_qemus[] = {(char *)"qemu-system-x86_64", (char *)"qemu-system-aarch64", NULL};

static bool has_qemu(const json_t *host, const char *program)
{
    const json_t *qemu;
    size_t i;

    json_array_foreach(json_object_get(host, "qemu"), i, qemu) {
        if (!strcmp(json_string_value(json_object_get(qemu, "program")), program))
            return true;
    }
    return false;
}

int hf_own_caps(const struct hf_invocation *inv, const char *directory, json_t **ret, struct hf_error *err)
{
    struct hf_host_query query = {.qemus = usual_qemus, .directory = directory, .holdfast = HOLDFAST_VERSION};
    char *named[QEMUS_MAX + 1] = {NULL};
    json_t *host = NULL;
    int r;

    for (size_t n = 0; hf_value_at(inv, "qemu", n); n++) {
        if (n == QEMUS_MAX)
            return hf_error_set(err, HF_EUSAGE, "--qemu: too many programs; the limit is %d", QEMUS_MAX);
        named[n] = (char *)hf_value_at(inv, "qemu", n);
        query.qemus = named;
    }
    r = hf_host_describe(&query, &host, err);
    for (size_t n = 0; r == 0 && named[n]; n++)
        if (!has_qemu(host, named[n]))
            r = hf_error_set(err, HF_ENOTFOUND, "--qemu '%s': program not found", named[n]);
    if (r == 0)
        *ret = host;
    else
        json_decref(host);
    return r;
}
