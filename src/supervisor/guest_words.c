/* SPDX-License-Identifier: BSD-2-Clause */
#include "guest_words.h"

#include <string.h>

#include "cleanup.h"

static const struct {
    const char *rule, *words;
} refusals[] = {
    {"architecture", "the image is for another architecture than this machine's"},
    {"db-before-dbx", "a certificate of 2011 would be revoked whose successor is not in db"},
    {"fallback", "there is nothing to go back to: no upgrade was applied since the last one was rolled back"},
    {"guest-confirm",
     "only the host's operator confirms this trial; the owner may leave it to the guest with 'holdfast set "
     "G.hold guest-confirm=on' there"},
    {"guest-keys",
     "the guest's owner has not allowed it to ask for keys: 'holdfast set G.hold guest-keys=microsoft' on the host"},
    {"host-decided", "what waits for the next boot was decided on the host, and is changed or cancelled only there"},
    {"image", "it is no firmware for this machine's code flash"},
    {"kind", "the image keeps another kind of variables than this machine has"},
    {"keys", "the host cannot read this machine's Secure Boot keys"},
    {"layout", "the variables cannot be converted to the image's layout"},
    {"managed", "the owner of these keys manages them: KEK has no key of Microsoft's"},
    {"pair", "the image does not belong with this machine's variables"},
    {"policy", "the policy is 'host': the host's firmware is taken at every boot"},
    {"rollback", "a rollback waits for the next boot"},
    {"room", "the variables have no room for it"},
    {"same-image", "this machine runs that image already"},
    {"setup-mode", "PK missing: firmware enforces no keys without it"},
    {"size", "the image is too large for this machine's flash"},
    {"smm", "the image needs SMM, and this machine does not have it"},
    {"staged", "an image is staged and waits for the next boot"},
    {"tpm-aware",
     "this machine has a TPM: new firmware or keys change what it measures. See to secrets that are sealed to PCR 0 "
     "and PCR 7, then say --tpm-aware"},
    {"trial", "a trial is open: confirm it or roll back first"},
    {"unknown", "it is not known whether the image belongs with this machine's variables"},
    {"variables", "the variables have changed since: --variables=fallback brings back those of the old firmware, "
                  "--variables=current keeps the present ones"},
    {"variable-limit", "a variable would be longer than this machine's firmware writes"},
};

static const char *const failures[HF_CODE_MAX] = {
    [HF_ENOSPC] = "the host has no room for it",
    [HF_ENOMEM] = "the host is out of memory for it",
    [HF_EDAMAGED] = "this machine's container on the host is damaged; its operator has to look at it",
    [HF_EOWNED] = "the host is busy with this machine's container; try again",
};

const char *hf_guest_words(const struct hf_error *err)
{
    if (err->code == HF_EREFUSED) {
        for (size_t i = 0; i < HF_ARRAY_SIZE(refusals); i++) {
            if (!strcmp(err->rule, refusals[i].rule))
                return refusals[i].words;
        }
        return "a rule on the host forbids it; the log there says why";
    }
    if ((unsigned)err->code < HF_CODE_MAX && failures[err->code])
        return failures[err->code];
    return "it failed on the host; the log there says why";
}
