/* SPDX-License-Identifier: BSD-2-Clause */
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"

#define ANSWER_MS 60000

#define WORDS_MAX 16

/* The guard's own command line: see verb_libvirt.c. */
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

static void build(const struct hf_guard_config *c, struct words *w)
{
    *w = (struct words){.count = 0};
    add(w, "holdfast");
    add(w, "libvirt");
    add(w, "guard");
    add(w, c->uuid);
    if (c->vmm) {
        add(w, "--vmm");
        add(w, c->vmm);
    }
    if (c->restore)
        add(w, "--restore");
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
static void become_guard(struct words *w, int answer)
{
    int null = open("/dev/null", O_RDWR);

    (void)setsid();

    if (chdir("/") < 0 || null < 0 || dup2(null, 0) < 0 || dup2(answer, 1) < 0 || dup2(null, 2) < 0)
        _exit(127);
    (void)syscall(SYS_close_range, 3U, ~0U, 0U);
    execv("/proc/self/exe", (char **)w->argv);
    _exit(127);
}

int hf_guard_spawn(const struct hf_guard_config *config, struct hf_error *err)
{
    char line[HF_GUARD_LINE_MAX];
    struct words words;
    int ends[2], r;
    pid_t pid;

    build(config, &words);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return hf_error_set(err, HF_EIO, "cannot make a pipe to the guard: %s", strerror(errno));
    pid = fork();
    if (pid == 0)
        become_guard(&words, ends[1]);
    (void)close(ends[1]);
    if (pid < 0)
        r = hf_error_set(err, HF_EIO, "cannot start the guard: %s", strerror(errno));
    else
        r = hf_guard_read_line(ends[0], ANSWER_MS, line, err);
    (void)close(ends[0]);
    return r < 0 ? r : hf_guard_answer_parse(line, err);
}
