/* SPDX-License-Identifier: BSD-2-Clause */
#include "live_migrate.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "container.h"
#include "control.h"
#include "move_probe.h"
#include "output.h"
#include "owner.h"
#include "peer_timeout.h"
#include "runtime.h"
#include "signals.h"

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    interrupted = interrupted + 1;
}

int hf_live_find(const char *container, int *control, struct hf_error *err)
{
    hf_auto(hf_container_done) struct hf_container *c = NULL;
    struct hf_runner runner;
    char dir[PATH_MAX];
    int r = hf_container_open(container, HF_OPEN_LOOK, (int64_t)time(NULL), &c, err);

    if (r < 0)
        return r;
    r = hf_runner_get(hf_container_id(c), &runner, err);
    if (r < 0)
        return r == -HF_ENOTFOUND ? 0 : r;
    hf_runtime_guest_path(hf_container_id(c), dir);
    r = hf_control_connect(dir, control, err);
    if (r == -HF_ENOTFOUND)
        return hf_error_set(err, HF_EOWNED,
                            "%s: process %lld has it in use and moves no running guest; "
                            "end that first, or use its own manager ('holdfast libvirt migrate')",
                            container, (long long)runner.pid);
    return r < 0 ? r : 1;
}

/* ---- what the supervisor says ---- */

struct teller {
    struct hf_invocation *inv;
    bool terminal, shown;
    bool paused;  /* the guest is, while its memory is sent */
    bool granted; /* the last line says: given away, and no answer came */
    char host[HF_HOST_NAME_SIZE];
};

