/* SPDX-License-Identifier: BSD-2-Clause */
#include <holdfast/error.h>

#include "format.h"

#include <string.h>

static const struct {
    const char *text;
    int exit_status;
} codes[] = {
    [HF_OK] = {"done", 0},
    [HF_EIO] = {"input/output failed", 1},
    [HF_ENOMEM] = {"out of memory", 1},
    [HF_ENOSPC] = {"no room", 1},
    [HF_EUSAGE] = {"wrong usage", 2},
    [HF_EREFUSED] = {"refused by a rule", 3},
    [HF_ENOTFOUND] = {"not found", 4},
    [HF_EDAMAGED] = {"damaged", 5},
    [HF_EOWNED] = {"owned or locked elsewhere", 6},
    [HF_EVERSION] = {"a newer format than this program reads", 3},
    [HF_EPROTO] = {"protocol error", 1},
    [HF_ETIMEDOUT] = {"timed out", 1},
    [HF_ECANCELED] = {"cancelled", 1},
};
_Static_assert(sizeof codes / sizeof codes[0] == HF_CODE_MAX, "one row per code");

static int fill(struct hf_error *err, enum hf_code code, const char *rule, const char *fmt, va_list ap)
{
    if (err) {
        err->code = code;
        err->rule = rule;
        hf_vformat(err->text, sizeof err->text, fmt, ap);
    }
    return -(int)code;
}

int hf_error_set(struct hf_error *err, enum hf_code code, const char *fmt, ...)
{
    va_list ap;
    int r;

    va_start(ap, fmt);
    r = fill(err, code, NULL, fmt, ap);
    va_end(ap);
    return r;
}

int hf_error_refuse(struct hf_error *err, const char *rule, const char *fmt, ...)
{
    va_list ap;
    int r;

    va_start(ap, fmt);
    r = fill(err, HF_EREFUSED, rule, fmt, ap);
    va_end(ap);
    return r;
}

int hf_error_prefix(struct hf_error *err, int r, const char *fmt, ...)
{
    char text[HF_ERROR_TEXT_MAX];
    size_t n;
    va_list ap;

    if (!err)
        return r;
    va_start(ap, fmt);
    n = hf_vformat(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n + 4 < sizeof text)
        hf_format(text + n, sizeof text - n, "%s", err->text);
    memcpy(err->text, text, sizeof text);
    return r;
}

const char *hf_code_text(enum hf_code code)
{
    return (unsigned)code < HF_CODE_MAX ? codes[code].text : "unknown error";
}

int hf_exit_status(int code)
{
    if (code < 0)
        code = -code;
    return code < HF_CODE_MAX ? codes[code].exit_status : 1;
}
