/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's db, whose entries are certificates of anybody's: the verdict is words, and every certificate that is read
 * lies in the list. */
#include "fuzz.h"

#include "key_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct hf_var vars[HF_KEY_VARIABLES];
    struct hf_key_state state;
    size_t n = 0;

    if (size > 256 << 10)
        return 0;
    for (int v = 0; v < HF_KEY_VARIABLES; v++) {
        const struct hf_key_variable_info *info = hf_key_variable_info((enum hf_key_variable)v);

        vars[n++] = (struct hf_var){.guid = info->vendor,
                                    .attributes = info->attributes,
                                    .name = info->ucs2,
                                    .name_size = (uint32_t)info->ucs2_size,
                                    .data = bytes,
                                    .data_size = (uint32_t)size};
    }
    MUST(hf_key_state_read(vars, n, &state, NULL) == 0);
    MUST(state.words[0] && memchr(state.words, 0, sizeof state.words));
    for (size_t i = 0; i < state.lists[HF_KEY_DB].count; i++)
        MUST(memchr(state.lists[HF_KEY_DB].certificates[i].certificate.subject, 0,
                    sizeof state.lists[HF_KEY_DB].certificates[i].certificate.subject));
    hf_key_state_done(&state);
    return 0;
}
