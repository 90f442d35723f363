/* SPDX-License-Identifier: BSD-2-Clause */
/* A signed update and the keys that it is judged by: the payload lies in the bytes, and a verdict comes. The first two
 * bytes are the size of the keys, which come next; the rest is the update. */
#include "fuzz.h"

#include "auth2.h"
#include "key_variable.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct hf_key_variable_info *dbx = hf_key_variable_info(HF_KEY_DBX);
    struct hf_auth2_target target = {.vendor = dbx->vendor,
                                     .name = dbx->ucs2,
                                     .name_size = dbx->ucs2_size - 2,
                                     .attributes = dbx->attributes | HF_VAR_APPEND};
    char signer[HF_AUTH2_SIGNER_SIZE];
    struct hf_auth2 update;
    size_t keys;

    if (size < 2)
        return 0;
    keys = (size_t)(bytes[0] | bytes[1] << 8);
    keys = keys < size - 2 ? keys : size - 2;
    if (hf_auth2_open(bytes + 2 + keys, size - 2 - keys, &update, NULL) < 0)
        return 0;
    MUST(hf_auth2_is(bytes + 2 + keys, size - 2 - keys));
    MUST(update.payload + update.payload_size == bytes + size);
    hf_auth2_signer(&update, signer);
    MUST(memchr(signer, 0, sizeof signer));
    (void)hf_auth2_verify(&update, &target, bytes + 2, keys, NULL);
    return 0;
}
