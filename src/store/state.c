/* SPDX-License-Identifier: BSD-2-Clause */
#include "state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"

static int check_name(const char *name, struct hf_error *err)
{
    size_t n = strlen(name);

    if (n == 0 || n >= HF_STATE_NAME_SIZE || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") != n)
        return hf_error_set(err, HF_EUSAGE, "invalid state name '%s'; use 1 to %d of [a-z0-9.-]", name,
                            HF_STATE_NAME_SIZE - 1);
    return 0;
}

int hf_state_text(struct hf_container *c, const char *name, char value[HF_STATE_VALUE_SIZE], struct hf_error *err)
{
    char found[HF_STATE_VALUE_SIZE] = "";
    int r = hf_named_get(c, HF_T_STATE, name, found, sizeof found, err);

    if (r < 0)
        return r;
    memcpy(value, found, sizeof found);
    return 0;
}

int hf_state_number(struct hf_container *c, const char *name, int64_t otherwise, int64_t *value, struct hf_error *err)
{
    char found[HF_STATE_VALUE_SIZE], *end;
    int r = hf_named_get(c, HF_T_STATE, name, found, sizeof found, err);
    int64_t n;

    if (r <= 0) {
        if (r == 0)
            *value = otherwise;
        return r;
    }
    errno = 0;
    n = strtoll(found, &end, 10);
    if (errno || end == found || *end)
        return hf_damaged(c, err, "state '%s': '%s' is not a number", name, found);
    *value = n;
    return 0;
}

int hf_state_set_text(struct hf_container *c, const char *name, const char *value, struct hf_error *err)
{
    int r = hf_may_change(c, err);

    if (r == 0)
        r = check_name(name, err);
    if (r == 0 && strlen(value) >= HF_STATE_VALUE_SIZE)
        r = hf_error_set(err, HF_EUSAGE, "state '%s': value too long: %zu bytes; the limit is %d", name, strlen(value),
                         HF_STATE_VALUE_SIZE - 1);
    return r < 0 ? r : hf_named_set(c, HF_T_STATE, name, value, err);
}

int hf_state_set_number(struct hf_container *c, const char *name, int64_t value, struct hf_error *err)
{
    char text[24];

    snprintf(text, sizeof text, "%lld", (long long)value);
    return hf_state_set_text(c, name, text, err);
}

int hf_state_clear(struct hf_container *c, const char *name, struct hf_error *err)
{
    int r = hf_may_change(c, err);

    return r < 0 ? r : hf_named_clear(c, HF_T_STATE, name, err);
}
