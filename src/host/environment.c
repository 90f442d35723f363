/* SPDX-License-Identifier: BSD-2-Clause */
#include "environment.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "ids.h"

enum kind {
    PATH,       /* an absolute path */
    PATH_EMPTY, /* the same; empty has a meaning, which is not that of an unset one */
    PATH_UNSET, /* the same; empty is as unset, as the XDG specification has it */
    BOOT_ID,    /* empty is as unset */
};

static const struct variable {
    const char *name;
    enum kind kind;
    const char *instead; /* where this one is set, it is not read */
    bool not_root;       /* root's directories are fixed */
} variables[] = {
    {.name = "HOLDFAST_RUNTIME_DIR", .kind = PATH},
    {.name = "HOLDFAST_STATE_DIR", .kind = PATH},
    {.name = "HOLDFAST_MANIFEST_DIR", .kind = PATH},
    {.name = "HOLDFAST_NBDKIT_PLUGIN", .kind = PATH},
    {.name = "HOLDFAST_MAILBOX_ROM", .kind = PATH_EMPTY},
    {.name = "HOLDFAST_BOOT_ID", .kind = BOOT_ID},
    {.name = "XDG_RUNTIME_DIR", .kind = PATH_UNSET, .instead = "HOLDFAST_RUNTIME_DIR", .not_root = true},
    {.name = "XDG_STATE_HOME", .kind = PATH_UNSET, .instead = "HOLDFAST_STATE_DIR", .not_root = true},
    {.name = "XDG_CONFIG_HOME", .kind = PATH_UNSET},
    {.name = "HOME", .kind = PATH_UNSET},
};

static bool is_read(const struct variable *v)
{
    return !(v->not_root && geteuid() == 0) && !(v->instead && getenv(v->instead));
}

static int check_boot_id(const struct variable *v, const char *value, struct hf_error *err)
{
    if (strlen(value) < HF_UUID_TEXT_SIZE)
        return 0;
    return hf_error_set(err, HF_EUSAGE, "%s: invalid boot id of %zu bytes; at most %d are read", v->name, strlen(value),
                        HF_UUID_TEXT_SIZE - 1);
}

static int check_path(const struct variable *v, const char *value, struct hf_error *err)
{
    if (!*value && v->kind != PATH)
        return 0;
    if (!*value)
        return hf_error_set(err, HF_EUSAGE, "%s: is empty; give an absolute path, or unset it", v->name);
    if (*value != '/')
        return hf_error_set(err, HF_EUSAGE, "%s: not an absolute path: '%.200s'; give one, or unset it", v->name,
                            value);
    if (strlen(value) > HF_ENVIRONMENT_PATH_MAX)
        return hf_error_set(err, HF_EUSAGE, "%s: path too long: %zu bytes; the limit is %d", v->name, strlen(value),
                            HF_ENVIRONMENT_PATH_MAX);
    return 0;
}

int hf_environment_check(struct hf_error *err)
{
    for (size_t i = 0; i < HF_ARRAY_SIZE(variables); i++) {
        const struct variable *v = &variables[i];
        const char *value = getenv(v->name);
        int r = 0;

        if (value && is_read(v))
            r = v->kind == BOOT_ID ? check_boot_id(v, value, err) : check_path(v, value, err);
        if (r < 0)
            return r;
    }
    return 0;
}
