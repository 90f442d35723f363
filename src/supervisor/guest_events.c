/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervision.h"

#include <string.h>

#include "cleanup.h"

static void on_stop(struct hf_supervision *s, const json_t *data)
{
    hf_pause_on_stop(&s->run.pause);
    hf_departure_on_stop(&s->departure);
    hf_trial_timer_running(&s->trial);
    hf_mailbox_watch_running(&s->mailbox);
}

/* A machine that was started with -S, or came from elsewhere: this is the first word of it that we hear. */
static void open_boot(struct hf_supervision *s)
{
    struct hf_error err;

    if (!hf_reception_is_open(&s->reception) && hf_supervision_open_boot(s, &err) < 0)
        hf_run_fail(&s->run, &err);
}

static void on_resume(struct hf_supervision *s, const json_t *data)
{
    hf_arrival_on_resume(&s->arrival);
    open_boot(s);
    hf_run_pause(&s->run, hf_pause_on_resume(&s->run.pause));
    hf_departure_on_resume(&s->departure);
    hf_trial_timer_running(&s->trial);
    hf_mailbox_watch_running(&s->mailbox);
}

static void note_shutdown(struct hf_supervision *s, enum hf_shutdown why)
{
    if (why > s->shutdown)
        s->shutdown = why;
}

static void forget_panic(struct hf_supervision *s)
{
    if (s->shutdown == HF_SHUTDOWN_PANIC)
        s->shutdown = HF_SHUTDOWN_NONE;
}

static void on_reset(struct hf_supervision *s, const json_t *data)
{
    forget_panic(s);
    hf_reset_watch_on_reset(&s->resets);
}

/* The guest leaves for another host, comes from one, or goes to a file. */
static void on_migration(struct hf_supervision *s, const json_t *data)
{
    if (hf_departure_on_migration(&s->departure, data))
        return;
    if (hf_reception_is_open(&s->reception))
        hf_reception_on_migration(&s->reception, data);
    else
        hf_arrival_on_migration(&s->arrival, data);
}

/* With the action "run" the guest does what it does after a panic: it resets, stops, or continues. */
static void on_panic(struct hf_supervision *s, const json_t *data)
{
    const char *action = json_string_value(json_object_get(data, "action"));

    if (action && !strcmp(action, "run"))
        forget_panic(s);
    else
        note_shutdown(s, HF_SHUTDOWN_PANIC);
}

static void last_look(struct hf_supervision *s)
{
    if (s->boot_open)
        hf_trial_timer_last_look(&s->trial);
}

/* Why QEMU stops for good. The reasons are QEMU's ShutdownCause. */
static void on_shutdown(struct hf_supervision *s, const json_t *data)
{
    const char *reason = json_string_value(json_object_get(data, "reason"));
    bool by_guest = false;

    if (!reason)
        return;
    if (!strcmp(reason, "guest-shutdown"))
        last_look(s); /* before it is told to quit */
    if (hf_reset_watch_on_shutdown(&s->resets, reason))
        return;
    if (!strcmp(reason, "guest-shutdown"))
        note_shutdown(s, HF_SHUTDOWN_POWER_OFF);
    else if (!strcmp(reason, "guest-panic"))
        note_shutdown(s, HF_SHUTDOWN_PANIC);
    else if (hf_reset_reason(reason, &by_guest) && by_guest)
        note_shutdown(s, HF_SHUTDOWN_RESET);
    else if (!strncmp(reason, "host-", 5))
        s->ended_by_owner = true;
}

static void on_port(struct hf_supervision *s, const json_t *data)
{
    hf_trial_timer_port(&s->trial, data);
}

static void on_clock(struct hf_supervision *s, const json_t *data)
{
    hf_guest_clock_set(&s->clock, json_integer_value(json_object_get(data, "offset")));
}

static const struct {
    const char *name;
    void (*handle)(struct hf_supervision *s, const json_t *data);
} handlers[] = {
    {"STOP", on_stop},           {"RESUME", on_resume}, {"SHUTDOWN", on_shutdown},    {"GUEST_PANICKED", on_panic},
    {"MIGRATION", on_migration}, {"RESET", on_reset},   {"VSERPORT_CHANGE", on_port}, {"RTC_CHANGE", on_clock},
};

static void handle(struct hf_supervision *s, const struct hf_qmp_event *event)
{
    for (size_t i = 0; i < HF_ARRAY_SIZE(handlers); i++) {
        if (!strcmp(event->name, handlers[i].name))
            handlers[i].handle(s, event->data);
    }
}

void hf_guest_events(struct hf_supervision *s)
{
    struct hf_qmp_event event;

    while (s->run.monitor && hf_monitor_next_event(s->run.monitor, &event)) {
        handle(s, &event);
        hf_qmp_event_done(&event);
    }
}
