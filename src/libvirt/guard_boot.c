/* SPDX-License-Identifier: BSD-2-Clause */
#include "guard_inside.h"

#include <string.h>
#include <syslog.h>
#include <time.h>

#include "banks.h"
#include "board.h"
#include "boots.h"
#include "cleanup.h"
#include "host_offer.h"
#include "life_record.h"
#include "published.h"
#include "qemu_start.h"
#include "state.h"

/* How often code or variables had been replaced when the guest was last on: a saved state fits only that. */
#define STATE_CHANGES "libvirt.changes"

int64_t hf_guard_now(void)
{
    return (int64_t)time(NULL);
}

struct hf_boot hf_guard_boot(const struct hf_guard *g)
{
    return (struct hf_boot){
        .moment = HF_MOMENT_POWER_ON,
        .now = hf_guard_now(),
        .boot_id = g->boot_id,
        .arrives = g->config.restore,
        .vmm = g->config.vmm,
    };
}

static int boot(struct hf_guard *g, struct hf_error *err)
{
    hf_auto(hf_host_offer_done) struct hf_host_offer offer = {.bytes = NULL};
    struct hf_boot b = hf_guard_boot(g);
    struct hf_boot_plan plan;
    struct hf_guest guest;
    int r = hf_guest_get(g->container, &guest, err);

    if (r < 0)
        return r;
    b.pinned = hf_machine_is_pinned(guest.machine);
    const struct hf_host_offer_place place = {.architecture = guest.arch, .machine = guest.machine};
    r = hf_host_offer_find(g->container, &place, &b, &offer, err);
    if (r == 0)
        r = hf_lifecycle_power_on(g->container, &b, &plan, err);
    if (r == 0 && plan.words[0])
        syslog(LOG_INFO, "%s: %s", g->adoption.name, plan.words);
    return r;
}

/* A saved state holds both banks as they were: it goes with the firmware and variables of then, or not at all. */
static int check_restore(struct hf_guard *g, struct hf_error *err)
{
    struct hf_life_record record;
    int64_t then;
    int r = hf_life_load(g->container, &record, err);

    if (r == 0)
        r = hf_state_number(g->container, STATE_CHANGES, record.changes, &then, err);
    if (r < 0 || then == record.changes)
        return r;
    return hf_error_refuse(err, "suspended",
                           "the saved state of domain '%s' holds firmware and variables that were "
                           "replaced since; it must not run on. 'virsh managedsave-remove' discards it",
                           g->adoption.name);
}

int hf_guard_find_vars(struct hf_guard *g, struct hf_error *err)
{
    uint64_t size;
    int r = hf_bank_size(g->container, HF_BANK_VARS, &size, err);

    g->has_vars = r == 0;
    return r == -HF_ENOTFOUND ? 0 : r;
}

int hf_guard_decide(struct hf_guard *g, struct hf_error *err)
{
    int r = hf_published_check(g->container, &g->adoption, err);

    if (r == 0 && g->config.restore)
        r = hf_guard_boot_ended(g, HF_ENDING_UNSEEN,
                                err); /* of a guard that was killed: what it applied is not what the state holds */
    if (r == 0)
        r = g->config.restore ? check_restore(g, err) : boot(g, err);
    if (r == 0)
        r = hf_publish(g->container, &g->adoption, err);
    return r < 0 ? r : hf_guard_find_vars(g, err);
}

int hf_guard_remember_changes(struct hf_guard *g, struct hf_error *err)
{
    struct hf_life_record record;
    int r = hf_life_load(g->container, &record, err);

    if (r == 0)
        r = hf_begin(g->container, err);
    if (r == 0)
        r = hf_state_set_number(g->container, STATE_CHANGES, record.changes, err);
    if (r == 0)
        r = hf_commit(g->container, HF_DURABLE, err);
    hf_abort(g->container);
    return r;
}

/* The guest executes, or is about to. Where it has variables its boot is open since it first wrote them, if it did. One
 * that goes on from a saved state has not written them yet: its boot opens then, once it is known what the state holds.
 */
int hf_guard_booted(struct hf_guard *g, struct hf_error *err)
{
    struct hf_boot b = hf_guard_boot(g);

    b.arrives = b.arrives || hf_qemu_awaits_state(g->adoption.name);
    if (b.arrives && g->has_vars)
        return 0;
    return hf_lifecycle_opened(g->container, &b, err);
}

int hf_guard_boot_ended(struct hf_guard *g, enum hf_ending ending, struct hf_error *err)
{
    char words[HF_BOOT_WORDS_SIZE];
    int r = hf_lifecycle_ended(g->container, ending, hf_guard_now(), words, err);

    if (r == 0 && words[0])
        syslog(LOG_INFO, "%s: %s", g->adoption.name, words);
    return r;
}
