/* SPDX-License-Identifier: BSD-2-Clause */
/* send, receive, claim: one side of a hand-over each, over standard input and output. What they say to people goes to
 * standard error. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "containers.h"
#include "exchange_run.h"
#include "live_receive.h"
#include "own_caps.h"
#include "peer_probe.h"
#include "peer_timeout.h"
#include "verbs.h"
#include "whole_file.h"
#include "writeback.h"

struct side {
    const struct hf_invocation *inv;
    struct hf_exchange *x;
    struct hf_container *c; /* of a source */
    char peer[HF_HOST_NAME_SIZE];
    struct hf_sending sending;     /* of a source */
    struct hf_receiving receiving; /* of a destination */
    bool still; /* source: the guest does not run on this host, or its manager says that it is paused */
    bool asks;  /* destination: for the grant */
    bool ready; /* destination: a copy is in place */
};

/* A terminal has no use for frames, and its user no use for waiting. */
static int check_pipes(const struct side *s, struct hf_error *err)
{
    if (isatty(STDIN_FILENO) || isatty(STDOUT_FILENO))
        return hf_error_set(err, HF_EUSAGE,
                            "standard input and output must lead to the peer, not to a terminal; "
                            "to move a guest, see 'holdfast help migrate'");
    return hf_exchange_run_signals(err);
}

/* Descriptors 0 and 1 stay taken: what is opened later must not get their numbers. */
static int dup_pipes(int *in, int *out, struct hf_error *err)
{
    *in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    *out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (*in >= 0 && *out >= 0)
        return 0;
    (void)hf_error_set(err, HF_EIO, "standard input and output: %s", strerror(errno));
    hf_cleanup_close(in);
    hf_cleanup_close(out);
    return -HF_EIO;
}

static int converse(struct side *s, struct hf_exchange_run *run, struct hf_error *err)
{
    int in = -1, out = -1, r = hf_peer_timeout(s->inv, &run->timeout_s, err);

    run->verb = s->inv->verb->name;
    run->ctx = s;
    s->sending.timeout_s = s->receiving.timeout_s = run->timeout_s;
    if (r == 0)
        r = dup_pipes(&in, &out, err);
    if (r < 0)
        return r;
    hf_progress_init(&run->progress, s->inv->operands[0]);
    return hf_exchange_run(run, &s->x, in, out, err);
}

static int hear_peer(struct side *s, struct hf_error *err)
{
    snprintf(s->peer, sizeof s->peer, "%s", hf_exchange_peer(s->x)->host.name);
    return s->inv->dry_run ? hf_error_set(err, HF_ECANCELED, "a dry run: nothing was changed") : 0;
}

static int judge_peer(void *ctx, const struct hf_exchange_peer *peer, struct hf_error *err)
{
    return hear_peer(ctx, err);
}

/* Sent ahead, unless the destination claims it: then the guest is off, or its manager has paused it. */
static int start(void *ctx, struct hf_error *err)
{
    struct side *s = ctx;

    if (!hf_sending_was_asked(&s->sending))
        return 1;
    if (!s->still)
        return hf_error_refuse(err, "running",
                               "%s: the peer wants to claim it, and a process of this host runs the guest: "
                               "end that, or pause the guest and say --paused",
                               hf_container_path(s->c));
    hf_sending_note(&s->sending, HF_SENDING_ON_PAUSED);
    return 0;
}

static int ask_peer(void *ctx, struct hf_error *err)
{
    int r = hear_peer(ctx, err);

    return r < 0 ? r : hf_exchange_revoke(((struct side *)ctx)->x, err);
}

static void entered(void *ctx, enum hf_sending_stage stage)
{
    const struct side *s = ctx;

    if (stage == HF_SENDING_RESUMED)
        hf_tell(s->inv, "'%s' was not claimed by host '%s' and is this host's again", hf_container_path(s->c), s->peer);
    else if (stage == HF_SENDING_DEPARTED)
        hf_tell(s->inv, "host '%s' owns '%s' now", s->peer, hf_container_path(s->c));
}

/* The guest's manager moves it, if anybody. */
static const struct hf_mover_ops manager = {
    .needs = HF_SENDING_BIT(HF_SENDING_ON_READY),
    .judge = judge_peer,
    .start = start,
    .ask = ask_peer,
    .entered = entered,
};

