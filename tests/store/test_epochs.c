/* SPDX-License-Identifier: BSD-2-Clause */
/* The register of epochs when two are at one entry of it. */
#include "ground.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>

#include "epochs.h"

static const char id[] = "0123456789abcdef0123456789abcdef";

static const char *beside(const char *suffix)
{
    char name[64];

    snprintf(name, sizeof name, "state-a/epochs/%s%s", id, suffix);
    return ground_path(name);
}

/* Whether a process waits for somebody's flock(), or has ended instead. */
static bool waits_for_lock(pid_t pid)
{
    for (;;) {
        FILE *f = fopen("/proc/locks", "r");
        char line[256], wanted[32];
        bool found = false;
        siginfo_t ended = {0};

        assert_non_null(f);
        snprintf(wanted, sizeof wanted, " %ld ", (long)pid);
        while (fgets(line, sizeof line, f))
            found = found || (strstr(line, "-> FLOCK") && strstr(line, wanted));
        fclose(f);
        assert_int_equal(waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT), 0);
        if (found || ended.si_pid)
            return found;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

/* Somebody else may have looked at it under the lock and be about to give it the entry's name. */
static void what_was_prepared_is_removed_under_the_lock(void **state)
{
    const struct hf_epoch seen = {.epoch = 7, .host_id = "b", .host_name = "beta"};
    int ready = -1, lock, status;
    pid_t pid;

    OK(hf_epoch_prepare(id, &seen, &ready, &err));
    assert_int_equal(access(beside(".ready"), F_OK), 0);
    lock = open(beside(".lock"), O_RDWR | O_CLOEXEC);
    assert_true(lock >= 0);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    pid = fork();
    if (pid == 0) {
        hf_epoch_unprepare(id, &ready);
        _exit(0);
    }
    assert_true(waits_for_lock(pid));
    assert_int_equal(access(beside(".ready"), F_OK), 0);
    assert_int_equal(flock(lock, LOCK_UN), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(access(beside(".ready"), F_OK), -1);
    hf_epoch_unprepare(id, &ready); /* there is nothing left to be removed */
    close(lock);
}

/* Leaves the caller a descriptor of what was prepared. */
static void set_prepared(const struct hf_epoch *seen, int *ready)
{
    struct hf_epoch_pending *pending;
    int again = dup(*ready);

    OK(hf_epoch_begin(id, seen, ready, &pending, &err));
    assert_int_equal(*ready, -1);
    OK(hf_epoch_finish(pending, &err));
    *ready = again;
}

static void another_ones_preparation_stays(void **state)
{
    const struct hf_epoch mine = {.epoch = 7, .host_id = "b", .host_name = "beta"};
    const struct hf_epoch theirs = {.epoch = 8, .host_id = "c", .host_name = "gamma"};
    struct hf_epoch seen;
    int first = -1, second = -1;

    OK(hf_epoch_prepare(id, &mine, &first, &err));
    set_prepared(&mine, &first);
    OK(hf_epoch_prepare(id, &theirs, &second, &err));
    hf_epoch_unprepare(id, &first);
    assert_int_equal(access(beside(".ready"), F_OK), 0);
    set_prepared(&theirs, &second);
    hf_epoch_unprepare(id, &second);
    OK(hf_epoch_get(id, &seen, &err));
    assert_int_equal(seen.epoch, 8);
}

#define IN_GROUND(test) cmocka_unit_test_setup_teardown(test, ground_setup, ground_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUND(what_was_prepared_is_removed_under_the_lock),
        IN_GROUND(another_ones_preparation_stays),
    };

    return cmocka_run_group_tests_name("store-epochs", tests, NULL, NULL);
}
