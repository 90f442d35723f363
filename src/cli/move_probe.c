/* SPDX-License-Identifier: BSD-2-Clause */
#include "move_probe.h"

#include "container_needs.h"
#include "control.h"
#include "output.h"
#include "owner.h"

/* The request travels to a guest's supervisor in one line. */
static bool is_too_long(const struct hf_peer_probe *p)
{
    return json_dumpb(p->here, NULL, 0, JSON_COMPACT) > HF_CONTROL_LINE_MAX / 2;
}

int hf_move_probe_begin(const struct hf_invocation *inv, struct hf_container *c, bool running,
                        struct hf_peer_probe *ret, struct hf_error *err)
{
    const struct hf_peer_probe_source given = {.argv = inv->tail_count ? inv->tail : NULL, .argc = inv->tail_count};
    struct hf_peer_probe p = {.request = NULL};
    struct hf_container_needs *read = NULL;
    struct hf_guest_needs needs;
    struct hf_owner owner;
    int r = hf_owner_standing(c, &owner, err);

    if (r < 0 || owner.state != HF_OWNER_HELD)
        return r;
    r = hf_container_needs_read(c, &read, err);
    if (r < 0)
        return r;
    needs = *hf_container_needs_get(read);
    needs.running = running;
    r = hf_peer_probe_prepare(c, &needs, &given, &p, err);
    hf_container_needs_free(read);
    if (r < 0)
        return r;
    if (!p.request)
        hf_tell(inv, "the QEMUs of the two hosts are not compared: %s", p.why);
    else if (is_too_long(&p)) {
        hf_tell(inv, "the QEMUs of the two hosts are not compared: what this one shows is too much to send");
        hf_peer_probe_done(&p);
    }
    *ret = p;
    return 0;
}

void hf_move_probe_missed(const struct hf_invocation *inv, const char *host)
{
    hf_tell(inv, "host '%s' does not probe its QEMU (an older holdfast): only rules were asked", host);
}

json_t *hf_move_probe_extra(const struct hf_peer_probe *probe)
{
    return probe->request ? json_pack("{s:O}", "probe", probe->request) : NULL;
}
