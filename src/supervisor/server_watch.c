/* SPDX-License-Identifier: BSD-2-Clause */
#include "server_watch.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "guest_bank.h"
#include "writeback.h"

#define RESTART_AGAIN_MS 1000
#define VERIFY_TRIES     200
#define VERIFY_STEP_MS   5
#define VERIFY_AGAIN_MS  1000

static void on_server(void *ctx, short revents);

static int watch(struct hf_server_watch *w, struct hf_error *err)
{
    return hf_loop_watch(&w->run->loop, hf_nbd_server_fd(w->server), POLLIN, on_server, w, err);
}

void hf_server_watch_init(struct hf_server_watch *w, struct hf_run *run, const struct hf_machine *machine)
{
    *w = (struct hf_server_watch){
        .run = run, .machine = machine, .without_storage = run->options->continue_without_storage};
}

int hf_server_watch_start(struct hf_server_watch *w, bool incoming, struct hf_error *err)
{
    struct hf_nbd_server_config config = {
        .container = w->run->options->container,
        .lock_fd = hf_container_lock_fd(w->run->container),
        .socket = w->machine->socket,
        .socket_uid = (uid_t)-1,
        .socket_gid = (gid_t)-1,
        .incoming = incoming,
    };
    int r = hf_nbd_server_start(&config, &w->server, err);

    return r < 0 ? r : watch(w, err);
}

void hf_server_watch_claimed(struct hf_server_watch *w)
{
    hf_nbd_server_claimed(w->server);
}

void hf_server_watch_stop(struct hf_server_watch *w)
{
    if (!w->server)
        return;
    hf_loop_unwatch(&w->run->loop, hf_nbd_server_fd(w->server));
    hf_nbd_server_free(w->server);
    w->server = NULL;
}

/* ---- died ---- */

static void restart(void *ctx)
{
    struct hf_server_watch *w = ctx;
    struct hf_error err;
    int r = hf_nbd_server_restart(w->server, &err);

    if (r == 0)
        r = watch(w, &err);
    if (r == 0) {
        hf_run_say(w->run, "the flash server runs again");
        w->run->todo |= HF_TODO_VERIFY;
        return;
    }
    hf_run_say(w->run, "the flash server cannot be started again: %s; the guest stays stopped and this is tried on",
               err.text);
    if (hf_loop_timer(&w->run->loop, RESTART_AGAIN_MS, restart, w, &err) < 0)
        hf_run_fail(w->run, &err);
}

static void on_died(struct hf_server_watch *w, const struct hf_nbd_status *status)
{
    hf_run_say(w->run, "%s; the guest is stopped until it is back", status->text);
    hf_run_pause(w->run, hf_pause_hold(&w->run->pause, HF_HOLD_SERVER));
    restart(w);
}

int hf_server_watch_renew(struct hf_server_watch *w, struct hf_error *err)
{
    int r;

    hf_loop_unwatch(&w->run->loop, hf_nbd_server_fd(w->server));
    r = hf_nbd_server_restart(w->server, err);
    return r < 0 ? r : watch(w, err);
}

/* ---- behind ---- */

static void on_behind(struct hf_server_watch *w, const struct hf_nbd_status *status)
{
    if (hf_pause_holds(&w->run->pause, HF_HOLD_STORAGE))
        return;
    hf_run_say(w->run, "storage is behind by %llu bytes: %s; %s", (unsigned long long)status->bytes, status->text,
               w->without_storage ? "the guest runs on, as you said"
                                  : "the guest is stopped until it has caught up (SIGUSR1: go on without)");
    if (!w->without_storage)
        hf_run_pause(w->run, hf_pause_hold(&w->run->pause, HF_HOLD_STORAGE));
}

static void on_caught_up(struct hf_server_watch *w, const struct hf_nbd_status *status)
{
    hf_run_say(w->run, "storage has caught up");
    hf_run_pause(w->run, hf_pause_drop(&w->run->pause, HF_HOLD_STORAGE));
}

void hf_server_watch_go_on(struct hf_server_watch *w)
{
    w->without_storage = true;
    hf_run_say(w->run, "the guest continues without storage; what it writes to flash is kept in memory meanwhile");
    hf_run_pause(w->run, hf_pause_drop(&w->run->pause, HF_HOLD_STORAGE));
}

/* ---- what it says ---- */

static void on_alarm(struct hf_server_watch *w, const struct hf_nbd_status *status)
{
    hf_run_say(w->run, "%s", status->text);
}

static void on_failed(struct hf_server_watch *w, const struct hf_nbd_status *status)
{
    hf_run_say(w->run, "the flash server gives up: %s", status->text);
}

