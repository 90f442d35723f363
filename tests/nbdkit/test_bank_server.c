/* SPDX-License-Identifier: BSD-2-Clause */
/* A server of a container that is being received: reads before the claim, takes over at the first write after it. */
#include "ground.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "bank_server.h"

static void ignore_status(const struct hf_nbd_status *s)
{
}

static size_t snapshots(const char *name)
{
    struct hf_snapshot list[HF_SNAPSHOTS_MAX];
    struct hf_container *c;
    size_t count;

    OK(hf_container_open(ground_path(name), HF_OPEN_LOOK, NOW, &c, &err));
    OK(hf_snapshot_list(c, list, &count, &err));
    OK(hf_container_close(c, &err));
    return count;
}

static uint8_t stored_byte(const char *name)
{
    struct hf_container *c;
    uint8_t byte;

    OK(hf_container_open(ground_path(name), HF_OPEN_LOOK, NOW, &c, &err));
    OK(hf_bank_read(c, HF_BANK_VARS, 20000, &byte, 1, &err));
    OK(hf_container_close(c, &err));
    return byte;
}

#define EVEN      (8 * HF_PAGE_SIZE) /* from here on two pages repeat one byte */
#define EVEN_SIZE (2 * HF_PAGE_SIZE)

static void change(const char *name, uint8_t byte)
{
    uint8_t even[EVEN_SIZE];
    struct hf_container *c;

    memset(even, byte, sizeof even);
    ground_host("a");
    OK(hf_container_open(ground_path(name), HF_OPEN_EDIT, NOW, &c, &err));
    OK(hf_begin(c, &err));
    OK(hf_bank_write(c, HF_BANK_VARS, 20000, &byte, 1, NULL, &err));
    OK(hf_bank_write(c, HF_BANK_VARS, EVEN, even, sizeof even, NULL, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
    OK(hf_container_close(c, &err));
}

/* As a guest that arrives does: the whole bank is written, and may differ anywhere from what was received. */
static void write_all(struct hf_bank_server *s, size_t at, uint8_t byte)
{
    uint8_t bank[BANK_SIZE];

    OK(hf_bank_server_read(s, HF_BANK_VARS, 0, bank, sizeof bank, &err));
    bank[at] = byte;
    OK(hf_bank_server_write(s, 0, bank, sizeof bank, &err));
}

/* Somebody removed what was received, and it is received anew. */
static void receive_another_file(void)
{
    for (const char *const *name = (const char *const[]){"moved.hold", "moved.hold-wal", "moved.hold-shm", NULL}; *name;
         name++)
        (void)unlink(ground_path(*name));
    ground_host("b");
    ground_receive("g.hold", "moved.hold");
}

static int apply(void)
{
    struct hf_transfer_sent sent = {0};
    struct hf_transfer_from from;
    struct hf_container *c;
    uint8_t *bytes;
    size_t size;

    ground_host("a");
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_LOOK, NOW, &c, &err));
    from = ground_offered(c);
    OK(hf_transfer_write(c, &sent, &bytes, &size, &err));
    OK(hf_container_close(c, &err));
    ground_host("b");
    OK(hf_container_open_received(ground_path("moved.hold"), HF_OPEN_EDIT, NOW, &c, &err));
    OK(hf_transfer_apply(c, &from, bytes, size, hf_arrived_new(), NOW, &err));
    return hf_container_close(c, NULL);
}

static int claim(void)
{
    struct hf_container *c;

    ground_host("b");
    return hf_container_open_incoming(ground_path("moved.hold"), NOW, &c, NULL) == 0 &&
                   hf_begin_claim(c, 1, 9, NOW, NULL) == 0 && hf_commit(c, HF_DURABLE, NULL) == 0 &&
                   hf_container_close(c, NULL) == 0
               ? 0
               : -1;
}

/* One process has a container open once: what is done beside the server is done by another one, which was there before. */
static struct {
    pid_t pid;
    int ask, told;
} other;

static void start_other(void)
{
    int ask[2], told[2];
    char what, done;

    assert_int_equal(pipe2(ask, O_CLOEXEC) | pipe2(told, O_CLOEXEC), 0);
    fflush(stdout);
    other.pid = fork();
    if (other.pid > 0) {
        other.ask = ask[1];
        other.told = told[0];
        close(ask[0]);
        close(told[1]);
        return;
    }
    close(ask[1]);
    while (read(ask[0], &what, 1) == 1) {
        done = (what == 'a' ? apply() : claim()) == 0 ? 'y' : 'n';
        if (write(told[1], &done, 1) != 1)
            break;
    }
    _exit(0);
}

static void let_other(char what)
{
    char done = 'n';

    assert_int_equal(write(other.ask, &what, 1), 1);
    assert_int_equal(read(other.told, &done, 1), 1);
    assert_int_equal(done, 'y');
}

