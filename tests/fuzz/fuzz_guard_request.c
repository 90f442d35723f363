/* SPDX-License-Identifier: BSD-2-Clause */
/* A line to a guest's guard, and a line back: refused, or what was understood is said the same way again. */
#include "fuzz.h"

#include "guard_link.h"

static void request(const char *line)
{
    struct hf_guard_request q, again;
    char said[HF_GUARD_LINE_MAX];

    if (hf_guard_request_parse(line, &q, NULL) < 0)
        return;
    MUST(q.ask >= HF_GUARD_SERVE && q.ask < HF_GUARD_ASK_MAX);
    hf_guard_request_format(&q, said);
    said[strcspn(said, "\n")] = '\0';
    MUST(hf_guard_request_parse(said, &again, NULL) == 0);
    MUST(again.ask == q.ask);
    if (q.ask == HF_GUARD_SERVE)
        MUST(again.uid == q.uid && again.gid == q.gid && !strcmp(again.selinux, q.selinux));
    if (q.ask >= HF_GUARD_WATCHING)
        MUST(again.pid == q.pid && again.reads == q.reads && again.by_guest == q.by_guest &&
             !strcmp(again.why_not, q.why_not));
    if (q.ask == HF_GUARD_STARTED)
        MUST(again.tpm == q.tpm && !strcmp(again.machine, q.machine));
}

static void answer(const char *line)
{
    struct hf_error err = {0};
    int r = hf_guard_answer_parse(line, &err);

    MUST(r < HF_GUARD_ORDER_MAX && -r < HF_CODE_MAX);
    MUST(r >= 0 || (-r == (int)err.code && err.text[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char line[HF_GUARD_LINE_MAX];

    if (size >= sizeof line)
        size = sizeof line - 1;
    memcpy(line, bytes, size);
    line[size] = '\0';
    request(line);
    answer(line);
    return 0;
}
