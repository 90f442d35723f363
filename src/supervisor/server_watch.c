/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flash server under a guest. What it answered for outlives it, and QEMU repeats what it had not answered, so a
 * server that died is only a pause; the guest is stopped meanwhile and its bank is compared afterwards all the same.
 */
#include "supervision.h"

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

static int watch(struct hf_supervision *s, struct hf_error *err)
{
    return hf_loop_watch(&s->run.loop, hf_nbd_server_fd(s->server), POLLIN, on_server, s, err);
}

int hf_server_watch_start(struct hf_supervision *s, struct hf_error *err)
{
    struct hf_nbd_server_config config = {
        .container = s->run.options->container,
        .lock_fd = hf_container_lock_fd(s->run.container),
        .socket = s->socket,
        .socket_uid = (uid_t)-1,
        .socket_gid = (gid_t)-1,
        .incoming = hf_reception_is_open(s),
    };
    int r = hf_nbd_server_start(&config, &s->server, err);

    return r < 0 ? r : watch(s, err);
}

int hf_server_watch_stop(struct hf_supervision *s, struct hf_error *err)
{
    if (!s->server)
        return 0;
    hf_loop_unwatch(&s->run.loop, hf_nbd_server_fd(s->server));
    hf_nbd_server_free(s->server);
    s->server = NULL;
    return 0;
}

/* ---- died ---- */

static void restart(void *ctx)
{
    struct hf_supervision *s = ctx;
    struct hf_error err;
    int r = hf_nbd_server_restart(s->server, &err);

    if (r == 0)
        r = watch(s, &err);
    if (r == 0) {
        hf_run_say(&s->run, "the flash server runs again");
        s->run.todo |= HF_TODO_VERIFY;
        return;
    }
    hf_run_say(&s->run, "the flash server cannot be started again: %s; the guest stays stopped and this is tried on",
               err.text);
    if (hf_loop_timer(&s->run.loop, RESTART_AGAIN_MS, restart, s, &err) < 0)
        hf_run_fail(&s->run, &err);
}

static void on_death(struct hf_supervision *s, const struct hf_nbd_status *status)
{
    s->server_deaths++;
    hf_run_say(&s->run, "%s; the guest is stopped until it is back", status->text);
    hf_run_pause(&s->run, hf_pause_hold(&s->run.pause, HF_HOLD_SERVER));
    restart(s);
}

int hf_server_watch_renew(struct hf_supervision *s, struct hf_error *err)
{
    int r;

    hf_loop_unwatch(&s->run.loop, hf_nbd_server_fd(s->server));
    r = hf_nbd_server_restart(s->server, err);
    return r < 0 ? r : watch(s, err);
}

/* ---- behind ---- */

static void on_behind(struct hf_supervision *s, const struct hf_nbd_status *status)
{
    if (hf_pause_holds(&s->run.pause, HF_HOLD_STORAGE))
        return;
    hf_run_say(&s->run, "storage is behind by %llu bytes: %s; %s", (unsigned long long)status->bytes, status->text,
               s->without_storage ? "the guest runs on, as you said"
                                  : "the guest is stopped until it has caught up (SIGUSR1: go on without)");
    if (!s->without_storage)
        hf_run_pause(&s->run, hf_pause_hold(&s->run.pause, HF_HOLD_STORAGE));
}

static void on_caught_up(struct hf_supervision *s, const struct hf_nbd_status *status)
{
    hf_run_say(&s->run, "storage has caught up");
    hf_run_pause(&s->run, hf_pause_drop(&s->run.pause, HF_HOLD_STORAGE));
}

void hf_server_watch_go_on(struct hf_supervision *s)
{
    s->without_storage = true;
    hf_run_say(&s->run, "the guest continues without storage; what it writes to flash is kept in memory meanwhile");
    hf_run_pause(&s->run, hf_pause_drop(&s->run.pause, HF_HOLD_STORAGE));
}