static void end_other(void)
{
    close(other.ask);
    close(other.told);
    assert_int_equal(waitpid(other.pid, NULL, 0), other.pid);
}

static void receive_more_of_it(void)
{
    let_other('a');
}

static void serve(void (*receive_again)(void))
{
    uint8_t byte = 0, even[EVEN_SIZE], wanted[BANK_SIZE], stored[BANK_SIZE];
    struct hf_bank_server *s;
    struct hf_container *c;

    OK(hf_container_close(ground_container("g.hold"), &err));
    change("g.hold", 5);
    ground_host("b");
    ground_receive("g.hold", "moved.hold");
    start_other();
    OK(hf_bank_server_open_incoming(ground_path("moved.hold"), open("/dev/null", O_RDWR | O_CLOEXEC), ignore_status, &s,
                                    &err));
    OK(hf_bank_server_start(s, &err));
    assert_int_equal(hf_bank_server_size(s, HF_BANK_VARS), BANK_SIZE);
    OK(hf_bank_server_read(s, HF_BANK_VARS, 20000, &byte, 1, &err));
    assert_int_equal(byte, 5);
    OK(hf_bank_server_flush(s, &err));

    change("g.hold", 6);
    receive_again();
    let_other('c');
    ground_host("b");
    memset(even, 5, sizeof even); /* as it was before */
    OK(hf_bank_server_write(s, EVEN, even, sizeof even, &err));
    OK(hf_bank_server_write(s, 20001, "\x0b", 1, &err));
    write_all(s, EVEN + 1, 7);
    write_all(s, BANK_SIZE - 1, 0);
    write_all(s, 4, 4);
    OK(hf_bank_server_read(s, HF_BANK_VARS, 20000, &byte, 1, &err));
    assert_int_equal(byte, 6);
    OK(hf_bank_server_write(s, 20000, "\x0a", 1, &err));
    OK(hf_bank_server_flush(s, &err));
    write_all(s, EVEN, 0xff);
    OK(hf_bank_server_read(s, HF_BANK_VARS, 0, wanted, sizeof wanted, &err));
    assert_int_equal(wanted[EVEN], 0xff);
    assert_int_equal(wanted[EVEN + 1], 7);
    assert_int_equal(wanted[EVEN + EVEN_SIZE - 1], 5);
    OK(hf_bank_server_close(s, &err));
    end_other();
    OK(hf_container_open(ground_path("moved.hold"), HF_OPEN_LOOK, NOW, &c, &err));
    OK(hf_bank_read(c, HF_BANK_VARS, 0, stored, sizeof stored, &err));
    OK(hf_container_close(c, &err));
    assert_memory_equal(stored, wanted, sizeof stored);
    assert_int_equal(stored_byte("moved.hold"), 10);
    assert_int_equal(snapshots("moved.hold"),
                     snapshots("g.hold")); /* it is the same guest: nothing of it is replaced */
    assert_int_equal(stored_byte("g.hold"), 6);
}

static void it_reads_what_is_received_and_takes_over_what_was_claimed(void **state)
{
    serve(receive_more_of_it);
}

static void it_takes_over_another_file_of_the_same_name(void **state)
{
    serve(receive_another_file);
}

static unsigned asked;

static bool may_not(void)
{
    asked++;
    return false;
}

static void a_whole_bank_that_may_not_be_written_changes_nothing(void **state)
{
    uint8_t bank[BANK_SIZE], is[BANK_SIZE];
    struct hf_bank_server *s;

    OK(hf_container_close(ground_container("g.hold"), &err));
    OK(hf_bank_server_open(ground_path("g.hold"), -1, ignore_status, &s, &err));
    hf_bank_server_judge(s, may_not);
    OK(hf_bank_server_start(s, &err));
    OK(hf_bank_server_write(s, 20000, "\x0a", 1, &err)); /* a piece is the guest's own */
    assert_int_equal(asked, 0);
    memset(bank, 0x5a, sizeof bank);
    FAILS(HF_EREFUSED, hf_bank_server_write(s, 0, bank, sizeof bank, &err));
    assert_int_equal(asked, 1);
    OK(hf_bank_server_read(s, HF_BANK_VARS, 0, is, sizeof is, &err));
    assert_int_equal(is[20000], 0x0a);
    assert_memory_not_equal(is, bank, sizeof is);
    OK(hf_bank_server_close(s, &err));
    assert_int_equal(stored_byte("g.hold"), 0x0a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_reads_what_is_received_and_takes_over_what_was_claimed, ground_setup,
                                        ground_teardown),
        cmocka_unit_test_setup_teardown(it_takes_over_another_file_of_the_same_name, ground_setup, ground_teardown),
        cmocka_unit_test_setup_teardown(a_whole_bank_that_may_not_be_written_changes_nothing, ground_setup,
                                        ground_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
