/* SPDX-License-Identifier: BSD-2-Clause */
#include "verdict.h"

#include <stdio.h>
#include <string.h>

static const char *const when_words[] = {[HF_WHEN_NOW] = "now", [HF_WHEN_NEXT_RESET] = "next reset"};
static const char *const weight_words[] = {[HF_FINDING_NOTE] = "note", [HF_FINDING_REFUSE] = "refused"};

static void put_findings(json_t *result, const struct hf_verdict *v)
{
    json_t *findings = hf_put_array(result, "findings");

    for (size_t i = 0; i < v->count; i++) {
        json_t *one = hf_append_object(findings);

        hf_put_text(one, "rule", v->finding[i].rule);
        hf_put_text(one, "when", when_words[v->finding[i].when]);
        hf_put_text(one, "weight", weight_words[v->finding[i].weight]);
        hf_put_text(one, "text", v->finding[i].text);
        hf_put_text(one, "remedy", v->finding[i].remedy);
    }
}

static const char *word_of(bool refused)
{
    return refused ? "REFUSED" : "fine";
}

static const char *firmware_words(const struct hf_verdict *v, const char *host, char text[320])
{
    if (v->firmware_there)
        (void)snprintf(text, 320, "%s's '%s', %.16s", host, v->firmware_there->name, v->firmware_there->digest);
    else
        (void)snprintf(text, 320, "its own, %.16s", v->code_digest);
    return text;
}

void hf_report_verdict(const struct hf_invocation *inv, const char *container, const struct hf_host_caps *host,
                       const struct hf_verdict *v, json_t *results)
{
    json_t *one = hf_append_object(results);
    char text[320];

    hf_put_text(one, "container", container);
    hf_put_text(one, "host", host->host);
    hf_put_bool(one, "refused-now", v->refused_now);
    hf_put_bool(one, "refused-next-reset", v->refused_next_reset);
    hf_put_text(one, "firmware", v->firmware_there ? "the host's" : "the container's");
    hf_put_text(one, "firmware-digest", v->firmware_there ? v->firmware_there->digest : v->code_digest);
    hf_put_text(one, "firmware-why", v->firmware_why);
    hf_put_text(one, "qemu", v->qemu ? v->qemu->program : NULL);
    put_findings(one, v);

    hf_say(inv, "%s to %s: now %s, at the next reset %s", container, host->host, word_of(v->refused_now),
           word_of(v->refused_now || v->refused_next_reset));
    if (v->qemu)
        hf_say(inv, "  QEMU: %s, version %u.%u.%u", v->qemu->program, v->qemu->version.major, v->qemu->version.minor,
               v->qemu->version.micro);
    hf_say(inv, "  firmware after it: %s; %s", firmware_words(v, host->host, text), v->firmware_why);
    for (size_t i = 0; i < v->count; i++) {
        const struct hf_finding *f = &v->finding[i];

        hf_say(inv, "  %s (%s, %s): %s", f->rule, weight_words[f->weight], when_words[f->when], f->text);
        if (strncmp(f->remedy, "nothing to do", 13) != 0)
            hf_say(inv, "    to do: %s", f->remedy);
    }
    if (v->more)
        hf_say(inv, "  and more");
}
