/* SPDX-License-Identifier: BSD-2-Clause */
#include "reception_inside.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "banks.h"
#include "cleanup.h"

#define FAREWELL_MS 1000
#define LOOK_MS     500
#define MOVE_IN_MS  100

static void news(void *ctx)
{
    ((struct hf_supervision *)ctx)->run.todo |= HF_TODO_RECEIVE;
}

static bool stream(void *ctx, const void *bytes, size_t size)
{
    struct hf_reception *n = ((struct hf_supervision *)ctx)->reception;

    return hf_stream_relay_put(n->relay, n->receiving.pump, bytes, size);
}

/* Every now and then: a connection may be gone without a word. */
static void look_at_clock(void *ctx)
{
    struct hf_supervision *s = ctx;

    s->run.todo |= HF_TODO_RECEIVE;
    (void)hf_loop_timer(&s->run.loop, LOOK_MS, look_at_clock, s, NULL);
}

bool hf_reception_is_open(const struct hf_supervision *s)
{
    return s->reception && !hf_receiving_stage_is_settled(s->reception->receiving.stage);
}

/* ---- until the container is here ---- */

/* `install`, and again at each READY: the firmware goes on negotiating while it moves. */
static int take_copy(void *ctx, struct hf_error *err)
{
    struct hf_supervision *s = ctx;

    s->run.container = hf_exchange_container(hf_pump_exchange(s->reception->receiving.pump));
    return hf_mailbox_arrival_check(s->run.container, err);
}

static int revoked(void *ctx, struct hf_error *err)
{
    return hf_error_set(err, HF_ECANCELED, "host '%s' revoked the migration",
                        ((struct hf_supervision *)ctx)->reception->host);
}

/* Between turns: what happened, and what follows. */
static int go_on(struct hf_supervision *s, struct hf_error *err)
{
    struct hf_receiving *receiving = &s->reception->receiving;

    if (s->ended_by_owner && receiving->stage < HF_RECEIVING_COPIED)
        hf_receiving_note(receiving, HF_RECEIVING_ON_CANCELLED);
    hf_receiving_note_seen(receiving);
    hf_receiving_look(receiving);
    return hf_receiving_go_on(receiving, err);
}

static int await_copy(struct hf_supervision *s, struct hf_error *err)
{
    const struct hf_receiving *receiving = &s->reception->receiving;
    int r = go_on(s, err);

    while (r == 0 && receiving->stage < HF_RECEIVING_COPIED) {
        r = hf_loop_turn(&s->run.loop, -1, err);
        if (r == 0)
            r = go_on(s, err);
    }
    return r;
}

static const struct hf_receiver_ops supervisor;

static int open_link(struct hf_supervision *s, struct hf_error *err)
{
    const struct hf_reception_options *given = s->reception->given;
    const struct hf_pump_ops ops = {.news = news, .stream = stream, .ctx = s};
    json_t *extra = json_pack("{s:{}}", "live");
    struct hf_exchange_place place = {.path = s->run.options->container,
                                      .caps = given->caps,
                                      .caps_size = given->caps ? strlen(given->caps) : 0,
                                      .extra = extra,
                                      .describe = hf_reception_describe,
                                      .ctx = s,
                                      .hold = true};
    struct hf_exchange *exchange;
    struct hf_pump *pump;
    int r = extra ? hf_exchange_destination(&place, &exchange, err) : hf_error_nomem(err);

    json_decref(extra);
    if (r == 0)
        r = hf_pump_open(exchange, given->in, given->out, &s->run.loop, &ops, &pump, err);
    if (r == 0)
        hf_receiving_connect(&s->reception->receiving, &supervisor, s, pump);
    return r;
}

int hf_reception_meet(struct hf_supervision *s, struct hf_error *err)
{
    struct hf_reception *n = calloc(1, sizeof *n);
    int r;

    if (!n)
        return hf_error_nomem(err);
    s->reception = n;
    n->given = s->from;
    n->receiving.timeout_s = s->from->timeout_s;
    n->options = *s->run.options;
    n->qemu_fd = -1;
    r = open_link(s, err);
    if (r < 0)
        return r;
    look_at_clock(s);
    r = hf_stream_relay_open(&s->run.loop, &n->relay, &n->qemu_fd, err);
    if (r == 0)
        r = await_copy(s, err);
    if (r < 0)
        return r;
    s->run.options = &n->options;
    (void)hf_container_warm(s->run.container, NULL); /* the claim comes when the guest is paused */
    return 0;
}

