/* SPDX-License-Identifier: BSD-2-Clause */
/* Runners that come and go, editors and lookers beside them: nobody is ever told that anything is damaged, every looker
 * sees one committed moment, and no edit is lost. */
#include "ground.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "check.h"
#include "handle.h"
#include "state.h"

#define LIVES 12

static int told(const char *who, int r, const struct hf_error *err)
{
    if (r < 0)
        printf("# %s: %s\n", who, err->text);
    fflush(stdout);
    return r;
}

/* Two values that only ever change together. */
static int put_pair(struct hf_container *c, const char *name, int64_t n, struct hf_error *err)
{
    uint8_t page[HF_PAGE_SIZE];
    int r = hf_begin(c, err);

    memset(page, (int)(n & 0x7f), sizeof page);
    if (r == 0)
        r = hf_bank_write(c, HF_BANK_VARS, (uint64_t)(n % 8) * HF_PAGE_SIZE, page, sizeof page, NULL, err);
    if (r == 0)
        r = hf_bank_write(c, HF_BANK_VARS, (uint64_t)(8 + n % 8) * HF_PAGE_SIZE, page, sizeof page, NULL, err);
    if (r == 0)
        r = hf_state_set_number(c, name, n, err);
    if (r == 0)
        r = hf_commit(c, n % 5 == 0 ? HF_DURABLE : HF_SOON, err);
    hf_abort(c);
    return r;
}

static int run_lives(const char *path)
{
    struct hf_container *c;
    struct hf_error err;

    for (int64_t life = 0, n = 1; life < LIVES; life++) {
        if (told("runner", hf_container_open(path, HF_OPEN_RUN, NOW, &c, &err), &err) < 0)
            return 1;
        for (unsigned i = 0; i < 30; i++, n++)
            if (told("runner", put_pair(c, "runner", n, &err), &err) < 0)
                return 2;
        if (told("runner", hf_container_close(c, &err), &err) < 0)
            return 3;
        usleep(2000);
    }
    return 0;
}

static int look_once(const char *path)
{
    uint8_t bank[BANK_SIZE];
    struct hf_container *c;
    struct hf_error err;
    int r = told("looker", hf_container_open(path, HF_OPEN_LOOK, NOW, &c, &err), &err);

    if (r < 0)
        return 1;
    r = hf_begin(c, &err);
    if (r == 0)
        r = hf_bank_read(c, HF_BANK_VARS, 0, bank, sizeof bank, &err);
    hf_container_done(&c);
    if (r == -HF_ETIMEDOUT)
        return 0; /* "changed while it was read; try again" */
    if (told("looker", r, &err) < 0)
        return 2;
    return memcmp(bank + HF_PAGE_SIZE, bank + 9 * HF_PAGE_SIZE, 7 * HF_PAGE_SIZE) == 0 ? 0 : 3;
}

/* An edit may be refused, because a runner began in between; then it is done again. */
static int edit_once(const char *path, int64_t n)
{
    for (unsigned attempt = 0; attempt < 50; attempt++) {
        struct hf_container *c;
        struct hf_error err;
        int r = hf_container_open(path, HF_OPEN_EDIT, NOW, &c, &err);

        if (r == 0) {
            r = hf_begin(c, &err);
            if (r == 0)
                r = hf_state_set_number(c, "editor", n, &err);
            if (r == 0)
                r = hf_commit(c, HF_DURABLE, &err);
            hf_abort(c);
            hf_container_done(&c);
        }
        if (r == 0)
            return 0;
        if (r != -HF_EREFUSED && r != -HF_ETIMEDOUT)
            return told("editor", r, &err) < 0;
        usleep(3000);
    }
    return 9;
}

static pid_t begin(int (*work)(const char *path), const char *path)
{
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0)
        _exit(work(path));
    return pid;
}

static volatile sig_atomic_t enough;

static void have_enough(int signal)
{
    enough = 1;
}

static int look_on(const char *path)
{
    int r = 0;

    signal(SIGTERM, have_enough);
    while (!enough && r == 0)
        r = look_once(path);
    return r;
}

static int edit_on(const char *path)
{
    int64_t n = 0;
    int r = 0;

    signal(SIGTERM, have_enough);
    while (!enough && r == 0) {
        r = edit_once(path, ++n);
        usleep(5000);
    }
    return r ? r : n > 100 ? 100 : (int)0;
}

