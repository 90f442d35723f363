/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <sys/socket.h>
#include <unistd.h>

#include "monitor.h"

#define GREETING                                                                                                       \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}, \"package\": \"\"}, "              \
    "\"capabilities\": []}}\n{\"return\": {}, \"id\": 1}\n"

struct peer {
    struct hf_loop loop;
    struct hf_monitor *monitor;
    int qemu; /* the other end */
};

static void set_up(struct peer *p)
{
    int pair[2];

    hf_loop_init(&p->loop);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    p->qemu = pair[1];
    assert_int_equal(hf_monitor_new(pair[0], &p->loop, &p->monitor, NULL), 0);
}

static void say(const struct peer *p, const char *text)
{
    assert_int_equal(write(p->qemu, text, strlen(text)), (ssize_t)strlen(text));
}

static void tear_down(struct peer *p)
{
    hf_monitor_free(p->monitor);
    if (p->qemu >= 0)
        close(p->qemu);
}

static void greets_executes_and_keeps_events_for_later(void **state)
{
    struct hf_qmp_event event;
    json_t *result = NULL;
    struct peer p;

    set_up(&p);
    say(&p, GREETING);
    assert_int_equal(hf_monitor_wait_ready(p.monitor, 1000, NULL), 0);
    assert_int_equal(hf_monitor_version(p.monitor).minor, 2);
    say(&p, "{\"event\": \"STOP\"}\n{\"return\": {\"running\": false}, \"id\": 2}\n");
    assert_int_equal(hf_monitor_execute(p.monitor, "query-status", NULL, &result, NULL), 0);
    assert_true(json_is_false(json_object_get(result, "running")));
    json_decref(result);
    assert_true(hf_monitor_next_event(p.monitor, &event));
    assert_string_equal(event.name, "STOP");
    hf_qmp_event_done(&event);
    tear_down(&p);
}

static void a_refusal_carries_the_command_and_qemus_words(void **state)
{
    struct hf_error err;
    struct peer p;

    set_up(&p);
    say(&p, GREETING);
    assert_int_equal(hf_monitor_wait_ready(p.monitor, 1000, NULL), 0);
    say(&p, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}, \"id\": 2}\n");
    assert_int_equal(hf_monitor_execute(p.monitor, "cont", NULL, NULL, &err), -HF_EREFUSED);
    assert_string_equal(err.text, "QMP cont: GenericError: no");
    assert_true(hf_monitor_is_open(p.monitor));
    tear_down(&p);
}

static void the_end_of_qemu_is_the_end_of_every_call(void **state)
{
    struct hf_error err;
    struct peer p;

    set_up(&p);
    say(&p, GREETING);
    assert_int_equal(hf_monitor_wait_ready(p.monitor, 1000, NULL), 0);
    close(p.qemu);
    p.qemu = -1;
    assert_int_equal(hf_monitor_execute(p.monitor, "cont", json_object(), NULL, &err), -HF_EIO);
    assert_false(hf_monitor_is_open(p.monitor));
    assert_int_equal(hf_monitor_execute(p.monitor, "cont", json_object(), NULL, &err), -HF_EIO);
    tear_down(&p);
}

/* Reads what was sent with the descriptor beside it; -1 when there is none. */
static int received(const struct peer *p, char *text, size_t size)
{
    char control[CMSG_SPACE(sizeof(int))];
    struct iovec iov = {text, size - 1};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(p->qemu, &message, 0);
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    int fd = -1;

    assert_true(n > 0);
    text[n] = '\0';
    if (head)
        memcpy(&fd, CMSG_DATA(head), sizeof fd);
    return fd;
}

static void a_descriptor_goes_with_its_command_once(void **state)
{
    char text[256];
    struct peer p;
    int ends[2], fd;

    set_up(&p);
    say(&p, GREETING);
    assert_int_equal(hf_monitor_wait_ready(p.monitor, 1000, NULL), 0);
    assert_int_equal(received(&p, text, sizeof text), -1);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(
        hf_monitor_send_fd(p.monitor, "getfd", json_pack("{s:s}", "fdname", "x"), ends[1], NULL, NULL, NULL), 0);
    fd = received(&p, text, sizeof text);
    assert_true(fd >= 0);
    assert_non_null(strstr(text, "getfd"));
    assert_int_equal(write(fd, "a", 1), 1);
    assert_int_equal(read(ends[0], text, 1), 1);
    assert_int_equal(hf_monitor_send(p.monitor, "stop", NULL, NULL, NULL, NULL), 0);
    assert_int_equal(received(&p, text, sizeof text), -1);
    close(fd);
    close(ends[0]);
    close(ends[1]);
    tear_down(&p);
}

static void silence_and_nonsense_are_errors(void **state)
{
    struct hf_error err;
    struct peer p;

    set_up(&p);
    assert_int_equal(hf_monitor_wait_ready(p.monitor, 20, &err), -HF_ETIMEDOUT);
    say(&p, "220 mail.example.org ESMTP\n");
    assert_int_equal(hf_monitor_wait_ready(p.monitor, 1000, &err), -HF_EPROTO);
    assert_non_null(strstr(hf_monitor_fault(p.monitor)->text, "JSON"));
    tear_down(&p);
}

static void count(void *ctx)
{
    ++*(int *)ctx;
}

static void timers_fire_once_and_can_be_moved_and_cancelled(void **state)
{
    struct hf_loop loop;
    int a = 0, b = 0;

    hf_loop_init(&loop);
    assert_int_equal(hf_loop_timer(&loop, 1, count, &a, NULL), 0);
    assert_int_equal(hf_loop_timer(&loop, 1, count, &b, NULL), 0);
    hf_loop_cancel(&loop, count, &b);
    assert_int_equal(hf_loop_timer(&loop, 5, count, &a, NULL), 0); /* the same one, later */
    while (!a)
        assert_int_equal(hf_loop_turn(&loop, -1, NULL), 0);
    assert_int_equal(hf_loop_turn(&loop, 20, NULL), 0);
    assert_int_equal(a, 1);
    assert_int_equal(b, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greets_executes_and_keeps_events_for_later),
        cmocka_unit_test(a_refusal_carries_the_command_and_qemus_words),
        cmocka_unit_test(the_end_of_qemu_is_the_end_of_every_call),
        cmocka_unit_test(a_descriptor_goes_with_its_command_once),
        cmocka_unit_test(silence_and_nonsense_are_errors),
        cmocka_unit_test(timers_fire_once_and_can_be_moved_and_cancelled),
    };

    return cmocka_run_group_tests_name("qemu-monitor", tests, NULL, NULL);
}
