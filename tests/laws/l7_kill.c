/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * L7 when the process dies: the writer is killed at every system call it makes in a container's life. What it was told is
 * committed is there, durable or not, at one of the states that were committed, and the next one goes on. Every call with
 * HOLDFAST_LONG=1, otherwise every few.
 */
#include "workload.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#define COMMITS_MAX 1024

/* What the writer was told, where the killer can see it. */
static struct account {
    uint64_t acknowledged;
    struct hf_digest view[COMMITS_MAX];
    bool known[COMMITS_MAX];
    bool pending; /* a commit is under way, and will leave this: */
    struct hf_digest next;
    struct hf_digest backup[2]; /* what the backup is to hold */
} * account;

static void remember(struct workload *w, bool durable)
{
    uint64_t commits;

    if (hf_container_commits(w->c, &commits, NULL) < 0 || commits >= COMMITS_MAX)
        _exit(3);
    if (view_of(w->c, &account->view[commits], NULL) < 0)
        _exit(4);
    account->known[commits] = true;
    account->acknowledged = commits;
    account->pending = false;
}

static void foresee(struct workload *w)
{
    account->pending = false;
    if (view_of(w->c, &account->next, NULL) < 0)
        _exit(4);
    account->pending = true;
}

static void about_to_back_up(struct workload *w)
{
    if (workload_result(w->path, account->backup, NULL) < 0)
        _exit(7);
}

static void write_for_life(const char *path)
{
    struct workload w = {.committing = foresee, .committed = remember, .backing_up = about_to_back_up};
    struct hf_error e;

    snprintf(w.path, sizeof w.path, "%s", path);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        _exit(5);
    raise(SIGSTOP);
    for (unsigned n = 0; n < WORKLOAD_STEPS; n++)
        if (workload_step(&w, n, &e) < 0) {
            fprintf(stderr, "# step %u: %s\n", n, e.text);
            _exit(6);
        }
    _exit(0);
}

/* Runs the writer for `stops` entries to and exits from system calls, then kills it. Its number of stops when it ended by
 * itself, 0 when it was killed. */
static unsigned run_writer(const char *path, unsigned stops)
{
    unsigned n = 0;
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        write_for_life(path);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(long)(PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD)),
                     0);
    while (n < stops) {
        assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status)) {
            assert_int_equal(WEXITSTATUS(status), 0);
            return n;
        }
        n++;
    }
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return 0;
}

static const struct hf_digest *view_after(uint64_t commits)
{
    while (commits > 0 && !account->known[commits])
        commits--;
    return &account->view[commits];
}

/* A commit that was done and not yet acknowledged: the writer had noted what it was about to leave. */
static bool is_state(const struct hf_digest *view, uint64_t commits)
{
    return hf_digest_equal(view, view_after(commits)) || (account->pending && hf_digest_equal(view, &account->next));
}

/* One that has its name is whole. */
static void look_at_backup(unsigned stops)
{
    const char *path = workload_backup_path(ground_path("g.hold"));
    struct hf_digest found[2];

    if (access(path, F_OK) < 0)
        return;
    assert_int_equal(workload_findings(path), 0);
    OK(workload_result(path, found, &err));
    if (memcmp(found, account->backup, sizeof found) != 0)
        fail_msg("killed at stop %u: the backup is of another moment", stops);
}

static void look_after(unsigned stops)
{
    struct hf_container *c = NULL;
    struct hf_error e = {0};
    struct hf_digest view;
    uint64_t commits = 0;
    int r = hf_container_open(ground_path("g.hold"), HF_OPEN_LOOK, NOW, &c, &e);

    if (r == 0)
        r = hf_container_commits(c, &commits, &e);
    if (r == 0)
        r = view_of(c, &view, &e);
    hf_container_done(&c);
    if (r < 0)
        fail_msg("killed at stop %u: %s", stops, e.text);
    if (commits < account->acknowledged)
        fail_msg("killed at stop %u: %llu commits there, %llu were acknowledged", stops, (unsigned long long)commits,
                 (unsigned long long)account->acknowledged);
    if (!is_state(&view, commits))
        fail_msg("killed at stop %u: not what commit %llu left", stops, (unsigned long long)commits);
    if (hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &e) < 0)
        fail_msg("killed at stop %u: cannot go on: %s", stops, e.text);
    OK(hf_container_close(c, &err));
    if (access(ground_path("g.hold-wal"), F_OK) == 0)
        fail_msg("killed at stop %u: the log stays", stops);
    look_at_backup(stops);
}

static void prepare(void)
{
    struct hf_container *c = view_container("g.hold", 20000);
    uint64_t commits;

    memset(account, 0, sizeof *account);
    OK(hf_container_commits(c, &commits, &err));
    OK(view_of(c, &account->view[commits], &err));
    account->known[commits] = true;
    OK(hf_container_close(c, &err));
}

static void kill_at_each(void)
{
    struct unit_points points;
    unsigned stops, tried = 0;
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s", ground_path("g.hold"));
    prepare();
    stops = run_writer(path, UINT32_MAX);
    assert_true(stops > 0);
    points = unit_points(stops, 60);
    for (unsigned n = points.first; n <= stops; n += points.step, tried++) {
        ground_teardown(NULL);
        ground_setup(NULL);
        snprintf(path, sizeof path, "%s", ground_path("g.hold"));
        prepare();
        if (run_writer(path, n) == 0)
            look_after(n);
    }
    unit_points_tried(&points, tried, "kills at system calls");
}

static void the_writer_is_killed(void **state)
{
    kill_at_each();
}

static void the_writer_is_killed_with_a_rollback_journal(void **state)
{
    setenv("HOLDFAST_ROLLBACK_JOURNAL", "1", 1);
    kill_at_each();
    unsetenv("HOLDFAST_ROLLBACK_JOURNAL");
}

#define IN_GROUND(test) cmocka_unit_test_setup_teardown(test, ground_setup, ground_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUND(the_writer_is_killed),
        IN_GROUND(the_writer_is_killed_with_a_rollback_journal),
    };

    account = (struct account *)mmap(NULL, sizeof *account, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (account == MAP_FAILED)
        return 1;
    view_without_owner = true;
    return cmocka_run_group_tests_name("law-l7-kill", tests, NULL, NULL);
}
