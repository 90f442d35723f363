/* SPDX-License-Identifier: BSD-2-Clause */
/* What is read can be written in both forms; what a form says it holds comes back equal. */
#include "fuzz.h"

#include "certdb.h"
#include "var_json.h"

static void there_and_back(const struct hf_var_set *set, enum hf_var_format format)
{
    struct hf_var_set again = {0};
    struct hf_error err = {0};
    char *text = NULL;

    MUST(hf_var_json_write(set->vars, set->count, format, &text, &err) == 0);
    MUST(hf_var_json_read(text, strlen(text), &again, &err) == 0);
    if (hf_var_losses(set->vars, set->count, format, NULL, NULL) == 0) {
        MUST(again.count == set->count);
        for (size_t i = 0; i < set->count; i++)
            MUST(hf_var_equal(&again.vars[i], &set->vars[i]));
    }
    hf_var_set_done(&again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct hf_var_set set = {0};
    struct hf_error err = {0};

    if (hf_var_json_read((const char *)bytes, size, &set, &err) < 0) {
        MUST(strlen(err.text) > 5 && set.count == 0);
        return 0;
    }
    there_and_back(&set, HF_FORMAT_QEMU);
    there_and_back(&set, HF_FORMAT_VIRT_FIRMWARE);
    hf_var_set_done(&set);
    return 0;
}
