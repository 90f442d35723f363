/* SPDX-License-Identifier: BSD-2-Clause */
#include "resets.h"

#include <string.h>

#include "cleanup.h"

/* [panic_ends] */
static const char *const armed_actions[2] = {
    "{\"reboot\":\"shutdown\",\"shutdown\":\"pause\"}",
    "{\"reboot\":\"shutdown\",\"shutdown\":\"pause\",\"panic\":\"exit-failure\"}",
};

/* [no_reboot][no_shutdown]: the user's own words, given back to QEMU; and where a panic ends it. */
static const char *const user_actions[2][2] = {
    {"{\"reboot\":\"reset\",\"shutdown\":\"poweroff\"}", "{\"reboot\":\"reset\",\"shutdown\":\"pause\"}"},
    {"{\"reboot\":\"shutdown\",\"shutdown\":\"poweroff\"}", "{\"reboot\":\"shutdown\",\"shutdown\":\"pause\"}"},
};
static const char *const user_actions_panic[2] = {
    "{\"reboot\":\"reset\",\"shutdown\":\"poweroff\",\"panic\":\"shutdown\"}",
    "{\"reboot\":\"shutdown\",\"shutdown\":\"poweroff\",\"panic\":\"shutdown\"}",
};

enum release_step { RELEASE_ALLOW, RELEASE_RESET, RELEASE_ARM, RELEASE_CONT, RELEASE_DONE };

static const char *const state_names[] = {
    [HF_RESETS_LOOSE] = "loose",     [HF_RESETS_ARMING] = "arming",       [HF_RESETS_ARMED] = "armed",
    [HF_RESETS_STOPPED] = "stopped", [HF_RESETS_RELEASING] = "releasing", [HF_RESETS_ENDING] = "ending",
};
_Static_assert(HF_ARRAY_SIZE(state_names) == HF_RESETS_STATE_MAX, "one name per state");

const char *hf_resets_state_name(enum hf_resets_state state)
{
    return (unsigned)state < HF_RESETS_STATE_MAX ? state_names[state] : NULL;
}

bool hf_reset_reason(const char *reason, bool *by_guest)
{
    static const struct {
        const char *reason;
        bool by_guest;
    } resets[] = {{"guest-reset", true}, {"host-qmp-system-reset", false}, {"subsystem-reset", true}};

    for (size_t i = 0; i < HF_ARRAY_SIZE(resets); i++) {
        if (strcmp(reason, resets[i].reason) == 0) {
            *by_guest = resets[i].by_guest;
            return true;
        }
    }
    return false;
}

static struct hf_resets_step want(enum hf_resets_want what)
{
    return (struct hf_resets_step){.want = what};
}

static struct hf_resets_step send(struct hf_resets *r, const char *command, const char *arguments)
{
    r->in_flight = true;
    return (struct hf_resets_step){.want = HF_RESETS_SEND, .command = command, .arguments = arguments};
}

static const char *wanted_actions(const struct hf_resets *r)
{
    bool panic_ends = r->user.panic_ends && !r->user.no_shutdown;

    if (r->armed)
        return armed_actions[panic_ends];
    return panic_ends ? user_actions_panic[r->user.no_reboot] : user_actions[r->user.no_reboot][r->user.no_shutdown];
}

static struct hf_resets_step send_wanted(struct hf_resets *r)
{
    r->set = r->armed;
    return send(r, "set-action", wanted_actions(r));
}

static struct hf_resets_step send_actions(struct hf_resets *r)
{
    r->state = HF_RESETS_ARMING;
    return send_wanted(r);
}

/* Done with what was under way; the wish may have changed meanwhile. */
static struct hf_resets_step settle(struct hf_resets *r)
{
    if (r->set != r->armed)
        return send_actions(r);
    r->state = r->set ? HF_RESETS_ARMED : HF_RESETS_LOOSE;
    return want(HF_RESETS_NOTHING);
}

void hf_resets_init(struct hf_resets *r, struct hf_user_actions user, bool armed)
{
    *r = (struct hf_resets){
        .user = user, .armed = armed, .set = armed, .state = armed ? HF_RESETS_ARMED : HF_RESETS_LOOSE};
}

struct hf_resets_step hf_resets_arm(struct hf_resets *r, bool armed)
{
    bool settled = r->state == HF_RESETS_LOOSE || r->state == HF_RESETS_ARMED;

