/* SPDX-License-Identifier: BSD-2-Clause */
/* AWS's uefi-data, as a file or, behind a NUL, what its zlib stream holds: what is read can be written, and comes back
 * equal when nothing is said to be lost. */
#include "fuzz.h"

#include "certdb.h"
#include "var_aws.h"
#include "var_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct hf_var_set set = {0}, again = {0};
    struct hf_error err = {0};
    char *text = NULL;
    bool inside = size && bytes[0] == 0;
    int r = inside ? hf_var_aws_parse(bytes + 1, size - 1, &set, &err) : hf_var_aws_read(bytes, size, &set, &err);

    if (r < 0) {
        MUST(strlen(err.text) > 5 && set.count == 0);
        return 0;
    }
    MUST(hf_var_aws_write(set.vars, set.count, &text, &err) == 0);
    MUST(hf_var_aws_is(text, strlen(text)) && hf_var_aws_read(text, strlen(text), &again, &err) == 0);
    if (hf_var_losses(set.vars, set.count, HF_FORMAT_AWS, NULL, NULL) == 0 && !hf_certdb_in(set.vars, set.count)) {
        MUST(again.count == set.count);
        for (size_t i = 0; i < set.count; i++)
            MUST(hf_var_equal(&again.vars[i], &set.vars[i]));
    }
    hf_var_set_done(&again);
    hf_var_set_done(&set);
    free(text);
    return 0;
}
