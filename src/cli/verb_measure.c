/* SPDX-License-Identifier: BSD-2-Clause */
/* measure: what the guest's TPM will hold of its Secure Boot keys. */
#include "containers.h"
#include "key_report.h"
#include "pcr7.h"
#include "staged_keys.h"
#include "variables.h"
#include "verbs.h"

static int predict(struct hf_invocation *inv, struct hf_container *c, struct hf_variables *v, struct hf_error *err)
{
    struct hf_life_record life;
    struct hf_slot_info staged;
    uint8_t pcr[HF_PCR_SIZE];
    char text[HF_FINGERPRINT_TEXT];
    int r = 0;

    if (!v->readable)
        return hf_error_set(err, v->bytes ? HF_EDAMAGED : HF_ENOTFOUND, "%s",
                            v->bytes ? v->why.text : "the guest keeps no variables");
    if (hf_given(inv, "staged")) {
        r = hf_life_load(c, &life, err);
        if (r == 0 && life.life != HF_LIFE_APPLIED)
            r = hf_slot_get(c, HF_SLOT_STAGED, &staged, err);
        if (r == 0 && life.life != HF_LIFE_APPLIED) /* applied, the variables have them */
            r = hf_staged_keys_preview(c, &staged, v, err);
    }
    if (r == 0)
        r = hf_pcr7_predict(v->store.vars, v->store.count, pcr, err);
    if (r < 0)
        return r;
    (void)hf_fingerprint_text(pcr, text);
    hf_put_text(hf_put_object(inv->report, "sha256"), "pcr7", text);
    hf_put_text(json_object_get(inv->report, "sha256"), "pcr0", NULL);
    hf_put_bool(inv->report, "staged", hf_given(inv, "staged"));
    hf_field(inv, "PCR 7", "%s", text);
    hf_say(inv, "before the first program that db authorizes; that one is measured behind it");
    hf_field(inv, "PCR 0",
             "not predicted: OVMF measures its PEI volume after the modules in it ran and wrote there what they found "
             "of the machine");
    return 0;
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    struct hf_container *c;
    struct hf_variables v;
    int r = hf_open_operand(inv, HF_OPEN_LOOK, &c, err);

    if (r < 0)
        return r;
    r = hf_begin(c, err);
    if (r == 0)
        r = hf_variables_of_bank(c, &v, err);
    if (r == 0) {
        r = predict(inv, c, &v, err);
        hf_variables_done(&v);
    }
    hf_abort(c);
    return hf_close_after(c, r, err);
}

static const struct hf_option options[] = {
    {.name = "staged", .help = "after what waits for the next boot was applied"},
    {0},
};

const struct hf_verb hf_verb_measure = {
    .name = "measure",
    .group = HF_GROUP_FIRMWARE,
    .flags = HF_VERB_REPORTS,
    .help = "Predict what the guest's TPM measures of its Secure Boot keys",
    .synopsis = "G.hold [--staged]",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .run = run,
};
