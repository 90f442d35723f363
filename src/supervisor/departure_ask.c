/* SPDX-License-Identifier: BSD-2-Clause */
#include "departing.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

#define PROGRESS_MS 500

/* ---- telling ---- */

const char *hf_departing_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* To who asked for it, as long as he listens; another one that came meanwhile asked for nothing yet. */
void hf_departing_tell(struct hf_departure *d, json_t *line)
{
    if (d->caller_waits)
        hf_control_say(d->control, line);
    else
        json_decref(line);
}

void hf_departing_tell_stage(struct hf_departure *d, const char *stage)
{
    hf_departing_tell(d, json_pack("{s:s, s:s}", "stage", stage, "host", d->move->host));
}

static json_t *line_of(struct hf_departure *d, const char *word, const struct hf_error *err)
{
    return json_pack("{s:i, s:b, s:s, s:s*}", word, err ? (int)err->code : 0, "granted", hf_departure_is_granted(d),
                     "text", err ? err->text : "", "rule", err && err->rule[0] ? err->rule : NULL);
}

/* The last line. */
void hf_departing_tell_end(struct hf_departure *d, const struct hf_error *err)
{
    if (d->caller_waits)
        hf_control_say_last(d->control, line_of(d, "ended", err));
    d->caller_waits = false;
}

/* A request that comes to nothing. It ends nothing that the same peer asked for before. */
static void turn_away(struct hf_departure *d, const struct hf_error *err)
{
    if (d->caller_waits)
        hf_control_say(d->control, line_of(d, "refused", err));
    else
        hf_control_say_last(d->control, line_of(d, "ended", err));
}

static void progress_known(void *ctx, const json_t *result, const struct hf_error *err)
{
    const json_t *ram = json_object_get(result, "ram");
    struct hf_departure *d = ctx;

    if (ram && d->move)
        hf_departing_tell(d, json_pack("{s:s, s:O*, s:O*, s:O*, s:O*}", "stage", "moving", "remaining",
                                       json_object_get(ram, "remaining"), "total", json_object_get(ram, "total"),
                                       "mbps", json_object_get(ram, "mbps"), "downtime",
                                       json_object_get(result, "expected-downtime")));
}

void hf_departing_tell_progress(void *ctx)
{
    struct hf_departure *d = ctx;

    if (!d->move || d->move->sending.stage != HF_SENDING_MOVING)
        return;
    (void)hf_monitor_send(d->run->monitor, "query-migrate", NULL, progress_known, d, NULL);
    (void)hf_loop_timer(&d->run->loop, PROGRESS_MS, hf_departing_tell_progress, d, NULL);
}

/* ---- asked for ---- */

static json_t *live_words(const struct hf_departure *d)
{
    struct hf_departure_guest guest = d->ops.guest(d->ops.ctx);
    json_t *arguments = json_array();

    for (int i = 0; i < d->run->options->argument_count; i++)
        (void)json_array_append_new(arguments, json_string(d->run->options->arguments[i]));
    return json_pack("{s:{s:s, s:s, s:b, s:b, s:I, s:o, s:s*}}", "live", "version", guest.vmm, "machine", guest.machine,
                     "ran", d->run->pause.running, "alive", guest.alive, "clock", (json_int_t)guest.clock, "arguments",
                     arguments, "reset", d->run->options->reset);
}

static void news(void *ctx)
{
    ((struct hf_departure *)ctx)->run->todo |= HF_TODO_DEPART;
}

static bool fill(void *ctx)
{
    const struct hf_departing *move = ((struct hf_departure *)ctx)->move;

    return move && move->relay && hf_stream_relay_fill(move->relay);
}

static int meet(struct hf_departure *d, const json_t *request, int in, int out, enum hf_sending_stage stage,
                struct hf_error *err)
{
    const json_t *given = json_object_get(request, "arguments"), *probe = json_object_get(request, "probe");
    const struct hf_pump_ops ops = {.news = news, .fill = fill, .ctx = d};
    struct hf_exchange *exchange;
    struct hf_pump *pump;
    json_t *extra = live_words(d);
    int r = extra ? 0 : hf_error_nomem(err);

    if (r == 0 && json_is_object(probe))
        (void)json_object_set(extra, "probe", (json_t *)probe);
    if (r == 0 && json_is_array(given))
        (void)json_object_set(json_object_get(extra, "live"), "arguments", (json_t *)given);
    if (r == 0)
        r = hf_exchange_source(d->run->container, extra, &exchange, err);
    json_decref(extra);
    if (r < 0) {
        (void)close(in);
        (void)close(out);
        return r;
    }
    r = hf_pump_open(exchange, in, out, &d->run->loop, &ops, &pump, err);
    if (r == 0)
        hf_sending_connect(&d->move->sending, &hf_departing_mover, d, pump, stage);
    return r;
}

static int take_seconds(const json_t *request, const char *name, unsigned otherwise, unsigned *seconds,
                        struct hf_error *err)
{
    const json_t *given = json_object_get(request, name);
    json_int_t value = given ? json_integer_value(given) : (json_int_t)otherwise;

