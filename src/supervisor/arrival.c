/* SPDX-License-Identifier: BSD-2-Clause */
#include "arrival.h"

#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "guest_bank.h"
#include "suspended.h"

#define ASK_MS 50

static void ask(void *ctx);

void hf_arrival_init(struct hf_arrival *a, struct hf_run *run, const struct hf_machine *machine)
{
    *a = (struct hf_arrival){.run = run, .machine = machine};
}

static void ask_later(struct hf_arrival *a)
{
    struct hf_error err;

    if (hf_loop_timer(&a->run->loop, ASK_MS, ask, a, &err) < 0)
        hf_run_fail(a->run, &err);
}

static void status_answered(void *ctx, const json_t *result, const struct hf_error *err)
{
    const char *status = json_string_value(json_object_get(result, "status"));
    struct hf_arrival *a = ctx;

    if (!status)
        return;
    if (!strcmp(status, "inmigrate"))
        ask_later(a);
    else
        a->run->todo |= HF_TODO_ARRIVED;
}

static void ask(void *ctx)
{
    struct hf_arrival *a = ctx;
    struct hf_error err;

    if (hf_monitor_is_open(a->run->monitor) &&
        hf_monitor_send(a->run->monitor, "query-status", NULL, status_answered, a, &err) < 0)
        hf_run_fail(a->run, &err);
}

void hf_arrival_begin(struct hf_arrival *a, bool loads)
{
    struct hf_error err;
    json_t *wanted;

    if (loads) {
        ask_later(a);
        return;
    }
    /* Tells a saved state from a guest that just stops. */
    wanted = json_pack("{s:[{s:s, s:b}]}", "capabilities", "capability", "events", "state", 1);
    if (hf_monitor_send(a->run->monitor, "migrate-set-capabilities", wanted, NULL, NULL, &err) < 0)
        hf_run_fail(a->run, &err);
}

void hf_arrival_end(struct hf_arrival *a)
{
    struct hf_error err;

    hf_loop_cancel(&a->run->loop, ask, a);
    if (!a->saved || a->run->fault.code != HF_OK)
        return;
    a->saved = false;
    if (hf_suspend(a->run->container, (int64_t)time(NULL), &err) < 0)
        hf_run_say(a->run, "that the guest's state was saved could not be recorded: %s", err.text);
}

void hf_arrival_on_migration(struct hf_arrival *a, const json_t *data)
{
    const char *status = json_string_value(json_object_get(data, "status"));

    a->saved = status && !strcmp(status, "completed");
}

void hf_arrival_on_resume(struct hf_arrival *a)
{
    a->saved = false;
}

int hf_arrival_compare(struct hf_arrival *a, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *code = NULL, *vars = NULL;
    struct hf_digest code_digest, vars_digest;
    struct hf_resume_report report;
    int r = hf_guest_bank_read_code(a->run->monitor, a->machine, a->run->dir, &code, err);

    if (r == 0 && a->machine->vars_size)
        r = hf_guest_bank_read(a->run->monitor, a->machine, a->run->dir, &vars, err);
    if (r < 0)
        return r;
    code_digest = hf_digest_of(code, a->machine->code_size);
    if (vars)
        vars_digest = hf_digest_of(vars, a->machine->vars_size);
    r = hf_resume(a->run->container, &code_digest, vars ? &vars_digest : NULL, (int64_t)time(NULL), &report, err);
    if (r == 0 && report.newer_variables)
        hf_run_say(a->run, "the saved state brings its own variables; the newer ones are snapshot %lld",
                   (long long)report.snapshot);
    return r;
}