/* With the owner lock when the guest is off, so that it stays off; beside the process that runs it otherwise. */
static int open_source(struct side *s, struct hf_error *err)
{
    const char *path = s->inv->operands[0];
    bool drain = !s->inv->dry_run;
    int r = hf_guest_open_giving(path, HF_OPEN_RUN, drain, hf_now(), &s->c, err);

    s->still = r == 0 || hf_given(s->inv, "paused");
    if (r == -HF_EOWNED) /* its server flushes */
        r = hf_guest_open_giving(path, HF_OPEN_EDIT, drain, hf_now(), &s->c, err);
    return r < 0 ? r : hf_exchange_source(s->c, NULL, &s->x, err);
}

static int run_send(struct hf_invocation *inv, struct hf_error *err)
{
    struct side s = {.inv = inv};
    struct hf_exchange_run run = {
        .sending = &s.sending, .mover = &manager, .stage = HF_SENDING_MEETING, .then = HF_SENDING_MEETING};
    int r = check_pipes(&s, err);

    if (r == 0)
        r = open_source(&s, err);
    if (r == 0 && hf_exchange_state(s.x).holder == HF_HOLDER_GRANTED)
        run.stage = HF_SENDING_ASKING;
    if (r == 0)
        r = converse(&s, &run, err);
    if (r < 0 && s.x && hf_exchange_state(s.x).holder == HF_HOLDER_GRANTED)
        (void)hf_error_prefix(
            err, r, "granted, and whether the peer claimed it is unknown; 'send' again, or 'migrate', asks: ");
    hf_exchange_free(s.x);
    return s.c ? hf_close_after(s.c, r, err) : r;
}

static int claim(void *ctx, struct hf_error *err)
{
    struct side *s = ctx;
    uint32_t attempt;
    uint64_t epoch;
    int r;

    hf_exchange_terms(s->x, &attempt, &epoch);
    r = hf_exchange_claim(s->x, hf_now(), err);
    if (r < 0)
        return r;
    hf_tell(s->inv, "this host owns '%s' now, at epoch %llu, handed over by host '%s'", s->inv->operands[0],
            (unsigned long long)epoch, s->peer);
    return 0;
}

static int meet(void *ctx, const struct hf_exchange_peer *peer, struct hf_error *err)
{
    struct side *s = ctx;
    int r = hear_peer(s, err);

    return r < 0 || !s->asks ? r : hf_exchange_ask(s->x, err);
}

static int install(void *ctx, struct hf_error *err)
{
    ((struct side *)ctx)->ready = true;
    return 0;
}

/* The guest is moved here by its manager, if at all. */
static const struct hf_receiver_ops nobody = {.meet = meet, .install = install, .claim = claim};

static int read_caps(const struct side *s, const char *path, char **text, struct hf_error *err)
{
    const char *file = hf_value(s->inv, "caps");
    char directory[PATH_MAX];
    json_t *caps;
    int r;

    if (file) {
        uint8_t *bytes;
        uint64_t size;

        r = hf_file_read(file, HF_EXCHANGE_CAPS_MAX, &bytes, &size, err);
        if (r < 0)
            return r;
        *text = strndup((char *)bytes, (size_t)size);
        free(bytes);
    } else {
        snprintf(directory, sizeof directory, "%s", path);
        r = hf_own_caps(s->inv, dirname(directory), &caps, err);
        if (r < 0)
            return r;
        *text = json_dumps(caps, JSON_COMPACT);
        json_decref(caps);
    }
    return *text ? 0 : hf_error_nomem(err);
}

/* A source that asks for it is told what the QEMU here would show to the guest's firmware. */
static int describe(void *ctx, const struct hf_exchange_peer *source, char **caps, struct hf_error *err)
{
    const struct hf_invocation *inv = ctx;
    const struct hf_peer_probe_host host = {.program = hf_value_at(inv, "qemu", 0)};

    return hf_peer_probe_answer(json_object_get(source->extra, "probe"), &host, caps, err);
}

/* What became of it, once the source has closed the connection. */
static int judge(const struct side *s, int r, struct hf_error *err)
{
    enum hf_holder holder = hf_exchange_state(s->x).holder;

    if (r < 0 && r != -HF_EOWNED && holder == HF_HOLDER_OWNED) {
        if (r != -HF_EIO)
            hf_tell(s->inv, "%s", err->text);
        return 0; /* the source will hear of it when it asks */
    }
    if (r == 0 && holder == HF_HOLDER_REVOKED)
        return hf_error_set(err, HF_EIO, "'%s': host '%s' took it back; this copy does not run", s->inv->operands[0],
                            s->peer);
    if (r == -HF_EIO && s->ready && !s->asks) {
        hf_tell(s->inv, "'%s' is a copy of what host '%s' owns; 'holdfast claim' makes it this host's",
                s->inv->operands[0], s->peer);
        return 0;
    }
    return r;
}

