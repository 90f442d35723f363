/* SPDX-License-Identifier: BSD-2-Clause */
/* keys would-boot: whether a guest's firmware would run a program, and which entry of its keys decides. */
#include <stdlib.h>

#include "cleanup.h"
#include "exit_status.h"
#include "image_trust.h"
#include "key_report.h"
#include "verbs.h"
#include "whole_file.h"

#define PROGRAM_MAX (256u << 20) /* a unified kernel image is the largest */

static int judge(struct hf_invocation *inv, const struct hf_var_source *source, const struct hf_key_state *state,
                 struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *program = NULL;
    char by[HF_IMAGE_ENTRY_SIZE] = "";
    struct hf_error why = {0};
    struct hf_trust trust;
    uint64_t size;
    size_t count;
    const struct hf_var *vars = hf_var_source_vars(source, &count);
    bool enforced = state->mode == HF_KEYS_USER || state->mode == HF_KEYS_CUSTOM;
    int r = hf_file_read(inv->operands[0], PROGRAM_MAX, &program, &size, err);

    if (r < 0)
        return r;
    trust = hf_trust_of(vars, count);
    r = hf_image_judge(&trust, program, (size_t)size, by, &why);
    if (r == -HF_ENOMEM)
        return hf_error_set(err, HF_ENOMEM, "%s", why.text);
    hf_put_bool(inv->report, "enforced", enforced);
    hf_put_bool(inv->report, "allowed", r == 0);
    hf_put_text(inv->report, "by", r == 0 ? by : NULL);
    hf_put_text(inv->report, "why_not", r == 0 ? NULL : why.text);
    hf_put_bool(inv->report, "runs", r == 0 || !enforced);
    if (r == 0)
        hf_say(inv, "it runs: the guest's db has %s", by);
    else if (enforced)
        hf_say(inv, "it does not run: %s", why.text);
    else
        hf_say(inv, "it runs, because Secure Boot is not enforced (%s); else it would not: %s",
               hf_key_mode_text(state->mode), why.text);
    return r == 0 || !enforced ? 0 : hf_exit_status(HF_EREFUSED);
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(hf_var_source_done) struct hf_var_source source = {0};
    struct hf_key_state state;
    int r = hf_var_source_open(inv->operands[1], NULL, NULL, &source, err);

    if (r == 0)
        r = hf_key_state_of_source(&source, &state, err);
    if (r < 0)
        return r;
    r = judge(inv, &source, &state, err);
    hf_key_state_done(&state);
    return r;
}

const struct hf_verb hf_verb_keys_would_boot = {
    .name = "keys would-boot",
    .group = HF_GROUP_FIRMWARE,
    .flags = HF_VERB_REPORTS,
    .help = "Tell whether a guest's Secure Boot lets a UEFI program run; exit status 3 when not",
    .synopsis = "FILE.efi G.hold|FILE",
    .min_operands = 2,
    .max_operands = 2,
    .run = run,
};
