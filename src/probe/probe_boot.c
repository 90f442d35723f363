/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe_boot.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "block_reads.h"
#include "board.h"
#include "cleanup.h"
#include "monitor.h"

#define GREETING_MS 30000
#define LOOK_MS     20   /* between two looks at the disks */
#define LOG_SIZE    4096 /* of the log's end that is kept */

struct boot {
    struct hf_probe_child child;
    struct hf_monitor *monitor;
    struct hf_loop loop;
    int log; /* our end of the debug console */
    char tail[LOG_SIZE];
    size_t held;
};

static void json_drop(json_t **json)
{
    json_decref(*json);
}

/* What SeaBIOS says on port 0x402 before each attempt and after the last. */
static const char *const signs[] = {"Booting from", "No bootable device"};

/* Keeps the log's end, half of it at least, so that a sign is never cut. */
static void on_log(void *ctx, short revents)
{
    struct boot *b = ctx;
    ssize_t n;

    if (b->held > LOG_SIZE / 2) {
        memmove(b->tail, b->tail + b->held - LOG_SIZE / 2, LOG_SIZE / 2);
        b->held = LOG_SIZE / 2;
    }
    n = read(b->log, b->tail + b->held, LOG_SIZE - 1 - b->held);
    if (n > 0)
        b->held += (size_t)n;
    else if (n == 0 || (errno != EINTR && errno != EAGAIN))
        hf_loop_unwatch(&b->loop, b->log);
    for (size_t i = 0; i < b->held; i++)
        if (b->tail[i] == '\0')
            b->tail[i] = ' ';
    b->tail[b->held] = '\0';
}

static bool has_disk(char *const *words)
{
    for (; words && *words; words++)
        if (strstr(*words, "null-co"))
            return true;
    return false;
}

/* A guest without disks boots from its network, where nobody is: it gets a disk, under every QEMU the same. */
static int start(struct boot *b, const struct hf_probe_machine *m, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int their_qmp = -1, their_log = -1;
    bool x86 = hf_board_of(m->type) != HF_BOARD_VIRT;
    char qmp_text[64], log_text[64];
    char *more[16] = {(char *)"-chardev",       qmp_text,           (char *)"-qmp",
                      (char *)"chardev:hf-qmp", (char *)"-chardev", log_text};
    int qmp[2], log[2], n = 6, r;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, qmp) < 0)
        return hf_error_set(err, HF_EIO, "socketpair: %s", strerror(errno));
    their_qmp = qmp[1];
    r = hf_monitor_new(qmp[0], &b->loop, &b->monitor, err);
    if (r < 0)
        return r;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, log) < 0)
        return hf_error_set(err, HF_EIO, "socketpair: %s", strerror(errno));
    b->log = log[0];
    their_log = log[1];
    snprintf(qmp_text, sizeof qmp_text, "socket,id=hf-qmp,fd=%d", their_qmp);
    snprintf(log_text, sizeof log_text, "socket,id=hf-log,fd=%d", their_log);
    if (x86) {
        more[n++] = (char *)"-device";
        more[n++] = (char *)"isa-debugcon,iobase=0x402,chardev=hf-log";
    }
    if (!has_disk(m->words)) {
        more[n++] = (char *)"-blockdev";
        more[n++] = (char *)"null-co,node-name=hf-disk,read-zeroes=on,size=1073741824";
        more[n++] = (char *)"-device";
        more[n++] = (char *)"virtio-blk-pci,drive=hf-disk";
    }
    r = hf_loop_watch(&b->loop, b->log, POLLIN, on_log, b, err);
    return r < 0 ? r : hf_probe_start(m, more, (const int[]){their_qmp, their_log}, 2, &b->child, err);
}

/* Nobody asks for them, and firmware that resets in a loop would fill the monitor's room for them. */
static void drop_events(struct hf_monitor *m)
{
    struct hf_qmp_event event;

    while (hf_monitor_next_event(m, &event))
        hf_qmp_event_done(&event);
}

/* The sign, or NULL when there is none yet. HF_EIO: QEMU has ended. */
static int look(struct boot *b, const char **sign, struct hf_error *err)
{
    hf_auto(json_drop) json_t *stats = NULL;
    int r = hf_monitor_execute(b->monitor, "query-blockstats", NULL, &stats, err);

    for (size_t i = 0; i < HF_ARRAY_SIZE(signs) && !*sign; i++)
        if (strstr(b->tail, signs[i]))
            *sign = i == 0 ? "tried to boot" : "found nothing to boot";
    if (r == 0 && !*sign && hf_block_reads(stats) > 0)
        *sign = "read a disk";
    return r;
}

static int watch(struct boot *b, unsigned limit, struct hf_boot_try *ret, struct hf_error *err)
{
    int64_t began = hf_loop_now();
    int r = hf_monitor_wait_ready(b->monitor, GREETING_MS, err);

    while (r == 0) {
        int64_t now = hf_loop_now();

        r = look(b, &ret->sign, err);
        ret->booted = ret->sign != NULL;
        ret->milliseconds = (unsigned)(now - began);
        if (r < 0 || ret->booted || ret->milliseconds >= limit)
            break;
        while (r == 0 && hf_loop_now() < now + LOOK_MS)
            r = hf_loop_turn(&b->loop, LOOK_MS, err);
        drop_events(b->monitor);
    }
    return r;
}

int hf_probe_boot(const struct hf_probe_machine *machine, unsigned limit_ms, struct hf_boot_try *ret, char words[192],
                  struct hf_error *err)
{
    struct boot b = {.log = -1};
    struct hf_boot_try tried = {.limit = limit_ms};
    int r;

    hf_loop_init(&b.loop);
    r = start(&b, machine, err);
    if (r == 0) {
        r = watch(&b, limit_ms, &tried, err);
        hf_probe_words(&b.child, words, 192);
        if (r == -HF_EIO && !hf_monitor_is_open(b.monitor)) {
            tried.why = words[0] ? words : "QEMU exited without a message";
            r = 0;
        }
        hf_probe_end(&b.child);
    }
    hf_monitor_free(b.monitor);
    if (b.log >= 0)
        (void)close(b.log);
    if (r == 0)
        *ret = tried;
    return r;
}
