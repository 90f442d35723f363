/* SPDX-License-Identifier: BSD-2-Clause */
/* What a peer says on a supervisor's control socket, in two pieces that the first two bytes cut: each whole line that is an
 * object is a request, in order, the first that is not ends the peer, and the next peer is heard. */
#include "fuzz.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"

struct heard {
    struct hf_control *control;
    json_t *requests;
    unsigned gone;
};

static void on_asked(void *ctx, const json_t *request, int *fds, size_t count)
{
    struct heard *h = ctx;

    (void)fds;
    MUST(count == 0 && json_is_object(request));
    MUST(json_array_append_new(h->requests, json_deep_copy(request)) == 0);
    hf_control_say(h->control, json_pack("{s:i}", "heard", (int)json_array_size(h->requests)));
}

static void on_gone(void *ctx)
{
    ((struct heard *)ctx)->gone++;
}

/* What is to be heard of these bytes; *broken: the peer is ended for them. */
static json_t *expected(const char *bytes, size_t size, bool *broken)
{
    json_t *list = json_array();
    const char *end;

    for (*broken = false; !*broken && (end = memchr(bytes, '\n', size));
         size -= (size_t)(end + 1 - bytes), bytes = end + 1) {
        json_t *one = json_loadb(bytes, (size_t)(end + 1 - bytes), JSON_REJECT_DUPLICATES, NULL);

        *broken = !json_is_object(one);
        if (!*broken)
            json_array_append(list, one);
        json_decref(one);
    }
    return list;
}

static void send_all(struct hf_loop *loop, const struct heard *h, int fd, const uint8_t *bytes, size_t size)
{
    if (size == 0 || h->gone)
        return;
    MUST(send(fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size);
    MUST(hf_loop_turn(loop, 1000, NULL) == 0);
}

static void talk(const char *dir, struct hf_loop *loop, struct heard *h, const uint8_t *bytes, size_t size, size_t cut)
{
    int fd;

    h->gone = 0;
    h->requests = json_array();
    MUST(hf_control_connect(dir, &fd, NULL) == 0);
    MUST(hf_loop_turn(loop, 1000, NULL) == 0);
    send_all(loop, h, fd, bytes, cut);
    send_all(loop, h, fd, bytes + cut, size - cut);
    (void)shutdown(fd, SHUT_RDWR);
    while (!h->gone)
        MUST(hf_loop_turn(loop, 1000, NULL) == 0);
    MUST(h->gone == 1);
    (void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char good[] = "{\"do\":\"quit\"}\n";
    char dir[] = "/tmp/holdfast-fuzz-control-XXXXXX", path[64];
    struct heard h = {0};
    const struct hf_control_ops ops = {.asked = on_asked, .gone = on_gone, .ctx = &h};
    struct hf_loop loop;
    json_t *want;
    bool broken;

    if (size < 2 || size > 16384)
        return 0;
    hf_loop_init(&loop);
    MUST(mkdtemp(dir) && hf_control_path(dir, path, sizeof path));
    MUST(hf_control_open(path, &loop, &ops, &h.control, NULL) == 0);
    want = expected((const char *)bytes + 2, size - 2, &broken);
    talk(dir, &loop, &h, bytes + 2, size - 2, (bytes[0] | (size_t)bytes[1] << 8) % (size - 1));
    MUST(json_equal(h.requests, want));
    json_decref(h.requests);
    talk(dir, &loop, &h, (const uint8_t *)good, sizeof good - 1, 0);
    MUST(json_array_size(h.requests) == 1);
    json_decref(h.requests);
    json_decref(want);
    hf_control_close(h.control);
    MUST(rmdir(dir) == 0);
    return 0;
}
