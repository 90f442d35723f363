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
    ((struct hf_reception *)ctx)->run->todo |= HF_TODO_RECEIVE;
}

static bool stream(void *ctx, const void *bytes, size_t size)
{
    struct hf_reception *n = ctx;

    return hf_stream_relay_put(n->relay, n->receiving.pump, bytes, size);
}

/* Every now and then: a connection may be gone without a word. */
static void look_at_clock(void *ctx)
{
    struct hf_reception *n = ctx;

    n->run->todo |= HF_TODO_RECEIVE;
    (void)hf_loop_timer(&n->run->loop, LOOK_MS, look_at_clock, n, NULL);
}

bool hf_reception_is_wanted(const struct hf_reception *n)
{
    return n->given;
}

bool hf_reception_is_open(const struct hf_reception *n)
{
    return n->given && !hf_receiving_stage_is_settled(n->receiving.stage);
}

/* ---- until the container is here ---- */

/* `install`, and again at each READY: the firmware goes on negotiating while it moves. */
static int take_copy(void *ctx, struct hf_error *err)
{
    struct hf_reception *n = ctx;

    n->run->container = hf_exchange_container(hf_pump_exchange(n->receiving.pump));
    return n->ops.check(n->ops.ctx, err);
}

static int revoked(void *ctx, struct hf_error *err)
{
    return hf_error_set(err, HF_ECANCELED, "host '%s' revoked the migration", ((struct hf_reception *)ctx)->host);
}

/* Between turns: what happened, and what follows. */
static int go_on(struct hf_reception *n, struct hf_error *err)
{
    struct hf_receiving *receiving = &n->receiving;

    if (n->ops.is_ended(n->ops.ctx) && receiving->stage < HF_RECEIVING_COPIED)
        hf_receiving_note(receiving, HF_RECEIVING_ON_CANCELLED);
    hf_receiving_note_seen(receiving);
    hf_receiving_look(receiving);
    return hf_receiving_go_on(receiving, err);
}

static int await_copy(struct hf_reception *n, struct hf_error *err)
{
    const struct hf_receiving *receiving = &n->receiving;
    int r = go_on(n, err);

    while (r == 0 && receiving->stage < HF_RECEIVING_COPIED) {
        r = hf_loop_turn(&n->run->loop, -1, err);
        if (r == 0)
            r = go_on(n, err);
    }
    return r;
}

static const struct hf_receiver_ops supervisor;

static int open_link(struct hf_reception *n, struct hf_error *err)
{
    const struct hf_reception_options *given = n->given;
    const struct hf_pump_ops ops = {.news = news, .stream = stream, .ctx = n};
    json_t *extra = json_pack("{s:{}}", "live");
    struct hf_exchange_place place = {.path = n->run->options->container,
                                      .caps = given->caps,
                                      .caps_size = given->caps ? strlen(given->caps) : 0,
                                      .extra = extra,
                                      .describe = hf_reception_describe,
                                      .ctx = n,
                                      .hold = true};
    struct hf_exchange *exchange;
    struct hf_pump *pump;
    int r = extra ? hf_exchange_destination(&place, &exchange, err) : hf_error_nomem(err);

    json_decref(extra);
    if (r == 0)
        r = hf_pump_open(exchange, given->in, given->out, &n->run->loop, &ops, &pump, err);
    if (r == 0)
        hf_receiving_connect(&n->receiving, &supervisor, n, pump);
    return r;
}

void hf_reception_init(struct hf_reception *n, struct hf_run *run, const struct hf_reception_options *given,
                       const char *program, const struct hf_reception_ops *ops)
{
    *n = (struct hf_reception){.run = run, .given = given, .program = program, .ops = *ops, .qemu_fd = -1};
}

int hf_reception_meet(struct hf_reception *n, struct hf_error *err)
{
    int r;

    n->receiving.timeout_s = n->given->timeout_s;
    n->options = *n->run->options;
    r = open_link(n, err);
    if (r < 0)
        return r;
    look_at_clock(n);
    r = hf_stream_relay_open(&n->run->loop, &n->relay, &n->qemu_fd, err);
    if (r == 0)
        r = await_copy(n, err);
    if (r < 0)
        return r;
    n->run->options = &n->options;
    (void)hf_container_warm(n->run->container, NULL); /* the claim comes when the guest is paused */
    return 0;
}

/* ---- QEMU ---- */

int hf_reception_plan(struct hf_reception *n, struct hf_boot_plan *plan, struct hf_arguments *arguments,
                      struct hf_error *err)
{
    int r = hf_bank_size(n->run->container, HF_BANK_CODE, &plan->code_size, err);

    if (r == 0)
        r = hf_bank_size(n->run->container, HF_BANK_VARS, &plan->vars_size, err);
    if (r == -HF_ENOTFOUND && plan->code_size)
        r = 0;
    /* Written for the source, where the guest was started. */
    arguments->incoming = arguments->loadvm = NULL;
    arguments->paused = false;
    if (n->given->housed)
        n->given->housed(n->given->ctx, n->run->dir);
    return r;
}

int hf_reception_add_words(struct hf_reception *n, struct hf_words *words, int *keep_fd, struct hf_error *err)
{
    hf_words_add(words, "-incoming");
    hf_words_add(words, "defer");
    *keep_fd = n->fd_there = hf_take_fd(n->qemu_fd);
    return words->bad ? hf_error_nomem(err) : 0;
}

