/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose a lock is: asked from outside, at every moment of its taking. */
#include "ground.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <time.h>

#include "lock.h"

static const struct hf_place place = {.device = 11, .inode = 22};

static int lock_byte(int fd, off_t byte)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

    return fcntl(fd, F_OFD_SETLK, &lock);
}

/* Another holder's name is still in the file; ours comes after a while, or never. */
static pid_t hold_slowly(const char *path, bool named)
{
    static const char before[] = "pid 1\nsince 1\nfile 33:44\nhost before\n";
    static const char after[] = "pid 2\nsince 2\nfile 11:22\nhost after\n";
    const struct timespec moment = {.tv_nsec = 50000000};
    int ready[2], fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    char byte;
    pid_t pid;

    assert_true(fd >= 0 && pipe(ready) == 0 && write(fd, before, sizeof before - 1) == (ssize_t)sizeof before - 1);
    (void)close(fd);
    pid = fork();
    if (pid == 0) {
        fd = open(path, O_RDWR | O_CLOEXEC);
        if (lock_byte(fd, 0) < 0 || write(ready[1], "", 1) != 1)
            _exit(1);
        (void)nanosleep(&moment, NULL);
        if (named && (ftruncate(fd, 0) < 0 || pwrite(fd, after, sizeof after - 1, 0) < 0 || lock_byte(fd, 1) < 0))
            _exit(1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    (void)close(ready[1]);
    return pid;
}

static void end(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_holder_is_named_by_itself_not_by_the_one_before(void **state)
{
    const char *path = ground_path("lock");
    pid_t holder = hold_slowly(path, true);
    struct hf_error err;
    struct hf_runner runner;

    assert_int_equal(hf_lock_look(path, &runner, &err), 1);
    assert_int_equal(runner.pid, 2);
    assert_int_equal(runner.device, 11);
    assert_string_equal(runner.host_name, "after");
    end(holder);
    assert_int_equal(hf_lock_look(path, &runner, &err), 0);
}

static void a_holder_that_does_not_say_who_it_is_is_not_guessed(void **state)
{
    const char *path = ground_path("lock");
    pid_t holder = hold_slowly(path, false);
    struct hf_runner runner;
    struct hf_error said;
    int fd = -1;

    FAILS(HF_ETIMEDOUT, hf_lock_look(path, &runner, &err));
    assert_int_equal(hf_lock_take(path, "it is", &place, NOW, &fd, &said), -HF_EOWNED);
    assert_string_equal(said.text, "it is in use by another process");
    end(holder);
    OK(hf_lock_take(path, "it is", &place, NOW, &fd, &err));
    FAILS(HF_EOWNED, hf_lock_take(path, "it is", &place, NOW, &fd, &err));
    assert_int_equal(hf_lock_look(path, &runner, &said), 1);
    assert_int_equal(runner.pid, getpid());
    (void)close(fd);
    assert_int_equal(hf_lock_look(path, &runner, &said), 0);
}

#define IN_GROUND(test) cmocka_unit_test_setup_teardown(test, ground_setup, ground_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUND(a_holder_is_named_by_itself_not_by_the_one_before),
        IN_GROUND(a_holder_that_does_not_say_who_it_is_is_not_guessed),
    };

    return cmocka_run_group_tests_name("store-lock", tests, NULL, NULL);
}
