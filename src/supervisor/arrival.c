/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * States of the guest in files: one that is saved (the guest migrates to a file and QEMU ends), and one that is loaded
 * (-incoming). A loaded state holds both banks, and QEMU writes its variables over the container's when the guest goes
 * on; so the guest stays stopped until the lifecycle has looked at what is in memory.
 */
#include "supervision.h"

#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "guest_bank.h"
#include "suspended.h"

#define ASK_MS 50

static void ask(void *ctx);

static void ask_later(struct hf_supervision *s)
{
    struct hf_error err;

    if (hf_loop_timer(&s->run.loop, ASK_MS, ask, s, &err) < 0)
        hf_run_fail(&s->run, &err);
}

static void status_answered(void *ctx, const json_t *result, const struct hf_error *err)
{
    const char *status = json_string_value(json_object_get(result, "status"));
    struct hf_supervision *s = ctx;

    if (!status)
        return;
    if (!strcmp(status, "inmigrate"))
        ask_later(s);
    else
        s->run.todo |= HF_TODO_ARRIVED;
}

static void ask(void *ctx)
{
    struct hf_supervision *s = ctx;
    struct hf_error err;

    if (hf_monitor_is_open(s->run.monitor) &&
        hf_monitor_send(s->run.monitor, "query-status", NULL, status_answered, s, &err) < 0)
        hf_run_fail(&s->run, &err);
}

void hf_arrival_begin(struct hf_supervision *s)
{
    struct hf_error err;
    json_t *wanted;

    if (s->starts == 1 && s->arguments.incoming) {
        ask_later(s);
        return;
    }
    /* Tells a saved state from a guest that just stops. */
    wanted = json_pack("{s:[{s:s, s:b}]}", "capabilities", "capability", "events", "state", 1);
    if (hf_monitor_send(s->run.monitor, "migrate-set-capabilities", wanted, NULL, NULL, &err) < 0)
        hf_run_fail(&s->run, &err);
}

void hf_arrival_end(struct hf_supervision *s)
{
    struct hf_error err;

    hf_loop_cancel(&s->run.loop, ask, s);
    if (!s->saved || s->run.fault.code != HF_OK)
        return;
    s->saved = false;
    if (hf_suspend(s->run.container, (int64_t)time(NULL), &err) < 0)
        hf_run_say(&s->run, "that the guest's state was saved could not be recorded: %s", err.text);
}

void hf_arrival_on_migration(struct hf_supervision *s, const json_t *data)
{
    const char *status = json_string_value(json_object_get(data, "status"));

    s->saved = status && !strcmp(status, "completed");
}

static int compare(struct hf_supervision *s, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *code = NULL, *vars = NULL;
    struct hf_digest code_digest, vars_digest;
    struct hf_resume_report report;
    int r = hf_guest_bank_read_code(s->run.monitor, &s->machine, s->run.dir, &code, err);

    if (r == 0 && s->machine.vars_size)
        r = hf_guest_bank_read(s->run.monitor, &s->machine, s->run.dir, &vars, err);
    if (r < 0)
        return r;
    code_digest = hf_digest_of(code, s->machine.code_size);
    if (vars)
        vars_digest = hf_digest_of(vars, s->machine.vars_size);
    r = hf_resume(s->run.container, &code_digest, vars ? &vars_digest : NULL, (int64_t)time(NULL), &report, err);
    if (r == 0 && report.newer_variables)
        hf_run_say(&s->run, "the saved state brings its own variables; the newer ones are snapshot %lld",
                   (long long)report.snapshot);
    return r;
}

void hf_arrival_check(struct hf_supervision *s)
{
    struct hf_error err;
    int r;

    s->run.todo &= ~(unsigned)HF_TODO_ARRIVED;
    if (!hf_run_has_qemu(&s->run))
        return;
    r = compare(s, &err);
    if (r == 0)
        r = hf_mailbox_watch_publish(&s->mailbox, true, &err);
    if (r == 0 && !s->arguments.paused)
        r = hf_supervision_open_boot(s, &err);
    if (r == 0 && !s->arguments.paused)
        r = hf_monitor_execute(s->run.monitor, "cont", NULL, NULL, &err);
    if (r < 0)
        hf_run_fail(&s->run, &err);
}