/* ---- QEMU ---- */

int hf_reception_plan(struct hf_supervision *s, struct hf_error *err)
{
    int r = hf_bank_size(s->run.container, HF_BANK_CODE, &s->plan.code_size, err);

    if (r == 0)
        r = hf_bank_size(s->run.container, HF_BANK_VARS, &s->plan.vars_size, err);
    if (r == -HF_ENOTFOUND && s->plan.code_size)
        r = 0;
    /* Written for the source, where the guest was started. */
    s->arguments.incoming = s->arguments.loadvm = NULL;
    s->arguments.paused = false;
    if (s->reception->given->housed)
        s->reception->given->housed(s->reception->given->ctx, s->run.dir);
    return r;
}

int hf_reception_add_words(struct hf_supervision *s, int *keep_fd, struct hf_error *err)
{
    hf_words_add(&s->words, "-incoming");
    hf_words_add(&s->words, "defer");
    *keep_fd = hf_take_fd(s->reception->qemu_fd);
    return s->words.bad ? hf_error_nomem(err) : 0;
}

int hf_reception_load(struct hf_supervision *s, struct hf_error *err)
{
    json_t *wanted = json_pack("{s:[{s:s, s:b}, {s:s, s:b}]}", "capabilities", "capability", "events", "state", 1,
                               "capability", "late-block-activate", "state", 1);
    char uri[32];
    int r = hf_monitor_execute(s->run.monitor, "migrate-set-capabilities", wanted, NULL, err);

    if (r < 0)
        return r;
    (void)snprintf(uri, sizeof uri, "fd:%d", s->reception_fd);
    return hf_monitor_execute(s->run.monitor, "migrate-incoming", json_pack("{s:s}", "uri", uri), NULL, err);
}

void hf_reception_on_migration(struct hf_supervision *s, const json_t *data)
{
    const char *status = json_string_value(json_object_get(data, "status"));

    if (!hf_reception_is_open(s) || !status)
        return;
    if (!strcmp(status, "completed"))
        hf_receiving_note(&s->reception->receiving, HF_RECEIVING_ON_WANTED);
    s->run.todo |= HF_TODO_RECEIVE;
    if (!strcmp(status, "failed")) {
        struct hf_error err;

        (void)hf_error_set(&err, HF_EIO, "%s: the guest's state cannot be loaded; see its own message", s->program);
        hf_run_fail(&s->run, &err);
    }
}

/* ---- the guest becomes ours ---- */

static void settle(struct hf_supervision *s)
{
    struct hf_reception *n = s->reception;

    hf_loop_cancel(&s->run.loop, look_at_clock, s);
    hf_pump_close(hf_take_ptr(n->receiving.pump), FAREWELL_MS);
    hf_stream_relay_close(hf_take_ptr(n->relay));
    hf_run_say(&s->run, "the guest runs here now; it came from host '%s'", n->host);
    if (n->given->settled)
        n->given->settled(n->given->ctx);
}

/* From here on there is no other copy of the guest: what fails is said, and the guest goes on. */
static void arm(struct hf_supervision *s)
{
    struct hf_error err;
    int r = hf_supervision_open_boot(s, &err);

    if (r == 0 && hf_reset_watch_on_trial(&s->resets))
        r = hf_lifecycle_moved(s->run.container, (int64_t)time(NULL), &err);
    if (r == 0)
        r = hf_mailbox_watch_publish(&s->mailbox, true, &err);
    if (r < 0)
        hf_run_say(&s->run, "%s", err.text);
    s->trial.watch.life |= s->reception->alive;
    hf_guest_clock_arrived(&s->clock, s->reception->ahead);
}

/* What has time until the guest runs: it asks QEMU much, and the disk. */
static void move_in(struct hf_supervision *s)
{
    struct hf_error err;

    if (!hf_run_has_qemu(&s->run) || hf_departure_is_granted(s))
        return;
    if (hf_record_machine(s, &err) < 0)
        hf_run_say(&s->run, "%s", err.text);
    if (hf_container_reserve(s->run.container, 0, &err) < 0)
        hf_run_say(&s->run, "%s", err.text);
}

static void time_to_move_in(void *ctx)
{
    struct hf_supervision *s = ctx;

    s->run.todo |= HF_TODO_RECEIVE | HF_TODO_MOVE_IN;
}

