/* SPDX-License-Identifier: BSD-2-Clause */
/* The control socket: lines and descriptors from a peer, and peers that break the rules. */
#include "unit.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"

struct end {
    char dir[64];
    char path[80];
    struct hf_loop loop;
    struct hf_control *control;
    char heard[64];
    unsigned asked, gone;
    int fd; /* taken from the peer; -1: none came */
};

static void on_asked(void *ctx, const json_t *request, int *fds, size_t count)
{
    struct end *e = ctx;
    const char *what = json_string_value(json_object_get(request, "do"));

    e->asked++;
    snprintf(e->heard, sizeof e->heard, "%s", what ? what : "");
    if (count > 0 && e->fd < 0) {
        e->fd = fds[0];
        fds[0] = -1;
    }
    hf_control_say(e->control, json_pack("{s:s}", "heard", e->heard));
}

static void on_gone(void *ctx)
{
    ((struct end *)ctx)->gone++;
}

static void set_up(struct end *e)
{
    const struct hf_control_ops ops = {.asked = on_asked, .gone = on_gone, .ctx = e};
    struct stat st;

    *e = (struct end){.dir = "/tmp/holdfast-control-XXXXXX", .fd = -1};
    assert_non_null(mkdtemp(e->dir));
    assert_true(hf_control_path(e->dir, e->path, sizeof e->path));
    hf_loop_init(&e->loop);
    assert_int_equal(hf_control_open(e->path, &e->loop, &ops, &e->control, NULL), 0);
    assert_int_equal(stat(e->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void tear_down(struct end *e)
{
    hf_control_close(e->control);
    assert_int_not_equal(access(e->path, F_OK), 0);
    assert_int_equal(rmdir(e->dir), 0);
}

static int caller(struct end *e)
{
    int fd;

    assert_int_equal(hf_control_connect(e->dir, &fd, NULL), 0);
    assert_int_equal(hf_loop_turn(&e->loop, 1000, NULL), 0);
    return fd;
}

static void turn_until(struct end *e, const unsigned *count, unsigned wanted)
{
    for (unsigned i = 0; *count < wanted && i < 1000; i++)
        assert_int_equal(hf_loop_turn(&e->loop, 1000, NULL), 0);
    assert_int_equal(*count, wanted);
}

static void a_request_comes_with_its_descriptors(void **state)
{
    char text[64];
    struct end e;
    int pipes[2], fd;
    ssize_t n;

    set_up(&e);
    fd = caller(&e);
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(hf_control_ask(fd, json_pack("{s:s}", "do", "one"), pipes, 2, NULL), 0);
    turn_until(&e, &e.asked, 1);
    assert_string_equal(e.heard, "one");
    close(pipes[0]);
    close(pipes[1]);
    n = read(fd, text, sizeof text);
    assert_int_equal(n, 16);
    assert_memory_equal(text, "{\"heard\":\"one\"}\n", 16);
    assert_true(e.fd >= 0);
    assert_int_equal(fcntl(e.fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(read(e.fd, text, 1), 0); /* the descriptor that nobody took is closed */
    close(e.fd);
    close(fd);
    turn_until(&e, &e.gone, 1);
    tear_down(&e);
}

static void one_peer_at_a_time(void **state)
{
    char text[128] = "";
    json_t *said;
    struct end e;
    int first, second;

    set_up(&e);
    first = caller(&e);
    second = caller(&e);
    assert_true(read(second, text, sizeof text - 1) > 0);
    assert_non_null(strstr(text, "under way"));
    said = json_loads(text, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(said, "ended")), HF_EOWNED);
    json_decref(said);
    assert_int_equal(read(second, text, 1), 0);
    close(second);
    assert_int_equal(hf_control_ask(first, json_pack("{s:s}", "do", "still"), NULL, 0, NULL), 0);
    turn_until(&e, &e.asked, 1);
    close(first);
    turn_until(&e, &e.gone, 1);
    second = caller(&e);
    assert_int_equal(hf_control_ask(second, json_pack("{s:s}", "do", "next"), NULL, 0, NULL), 0);
    turn_until(&e, &e.asked, 2);
    close(second);
    tear_down(&e);
}

static void send_all(struct end *e, int fd, const char *bytes, size_t size)
{
    size_t sent = 0;

    while (sent < size && e->gone == 0) {
        ssize_t n = send(fd, bytes + sent, size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n > 0)
            sent += (size_t)n;
        assert_int_equal(hf_loop_turn(&e->loop, 10, NULL), 0);
    }
}

static void a_peer_that_breaks_the_rules_is_left(void **state)
{
    static char endless[HF_CONTROL_LINE_MAX + 10];
    static const char *const lines[] = {"no json\n", "[1]\n", "\n", "{\"do\":\"a\",\"do\":\"b\"}\n"};
    struct end e;
    int fd;

    set_up(&e);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        e.gone = 0;
        fd = caller(&e);
        send_all(&e, fd, lines[i], strlen(lines[i]));
        turn_until(&e, &e.gone, 1);
        close(fd);
    }
    memset(endless, 'x', sizeof endless);
    e.gone = 0;
    fd = caller(&e);
    send_all(&e, fd, endless, sizeof endless);
    turn_until(&e, &e.gone, 1);
    close(fd);
    assert_int_equal(e.asked, 0);
    tear_down(&e);
}

static json_t *long_line(unsigned number, char *filling, size_t size)
{
    memset(filling, 'x', size - 1);
    filling[size - 1] = '\0';
    return json_pack("{s:i, s:s}", "number", (int)number, "filling", filling);
}

/* Reads to the end, while the loop turns. Returns how many lines came, each whole and in order; *last: the last one's number. */
static unsigned read_lines(struct end *e, int fd, unsigned *last)
{
    static char text[4 * HF_CONTROL_LINE_MAX];
    size_t used = 0;
    unsigned count = 0;
    ssize_t n;

    while ((n = recv(fd, text + used, 1000, MSG_DONTWAIT)) != 0) {
        if (n > 0)
            used += (size_t)n;
        assert_true(used + 1000 < sizeof text);
        assert_int_equal(hf_loop_turn(&e->loop, n < 0 ? 100 : 0, NULL), 0);
    }
    for (char *line = text, *end; line < text + used; line = end + 1, count++) {
        json_t *said;
        unsigned number;

        end = memchr(line, '\n', (size_t)(text + used - line));
        assert_non_null(end);
        said = json_loadb(line, (size_t)(end - line), 0, NULL);
        assert_non_null(said);
        number = (unsigned)json_integer_value(json_object_get(said, "number"));
        assert_true(count == 0 || number > *last);
        *last = number;
        json_decref(said);
    }
    return count;
}

static void a_slow_reader_gets_whole_lines_and_the_last_one(void **state)
{
    static char filling[3000], much[200000]; /* more than goes into the socket at once */
    unsigned said = 0, heard, last = 0;
    struct end e;
    int fd, second;

    set_up(&e);
    fd = caller(&e);
    while (said < 500)
        hf_control_say(e.control, long_line(++said, filling, sizeof filling));
    hf_control_say_last(e.control, long_line(++said, much, sizeof much));
    hf_control_say(e.control, long_line(++said, filling, sizeof filling));
    heard = read_lines(&e, fd, &last);
    printf("# %u of %u lines\n", heard, said);
    assert_true(heard > 20 && heard < said);
    assert_int_equal(last, 501);
    close(fd);
    assert_int_equal(e.gone, 0);

    /* One that never reads does not keep the next one out. */
    fd = caller(&e);
    for (said = 0; said < 500; said++)
        hf_control_say(e.control, long_line(said, filling, sizeof filling));
    hf_control_say_last(e.control, long_line(said, filling, sizeof filling));
    second = caller(&e);
    assert_int_equal(hf_control_ask(second, json_pack("{s:s}", "do", "next"), NULL, 0, NULL), 0);
    turn_until(&e, &e.asked, 1);
    assert_int_equal(e.gone, 0);
    close(fd);
    close(second);
    tear_down(&e);
}

static void a_killed_supervisors_socket_is_replaced(void **state)
{
    const struct hf_control_ops ops = {.asked = on_asked, .gone = on_gone};
    struct hf_control *next;
    struct end e;
    char other[64] = "/tmp/holdfast-control-XXXXXX";
    int fd;

    set_up(&e);
    assert_int_equal(hf_control_open(e.path, &e.loop, &ops, &next, NULL), 0);
    hf_control_close(next);
    assert_non_null(mkdtemp(other));
    assert_int_equal(hf_control_connect(other, &fd, NULL), -HF_ENOTFOUND);
    assert_int_equal(rmdir(other), 0);
    tear_down(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_comes_with_its_descriptors),
        cmocka_unit_test(one_peer_at_a_time),
        cmocka_unit_test(a_peer_that_breaks_the_rules_is_left),
        cmocka_unit_test(a_slow_reader_gets_whole_lines_and_the_last_one),
        cmocka_unit_test(a_killed_supervisors_socket_is_replaced),
    };

    return cmocka_run_group_tests_name("supervisor-control", tests, NULL, NULL);
}