int hf_reception_load(struct hf_reception *n, struct hf_error *err)
{
    json_t *wanted = json_pack("{s:[{s:s, s:b}, {s:s, s:b}]}", "capabilities", "capability", "events", "state", 1,
                               "capability", "late-block-activate", "state", 1);
    char uri[32];
    int r = hf_monitor_execute(n->run->monitor, "migrate-set-capabilities", wanted, NULL, err);

    if (r < 0)
        return r;
    (void)snprintf(uri, sizeof uri, "fd:%d", n->fd_there);
    return hf_monitor_execute(n->run->monitor, "migrate-incoming", json_pack("{s:s}", "uri", uri), NULL, err);
}

void hf_reception_on_migration(struct hf_reception *n, const json_t *data)
{
    const char *status = json_string_value(json_object_get(data, "status"));

    if (!hf_reception_is_open(n) || !status)
        return;
    if (!strcmp(status, "completed"))
        hf_receiving_note(&n->receiving, HF_RECEIVING_ON_WANTED);
    n->run->todo |= HF_TODO_RECEIVE;
    if (!strcmp(status, "failed")) {
        struct hf_error err;

        (void)hf_error_set(&err, HF_EIO, "%s: the guest's state cannot be loaded; see its own message", n->program);
        hf_run_fail(n->run, &err);
    }
}

/* ---- the guest becomes ours ---- */

static void settle(struct hf_reception *n)
{
    hf_loop_cancel(&n->run->loop, look_at_clock, n);
    hf_pump_close(hf_take_ptr(n->receiving.pump), FAREWELL_MS);
    hf_stream_relay_close(hf_take_ptr(n->relay));
    hf_run_say(n->run, "the guest runs here now; it came from host '%s'", n->host);
    if (n->given->settled)
        n->given->settled(n->given->ctx);
}

static void time_to_move_in(void *ctx)
{
    struct hf_reception *n = ctx;

    n->run->todo |= HF_TODO_RECEIVE | HF_TODO_MOVE_IN;
}

/* A disk that cannot be opened for writing here, for one. */
static void let_go_answered(void *ctx, const json_t *result, const struct hf_error *err)
{
    if (err && err->code == HF_EREFUSED)
        hf_run_say(ctx, "the guest arrived but cannot be resumed: %s; 'cont' on its monitor tries again", err->text);
}

/* The last moment at which the guest can still stay where it came from. */
static int check_alive(struct hf_reception *n, struct hf_error *err)
{
    const struct hf_reception_options *given = n->given;

    if (n->ops.is_ended(n->ops.ctx))
        return hf_error_set(err, HF_ECANCELED, "ended by a signal");
    if (!n->ops.has_qemu(n->ops.ctx) || !hf_monitor_is_open(n->run->monitor))
        return hf_error_set(err, HF_EIO, "%s exited before the guest was claimed", n->program);
    if (given->claiming && !given->claiming(given->ctx))
        return hf_error_set(err, HF_ECANCELED, "the caller of 'receive' exited before the guest was claimed");
    return 0;
}

static int claim(void *ctx, struct hf_error *err)
{
    struct hf_reception *n = ctx;
    int r = check_alive(n, err);

    return r < 0 ? r : hf_exchange_claim_first(hf_pump_exchange(n->receiving.pump), (int64_t)time(NULL), err);
}

static int claimed(void *ctx, struct hf_error *err)
{
    struct hf_reception *n = ctx;
    struct hf_exchange *x = hf_pump_exchange(n->receiving.pump);
    struct hf_error later;
    int r = 0;

    n->run->container = hf_exchange_take_container(x);
    n->ops.claimed(n->ops.ctx, &n->guest);
    if (n->guest.ran)
        r = hf_monitor_send(n->run->monitor, "cont", NULL, let_go_answered, n->run, err);
    n->ops.resumed(n->ops.ctx);
    if (hf_exchange_claim_told(x, n->run->container, &later) < 0)
        hf_run_say(n->run, "%s", later.text);
    hf_pump_turn(n->receiving.pump);
    settle(n);
    if (!hf_owner_is_registered(n->run->container))
        hf_run_say(n->run, "the container is claimed, but this host's register of epochs cannot be written now; a "
                           "later change writes it");
    if (r < 0 || hf_loop_timer(&n->run->loop, MOVE_IN_MS, time_to_move_in, n, NULL) < 0)
        n->ops.move_in(n->ops.ctx);
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

void hf_reception_go_on(struct hf_reception *n)
{
    bool moves_in = n->run->todo & HF_TODO_MOVE_IN;
    struct hf_error err;

    n->run->todo &= ~(unsigned)(HF_TODO_RECEIVE | HF_TODO_MOVE_IN);
    if (hf_reception_is_open(n)) {
        if (hf_pump_seen(n->receiving.pump, HF_EXCHANGE_STREAM_END))
            hf_stream_relay_end(n->relay);
        if (go_on(n, &err) < 0)
            hf_run_fail(n->run, &err);
    }
    if (moves_in)
        n->ops.move_in(n->ops.ctx);
}

void hf_reception_end(struct hf_reception *n, const struct hf_error *why)
{
    if (!n->given)
        return;
    hf_loop_cancel(&n->run->loop, look_at_clock, n);
    hf_loop_cancel(&n->run->loop, time_to_move_in, n);
    if (n->receiving.pump) {
        if (hf_pump_is_open(n->receiving.pump))
            (void)hf_exchange_cancel(hf_pump_exchange(n->receiving.pump), why->text, NULL);
        if (!hf_receiving_stage_is_settled(n->receiving.stage))
            n->run->container = NULL; /* the exchange's */
        hf_pump_close(hf_take_ptr(n->receiving.pump), FAREWELL_MS);
    }
    hf_stream_relay_close(n->relay);
    if (n->qemu_fd >= 0)
        (void)close(n->qemu_fd);
    for (char **word = n->words; word && *word; word++)
        free(*word);
    free(n->words);
    n->given = NULL;
}