static void on_server(void *ctx, short revents)
{
    struct hf_supervision *s = ctx;
    int fd = hf_nbd_server_fd(s->server), r;
    struct hf_nbd_status status;
    struct hf_error err;

    while ((r = hf_nbd_server_next(s->server, &status, &err)) > 0) {
        if (status.kind == HF_NBD_BEHIND)
            on_behind(s, &status);
        else if (status.kind == HF_NBD_CAUGHT_UP)
            on_caught_up(s, &status);
        else if (status.kind == HF_NBD_ALARM)
            hf_run_say(&s->run, "%s", status.text);
        else if (status.kind == HF_NBD_FAILED)
            hf_run_say(&s->run, "the flash server gives up: %s", status.text);
        else if (status.kind == HF_NBD_DIED) {
            hf_loop_unwatch(&s->run.loop, fd);
            on_death(s, &status);
            return;
        }
    }
    if (r < 0)
        hf_run_fail(&s->run, &err);
}

/* ---- verified ---- */

static void verify_again(void *ctx)
{
    ((struct hf_supervision *)ctx)->run.todo |= HF_TODO_VERIFY;
}

/* A guest stopped between the bytes of a flash command hides the bank's contents; a few milliseconds on, it does not.
 */
static int step_guest(struct hf_supervision *s, struct hf_error *err)
{
    int64_t until = hf_loop_now() + VERIFY_STEP_MS, left;
    int r = hf_monitor_execute(s->run.monitor, "cont", NULL, NULL, err);

    while (r == 0 && (left = until - hf_loop_now()) > 0)
        r = hf_loop_turn(&s->run.loop, (int)left, err);
    return r < 0 ? r : hf_monitor_execute(s->run.monitor, "stop", NULL, NULL, err);
}

/* The guest is stopped and its writes have been flushed: QEMU flushes every disk before it says that it has stopped. */
static int read_bank(struct hf_supervision *s, uint8_t **bytes, struct hf_error *err)
{
    int r = hf_monitor_execute(s->run.monitor, "stop", NULL, NULL, err);

    for (unsigned i = 0; r == 0 && i < VERIFY_TRIES; i++) {
        r = hf_guest_bank_read(s->run.monitor, &s->machine, s->run.dir, bytes, err);
        if (r != -HF_ECANCELED || !s->run.pause.ours)
            return r;
        r = step_guest(s, err);
    }
    return r;
}

static int store_bank(struct hf_supervision *s, const uint8_t *bytes, struct hf_error *err)
{
    struct hf_error alarm = {.code = HF_OK};
    int r, again;

    hf_loop_unwatch(&s->run.loop, hf_nbd_server_fd(s->server));
    hf_nbd_server_stop(s->server);
    r = hf_writeback_drain(s->run.container, (int64_t)time(NULL), NULL, err);
    if (r == 0)
        r = hf_guest_bank_store(s->run.container, bytes, s->machine.vars_size, (int64_t)time(NULL), &alarm, err);
    if (r == 0 && alarm.text[0])
        hf_run_say(&s->run, "%s", alarm.text);
    again = hf_nbd_server_restart(s->server, r == 0 ? err : NULL);
    if (again == 0)
        again = watch(s, r == 0 ? err : NULL);
    return r < 0 ? r : again;
}

static int verify(struct hf_supervision *s, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    bool equal = false;
    int r = read_bank(s, &bytes, err);

    if (r == 0)
        r = hf_guest_bank_equals(s->run.container, bytes, s->machine.vars_size, &equal, err);
    if (r < 0 || equal)
        return r;
    r = store_bank(s, bytes, err);
    if (r == 0)
        hf_run_say(&s->run, "writes had been lost; the variables were taken from the stopped guest's memory");
    return r;
}

/* Called between turns. The hold goes only when the container is known to have what the guest sees. */
void hf_server_watch_verify(struct hf_supervision *s)
{
    struct hf_error err;
    int r;

    s->run.todo &= ~(unsigned)HF_TODO_VERIFY;
    if (!hf_run_has_qemu(&s->run))
        return;
    r = s->machine.vars_size && s->arguments.incoming == NULL && !hf_reception_is_open(s) ? verify(s, &err) : 0;
    if (s->run.todo & HF_TODO_VERIFY)
        return; /* it died again meanwhile */
    if (r == 0) {
        hf_run_say(&s->run, "the guest's variables are safe; it continues as before");
        hf_run_pause(&s->run, hf_pause_drop(&s->run.pause, HF_HOLD_SERVER));
        return;
    }
    hf_run_say(&s->run, "the variables cannot be compared with the guest's now: %s", err.text);
    if (hf_loop_timer(&s->run.loop, VERIFY_AGAIN_MS, verify_again, s, &err) < 0)
        hf_run_fail(&s->run, &err);
}
