/* SPDX-License-Identifier: BSD-2-Clause */
#include "help.h"
#include "options.h"
#include "output.h"
#include "verbs.h"

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    const struct hf_verb *verb;
    int used, r;

    if (inv->json)
        hf_help_json(inv->report);
    else if (inv->operand_count == 0)
        hf_help_all();
    else if (inv->operand_count > 1 || !hf_help_family(inv->operands[0])) {
        r = hf_find_verb(hf_verbs, inv->operand_count, inv->operands, &verb, &used, err);
        if (r < 0)
            return r;
        hf_help_verb(verb);
    }
    return 0;
}

const struct hf_verb hf_verb_help = {
    .name = "help",
    .group = HF_GROUP_OTHER,
    .flags = HF_VERB_REPORTS,
    .help = "List the verbs, or one verb's options",
    .synopsis = "[VERB]",
    .max_operands = 2,
    .run = run,
};
