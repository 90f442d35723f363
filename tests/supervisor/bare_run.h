/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A part of the supervisor's run without a guest. Its QEMU is a socket in the same loop, which keeps what it is told
 * and answers each command with {}, or as the test says; what the run says is kept, too.
 */
#ifndef HF_TEST_BARE_RUN_H
#define HF_TEST_BARE_RUN_H

#include "unit.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "run.h"

struct bare_run {
    struct hf_run run;
    struct hf_run_options options;
    int qemu;
    const char *answer; /* JSON */
    char line[4096];    /* from the monitor, as far as it came */
    size_t line_used;
    char told[1024]; /* QEMU's commands, each with a space before it */
    char said[4096]; /* sentences for the owner, each with a newline after it */
};

static inline void bare_run_add(char *to, size_t size, const char *before, const char *text, const char *after)
{
    size_t at = strlen(to);

    assert_true((size_t)snprintf(to + at, size - at, "%s%s%s", before, text, after) < size - at);
}

static inline void bare_run_say(void *ctx, const char *line)
{
    struct bare_run *b = ctx;

    bare_run_add(b->said, sizeof b->said, "", line, "\n");
}

static inline void bare_run_answer(struct bare_run *b, const char *line)
{
    json_t *said = json_loads(line, 0, NULL);
    const char *command = json_string_value(json_object_get(said, "execute"));

    assert_non_null(command);
    bare_run_add(b->told, sizeof b->told, " ", command, "");
    dprintf(b->qemu, "{\"return\": %s, \"id\": %lld}\n", b->answer,
            (long long)json_integer_value(json_object_get(said, "id")));
    json_decref(said);
}

static inline void bare_run_hear(void *ctx, short revents)
{
    struct bare_run *b = ctx;
    ssize_t n = read(b->qemu, b->line + b->line_used, sizeof b->line - 1 - b->line_used);
    char *end;

    assert_true(n > 0);
    b->line_used += (size_t)n;
    b->line[b->line_used] = '\0';
    while ((end = strchr(b->line, '\n'))) {
        *end = '\0';
        bare_run_answer(b, b->line);
        b->line_used -= (size_t)(end + 1 - b->line);
        memmove(b->line, end + 1, b->line_used + 1);
    }
}

static inline void bare_run_begin(struct bare_run *b, bool running)
{
    int pair[2];

    *b = (struct bare_run){.answer = "{}", .options = {.say = bare_run_say, .say_ctx = b}};
    hf_run_init(&b->run, &b->options);
    hf_pause_init(&b->run.pause, running);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    b->qemu = pair[1];
    assert_int_equal(hf_loop_watch(&b->run.loop, b->qemu, POLLIN, bare_run_hear, b, NULL), 0);
    assert_int_equal(hf_monitor_new(pair[0], &b->run.loop, &b->run.monitor, NULL), 0);
    dprintf(b->qemu,
            "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}, \"package\": \"\"}, "
            "\"capabilities\": []}}\n");
    assert_int_equal(hf_monitor_wait_ready(b->run.monitor, 10000, NULL), 0);
    b->told[0] = '\0';
}

/* What QEMU was told since the last time; all of it has been answered. */
static inline const char *bare_run_told(struct bare_run *b)
{
    static char told[sizeof b->told];

    assert_int_equal(hf_monitor_execute(b->run.monitor, "query-name", NULL, NULL, NULL), 0);
    (void)snprintf(told, sizeof told, "%s", b->told);
    told[strlen(told) - strlen(" query-name")] = '\0';
    b->told[0] = '\0';
    return told;
}

static inline void bare_run_end(struct bare_run *b)
{
    assert_int_equal(b->run.fault.code, HF_OK);
    hf_loop_unwatch(&b->run.loop, b->qemu);
    hf_monitor_free(b->run.monitor);
    close(b->qemu);
}

#endif