void hf_server_watch_hear(struct hf_server_watch *w, const struct hf_nbd_status *status)
{
    static void (*const on[])(struct hf_server_watch * w, const struct hf_nbd_status *status) = {
        [HF_NBD_FAILED] = on_failed, [HF_NBD_BEHIND] = on_behind, [HF_NBD_CAUGHT_UP] = on_caught_up,
        [HF_NBD_ALARM] = on_alarm,   [HF_NBD_DIED] = on_died,
    };

    if ((size_t)status->kind < HF_ARRAY_SIZE(on) && on[status->kind])
        on[status->kind](w, status);
}

static void on_server(void *ctx, short revents)
{
    struct hf_server_watch *w = ctx;
    int fd = hf_nbd_server_fd(w->server), r;
    struct hf_nbd_status status;
    struct hf_error err;

    while ((r = hf_nbd_server_next(w->server, &status, &err)) > 0) {
        if (status.kind == HF_NBD_DIED)
            hf_loop_unwatch(&w->run->loop, fd);
        hf_server_watch_hear(w, &status);
        if (status.kind == HF_NBD_DIED)
            return; /* the next one is watched by itself */
    }
    if (r < 0)
        hf_run_fail(w->run, &err);
}

/* ---- verified ---- */

static void verify_again(void *ctx)
{
    ((struct hf_server_watch *)ctx)->run->todo |= HF_TODO_VERIFY;
}

/* A guest stopped between the bytes of a flash command hides the bank's contents; a few milliseconds on, it does not.
 */
static int step_guest(struct hf_server_watch *w, struct hf_error *err)
{
    int64_t until = hf_loop_now() + VERIFY_STEP_MS, left;
    int r = hf_monitor_execute(w->run->monitor, "cont", NULL, NULL, err);

    while (r == 0 && (left = until - hf_loop_now()) > 0)
        r = hf_loop_turn(&w->run->loop, (int)left, err);
    return r < 0 ? r : hf_monitor_execute(w->run->monitor, "stop", NULL, NULL, err);
}

/* The guest is stopped and its writes have been flushed: QEMU flushes every disk before it says that it has stopped. */
static int read_bank(struct hf_server_watch *w, uint8_t **bytes, struct hf_error *err)
{
    int r = hf_monitor_execute(w->run->monitor, "stop", NULL, NULL, err);

    for (unsigned i = 0; r == 0 && i < VERIFY_TRIES; i++) {
        r = hf_guest_bank_read(w->run->monitor, w->machine, w->run->dir, bytes, err);
        if (r != -HF_ECANCELED || !w->run->pause.ours)
            return r;
        r = step_guest(w, err);
    }
    return r;
}

static int store_bank(struct hf_server_watch *w, const uint8_t *bytes, struct hf_error *err)
{
    struct hf_error alarm = {.code = HF_OK};
    int r, again;

    hf_loop_unwatch(&w->run->loop, hf_nbd_server_fd(w->server));
    hf_nbd_server_stop(w->server);
    r = hf_writeback_drain(w->run->container, (int64_t)time(NULL), NULL, err);
    if (r == 0)
        r = hf_guest_bank_store(w->run->container, bytes, w->machine->vars_size, (int64_t)time(NULL), &alarm, err);
    if (r == 0 && alarm.text[0])
        hf_run_say(w->run, "%s", alarm.text);
    again = hf_nbd_server_restart(w->server, r == 0 ? err : NULL);
    if (again == 0)
        again = watch(w, r == 0 ? err : NULL);
    return r < 0 ? r : again;
}

static int verify(struct hf_server_watch *w, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    bool equal = false;
    int r = read_bank(w, &bytes, err);

    if (r == 0)
        r = hf_guest_bank_equals(w->run->container, bytes, w->machine->vars_size, &equal, err);
    if (r < 0 || equal)
        return r;
    r = store_bank(w, bytes, err);
    if (r == 0)
        hf_run_say(w->run, "writes had been lost; the variables were taken from the stopped guest's memory");
    return r;
}

void hf_server_watch_verify(struct hf_server_watch *w, bool complete)
{
    struct hf_error err;
    int r;

    w->run->todo &= ~(unsigned)HF_TODO_VERIFY;
    if (!hf_run_has_qemu(w->run))
        return;
    r = complete && w->machine->vars_size ? verify(w, &err) : 0;
    if (w->run->todo & HF_TODO_VERIFY)
        return; /* it died again meanwhile */
    if (r == 0) {
        hf_run_say(w->run, "the guest's variables are safe; it continues as before");
        hf_run_pause(w->run, hf_pause_drop(&w->run->pause, HF_HOLD_SERVER));
        return;
    }
    hf_run_say(w->run, "the variables cannot be compared with the guest's now: %s", err.text);
    if (hf_loop_timer(&w->run->loop, VERIFY_AGAIN_MS, verify_again, w, &err) < 0)
        hf_run_fail(w->run, &err);
}
