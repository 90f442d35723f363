/* SPDX-License-Identifier: BSD-2-Clause */
/* A hand-over during which a host dies, or its disk is full, at each call that makes something durable. The calls are
 * this program's own, so that it can count them; SQLite's go through here, too. Under a sanitizer, where each process
 * takes long to begin, at every fourth of them. */
#include "pair.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>

static unsigned calls, fatal_at, full_from, full_to;

/* Whether the call may go on; does not return at the one that is fatal. */
static bool allowed(void)
{
    calls++;
    if (calls == fatal_at)
        _exit(77);
    if (calls < full_from || calls >= full_to)
        return true;
    errno = ENOSPC;
    return false;
}

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int fsync(int fd)
{
    static int (*real)(int);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "fsync");
    return allowed() ? real(fd) : -1;
}

EXPORTED int fdatasync(int fd)
{
    static int (*real)(int);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    return allowed() ? real(fd) : -1;
}

EXPORTED int rename(const char *from, const char *to)
{
    static int (*real)(const char *, const char *);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "rename");
    return allowed() ? real(from, to) : -1;
}

EXPORTED int renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
    static int (*real)(int, const char *, int, const char *, unsigned);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "renameat2");
    return allowed() ? real(a, from, b, to, flags) : -1;
}

/* As for a guest that stands still: durable before READY is heard, and taken back when it cannot be. */
static int promise(struct pair *p)
{
    struct hf_owner_pending *pending;
    int r = SRC(hf_exchange_promise(p->src, NOW, &pending, NULL));

    if (r < 0)
        return r;
    r = SRC(hf_owner_promise_finish(pending, NULL));
    hf_exchange_promised(p->src, r);
    if (r < 0)
        (void)SRC(hf_exchange_retract(p->src, NOW, NULL));
    return r;
}

/* One event at the source, as a manager would act on it. Negative: it gave up. */
static int act_at_source(struct pair *p, enum hf_exchange_event event)
{
    switch (event) {
    case HF_EXCHANGE_PEER:
    case HF_EXCHANGE_RESUMED:
        if (hf_exchange_state(p->src).holder == HF_HOLDER_GRANTED)
            return SRC(hf_exchange_revoke(p->src, NULL));
        if (p->hold)
            (void)SRC(hf_exchange_prepare(p->src, NULL));
        if (SRC(hf_exchange_offer(p->src, true, NOW, NULL)) < 0)
            return -1;
        return p->hold ? promise(p) : 0;
    case HF_EXCHANGE_READY:
        return SRC(hf_exchange_grant(p->src, NOW, NULL));
    case HF_EXCHANGE_FAILED:
        return -1;
    default:
        return 0;
    }
}

/* Who holds the copy has a guest that waits. */
static int claim(struct pair *p)
{
    if (!p->hold)
        return DST(hf_exchange_claim(p->dst, NOW, NULL));
    if (DST(hf_exchange_claim_first(p->dst, NOW, NULL)) < 0)
        return -1;
    (void)DST(hf_exchange_claim_told(p->dst, hf_exchange_container(p->dst), NULL));
    return 0;
}

static int converse(struct pair *p)
{
    for (;;) {
        enum hf_exchange_event at_dst = pair_wait(p, 1), at_src;

        if (at_dst == HF_EXCHANGE_FAILED)
            return -1;
        if (at_dst == HF_EXCHANGE_READY && p->hold)
            (void)DST(hf_container_warm(hf_exchange_container(p->dst), NULL));
        if (at_dst == HF_EXCHANGE_GRANTED && claim(p) < 0)
            return -1;
        at_src = pair_wait(p, 0);
        if (at_src == HF_EXCHANGE_DEPARTED)
            return 0;
        if (act_at_source(p, at_src) < 0 || (at_src == HF_EXCHANGE_NONE && at_dst == HF_EXCHANGE_NONE))
            return -1;
    }
}

/* One go; 0: moved. Whatever fails on the way is let go, as when a manager's process ends. */
static int move(bool hold)
{
    struct pair p = {.to = "moved.hold", .cut_after = {SIZE_MAX, SIZE_MAX}, .hold = hold};
    struct hf_exchange_place place = {.hold = hold};
    int r;

    ground_host("a");
    r = hf_container_open_giving(ground_path("g.hold"), HF_OPEN_RUN, NOW, &p.c, &p.failed);
    if (r == -HF_EREFUSED && strcmp(p.failed.rule, "departed") == 0)
        return 0; /* it went through, and only its manager did not live to say so */
    if (r == 0)
        r = hf_exchange_source(p.c, NULL, &p.src, &p.failed);
    ground_host("b");
    place.path = ground_path(p.to);
    if (r == 0)
        r = hf_exchange_destination(&place, &p.dst, &p.failed);
    if (r == 0)
        r = converse(&p);
    ground_host("b");
    hf_exchange_free(p.dst);
    ground_host("a");
    hf_exchange_free(p.src);
    (void)hf_container_close(p.c, NULL);
    return r;
}

static void lay_out(bool came_before)
{
    struct hf_container *c;

    ground_teardown(NULL);
    ground_setup(NULL);
    c = ground_container("g.hold");
    OK(hf_container_close(c, &err));
    if (came_before) { /* an older copy lies there, from a hand-over that was called off */
        ground_host("b");
        ground_receive("g.hold", "moved.hold");
        ground_host("a");
    }
}

