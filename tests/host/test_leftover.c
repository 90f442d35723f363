/* SPDX-License-Identifier: BSD-2-Clause */
/* What a process that was killed while it made a container leaves is removed by the next one, and nothing else is. */
#include "ground.h"

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>

#include "copy.h"
#include "handle.h"

/* A process that is at making `name`, until it is killed. */
static pid_t make(const char *name)
{
    int ready[2];
    char c;
    pid_t pid;

    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        struct hf_draft draft;
        struct hf_error err;

        if (hf_draft_begin(ground_path(name), &draft, &err) < 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static const char *draft_of(const char *name, pid_t pid)
{
    char text[64];

    snprintf(text, sizeof text, "%s.%ld.new", name, (long)pid);
    return ground_path(text);
}

static unsigned notes(void)
{
    DIR *d = opendir(ground_path("state-a/drafts"));
    unsigned n = 0;

    for (const struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

static void a_dead_ones_draft_is_removed_and_a_living_ones_is_not(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    pid_t dead = make("copy.hold"), other = make("other.hold"), alive = make("copy.hold");

    OK(hf_container_close(c, &err));
    end(dead);
    end(other);
    assert_int_equal(access(draft_of("copy.hold", dead), F_OK), 0);
    OK(hf_backup(ground_path("g.hold"), ground_path("copy.hold"), NOW, &err));
    assert_int_equal(access(draft_of("copy.hold", dead), F_OK), -1);
    assert_int_equal(access(draft_of("other.hold", other), F_OK), -1);
    assert_int_equal(access(draft_of("copy.hold", alive), F_OK), 0);
    assert_int_equal(notes(), 1);
    end(alive);
    assert_int_equal(hf_backup(ground_path("g.hold"), ground_path("copy.hold"), NOW, NULL), -HF_EREFUSED);
    OK(hf_backup(ground_path("g.hold"), ground_path("second.hold"), NOW, &err));
    assert_int_equal(access(draft_of("copy.hold", alive), F_OK), -1);
    assert_int_equal(notes(), 0);
}

static void put_file(const char *path)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs("a stranger's", f) >= 0);
    fclose(f);
}

static void a_strangers_file_stays_whatever_its_name_is(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    pid_t replaced = make("copy.hold");
    char own[64];

    OK(hf_container_close(c, &err));
    end(replaced);
    assert_int_equal(rename(draft_of("copy.hold", replaced), ground_path("kept")), 0);
    put_file(draft_of("copy.hold", replaced));
    put_file(ground_path("copy.hold.1.new"));
    snprintf(own, sizeof own, "copy.hold.%ld.new", (long)getpid()); /* by somebody with this process's number */
    put_file(ground_path(own));
    OK(hf_backup(ground_path("g.hold"), ground_path("copy.hold"), NOW, &err));
    assert_int_equal(access(draft_of("copy.hold", replaced), F_OK), 0);
    assert_int_equal(access(ground_path("kept"), F_OK), 0);
    assert_int_equal(access(ground_path("copy.hold.1.new"), F_OK), 0);
    assert_int_equal(access(ground_path(own), F_OK), 0);
    assert_int_equal(notes(), 0);
}

#define IN_GROUND(test) cmocka_unit_test_setup_teardown(test, ground_setup, ground_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUND(a_dead_ones_draft_is_removed_and_a_living_ones_is_not),
        IN_GROUND(a_strangers_file_stays_whatever_its_name_is),
    };

    return cmocka_run_group_tests_name("host-leftover", tests, NULL, NULL);
}
