/* SPDX-License-Identifier: BSD-2-Clause */
/* A file of keys, whatever it is: what is read out of it are signature lists that can be read again, and merging them
 * into themselves adds nothing. */
#include "fuzz.h"

#include "key_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct hf_guid owner = {{1}};
    struct hf_key_file file;
    struct hf_sig_chain merged = {0};
    size_t added;

    if (hf_key_file_read(bytes, size, &owner, &file, NULL) < 0)
        return 0;
    MUST(hf_sig_chain_check(file.lists.bytes, file.lists.size, NULL) == 0);
    MUST(hf_sig_chain_merge(&merged, file.lists.bytes, file.lists.size, &added, NULL) == 0);
    MUST(hf_sig_chain_check(merged.bytes, merged.size, NULL) == 0);
    MUST(hf_sig_chain_merge(&merged, file.lists.bytes, file.lists.size, &added, NULL) == 0 && added == 0);
    hf_sig_chain_done(&merged);
    hf_key_file_done(&file);
    return 0;
}