/* In a process of its own: 0 moved, 77 died, else it gave up. */
static int in_child(bool hold)
{
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        int r;

        calls = 0;
        r = move(hold);
        _exit(r < 0 ? 1 : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void settles(void)
{
    struct hf_owner a = owner_of("a", "g.hold"), b = owner_of("b", "moved.hold");
    struct hf_container *c;
    uint8_t page[HF_PAGE_SIZE], wanted[HF_PAGE_SIZE];

    assert_false(a.state == HF_OWNER_HELD && b.state == HF_OWNER_HELD);
    fatal_at = full_from = full_to = 0;
    if (move(false) < 0) /* what a crash left open is asked about by the first go; the second has it */
        assert_int_equal(move(false), 0);
    a = owner_of("a", "g.hold");
    b = owner_of("b", "moved.hold");
    assert_int_equal(a.state, HF_OWNER_DEPARTED);
    assert_int_equal(b.state, HF_OWNER_HELD);
    assert_true(b.epoch >= a.epoch);
    ground_host("b");
    OK(hf_container_open(ground_path("moved.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_bank_read(c, HF_BANK_VARS, 0, page, sizeof page, &err));
    OK(hf_container_close(c, &err));
    ground_bytes(wanted, sizeof wanted, 2);
    assert_memory_equal(page, wanted, sizeof page);
}

/* `full`: for how many calls the disk is full; 0: the process dies instead. */
static void at_each_call(unsigned full, bool hold, bool came_before)
{
    unsigned n = 0, step = 4 / unit_samples(4);
    int r = 1;

    while (r != 0 || n == 0) {
        n += step;
        lay_out(came_before);
        fatal_at = full ? 0 : n;
        full_from = full ? n : 0;
        full_to = full ? n + full : 0;
        r = in_child(hold);
        settles();
        assert_true(n < 500);
        if (full && r == 0 && n > 60)
            break;
        if (full && r == 0)
            r = 1; /* a sync that failed may be made good by what follows it */
    }
    assert_true(n > 10);
    printf("# one in %u of %u calls that make something durable%s\n", step, n - 1,
           full ? ", the disk full at each" : ", death at each");
}

static void a_death_at_any_durable_step_leaves_one_owner(void **state)
{
    at_each_call(0, false, false);
    at_each_call(0, true, false);
    at_each_call(0, false, true);
}

static void a_disk_that_is_full_at_any_step_leaves_one_owner(void **state)
{
    at_each_call(1, false, false);
    at_each_call(1, true, false);
    at_each_call(1000, false, true);
}

/* While the guest stands still, with nothing changed since it was sent ahead. */
static void a_guest_that_stands_waits_for_few_calls(void **state)
{
    struct pair p = {.to = "moved.hold", .cut_after = {SIZE_MAX, SIZE_MAX}, .hold = true};
    struct hf_owner_pending *pending;

    lay_out(false);
    fatal_at = full_from = full_to = 0;
    pair_begin(&p, "g.hold");
    OK(SRC(hf_container_reserve(p.c, 0, &err))); /* as a guest's run does */
    assert_int_equal(pair_wait(&p, 1), HF_EXCHANGE_PEER);
    assert_int_equal(pair_wait(&p, 0), HF_EXCHANGE_PEER);
    OK(SRC(hf_exchange_offer(p.src, false, NOW, &err)));
    assert_int_equal(pair_wait(&p, 1), HF_EXCHANGE_READY);
    assert_int_equal(pair_wait(&p, 0), HF_EXCHANGE_READY);
    OK(DST(hf_container_warm(hf_exchange_container(p.dst), &err)));
    OK(SRC(hf_exchange_prepare(p.src, &err)));
    calls = 0;
    OK(SRC(hf_exchange_offer(p.src, true, NOW, &err)));
    assert_int_equal(pair_wait(&p, 1), HF_EXCHANGE_READY);
    assert_int_equal(pair_wait(&p, 0), HF_EXCHANGE_READY);
    assert_int_equal(calls, 0); /* it lies there */
    calls = 0;
    OK(SRC(hf_exchange_promise(p.src, NOW, &pending, &err)));
    assert_int_equal(calls, 0);
    OK(SRC(hf_owner_promise_finish(pending, &err))); /* beside QEMU's stream */
    assert_int_equal(calls, 3);                      /* the register's new name, its directory, the log */
    hf_exchange_promised(p.src, 0);
    calls = 0;
    OK(SRC(hf_exchange_grant(p.src, NOW, &err)));
    assert_int_equal(calls, 0);
    assert_int_equal(pair_wait(&p, 1), HF_EXCHANGE_GRANTED);
    calls = 0;
    OK(DST(hf_exchange_claim_first(p.dst, NOW, &err)));
    assert_int_equal(calls, 1); /* the log */
    OK(DST(hf_exchange_claim_told(p.dst, hf_exchange_container(p.dst), &err)));
    assert_int_equal(pair_wait(&p, 0), HF_EXCHANGE_DEPARTED);
    pair_end(&p);
    assert_int_equal(owner_of("b", "moved.hold").state, HF_OWNER_HELD);
}

#define IN_GROUND(test) cmocka_unit_test_setup_teardown(test, ground_setup, ground_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUND(a_death_at_any_durable_step_leaves_one_owner),
        IN_GROUND(a_disk_that_is_full_at_any_step_leaves_one_owner),
        IN_GROUND(a_guest_that_stands_waits_for_few_calls),
    };

    return cmocka_run_group_tests_name("handover-exchange-crash", tests, NULL, NULL);
}