    r->armed = armed;
    return settled && r->set != armed ? send_actions(r) : want(HF_RESETS_NOTHING);
}

/* QEMU ends by itself when it was told to, whatever the actions say. One that stays may be reset and go on. */
static struct hf_resets_step shut_down(struct hf_resets *r, const char *reason)
{
    if (strncmp(reason, "host-", 5) == 0 && strncmp(reason, "host-qmp-system-reset", 21) != 0) {
        r->state = HF_RESETS_ENDING;
        return want(HF_RESETS_NOTHING);
    }
    if (r->user.no_shutdown)
        return want(HF_RESETS_LEFT);
    r->state = HF_RESETS_ENDING;
    return send(r, "quit", NULL);
}

struct hf_resets_step hf_resets_on_shutdown(struct hf_resets *r, const char *reason)
{
    bool by_guest = false, reset = hf_reset_reason(reason, &by_guest);

    if (r->state == HF_RESETS_STOPPED || r->state == HF_RESETS_RELEASING || r->state == HF_RESETS_ENDING)
        return want(HF_RESETS_NOTHING);
    if (r->state == HF_RESETS_LOOSE)
        return want(HF_RESETS_NOTHING);
    if (!reset || r->user.no_reboot)
        return shut_down(r, reason);
    r->state = HF_RESETS_STOPPED;
    r->by_guest = by_guest;
    return (struct hf_resets_step){.want = HF_RESETS_DECIDE, .by_guest = by_guest};
}

static struct hf_resets_step release_on(struct hf_resets *r)
{
    switch (r->at) {
    case RELEASE_ALLOW:
        return send(r, "set-action", "{\"reboot\":\"reset\"}");
    case RELEASE_RESET:
        r->saw_reset = false;
        return send(r, "system_reset", NULL);
    case RELEASE_ARM:
        return send_wanted(r);
    case RELEASE_CONT:
        return send(r, "cont", NULL);
    default:
        r->state = r->set ? HF_RESETS_ARMED : HF_RESETS_LOOSE;
        return want(HF_RESETS_RELEASED);
    }
}

struct hf_resets_step hf_resets_release(struct hf_resets *r)
{
    if (r->state != HF_RESETS_STOPPED)
        return want(HF_RESETS_NOTHING);
    r->released = r->in_flight;
    if (r->released)
        return want(HF_RESETS_NOTHING);
    r->state = HF_RESETS_RELEASING;
    r->at = RELEASE_ALLOW;
    return release_on(r);
}

/* QEMU performs a reset after it has answered system_reset; `cont` before that is refused. */
static struct hf_resets_step release_next(struct hf_resets *r)
{
    if (r->at == RELEASE_RESET && (r->in_flight || !r->saw_reset))
        return want(HF_RESETS_NOTHING);
    r->at++;
    return release_on(r);
}

struct hf_resets_step hf_resets_on_reset(struct hf_resets *r)
{
    if (r->state != HF_RESETS_RELEASING || r->at != RELEASE_RESET)
        return want(HF_RESETS_NOTHING);
    r->saw_reset = true;
    return release_next(r);
}

struct hf_resets_step hf_resets_on_answer(struct hf_resets *r, bool good)
{
    r->in_flight = false;
    switch (r->state) {
    case HF_RESETS_ARMING:
        return good ? settle(r) : want(HF_RESETS_FAILED);
    case HF_RESETS_STOPPED:
        return r->released ? hf_resets_release(r) : want(HF_RESETS_NOTHING);
    case HF_RESETS_RELEASING:
        if (good)
            return release_next(r);
        r->state = HF_RESETS_STOPPED;
        return want(HF_RESETS_FAILED);
    default:
        return want(HF_RESETS_NOTHING);
    }
}

struct hf_resets_step hf_resets_reconnected(struct hf_resets *r)
{
    r->in_flight = false;
    switch (r->state) {
    case HF_RESETS_STOPPED:
        return (struct hf_resets_step){.want = HF_RESETS_DECIDE, .by_guest = r->by_guest};
    case HF_RESETS_RELEASING:
        return release_on(r); /* every step may be done twice while the guest is stopped */
    case HF_RESETS_ENDING:
        return want(HF_RESETS_NOTHING);
    default:
        return send_actions(r);
    }
}