/* A disk that cannot be opened for writing here, for one. */
static void let_go_answered(void *ctx, const json_t *result, const struct hf_error *err)
{
    if (err && err->code == HF_EREFUSED)
        hf_run_say(ctx, "the guest arrived but cannot be resumed: %s; 'cont' on its monitor tries again", err->text);
}

/* The last moment at which the guest can still stay where it came from. */
static int check_alive(struct hf_supervision *s, struct hf_error *err)
{
    const struct hf_reception_options *given = s->reception->given;

    if (s->ended_by_owner)
        return hf_error_set(err, HF_ECANCELED, "ended by a signal");
    if (s->qemu <= 0 || !hf_monitor_is_open(s->run.monitor))
        return hf_error_set(err, HF_EIO, "%s exited before the guest was claimed", s->program);
    if (given->claiming && !given->claiming(given->ctx))
        return hf_error_set(err, HF_ECANCELED, "the caller of 'receive' exited before the guest was claimed");
    return 0;
}

static int claim(void *ctx, struct hf_error *err)
{
    struct hf_supervision *s = ctx;
    int r = check_alive(s, err);

    return r < 0 ? r : hf_exchange_claim_first(hf_pump_exchange(s->reception->receiving.pump), (int64_t)time(NULL), err);
}

static int claimed(void *ctx, struct hf_error *err)
{
    struct hf_supervision *s = ctx;
    struct hf_reception *n = s->reception;
    struct hf_exchange *x = hf_pump_exchange(n->receiving.pump);
    struct hf_error later;
    int r = 0;

    s->run.container = hf_exchange_take_container(x);
    hf_server_watch_claimed(&s->server);
    arm(s);
    if (n->ran)
        r = hf_monitor_send(s->run.monitor, "cont", NULL, let_go_answered, &s->run, err);
    s->let_go = true;
    if (hf_exchange_claim_told(x, s->run.container, &later) < 0)
        hf_run_say(&s->run, "%s", later.text);
    hf_pump_turn(n->receiving.pump);
    settle(s);
    if (!hf_owner_is_registered(s->run.container))
        hf_run_say(&s->run, "the container is claimed, but this host's register of epochs cannot be written now; a "
                            "later change writes it");
    if (r < 0 || hf_loop_timer(&s->run.loop, MOVE_IN_MS, time_to_move_in, s, NULL) < 0)
        move_in(s);
    return r;
}

static const struct hf_receiver_ops supervisor = {
    .meet = hf_reception_hear,
    .install = take_copy,
    .refresh = take_copy,
    .claim = claim,
    .claimed = claimed,
    .revoked = revoked,
};

void hf_reception_go_on(struct hf_supervision *s)
{
    bool moves_in = s->run.todo & HF_TODO_MOVE_IN;
    struct hf_error err;

    s->run.todo &= ~(unsigned)(HF_TODO_RECEIVE | HF_TODO_MOVE_IN);
    if (hf_reception_is_open(s)) {
        if (hf_pump_seen(s->reception->receiving.pump, HF_EXCHANGE_STREAM_END))
            hf_stream_relay_end(s->reception->relay);
        if (go_on(s, &err) < 0)
            hf_run_fail(&s->run, &err);
    }
    if (moves_in && s->reception)
        move_in(s);
}

void hf_reception_end(struct hf_supervision *s, const struct hf_error *why)
{
    struct hf_reception *n = s->reception;

    if (!n)
        return;
    hf_loop_cancel(&s->run.loop, look_at_clock, s);
    hf_loop_cancel(&s->run.loop, time_to_move_in, s);
    if (n->receiving.pump) {
        if (hf_pump_is_open(n->receiving.pump))
            (void)hf_exchange_cancel(hf_pump_exchange(n->receiving.pump), why->text, NULL);
        if (!hf_receiving_stage_is_settled(n->receiving.stage))
            s->run.container = NULL; /* the exchange's */
        hf_pump_close(hf_take_ptr(n->receiving.pump), FAREWELL_MS);
    }
    hf_stream_relay_close(n->relay);
    if (n->qemu_fd >= 0)
        (void)close(n->qemu_fd);
    for (char **word = n->words; word && *word; word++)
        free(*word);
    free(n->words);
    free(n);
    s->reception = NULL;
}
