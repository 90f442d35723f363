/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm.h"

#include <string.h>

#include "cleanup.h"

#define FIRST                                                                                                          \
    ", and secrets sealed to it (BitLocker, systemd-cryptenroll) will ask for a recovery key. Have the key at hand, "  \
    "and first run in the guest: Windows: 'manage-bde -protectors -disable C: -RebootCount 1'; Linux: "                \
    "'systemd-cryptenroll --wipe-slot=tpm2 DEVICE', and enroll again afterwards. Then give --tpm-aware"

int hf_tpm_ask(bool tpm, bool aware, enum hf_tpm_change change, struct hf_error *err)
{
    if (!tpm || aware)
        return 0;
    if (change == HF_TPM_KEYS)
        return hf_error_refuse(err, "tpm-aware", "the guest has a TPM: other Secure Boot keys change PCR 7" FIRST);
    return hf_error_refuse(err, "tpm-aware",
                           "the guest has a TPM: other firmware changes PCR 0, other Secure Boot keys PCR 7" FIRST);
}

static void note(void *ctx, const struct hf_var_difference *d)
{
    static const char *const measured[] = {"PK", "KEK", "db", "dbx", "SecureBootEnable"};
    bool *found = ctx;

    for (size_t i = 0; i < HF_ARRAY_SIZE(measured); i++)
        *found = *found || strcmp(d->name, measured[i]) == 0;
}

bool hf_tpm_measures_change(const struct hf_variables *now, const struct hf_variables *then)
{
    bool found = false;

    hf_variables_compare(now, then, note, &found);
    return found;
}
