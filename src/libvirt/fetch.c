/* SPDX-License-Identifier: BSD-2-Clause */
#include "fetch.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "adoption.h"
#include "cleanup.h"
#include "container.h"
#include "give.h"
#include "guard_link.h"
#include "origin.h"
#include "owner.h"
#include "peer_link.h"
#include "receive.h"
#include "receive_lock.h"
#include "virt.h"

#define SETTLE_WAIT_S 5

struct call {
    bool settling;
    int answer;
    bool answered;
};

static int explain(const struct hf_fetch_request *q, const char *way, const char *how, int r, struct hf_error *err)
{
    return how[0] ? hf_error_prefix(err, r,
                                    "host '%s' by '%s' (ended: %s; " HF_PEERS_FILE " names other ways): ", q->origin,
                                    way, how)
                  : hf_error_prefix(err, r, "host '%s' by '%s': ", q->origin, way);
}

/* One connection to the source. */
static int receive(const struct hf_fetch_request *q, struct call *call, struct hf_error *err)
{
    struct hf_peer_link link = {.in = -1, .out = -1};
    char way[PATH_MAX], how[64] = "";
    const struct hf_peer_call peer = {.to = way, .verb = "libvirt give", .path = q->uuid};
    int r = hf_origin_way(q->origin, way, err);

    if (r == 0)
        r = hf_peer_link_open(&peer, &link, err);
    if (r < 0)
        return r;
    const struct hf_receive_request request = {
        .in = link.in,
        .out = link.out,
        .version = q->version,
        .timeout_s = q->timeout_s,
        .uuid = q->uuid,
        .origin = q->origin,
        .answer = call->answer,
        .answered = &call->answered,
        .settling = call->settling,
    };
    r = hf_give_ask(link.out, call->settling, q->uuid, err);
    if (r == 0)
        r = hf_libvirt_receive(&request, err);
    hf_peer_link_close(&link, how);
    return r < 0 ? explain(q, way, how, r, err) : 0;
}

static void tell(int fd, int r, const struct hf_error *err)
{
    char line[HF_GUARD_LINE_MAX];

    hf_guard_answer_format(r, err, line);
    (void)!write(fd, line, strlen(line));
}

int hf_libvirt_fetch(const struct hf_fetch_request *q, int answer, struct hf_error *err)
{
    struct call call = {.answer = answer};
    struct hf_error later;
    int r = receive(q, &call, err);

    if (r == 0 && !call.answered)
        r = hf_error_set(err, HF_EPROTO, "host '%s': closed the connection before its container was here", q->origin);
    if (r < 0 && !call.answered)
        tell(answer, r, err);
    else if (r < 0 && hf_libvirt_abandon(q, &later) < 0)
        return hf_error_prefix(err, r, "%s; before that: ", later.text);
    return r;
}

/* ---- when it does not come ---- */

/* It was neither claimed here, nor has it left again since. */
static int is_incoming(const char *path, bool *incoming, struct hf_error *err)
{
    struct hf_container *c;
    struct hf_owner owner;
    int r = hf_container_open(path, HF_OPEN_LOOK, (int64_t)time(NULL), &c, err);

    if (r < 0)
        return r;
    r = hf_owner_get(c, &owner, err);
    hf_container_done(&c);
    if (r == 0)
        *incoming = owner.state == HF_OWNER_INCOMING;
    return r;
}

/* When it ends here, libvirt lets it go on at the source. Not so one that has arrived for libvirt. */
static void end_domain(const char *uuid)
{
    hf_auto(hf_virt_cleanup) struct hf_virt *here = NULL;
    bool busy = true; /* libvirt has no words for a job of this kind at its destination: an error is a yes */

    if (hf_virt_open(NULL, uuid, &here, NULL) < 0)
        return;
    (void)hf_virt_busy(here, &busy, NULL);
    if (busy)
        (void)hf_virt_destroy(here, NULL);
}

/* A source that has nothing to ask says so and is done. */
static int settle(const struct hf_fetch_request *q, struct hf_error *err)
{
    const struct timespec wait = {.tv_sec = SETTLE_WAIT_S};
    int r = -HF_EIO;

    for (unsigned waited = 0; r < 0 && r != -HF_ENOTFOUND && waited <= q->timeout_s; waited += SETTLE_WAIT_S) {
        struct call call = {.settling = true, .answer = -1};

        if (waited)
            (void)nanosleep(&wait, NULL);
        r = receive(q, &call, err);
    }
    return r == -HF_ENOTFOUND ? 0 : r;
}

int hf_libvirt_abandon(const struct hf_fetch_request *q, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int lock = -1;
    struct hf_adoption adoption;
    bool incoming = false;
    int r = hf_receive_lock(q->uuid, &lock, err);

    if (r == 0)
        r = hf_adoption_load(q->uuid, &adoption, err);
    if (r == 0)
        r = is_incoming(adoption.container, &incoming, err);
    if (r < 0)
        return r;
    if (incoming)
        end_domain(q->uuid);
    return settle(q, err);
}