static int ends_with(pid_t pid, int signal)
{
    int status;

    if (signal)
        kill(pid, signal);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 200;
}

static void all_at_once(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    static uint8_t bank[BANK_SIZE];
    char path[PATH_MAX];
    pid_t runner, lookers[2], editor;
    int64_t n;

    snprintf(path, sizeof path, "%s", ground_path("g.hold"));
    OK(hf_begin(c, &err));
    OK(hf_bank_write(c, HF_BANK_VARS, 0, bank, sizeof bank, NULL, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
    OK(hf_container_close(c, &err));
    lookers[0] = begin(look_on, path);
    lookers[1] = begin(look_on, path);
    editor = begin(edit_on, path);
    runner = begin(run_lives, path);
    assert_int_equal(ends_with(runner, 0), 0);
    assert_in_range(ends_with(editor, SIGTERM), 0, 100);
    assert_int_equal(ends_with(lookers[0], SIGTERM), 0);
    assert_int_equal(ends_with(lookers[1], SIGTERM), 0);
    OK(hf_container_open(path, HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_state_number(c, "runner", 0, &n, &err));
    assert_int_equal(n, LIVES * 30);
    OK(hf_state_number(c, "editor", 0, &n, &err));
    assert_true(n > 0);
    OK(hf_container_close(c, &err));
    assert_int_not_equal(access(ground_path("g.hold-wal"), F_OK), 0);
}

/* A process that has let go of the gate in order to leave and has not left yet. */
static pid_t start_leaver(const char *path)
{
    struct hf_container *c;
    struct hf_error err;
    int ready[2];
    pid_t pid;
    char byte;

    assert_int_equal(pipe(ready), 0);
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        struct flock gone = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

        if (hf_container_open(path, HF_OPEN_EDIT, NOW, &c, &err) < 0 || put_pair(c, "editor", 1, &err) < 0 ||
            fcntl(c->gate, F_OFD_SETLK, &gone) < 0 || flock(c->line, LOCK_UN) < 0 || write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

static void edit(const char *path, int64_t n, bool leave)
{
    struct hf_container *c;

    OK(hf_container_open(path, HF_OPEN_EDIT, NOW, &c, &err));
    OK(put_pair(c, "editor", n, &err));
    if (!leave)
        _exit(0);
    OK(hf_container_close(c, &err));
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void no_finding(void *ctx, const char *line)
{
    printf("# finding: %s\n", line);
    ++*(unsigned *)ctx;
}

static void look_for(const char *path, int64_t wanted)
{
    struct hf_check_report report;
    struct hf_container *c;
    unsigned findings = 0;
    int64_t n = 0;

    OK(hf_check(path, no_finding, &findings, &report, &err));
    assert_int_equal(findings, 0);
    OK(hf_container_open(path, HF_OPEN_LOOK, NOW, &c, &err));
    OK(hf_state_number(c, "editor", 0, &n, &err));
    assert_int_equal(n, wanted);
    OK(hf_container_close(c, &err));
}

/* While it stands between the doors another one brings everything in and leaves, and a third writes and dies. */
static void one_dies_between_the_gate_and_the_door(void **state)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s", ground_path("g.hold"));
    OK(hf_container_close(ground_container("g.hold"), &err));
    for (int third = 0; third < 2; third++) {
        pid_t leaver = start_leaver(path), pid;

        edit(path, 2, true);
        look_for(path, 2);
        if (third) {
            fflush(stdout);
            pid = fork();
            if (pid == 0)
                edit(path, 3, false);
            assert_int_equal(waitpid(pid, NULL, 0), pid);
            look_for(path, 3);
        }
        end(leaver);
        look_for(path, third ? 3 : 2);
        edit(path, 4, true);
        look_for(path, 4);
        assert_int_not_equal(access(ground_path("g.hold-wal"), F_OK), 0);
    }
}

#define IN_GROUND(test) cmocka_unit_test_setup_teardown(test, ground_setup, ground_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {IN_GROUND(all_at_once), IN_GROUND(one_dies_between_the_gate_and_the_door)};

    return cmocka_run_group_tests_name("store-beside", tests, NULL, NULL);
}
