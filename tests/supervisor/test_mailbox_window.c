/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mailbox_window.h"
#include "mailbox_wire.h"

static char dir[64], victim[80], path[80];

static int fresh(void **state)
{
    int fd;

    strcpy(dir, "/tmp/holdfast-window-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(victim, sizeof victim, "%s/victim", dir);
    snprintf(path, sizeof path, "%s/mailbox", dir);
    fd = open(victim, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && write(fd, "mine", 4) == 4);
    return close(fd);
}

static int away(void **state)
{
    unlink(victim);
    unlink(path);
    return rmdir(dir);
}

static void a_link_in_its_place_is_replaced_not_followed(void **state)
{
    struct hf_mailbox_window w = {.bytes = NULL};
    struct stat st;

    assert_int_equal(symlink(victim, path), 0);
    assert_int_equal(hf_mailbox_window_open(dir, &w, NULL), 0);
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0600 && st.st_size == HF_MAILBOX_SIZE);
    assert_int_equal(stat(victim, &st), 0);
    assert_int_equal(st.st_size, 4);
    hf_mailbox_window_close(&w);
    assert_int_equal(access(path, F_OK), -1);
    hf_mailbox_window_close(&w);
}

static void without_room_nothing_is_left(void **state)
{
    struct hf_mailbox_window w = {.bytes = NULL};
    struct rlimit whole, small;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &whole), 0);
    small = whole;
    small.rlim_cur = HF_MAILBOX_SIZE / 2;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(hf_mailbox_window_open(dir, &w, NULL), -HF_ENOSPC);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &whole), 0);
    assert_null(w.bytes);
    assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_link_in_its_place_is_replaced_not_followed, fresh, away),
        cmocka_unit_test_setup_teardown(without_room_nothing_is_left, fresh, away),
    };

    return cmocka_run_group_tests_name("supervisor-mailbox_window", tests, NULL, NULL);
}
