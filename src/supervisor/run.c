/* SPDX-License-Identifier: BSD-2-Clause */
#include "run.h"

#include <stdarg.h>
#include <stdio.h>

void hf_run_init(struct hf_run *run, const struct hf_run_options *options)
{
    *run = (struct hf_run){.options = options};
    hf_loop_init(&run->loop);
}

void hf_run_say(const struct hf_run *run, const char *fmt, ...)
{
    char line[HF_ERROR_TEXT_MAX + 256];
    va_list ap;

    if (!run->options->say)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    run->options->say(run->options->say_ctx, line);
}

void hf_run_fail(struct hf_run *run, const struct hf_error *err)
{
    if (run->fault.code == HF_OK)
        run->fault = *err;
}

bool hf_run_has_qemu(const struct hf_run *run)
{
    return run->monitor && hf_monitor_is_open(run->monitor);
}

static void pause_answered(void *ctx, const json_t *result, const struct hf_error *err)
{
    if (err && err->code == HF_EREFUSED)
        hf_run_say(ctx, "QEMU did not stop or go on: %s", err->text);
}

void hf_run_pause(struct hf_run *run, enum hf_pause_want want)
{
    const char *command = want == HF_PAUSE_STOP ? "stop" : "cont";
    struct hf_error err;

    if (want == HF_PAUSE_NOTHING || !hf_run_has_qemu(run))
        return;
    if (hf_monitor_send(run->monitor, command, NULL, pause_answered, run, &err) < 0)
        hf_run_fail(run, &err);
}
