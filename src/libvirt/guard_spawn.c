/* SPDX-License-Identifier: BSD-2-Clause */
#include "guard_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "signals.h"

#define ANSWER_MS 60000

#define WORDS_MAX 16

/* The command line of a guard, or of its watch: see verb_libvirt.c. */
struct words {
    const char *argv[WORDS_MAX];
    size_t count;
    char uid[24], gid[24];
};

static void add(struct words *w, const char *word)
{
    w->argv[w->count++] = word;
    w->argv[w->count] = NULL;
}

static void build(const char *what, const struct hf_guard_config *c, struct words *w)
{
    *w = (struct words){.count = 0};
    add(w, "holdfast");
    add(w, "libvirt");
    add(w, what);
    add(w, c->uuid);
    if (c->vmm) {
        add(w, "--vmm");
        add(w, c->vmm);
    }
    if (c->restore)
        add(w, "--restore");
    if (c->incoming)
        add(w, "--incoming");
    if (c->origin) {
        add(w, "--origin");
        add(w, c->origin);
    }
    if (!c->running)
        return;
    snprintf(w->uid, sizeof w->uid, "%lu", (unsigned long)c->serve.uid);
    snprintf(w->gid, sizeof w->gid, "%lu", (unsigned long)c->serve.gid);
    add(w, "--uid");
    add(w, w->uid);
    add(w, "--gid");
    add(w, w->gid);
    if (c->serve.selinux[0]) {
        add(w, "--selinux");
        add(w, c->serve.selinux);
    }
}

/* In the child. libvirt waits until every descriptor that it gave its hook is closed, so none may stay open. */
static void become(struct words *w, int in, int out)
{
    int null = open("/dev/null", O_RDWR);

    (void)setsid();
    hf_signals_for_exec();
    if (chdir("/") < 0 || null < 0 || dup2(in < 0 ? null : in, 0) < 0 || dup2(out < 0 ? null : out, 1) < 0 ||
        dup2(null, 2) < 0)
        _exit(127);
    (void)syscall(SYS_close_range, 3U, ~0U, 0U);
    execv("/proc/self/exe", (char **)w->argv);
    _exit(127);
}

/* In a process that is nobody's child. */
static int launch(struct words *w, int in, int out, struct hf_error *err)
{
    pid_t pid = fork();

    if (pid == 0) {
        pid_t second = fork();

        if (second == 0)
            become(w, in, out);
        _exit(second < 0);
    }
    if (pid < 0)
        return hf_error_set(err, HF_EIO, "cannot start another process: %s", strerror(errno));
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    return 0;
}

static int spawn_answering(struct words *words, int answer_ms, struct hf_error *err)
{
    char line[HF_GUARD_LINE_MAX];
    int ends[2], r;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return hf_error_set(err, HF_EIO, "cannot make a pipe to the guard: %s", strerror(errno));
    r = launch(words, -1, ends[1], err);
    (void)close(ends[1]);
    if (r == 0)
        r = hf_guard_read_line(ends[0], answer_ms, line, err);
    (void)close(ends[0]);
    return r < 0 ? r : hf_guard_answer_parse(line, err);
}

int hf_guard_spawn(const struct hf_guard_config *config, struct hf_error *err)
{
    struct words words;

    build("guard", config, &words);
    return spawn_answering(&words, ANSWER_MS, err);
}

int hf_fetch_spawn(const char *uuid, const char *origin, struct hf_error *err)
{
    const struct hf_guard_config config = {.uuid = uuid, .origin = origin};
    struct words words;

    build("fetch", &config, &words);
    return spawn_answering(&words, -1, err);
}

int hf_abandon_spawn(const char *uuid, const char *origin, struct hf_error *err)
{
    const struct hf_guard_config config = {.uuid = uuid, .origin = origin};
    struct words words;

    build("abandon", &config, &words);
    return launch(&words, -1, -1, err);
}

int hf_guard_spawn_watch(const struct hf_guard_config *config, int pair, struct hf_error *err)
{
    struct words words;

    build("watch", config, &words);
    return launch(&words, pair, -1, err);
}

int hf_libvirt_spawn(const char *what, const char *uuid, struct hf_error *err)
{
    const struct hf_guard_config config = {.uuid = uuid};
    struct words words;

    build(what, &config, &words);
    return launch(&words, -1, -1, err);
}