static double number_at(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static void wipe(struct teller *t)
{
    if (t->shown)
        (void)fputs("\r\x1b[K", stderr);
    t->shown = false;
}

static void tell_progress(struct teller *t, const json_t *line)
{
    if (!t->terminal)
        return;
    (void)fprintf(stderr, "\rmoving: %.0f of %.0f MiB left, %.1f Mbit/s", number_at(line, "remaining") / 1048576,
                  number_at(line, "total") / 1048576, number_at(line, "mbps"));
    if (!t->paused)
        (void)fprintf(stderr, ", expected pause %.0f ms", number_at(line, "downtime"));
    (void)fputs("\x1b[K", stderr);
    t->shown = true;
}

static void tell_findings(struct teller *t, const json_t *findings)
{
    const json_t *one;
    size_t i;

    wipe(t);
    json_array_foreach(findings, i, one) {
        hf_say(t->inv, "  %s (%s, %s): %s", text_at(one, "rule"),
               json_is_true(json_object_get(one, "refused")) ? "refused" : "note",
               json_is_true(json_object_get(one, "now")) ? "now" : "next reset", text_at(one, "text"));
        hf_say(t->inv, "    to do: %s", text_at(one, "remedy"));
    }
    (void)json_object_set(t->inv->report, "findings", (json_t *)findings);
}

static void tell(struct teller *t, const json_t *line)
{
    const char *stage = text_at(line, "stage");

    if (json_is_array(json_object_get(line, "findings")))
        tell_findings(t, json_object_get(line, "findings"));
    else if (json_object_get(line, "remaining"))
        tell_progress(t, line);
    if (*text_at(line, "host"))
        (void)snprintf(t->host, sizeof t->host, "%s", text_at(line, "host"));
    if (!strcmp(stage, "not-probed")) {
        wipe(t);
        hf_move_probe_missed(t->inv, text_at(line, "host"));
    }
    if (!strcmp(stage, "paused")) {
        wipe(t);
        t->paused = true;
        hf_say(t->inv,
               "the guest is emulated and paused until it runs on host '%s' ('--live-emulated': it runs while its "
               "memory is sent)",
               t->host);
        hf_put_bool(t->inv->report, "paused", true);
    }
    if (!strcmp(stage, "could")) {
        hf_say(t->inv, "'%s' can move to host '%s' while it runs", t->inv->operands[0], t->host);
        hf_put_text(t->inv->report, "host", t->host);
    }
    if (!strcmp(stage, "departed")) {
        wipe(t);
        hf_say(t->inv, "the guest runs on host '%s' now; it was paused for about %.0f ms", t->host,
               number_at(line, "stood-ms"));
        hf_put_text(t->inv->report, "host", t->host);
        (void)json_object_set(t->inv->report, "stood-ms", json_object_get(line, "stood-ms"));
    }
}

/* 1: it was the last line, and *r says how it ended. */
static int take_line(struct teller *t, const char *text, size_t size, int *r, struct hf_error *err)
{
    json_t *line = json_loadb(text, size, 0, NULL);
    const json_t *ended = json_object_get(line, "ended");
    int code = (int)json_integer_value(ended), over = ended != NULL;

    t->granted = json_is_true(json_object_get(line, "granted"));
    if (!over)
        tell(t, line);
    else if (code == HF_EREFUSED)
        *r = hf_error_refuse(err, text_at(line, "rule"), "%s", text_at(line, "text"));
    else
        *r = code ? hf_error_set(err, (enum hf_code)code, "%s", text_at(line, "text")) : 0;
    json_decref(line);
    return over;
}

static int listen_to(struct teller *t, int control, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *text = malloc(HF_CONTROL_LINE_MAX);
    size_t used = 0;
    int before = interrupted, r = 0;
    bool told = false;

    if (!text)
        return hf_error_nomem(err);
    for (;;) {
        ssize_t n;
        char *end;

        if (interrupted > before + 1)
            return hf_error_set(err, HF_ECANCELED,
                                "interrupted while the guest's supervisor waits for the peer; 'holdfast "
                                "show' tells what becomes of the guest");
        if (interrupted > before && !told) {
            told = true;
            (void)hf_control_ask(control, json_pack("{s:s}", "do", "cancel"), NULL, 0, NULL);
        }
        n = read(control, text + used, HF_CONTROL_LINE_MAX - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return hf_error_set(err, HF_EIO,
                                "the guest's supervisor closed the connection; 'holdfast show' tells what "
                                "became of the guest");
        used += (size_t)n;
        while ((end = memchr(text, '\n', used)) != NULL) {
            if (take_line(t, text, (size_t)(end - text), &r, err))
                return r;
            used -= (size_t)(end + 1 - text);
            memmove(text, end + 1, used);
        }
    }
}

static json_t *request_of(const struct hf_invocation *inv, unsigned timeout_s, const struct hf_peer_probe *probe)
{
    json_t *request, *words = inv->tail_count ? json_array() : NULL;
    unsigned pause_limit_s = HF_PAUSE_LIMIT;

    (void)hf_pause_limit(inv, &pause_limit_s, NULL); /* the verb looked at it */
    request =
        json_pack("{s:s, s:b, s:i, s:i, s:b}", "do", "migrate", "dry-run", inv->dry_run, "timeout", (int)timeout_s,
                  "pause-limit", (int)pause_limit_s, "live-emulated", hf_given(inv, "live-emulated"));
    for (int i = 0; words && i < inv->tail_count; i++)
        (void)json_array_append_new(words, json_string(inv->tail[i]));
    if (words)
        (void)json_object_set_new(request, "arguments", words);
    if (probe->request) {
        (void)json_object_set(request, "probe", probe->request);
        (void)json_object_set(request, "here", probe->here);
    }
    return request;
}

bool hf_live_pause(unsigned seconds)
{
    int before = interrupted;

    while (seconds > 0 && interrupted == before)
        seconds = sleep(seconds);
    return interrupted == before;
}

int hf_live_migrate(struct hf_invocation *inv, int control, int in, int out, unsigned timeout_s,
                    const struct hf_peer_probe *probe, bool *granted, struct hf_error *err)
{
    struct teller teller = {.inv = inv, .terminal = isatty(STDERR_FILENO) != 0 && !inv->json};
    int fds[2] = {in, out}, told, r;
    struct hf_error own;

    hf_signals_catch(on_interrupt);
    r = hf_control_ask(control, request_of(inv, timeout_s, probe), fds, 2, err);
    (void)close(in);
    if (out != in)
        (void)close(out);
    told = listen_to(&teller, control, r < 0 ? &own : err);
    if (r == 0 || (told < 0 && told != -HF_EIO)) { /* who was turned away at once was told why */
        if (r < 0 && err)
            *err = own;
        r = told;
    }
    wipe(&teller);
    (void)close(control);
    *granted = r < 0 && teller.granted;
    return r;
}
