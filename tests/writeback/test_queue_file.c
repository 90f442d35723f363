/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "queue_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE      HF_WRITE_QUEUE_PAGE
#define BANK_SIZE (132u * PAGE)

static char directory[] = "/tmp/hf-queue-file-XXXXXX";
static char path[64];

static int load(void *opaque, uint32_t page, uint8_t *bytes, struct hf_error *err)
{
    memset(bytes, *(const char *)opaque, PAGE);
    return 0;
}

static char bank_byte = '-';

static struct hf_queue_owner owner = {
    .id = "0123456789abcdef0123456789abcdef", .device = 1, .inode = 2, .place = "/guests/g.hold"};

static int open_queue(struct hf_queue_file **f, struct hf_error *err)
{
    return hf_queue_file_open(path, &owner, BANK_SIZE, load, &bank_byte, f, err);
}

static int setup(void **state)
{
    unlink(path);
    return 0;
}

static int make_directory(void **state)
{
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/vars.queue", directory);
    return 0;
}

static int remove_directory(void **state)
{
    unlink(path);
    return rmdir(directory);
}

/* A process that writes one byte and is killed while it has the queue open. */
static void die_with_a_write(uint64_t offset, char byte)
{
    int ready[2];
    char c;
    pid_t pid;

    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        struct hf_queue_file *f;
        struct hf_error err;

        if (open_queue(&f, &err) < 0 || hf_write_queue_write(hf_queue_file_queue(f), offset, &byte, 1, &err) != 1)
            _exit(1);
        hf_write_queue_set_behind(hf_queue_file_queue(f), 12345);
        if (write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(ready[0]);
}

static void an_empty_queue_leaves_no_file(void **state)
{
    struct hf_queue_state queue_state;
    struct hf_queue_file *f;
    struct hf_error err;
    struct stat st;

    assert_int_equal(open_queue(&f, &err), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(hf_queue_file_look(path, &owner, &queue_state, &err), 0);
    assert_int_equal(queue_state.bytes, 0);
    hf_queue_file_close(f);
    assert_int_equal(stat(path, &st), -1);
    assert_int_equal(hf_queue_file_look(path, &owner, &queue_state, &err), -HF_ENOTFOUND);
}

static void what_a_killed_process_was_told_is_taken_over(void **state)
{
    struct hf_queue_state queue_state;
    struct hf_queue_file *f;
    struct hf_error err;
    uint32_t page = 0;

    die_with_a_write(5 * PAGE + 3, 'x');
    assert_int_equal(hf_queue_file_look(path, &owner, &queue_state, &err), 0);
    assert_int_equal(queue_state.bytes, PAGE);
    assert_int_equal(queue_state.behind_since, 12345);
    assert_int_equal(open_queue(&f, &err), 0);
    assert_memory_equal(hf_write_queue_page(hf_queue_file_queue(f), 5), "---x--", 6);
    assert_true(hf_write_queue_seal(hf_queue_file_queue(f)));
    assert_non_null(hf_write_queue_sealed(hf_queue_file_queue(f), &page));
    assert_int_equal(page, 5);
    hf_write_queue_committed(hf_queue_file_queue(f));
    hf_queue_file_close(f);
    assert_int_equal(access(path, F_OK), -1);
}

static void one_process_at_a_time(void **state)
{
    struct hf_queue_file *f, *g;
    struct hf_error err;

    assert_int_equal(open_queue(&f, &err), 0);
    assert_int_equal(open_queue(&g, &err), -HF_EOWNED);
    hf_queue_file_close(f);
    assert_int_equal(open_queue(&f, &err), 0);
    hf_queue_file_close(f);
}

static void poke(off_t at, const char *bytes)
{
    int fd = open(path, O_RDWR);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, strlen(bytes), at), strlen(bytes));
    close(fd);
}

/* Where the key lies in the file: found by its text. */
static off_t find(const char *text)
{
    char bytes[4096];
    int fd = open(path, O_RDONLY);

    assert_int_equal(pread(fd, bytes, sizeof bytes, 0), sizeof bytes);
    close(fd);
    for (size_t at = 0; at + strlen(text) < sizeof bytes; at++)
        if (!memcmp(bytes + at, text, strlen(text)))
            return (off_t)at;
    fail_msg("'%s' is not in the header", text);
    return -1;
}

