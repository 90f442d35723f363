/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest leaves for another host while it runs (docs/handover.md). Asked for over the control socket. The stages are
 * those of every move (sending_table.h), with QEMU as the mover:
 *
 *   MEETING   who is there, and may the guest go?                             nothing has moved
 *   AHEAD     the container travels                                           the guest runs
 *   MOVING    QEMU's migration, through the same connection                   the guest runs; an emulated one is paused
 *   OFFERED   pre-switchover: QEMU goes on into the other process while what  the guest is paused
 *             changed in the container follows; until both are over there
 *   GRANTED   given away: only the peer's word ends this                      the guest is paused
 *
 * Anything that goes wrong before GRANTED ends the departure, and the guest runs on here. In GRANTED a connection that
 * ends leaves the guest paused (LOST) until somebody asks to migrate it again; the answer then says where it runs.
 *
 * An emulated guest is paused before QEMU begins (HF_HOLD_MOVE), unless the caller wants it live: QEMU's emulation can
 * lose stores of a guest that runs while its memory is copied (docs/handover.md).
 */
#ifndef HF_DEPARTURE_H
#define HF_DEPARTURE_H

#include <stdbool.h>

#include <jansson.h>

#include <holdfast/error.h>

struct hf_supervision;

/*
 * Where the guest is, as far as this host knows. A departure that is under way changes nothing of that.
 *
 *                  failed, or not claimed          resumed
 *         +------+ ----------------------> +----------+ ----> HERE
 *         | HERE |                         | RESUMING |
 *         +------+                         +----------+
 *           |  |  claimed by the destination
 *           |  +------------------------------------> DEPARTED
 *           |  QEMU ended in GRANTED
 *           +---------------------------------------> UNKNOWN
 */
enum hf_whereabouts {
    HF_GUEST_HERE,
    HF_GUEST_RESUMING, /* a departure is over, and the guest is not yet as it was before */
    HF_GUEST_DEPARTED, /* it has left; nothing here is ours any more */
    HF_GUEST_UNKNOWN,  /* only the destination knows which host owns it */
    HF_GUEST_WHEREABOUTS_MAX,
};

/* What that means: whether the container may be written once QEMU has ended, and why no departure may begin (NULL: it
 * may). */
struct hf_whereabouts_row {
    bool ours;
    const char *no_departure;
};
const struct hf_whereabouts_row *hf_whereabouts_row(enum hf_whereabouts where);

/* For the life of a run: listens for who asks. */
int hf_departure_listen(struct hf_supervision *s, struct hf_error *err);
void hf_departure_close(struct hf_supervision *s);

/* Between turns (HF_TODO_DEPART). */
void hf_departure_go_on(struct hf_supervision *s);
/* QEMU has ended: so does a departure. */
void hf_departure_end(struct hf_supervision *s);
/* QMP's MIGRATION; false: it is none of ours. STOP. RESUME. */
bool hf_departure_on_migration(struct hf_supervision *s, const json_t *data);
void hf_departure_on_stop(struct hf_supervision *s);
void hf_departure_on_resume(struct hf_supervision *s);
/* The container was given away: nothing here may write it. */
bool hf_departure_is_granted(const struct hf_supervision *s);

#endif
