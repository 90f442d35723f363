/* SPDX-License-Identifier: BSD-2-Clause */
#include "nbd_status.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static size_t text_line(char line[HF_NBD_STATUS_LINE_MAX], size_t used, const char *text)
{
    size_t n = strnlen(text, HF_ERROR_TEXT_MAX - 1);

    memcpy(line + used, text, n);
    for (size_t i = used; i < used + n; i++)
        if ((unsigned char)line[i] < ' ')
            line[i] = ' ';
    memcpy(line + used + n, "\n", 2);
    return used + n + 1;
}

size_t hf_nbd_status_format(const struct hf_nbd_status *s, char line[HF_NBD_STATUS_LINE_MAX])
{
    char number[32];
    int n;

    switch (s->kind) {
    case HF_NBD_READY:
        return text_line(line, 0, "ready");
    case HF_NBD_CAUGHT_UP:
        return text_line(line, 0, "caught-up");
    case HF_NBD_WANTED:
        return text_line(line, 0, "wanted");
    case HF_NBD_WRITER:
    case HF_NBD_WHOLE:
        (void)snprintf(number, sizeof number, "%s %" PRId64, s->kind == HF_NBD_WRITER ? "writer" : "whole", s->pid);
        return text_line(line, 0, number);
    case HF_NBD_ALARM:
        n = snprintf(line, HF_NBD_STATUS_LINE_MAX, "alarm ");
        return text_line(line, (size_t)n, s->text);
    case HF_NBD_FAILED:
        n = snprintf(line, HF_NBD_STATUS_LINE_MAX, "failed %u ", (unsigned)s->code);
        return text_line(line, (size_t)n, s->text);
    case HF_NBD_BEHIND:
        n = snprintf(line, HF_NBD_STATUS_LINE_MAX, "behind %" PRId64 " %" PRIu64 " ", s->since, s->bytes);
        return text_line(line, (size_t)n, s->text);
    case HF_NBD_DIED:
        break;
    }
    assert(s->kind != HF_NBD_DIED);
    return 0;
}

/* The text after the numbers, cut to its field. */
static void keep_text(struct hf_nbd_status *s, const char *text)
{
    (void)snprintf(s->text, sizeof s->text, "%.*s", (int)sizeof s->text - 1, text);
}

int hf_nbd_status_parse(const char *line, struct hf_nbd_status *out, struct hf_error *err)
{
    struct hf_nbd_status s = {0};
    unsigned code;
    int at = 0;

    if (!strcmp(line, "ready")) {
        s.kind = HF_NBD_READY;
    } else if (!strcmp(line, "caught-up")) {
        s.kind = HF_NBD_CAUGHT_UP;
    } else if (!strcmp(line, "wanted")) {
        s.kind = HF_NBD_WANTED;
    } else if (sscanf(line, "writer %" SCNd64 "%n", &s.pid, &at) == 1 && at && !line[at] && s.pid >= 0) {
        s.kind = HF_NBD_WRITER;
    } else if (sscanf(line, "whole %" SCNd64 "%n", &s.pid, &at) == 1 && at && !line[at] && s.pid >= 0) {
        s.kind = HF_NBD_WHOLE;
    } else if (!strncmp(line, "alarm ", 6)) {
        s.kind = HF_NBD_ALARM;
        keep_text(&s, line + 6);
    } else if (sscanf(line, "failed %u %n", &code, &at) == 1 && at && code > 0 && code < HF_CODE_MAX) {
        s.kind = HF_NBD_FAILED;
        s.code = (enum hf_code)code;
        keep_text(&s, line + at);
    } else if (sscanf(line, "behind %" SCNd64 " %" SCNu64 " %n", &s.since, &s.bytes, &at) == 2 && at) {
        s.kind = HF_NBD_BEHIND;
        keep_text(&s, line + at);
    } else {
        return hf_error_set(err, HF_EPROTO, "NBD server: unknown status line '%.60s'", line);
    }
    *out = s;
    return 0;
}
