/* SPDX-License-Identifier: BSD-2-Clause */
#include "secure_boot.h"

#include <holdfast/var_decode.h>

static const char *const mode_names[HF_SECURE_BOOT_MODE_MAX] = {
    [HF_SECURE_BOOT_UNKNOWN] = "unknown", [HF_SECURE_BOOT_NONE] = "off", [HF_SECURE_BOOT_SETUP] = "setup mode",
    [HF_SECURE_BOOT_OFF] = "off",         [HF_SECURE_BOOT_ON] = "on",
};

bool hf_secure_boot_enforced(const struct hf_variables *v)
{
    struct hf_secure_boot sb;

    if (!v->readable)
        return false;
    hf_secure_boot_read(&v->store, &sb);
    return sb.enforced == HF_YES;
}

enum hf_secure_boot_mode hf_secure_boot_mode(enum hf_answer image, const struct hf_variables *v)
{
    struct hf_secure_boot sb;

    if (image == HF_NO)
        return HF_SECURE_BOOT_NONE;
    if (image == HF_UNKNOWN || !v->readable)
        return HF_SECURE_BOOT_UNKNOWN;
    hf_secure_boot_read(&v->store, &sb);
    if (sb.setup_mode)
        return HF_SECURE_BOOT_SETUP;
    return sb.enforced == HF_YES ? HF_SECURE_BOOT_ON : HF_SECURE_BOOT_OFF;
}

const char *hf_secure_boot_mode_name(enum hf_secure_boot_mode mode)
{
    return (unsigned)mode < HF_SECURE_BOOT_MODE_MAX ? mode_names[mode] : "unknown";
}

#define REMEDY "; use a build with Secure Boot, or give it up with --no-secure-boot"

int hf_secure_boot_keep(const struct hf_flash_image *now, const struct hf_flash_image *next,
                        const struct hf_variables *v, struct hf_error *err)
{
    /* An image of which nothing could be told is there because its owner let it in. */
    bool enforces = now->secure_boot == HF_YES || (now->secure_boot == HF_UNKNOWN && next->secure_boot == HF_NO);

    if (!enforces || !hf_secure_boot_enforced(v))
        return 0;
    if (next->secure_boot == HF_NO)
        return hf_error_refuse(err, "secure-boot",
                               "the guest's variables enforce Secure Boot and the image has none: unsigned programs "
                               "would run" REMEDY);
    if (next->secure_boot == HF_UNKNOWN)
        return hf_error_refuse(
            err, "secure-boot",
            "the guest's variables enforce Secure Boot and whether the image supports it is unknown" REMEDY);
    if (now->needs_smm == HF_YES && next->needs_smm != HF_YES)
        return hf_error_refuse(err, "secure-boot",
                               "the present firmware protects Secure Boot's keys by System Management Mode and the "
                               "image does not: the guest's operating system could write them" REMEDY);
    return 0;
}
