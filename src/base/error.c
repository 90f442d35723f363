/* SPDX-License-Identifier: BSD-2-Clause */
#include <holdfast/error.h>

#include "format.h"

#include <string.h>

static const char *const texts[] = {
    [HF_OK] = "done",
    [HF_EIO] = "input/output failed",
    [HF_ENOMEM] = "out of memory",
    [HF_ENOSPC] = "no space left",
    [HF_EUSAGE] = "wrong usage",
    [HF_EREFUSED] = "refused by a rule",
    [HF_ENOTFOUND] = "not found",
    [HF_EDAMAGED] = "damaged",
    [HF_EOWNED] = "owned or locked elsewhere",
    [HF_EVERSION] = "a newer format than this program reads",
    [HF_EPROTO] = "protocol error",
    [HF_ETIMEDOUT] = "timed out",
    [HF_ECANCELED] = "cancelled",
    [HF_EUNSYNCED] = "done, but not synced",
};
_Static_assert(sizeof texts / sizeof texts[0] == HF_CODE_MAX, "one row per code");

static int fill(struct hf_error *err, enum hf_code code, const char *rule, const char *fmt, va_list ap)
{
    if (err) {
        err->code = code;
        hf_format(err->rule, sizeof err->rule, "%s", rule);
        hf_vformat(err->text, sizeof err->text, fmt, ap);
    }
    return -(int)code;
}

int hf_error_set(struct hf_error *err, enum hf_code code, const char *fmt, ...)
{
    va_list ap;
    int r;

    va_start(ap, fmt);
    r = fill(err, code, "", fmt, ap);
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

bool hf_error_is_rule(const struct hf_error *err, const char *rule)
{
    size_t n = 0;

    while (rule[n] != '\0' && rule[n] == err->rule[n]) /* strcmp is no part of what the library asks of firmware */
        n++;
    return err->code == HF_EREFUSED && rule[n] == err->rule[n];
}

int hf_error_unsynced(struct hf_error *err, const char *object, const char *why)
{
    return hf_error_set(err, HF_EUNSYNCED, "%s: done, but the last sync failed: %s; a crash of this host may undo it",
                        object, why);
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
    return (unsigned)code < HF_CODE_MAX ? texts[code] : "unknown error";
}
