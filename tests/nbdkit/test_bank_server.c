/* SPDX-License-Identifier: BSD-2-Clause */
/* A server of a container that is being received: reads before the claim, takes over at the first write after it. */
#include "ground.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "bank_server.h"

static void ignore_status(const struct hf_nbd_status *s)
{
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

static void change(const char *name, uint8_t byte)
{
    struct hf_container *c;

    ground_host("a");
    OK(hf_container_open(ground_path(name), HF_OPEN_EDIT, NOW, &c, &err));
    OK(hf_begin(c, &err));
    OK(hf_bank_write(c, HF_BANK_VARS, 20000, &byte, 1, NULL, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
    OK(hf_container_close(c, &err));
}

/* What a destination receives: another file under the same name each time. */
static void receive(const char *from)
{
    (void)unlink(ground_path("moved.hold"));
    ground_host("b");
    ground_receive(from, "moved.hold");
}

/* In a process of its own: one process has a container open once. */
static void claim(void)
{
    struct hf_container *c;
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        bool claimed = hf_container_open_incoming(ground_path("moved.hold"), NOW, &c, NULL) == 0 &&
                       hf_begin_claim(c, 1, 9, NOW, NULL) == 0 && hf_commit(c, HF_DURABLE, NULL) == 0 &&
                       hf_container_close(c, NULL) == 0;
        _exit(!claimed);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void it_reads_what_is_received_and_takes_over_what_was_claimed(void **state)
{
    struct hf_bank_server *s;
    uint8_t byte = 0;

    OK(hf_container_close(ground_container("g.hold"), &err));
    change("g.hold", 5);
    receive("g.hold");
    OK(hf_bank_server_open_incoming(ground_path("moved.hold"), open("/dev/null", O_RDWR | O_CLOEXEC), ignore_status, &s,
                                    &err));
    OK(hf_bank_server_start(s, &err));
    assert_int_equal(hf_bank_server_size(s, HF_BANK_VARS), BANK_SIZE);
    OK(hf_bank_server_read(s, HF_BANK_VARS, 20000, &byte, 1, &err));
    assert_int_equal(byte, 5);
    OK(hf_bank_server_flush(s, &err));

    change("g.hold", 6);
    receive("g.hold");
    claim();
    OK(hf_bank_server_write(s, 20001, "\x0b", 1, &err));
    OK(hf_bank_server_read(s, HF_BANK_VARS, 20000, &byte, 1, &err));
    assert_int_equal(byte, 6);
    OK(hf_bank_server_write(s, 20000, "\x0a", 1, &err));
    OK(hf_bank_server_flush(s, &err));
    OK(hf_bank_server_close(s, &err));
    assert_int_equal(stored_byte("moved.hold"), 10);
    assert_int_equal(stored_byte("g.hold"), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_reads_what_is_received_and_takes_over_what_was_claimed, ground_setup,
                                        ground_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
