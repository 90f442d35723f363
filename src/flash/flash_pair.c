/* SPDX-License-Identifier: BSD-2-Clause */
#include <holdfast/flash_image.h>

#include "format.h"

#define SAY(p, answer, ...) ((p)->fits = (answer), (void)hf_format((p)->why, sizeof(p)->why, __VA_ARGS__))

static bool is_variable_bank(const struct hf_flash_image *vars, struct hf_pairing *p)
{
    if (vars->kind == HF_FLASH_VARS)
        return true;
    if (vars->kind == HF_FLASH_UNKNOWN)
        SAY(p, HF_UNKNOWN, "unknown variable store: %s", vars->note);
    else
        SAY(p, HF_NO, "the second image is not a variable store: %s", hf_flash_kind_name(vars->kind));
    return false;
}

/* Same layout: is the bank whole, and what will firmware make of it? */
static void judge_bank(const struct hf_flash_image *vars, struct hf_pairing *p)
{
    const struct hf_layout_info *info = hf_layout_info(vars->layout);

    if (vars->size != info->bank_size)
        SAY(p, HF_NO, "the variable bank has 0x%llx bytes and the flash device takes 0x%llx; %s it",
            (unsigned long long)vars->size, (unsigned long long)info->bank_size,
            vars->size < info->bank_size ? "pad" : "cut");
    else if (vars->blank)
        SAY(p, HF_YES, "the store is blank: firmware formats it at its first start");
    else if (!vars->header_ok)
        SAY(p, HF_NO,
            "firmware would erase this store at its next start: %s; restore a good copy, or export what "
            "`vars --salvage` still finds",
            vars->note);
    else if (!vars->authenticated)
        SAY(p, HF_YES, "the store is a plain one: it can hold no Secure Boot keys");
    else
        SAY(p, HF_YES, "%s", vars->pending_write ? "an interrupted write will be completed at the next start" : "");
}

void hf_flash_pair(const struct hf_flash_image *code, const struct hf_flash_image *vars, struct hf_pairing *pairing)
{
    struct hf_pairing p = {.fits = HF_UNKNOWN};

    if (!hf_flash_is_code(code->kind)) {
        SAY(&p, code->kind == HF_FLASH_UNKNOWN ? HF_UNKNOWN : HF_NO, "the code is %s%s%s",
            hf_flash_kind_name(code->kind), code->note[0] ? ": " : "", code->note);
    } else if (code->layout == HF_LAYOUT_NONE) {
        SAY(&p, HF_NO, "%s keeps no variables; run it without a variable bank", hf_flash_kind_name(code->kind));
    } else if (is_variable_bank(vars, &p)) {
        if (vars->arch != HF_ARCH_UNKNOWN && vars->arch != code->arch)
            SAY(&p, HF_NO, "the variables are of a %s machine and the code is not", hf_arch_name(vars->arch));
        else if (code->layout == HF_LAYOUT_UNKNOWN || vars->layout == HF_LAYOUT_UNKNOWN)
            SAY(&p, HF_UNKNOWN, "unknown layout of the %s: %s",
                code->layout == HF_LAYOUT_UNKNOWN ? "code" : "variables",
                code->layout == HF_LAYOUT_UNKNOWN ? code->note : vars->note);
        else if (code->layout != vars->layout)
            SAY(&p, HF_NO,
                "the code is built for the %s layout and the variables have %s: their addresses do not "
                "meet, and the guest would keep nothing; convert with `holdfast image convert --layout %s`",
                hf_layout_name(code->layout), hf_layout_name(vars->layout), hf_layout_name(code->layout));
        else
            judge_bank(vars, &p);
    }
    *pairing = p;
}
