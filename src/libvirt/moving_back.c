/* SPDX-License-Identifier: BSD-2-Clause */
#include "moving.h"

#include <errno.h>
#include <poll.h>

#include "cleanup.h"
#include "exchange.h"
#include "virt.h"

#define SETTLE_TRIES 5
#define SETTLE_MS    1000
#define FAREWELL_MS  2000

/* The guest there waits for a grant that will never come; when it ends there, libvirt lets it go on here. Not so one
 * that has arrived for libvirt, which has no more to do with it there and so ends it here. */
static void end_there(struct hf_moving *m)
{
    hf_auto(hf_virt_cleanup) struct hf_virt *there = NULL;
    bool busy = true; /* libvirt has no words for a job of this kind at its destination: an error is a yes */

    (void)hf_virt_abort(m->here, NULL);
    if (hf_virt_open(m->q->to, m->report.uuid, &there, NULL) < 0)
        return;
    (void)hf_virt_busy(there, &busy, NULL);
    if (busy)
        (void)hf_virt_destroy(there, NULL);
}

/* What became of a grant whose answer was not heard? */
static void settle(struct hf_moving *m)
{
    struct hf_error own;

    for (int i = 0; i < SETTLE_TRIES && !hf_moving_is_departed(m) && m->sending.stage != HF_SENDING_RESUMED; i++) {
        if (i)
            hf_moving_wait_ms(SETTLE_MS);
        hf_moving_disconnect(m);
        if (hf_moving_connect(m, HF_SENDING_ASKING, &own) == 0)
            (void)hf_moving_run(m, &own);
    }
}

/* The guest is there, holding its writes or standing still: its container is offered anew until it has it. */
static int follow(struct hf_moving *m, struct hf_error *err)
{
    int r = -HF_EIO;

    for (int i = 0; i < SETTLE_TRIES && r < 0 && !hf_moving_is_granted(m); i++) {
        hf_moving_wait_ms(SETTLE_MS);
        hf_moving_disconnect(m);
        r = hf_moving_connect(m, HF_SENDING_MEETING_PAUSED, err);
        if (r == 0)
            r = hf_moving_run(m, err);
    }
    return r;
}

int hf_moving_explain(struct hf_moving *m, struct hf_error *err)
{
    if (hf_moving_has_left(m) && !hf_moving_is_departed(m) && !hf_moving_is_granted(m))
        return hf_error_prefix(err, -(int)err->code,
                               "domain '%s' is on '%s' and its container is still here: it does not run until the same "
                               "command moves the container, too. Cause: ",
                               m->report.name, m->report.host);
    if (hf_moving_is_departed(m))
        return hf_error_prefix(err, -(int)err->code, "domain '%s' and its container are on '%s', but: ", m->report.name,
                               m->report.host);
    if (hf_moving_is_granted(m))
        return hf_error_prefix(
            err, -(int)err->code,
            "domain '%s' was granted to '%s', and whether that claimed it is unknown: it does not run here. "
            "When that host can be reached, give the same command again. Cause: ",
            m->report.name, m->report.host);
    return hf_error_prefix(err, -(int)err->code, "domain '%s' stays here: ", m->report.name);
}

void hf_moving_give_up(struct hf_moving *m, const char *why)
{
    (void)hf_exchange_cancel(hf_pump_exchange(m->sending.pump), why, NULL);
    hf_pump_flush(m->sending.pump, FAREWELL_MS);
}

/* Another signal ends the waiting, which may be for a libvirt that waits for ever. */
static void await_mover(struct hf_moving *m)
{
    struct pollfd p[2] = {{.fd = m->mover->done, .events = POLLIN}, {.fd = m->signals, .events = POLLIN}};

    while (poll(p, 2, -1) < 0 && errno == EINTR)
        continue;
    if (p[0].revents)
        hf_mover_take(m->mover);
}

int hf_moving_take_back(struct hf_moving *m, struct hf_error *err)
{
    bool granted = hf_moving_is_granted(m);

    if (!hf_moving_is_departed(m) && !granted && m->sending.pump)
        hf_moving_give_up(m, err->text);
    if (granted && !hf_moving_is_departed(m))
        settle(m);
    if (m->mover->started && !m->mover->over) {
        if (!hf_moving_is_departed(m) && !hf_moving_is_granted(m))
            end_there(m);
        await_mover(m);
    }
    if (hf_moving_has_left(m) && !hf_moving_is_departed(m) && !hf_moving_is_granted(m))
        (void)follow(m, err);
    hf_moving_disconnect(m);
    if (hf_moving_is_departed(m) && hf_moving_has_left(m)) /* it only took another connection */
        return 0;
    return hf_moving_explain(m, err);
}

/* What an attempt that died left of the running domain: the guest that was taken is there and its shell here goes; the
 * one that was not goes on here. */
void hf_moving_clean_up(struct hf_moving *m)
{
    struct hf_virt_state state;

    if (hf_virt_state(m->here, &state, NULL) < 0 || !state.active || !state.paused)
        return;
    if (hf_moving_is_departed(m)) {
        (void)hf_virt_destroy(m->here, NULL);
    } else if (m->sending.stage == HF_SENDING_RESUMED) {
        end_there(m);
        (void)hf_virt_resume(m->here, NULL);
    }
}
