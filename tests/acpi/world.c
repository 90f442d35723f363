/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "world.h"

void world_fail(struct world *w, const char *fmt, ...)
{
    va_list ap;

    if (w->why[0])
        return;
    va_start(ap, fmt);
    (void)vsnprintf(w->why, sizeof w->why, fmt, ap);
    va_end(ap);
}

/* What the rule says: a host that lacks a bit the guest was promised must not get it. */
static const char *should_refuse(const struct vmm *from, const struct vmm *to)
{
    for (unsigned i = 0; i < DRIVERS; i++)
        if (vmm_locked(from, i) & ~vmm_offers(to->kind, i))
            return "contract";
    return NULL;
}

void world_reach(struct world *w, enum point point)
{
    struct vmm *to = &w->hosts[1];

    if (w->reached || point != w->cell.point)
        return;
    w->reached = true;
    w->expected = should_refuse(w->vmm, to);
    w->refused = vmm_move(w->vmm, to);
    if (w->refused)
        return; /* the guest stays, and runs on */
    w->moved = true;
    w->vmm = to;
}

void world_play(struct world *w, const struct cell *cell)
{
    memset(w, 0, offsetof(struct world, work));
    w->why[0] = 0;
    w->cell = *cell;
    vmm_init(&w->hosts[0], cell->from, cell->careless, w->ram);
    vmm_init(&w->hosts[1], cell->to, cell->careless, w->ram);
    w->vmm = &w->hosts[0];
    firmware_boot(w);
    if (cell->reset == RESET_NONE)
        return;
    vmm_reset(w->vmm);
    if (cell->reset == RESET_WARM)
        firmware_boot(w);
    else
        firmware_resume(w);
}
