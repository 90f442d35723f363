/* SPDX-License-Identifier: BSD-2-Clause */
/* Whatever a QEMU says, every call ends exactly once, and a broken engine stays broken. The first byte says how the
 * rest is cut. */
#include "fuzz.h"

#include "qmp.h"

#define CALLS 4

static void ended(void *ctx, const json_t *result, const struct hf_error *err)
{
    int *ends = ctx;

    MUST((result != NULL) != (err != NULL));
    MUST(++*ends == 1);
}

static void drain(struct hf_qmp *qmp)
{
    struct hf_qmp_event event;
    size_t size;

    (void)hf_qmp_output(qmp, &size);
    hf_qmp_sent(qmp, size);
    while (hf_qmp_next_event(qmp, &event)) {
        MUST(json_is_object(event.data) && strlen(event.name) < sizeof event.name);
        hf_qmp_event_done(&event);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct hf_qmp *qmp = hf_qmp_new();
    size_t cut = size ? (size_t)bytes[0] + 1 : 1;
    int ends[CALLS] = {0}, queued[CALLS] = {0}, r = 0;

    MUST(qmp);
    for (int i = 0; i < CALLS; i++)
        queued[i] = hf_qmp_call(qmp, "query-status", NULL, ended, &ends[i], NULL) == 0;
    for (size_t at = size ? 1 : 0; at < size; at += cut) {
        size_t part = size - at < cut ? size - at : cut;
        int now = hf_qmp_feed(qmp, bytes + at, part, NULL);
        MUST(r == 0 || now < 0);
        r = now;
        drain(qmp);
    }
    hf_qmp_close(qmp);
    for (int i = 0; i < CALLS; i++)
        MUST(ends[i] == queued[i]);
    hf_qmp_free(qmp);
    return 0;
}
