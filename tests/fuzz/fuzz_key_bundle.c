/* SPDX-License-Identifier: BSD-2-Clause */
/* Staged keys as a container holds them: what is read is packed again to the same bytes, and can be planned for a guest
 * without variables. */
#include "fuzz.h"

#include "key_bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct hf_key_bundle bundle;
    struct hf_key_request request;
    struct hf_key_plan plan;
    uint8_t *first = NULL, *second = NULL;
    size_t first_size, second_size;

    if (hf_key_bundle_open(bytes, size, &bundle, NULL) < 0)
        return 0;
    request = hf_key_bundle_request(&bundle, NULL);
    if (hf_key_plan_make(NULL, 0, &request, &plan, NULL) == 0)
        hf_key_plan_done(&plan);
    if (hf_key_bundle_pack(&request, NULL, 0, &first, &first_size, NULL) == 0) {
        MUST(hf_key_bundle_pack(&request, first, first_size, &second, &second_size, NULL) == 0);
        MUST(first_size == second_size && memcmp(first, second, first_size) == 0);
    }
    free(first);
    free(second);
    hf_key_bundle_done(&bundle);
    return 0;
}