static void a_queue_of_another_boot_is_emptied_and_one_of_another_container_refused(void **state)
{
    struct hf_queue_state queue_state;
    struct hf_queue_file *f;
    struct hf_error err;

    die_with_a_write(0, 'x');
    poke(find("0123456789abcdef"), "zz");
    assert_int_equal(open_queue(&f, &err), -HF_EDAMAGED);
    assert_non_null(strstr(err.text, "another container"));
    poke(find("zz23456789abcdef"), "01");
    poke(find("0123456789abcdef") + 48, "some other boots");
    assert_int_equal(hf_queue_file_look(path, &owner, &queue_state, &err), -HF_ENOTFOUND);
    assert_int_equal(open_queue(&f, &err), 0);
    assert_int_equal(hf_write_queue_waiting(hf_queue_file_queue(f)), 0);
    hf_queue_file_close(f);
}

static void a_copy_does_not_get_what_was_meant_for_the_original(void **state)
{
    const struct hf_queue_owner original = owner, copy = {owner.id, 1, 3, "/guests/copy.hold"};
    struct hf_queue_state queue_state;
    struct hf_queue_file *f;
    struct hf_error err;

    die_with_a_write(5 * PAGE, 'x');
    owner = copy;
    assert_int_equal(hf_queue_file_look(path, &owner, &queue_state, &err), 0);
    assert_true(queue_state.theirs);
    assert_int_equal(open_queue(&f, &err), 0);
    assert_string_equal(hf_queue_file_whose(f), "/guests/g.hold");
    hf_queue_file_close(f);
    owner = original;
    owner.device = 7; /* mounted anew */
    assert_int_equal(open_queue(&f, &err), 0);
    assert_null(hf_queue_file_whose(f));
    assert_memory_equal(hf_write_queue_page(hf_queue_file_queue(f), 5), "x-", 2);
    hf_queue_file_close(f);

    owner = copy; /* the operator says that it is the one that counts */
    assert_int_equal(open_queue(&f, &err), 0);
    assert_int_equal(hf_queue_file_adopt(f, &err), 0);
    assert_null(hf_queue_file_whose(f));
    assert_true(hf_write_queue_seal(hf_queue_file_queue(f)));
    hf_write_queue_committed(hf_queue_file_queue(f));
    hf_queue_file_close(f);
    assert_int_equal(access(path, F_OK), -1);
    owner = original;
}

static void files_that_others_can_reach_are_refused(void **state)
{
    struct hf_queue_file *f;
    struct hf_error err;
    int fd = open(path, O_CREAT | O_RDWR, 0666);

    fchmod(fd, 0666);
    close(fd);
    assert_int_equal(open_queue(&f, &err), -HF_EREFUSED);
    unlink(path);
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_int_equal(open_queue(&f, &err), -HF_EIO);
}

static void memory_goes_back_when_the_queue_held_much(void **state)
{
    struct hf_queue_file *f;
    struct hf_error err;
    struct stat st;
    blkcnt_t full;

    assert_int_equal(hf_queue_file_open(path, &owner, 1024u * PAGE, load, &bank_byte, &f, &err), 0);
    for (uint32_t page = 0; page < 600; page++)
        assert_int_equal(hf_write_queue_write(hf_queue_file_queue(f), page * PAGE, "y", 1, &err), 1);
    assert_int_equal(stat(path, &st), 0);
    full = st.st_blocks;
    assert_true(full >= 600 * 8);
    assert_true(hf_write_queue_seal(hf_queue_file_queue(f)));
    hf_write_queue_committed(hf_queue_file_queue(f));
    hf_queue_file_trim(f, 600);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_blocks, full);
    hf_queue_file_trim(f, 599);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_blocks <= full - 600 * 8);
    hf_queue_file_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_queue_leaves_no_file, setup),
        cmocka_unit_test_setup(what_a_killed_process_was_told_is_taken_over, setup),
        cmocka_unit_test_setup(one_process_at_a_time, setup),
        cmocka_unit_test_setup(a_queue_of_another_boot_is_emptied_and_one_of_another_container_refused, setup),
        cmocka_unit_test_setup(a_copy_does_not_get_what_was_meant_for_the_original, setup),
        cmocka_unit_test_setup(files_that_others_can_reach_are_refused, setup),
        cmocka_unit_test_setup(memory_goes_back_when_the_queue_held_much, setup),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