static int run_destination(struct hf_invocation *inv, bool asks, struct hf_error *err)
{
    struct side s = {.inv = inv, .asks = asks};
    struct hf_exchange_run run = {.receiving = &s.receiving, .receiver = &nobody};
    struct hf_exchange_place place = {.path = inv->operands[0], .only_known = asks, .describe = describe, .ctx = inv};
    hf_auto(hf_cleanup_free) char *caps = NULL;
    int r = check_pipes(&s, err);

    if (r == 0 && !asks)
        r = read_caps(&s, place.path, &caps, err);
    place.caps = caps;
    place.caps_size = caps ? strlen(caps) : 0;
    if (r == 0)
        r = hf_exchange_destination(&place, &s.x, err);
    if (r == 0)
        r = judge(&s, converse(&s, &run, err), err);
    hf_exchange_free(s.x);
    return r;
}

static int receive_running(struct hf_invocation *inv, struct hf_error *err)
{
    const struct side s = {.inv = inv};
    const struct hf_run_options options = {.container = inv->operands[0],
                                           .qemu = hf_value_at(inv, "qemu", 0),
                                           .arguments = inv->tail,
                                           .argument_count = inv->tail_count};
    hf_auto(hf_cleanup_free) char *caps = NULL;
    unsigned timeout_s = 0;
    int r = hf_peer_timeout(inv, &timeout_s, err);

    if (r == 0)
        r = read_caps(&s, options.container, &caps, err);
    return r < 0 ? r : hf_live_receive(&options, caps, timeout_s, hf_given(inv, "take-arguments"), err);
}

static int run_receive(struct hf_invocation *inv, struct hf_error *err)
{
    if (hf_given(inv, "run") && !inv->dry_run)
        return receive_running(inv, err);
    return run_destination(inv, false, err);
}

static int run_claim(struct hf_invocation *inv, struct hf_error *err)
{
    return run_destination(inv, true, err);
}

static const struct hf_option send_options[] = {
    {.name = "paused", .help = "the guest that runs here is paused, and its writes are flushed"},
    HF_PEER_TIMEOUT_OPTION,
    {.name = NULL},
};

static const struct hf_option receive_options[] = {
    {.name = "caps", .arg = "CAPS", .help = "what this host can do, as 'holdfast caps --json' said it; default: looks"},
    {.name = "qemu", .arg = "PROGRAM", .help = "a QEMU to describe; default: those in PATH", .repeat = true},
    {.name = "run", .help = "a running guest comes: run it here, with the first --qemu, and the arguments after --"},
    {.name = "take-arguments", .help = "with --run: without arguments here, use those that QEMU has at the source"},
    HF_PEER_TIMEOUT_OPTION,
    {.name = NULL},
};

static const struct hf_option claim_options[] = {
    HF_PEER_TIMEOUT_OPTION,
    {.name = NULL},
};

const struct hf_verb hf_verb_send = {
    .name = "send",
    .group = HF_GROUP_MOVE,
    .flags = HF_VERB_CHANGES,
    .help = "Send a container's state to another host, over standard input and output",
    .synopsis = "G.hold [--paused]",
    .min_operands = 1,
    .max_operands = 1,
    .options = send_options,
    .run = run_send,
};

const struct hf_verb hf_verb_receive = {
    .name = "receive",
    .group = HF_GROUP_MOVE,
    .flags = HF_VERB_CHANGES | HF_VERB_TAIL,
    .help = "Receive a container from another host, over standard input and output",
    .synopsis = "G.hold [--run [--take-arguments] [-- QEMU-ARGS...]]",
    .min_operands = 1,
    .max_operands = 1,
    .options = receive_options,
    .run = run_receive,
};

const struct hf_verb hf_verb_claim = {
    .name = "claim",
    .group = HF_GROUP_MOVE,
    .flags = HF_VERB_CHANGES,
    .help = "Take over a container that was received, from the host that owns it",
    .synopsis = "G.hold",
    .min_operands = 1,
    .max_operands = 1,
    .options = claim_options,
    .run = run_claim,
};