    if (value < 1 || value > HF_PEER_TIMEOUT_MAX)
        return hf_error_set(err, HF_EPROTO, "%s must be 1 to %d s", name, HF_PEER_TIMEOUT_MAX);
    *seconds = (unsigned)value;
    return 0;
}

/* `again`: it was granted, and this asks what became of that. */
static int check_request(struct hf_departure *d, const json_t *request, size_t fds, bool again, struct hf_error *err)
{
    const char *no = hf_whereabouts_row(d->whereabouts)->no_departure;

    if (strcmp(hf_departing_text(request, "do"), "migrate") != 0 || fds != 2)
        return hf_error_set(err, HF_EPROTO,
                            "request to the supervisor: unknown; this version knows migrate and cancel");
    if (d->move && (!again || d->move->sending.pump))
        return hf_error_set(err, HF_EOWNED, "the guest is already being migrated");
    if (no)
        return hf_error_set(err, HF_EOWNED, "%s", no);
    if (!hf_run_has_qemu(d->run))
        return hf_error_set(err, HF_EOWNED, "%s", hf_whereabouts_row(HF_GUEST_STARTING)->no_departure);
    if (again && json_is_true(json_object_get(request, "dry-run")))
        return hf_error_refuse(err, "granted",
                               "the guest was granted, and no answer came; without --dry-run this asks "
                               "host '%s' whether it runs there",
                               d->move->host);
    if (d->run->pause.holds && !again)
        return hf_error_set(err, HF_EOWNED, "the guest is paused until its flash writes are stored; try again");
    return 0;
}

static int move_new(struct hf_departure *d, const json_t *request, struct hf_error *err)
{
    struct hf_departure_guest guest = d->ops.guest(d->ops.ctx);
    struct hf_departing *move = calloc(1, sizeof *move);

    if (!move)
        return hf_error_nomem(err);
    move->before = d->run->pause.running ? HF_DEPARTING_RAN : HF_DEPARTING_PAUSED;
    move->alive = guest.alive;
    move->clock = guest.clock;
    move->here = json_incref(json_object_get(request, "here"));
    move->live_emulated = json_is_true(json_object_get(request, "live-emulated"));
    d->move = move;
    return 0;
}

static enum hf_sending_stage first_stage(const json_t *request, bool again)
{
    if (again)
        return HF_SENDING_ASKING;
    return json_is_true(json_object_get(request, "dry-run")) ? HF_SENDING_LOOKING : HF_SENDING_MEETING;
}

static int begin(struct hf_departure *d, const json_t *request, int *fds, size_t count, struct hf_error *err)
{
    bool again = hf_departure_is_granted(d);
    int r = check_request(d, request, count, again, err);

    if (r == 0 && !again)
        r = move_new(d, request, err);
    if (r < 0)
        return r;
    r = take_seconds(request, "timeout", HF_PEER_TIMEOUT, &d->move->sending.timeout_s, err);
    if (r == 0)
        r = take_seconds(request, "pause-limit", HF_PAUSE_LIMIT, &d->move->sending.pause_limit_s, err);
    if (r == 0)
        r = meet(d, request, hf_take_fd(fds[0]), hf_take_fd(fds[1]), first_stage(request, again), err);
    d->caller_waits = r == 0;
    if (r == 0)
        hf_departing_look_at_clock(d);
    else if (!again)
        hf_departing_forget(d);
    return r;
}

/* Once it is granted only the destination can give it back. */
static void call_off(struct hf_departure *d)
{
    if (d->move && !hf_departure_is_granted(d)) {
        hf_sending_note(&d->move->sending, HF_SENDING_ON_CANCELLED);
        d->run->todo |= HF_TODO_DEPART;
    }
}

static void asked(void *ctx, const json_t *request, int *fds, size_t count)
{
    struct hf_departure *d = ctx;
    struct hf_error err;

    if (!strcmp(hf_departing_text(request, "do"), "cancel")) {
        if (d->caller_waits)
            call_off(d);
        return;
    }
    if (begin(d, request, fds, count, &err) < 0)
        turn_away(d, &err);
    else
        hf_pump_turn(d->move->sending.pump);
}

static void gone(void *ctx)
{
    struct hf_departure *d = ctx;

    if (d->caller_waits)
        call_off(d);
    d->caller_waits = false;
}

void hf_departure_init(struct hf_departure *d, struct hf_run *run, const struct hf_departure_ops *ops)
{
    *d = (struct hf_departure){.run = run, .ops = *ops};
}

int hf_departure_listen(struct hf_departure *d, struct hf_error *err)
{
    const struct hf_control_ops ops = {.asked = asked, .gone = gone, .ctx = d};
    char path[PATH_MAX];

    if (!hf_control_path(d->run->dir, path, sizeof path))
        return hf_error_set(err, HF_EUSAGE, "%s: the path is too long for a socket", d->run->dir);
    return hf_control_open(path, &d->run->loop, &ops, &d->control, err);
}

void hf_departure_close(struct hf_departure *d)
{
    hf_departure_end(d);
    hf_control_close(d->control);
    d->control = NULL;
}
