/* SPDX-License-Identifier: BSD-2-Clause */
#include "ground.h"

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>

#include "runtime.h"
#include "scratch.h"

static unsigned left(void)
{
    char runtime[PATH_MAX];
    unsigned count = 0;
    DIR *dir;

    OK(hf_runtime_dir(runtime, &err));
    dir = opendir(runtime);
    assert_non_null(dir);
    for (const struct dirent *e; (e = readdir(dir)) != NULL;)
        count += e->d_name[0] != '.';
    (void)closedir(dir);
    return count;
}

static void fill(const struct hf_scratch *s)
{
    char path[PATH_MAX + 32];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/roms", s->path);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/roms/vga.bin", s->path);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

static void it_goes_with_all_that_is_in_it(void **state)
{
    struct hf_scratch s = {.path = ""};
    struct stat st;

    hf_scratch_remove(&s);
    OK(hf_scratch_make("probe", &s, &err));
    assert_int_equal(stat(s.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    fill(&s);
    hf_scratch_remove(&s);
    hf_scratch_remove(&s);
    assert_int_equal(left(), 0);
}

/* A process that makes one, tells, and waits to be killed. */
static pid_t begin_one(const char *name)
{
    int tell[2];
    pid_t child;
    char byte;

    assert_int_equal(pipe(tell), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct hf_scratch s;

        if (hf_scratch_make(name, &s, NULL) < 0)
            _exit(1);
        fill(&s);
        if (write(tell[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            (void)pause();
    }
    (void)close(tell[1]);
    assert_int_equal(read(tell[0], &byte, 1), 1);
    (void)close(tell[0]);
    return child;
}

static void end(pid_t child)
{
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void what_the_killed_left_goes_with_the_next_and_what_is_used_stays(void **state)
{
    pid_t killed = begin_one("probe"), alive = begin_one("probe"), other = begin_one("look");
    struct hf_scratch s;

    assert_int_equal(left(), 3);
    end(killed);
    end(other);
    OK(hf_scratch_make("probe", &s, &err));
    assert_int_equal(left(), 3); /* this one, the living one's, and the other name's */
    end(alive);
    hf_scratch_remove(&s);
    OK(hf_scratch_make("look", &s, &err));
    hf_scratch_remove(&s);
    OK(hf_scratch_make("probe", &s, &err));
    hf_scratch_remove(&s);
    assert_int_equal(left(), 0);
}

#define MAKERS 8
#define TIMES  5000

/* Each sweeps while another one is between making its own and locking it. */
static void many_at_once_do_not_get_in_each_others_way(void **state)
{
    pid_t children[MAKERS];

    for (int i = 0; i < MAKERS; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            struct hf_scratch s;

            for (int n = 0; n < TIMES; n++) {
                if (hf_scratch_make("probe", &s, NULL) < 0)
                    _exit(1);
                hf_scratch_remove(&s);
            }
            _exit(0);
        }
    }
    for (int i = 0; i < MAKERS; i++) {
        int status;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(left(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_goes_with_all_that_is_in_it, ground_setup, ground_teardown),
        cmocka_unit_test_setup_teardown(what_the_killed_left_goes_with_the_next_and_what_is_used_stays, ground_setup,
                                        ground_teardown),
        cmocka_unit_test_setup_teardown(many_at_once_do_not_get_in_each_others_way, ground_setup, ground_teardown),
    };

    return cmocka_run_group_tests_name("host-scratch", tests, NULL, NULL);
}
