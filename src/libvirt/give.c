/* SPDX-License-Identifier: BSD-2-Clause */
#include "give.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "banks.h"
#include "cleanup.h"
#include "guard_link.h"
#include "moving.h"

#define ASKED_MS    60000
#define FAREWELL_MS 10000

int hf_give_ask(int fd, bool settle, const char *uuid, struct hf_error *err)
{
    char line[64];
    int length = snprintf(line, sizeof line, "%s 1 %s\n", settle ? "settle" : "give", uuid);

    if (write(fd, line, (size_t)length) == length)
        return 0;
    return hf_error_set(err, HF_EIO, "connection to the source: %s", strerror(errno));
}

static int hear(int in, bool *settle, char uuid[37], struct hf_error *err)
{
    char line[HF_GUARD_LINE_MAX], word[8];
    int version, r = hf_guard_read_line(in, ASKED_MS, line, err);

    if (r < 0)
        return hf_error_set(err, HF_EPROTO, "connection to the destination: closed before it named a domain");
    if (sscanf(line, "%7s %d %36s", word, &version, uuid) != 3 || (strcmp(word, "give") && strcmp(word, "settle")))
        return hf_error_set(err, HF_EPROTO, "destination: invalid request");
    if (version != 1)
        return hf_error_set(err, HF_EVERSION, "destination: request of version %d; this version reads 1", version);
    *settle = !strcmp(word, "settle");
    return 0;
}

static int take_way(struct hf_moving *m, const struct hf_give_request *q, struct hf_error *err)
{
    m->way.in = fcntl(q->in, F_DUPFD_CLOEXEC, 3);
    m->way.out = fcntl(q->out, F_DUPFD_CLOEXEC, 3);
    if (m->way.in < 0 || m->way.out < 0)
        return hf_error_set(err, HF_EIO, "standard input and output: %s", strerror(errno));
    (void)fcntl(m->way.in, F_SETFL, fcntl(m->way.in, F_GETFL) | O_NONBLOCK);
    (void)fcntl(m->way.out, F_SETFL, fcntl(m->way.out, F_GETFL) | O_NONBLOCK);
    return 0;
}

/* What only holdfast's own verb can move. */
static int check(struct hf_moving *m, struct hf_error *err)
{
    uint64_t size;

    if (!m->intro.live)
        return hf_error_refuse(err, "shut-off",
                               "domain '%s' does not run: 'holdfast libvirt migrate' moves one that is shut off",
                               m->report.name);
    if (hf_bank_size(m->container, HF_BANK_VARS, &size, NULL) == -HF_ENOTFOUND)
        return hf_error_refuse(err, "no-variables",
                               "domain '%s': its firmware keeps no variables: use 'holdfast libvirt migrate'",
                               m->report.name);
    return 0;
}

static int give(struct hf_moving *m, struct hf_error *err)
{
    int r = m->intro.settle ? 0 : check(m, err);

    if (r == 0)
        r = hf_moving_begin(m, err);
    if (r == 0)
        r = hf_moving_run(m, err);
    if (r < 0 && m->sending.pump && !hf_moving_is_departed(m) && !hf_moving_is_granted(m))
        hf_moving_give_up(m, err->text);
    return r;
}

int hf_libvirt_give(const struct hf_give_request *q, struct hf_error *err)
{
    char uuid[37] = "";
    struct hf_migrate_request request = {
        .domain = uuid, .live_emulated = true, .timeout_s = q->timeout_s, .pause_limit_s = q->pause_limit_s};
    hf_auto(hf_moving_done) struct hf_moving m = {
        .q = &request, .way = {.in = -1, .out = -1}, .signals = -1, .frozen = -1};
    int r = hear(q->in, &request.settle, uuid, err);

    hf_loop_init(&m.loop);
    if (r == 0)
        r = hf_moving_prepare(&m, err);
    if (r == 0)
        r = take_way(&m, q, err);
    if (r == 0) {
        m.report.paused = true; /* for as long as libvirt sends its memory it may be */
        (void)hf_error_set(&m.mover->err, HF_EIO, "libvirt: no longer migrates the domain, which is still here");
        r = give(&m, err);
    }
    if (r < 0 && !m.sending.pump)
        (void)hf_intro_refuse(q->out, err, FAREWELL_MS, NULL);
    return r;
}
