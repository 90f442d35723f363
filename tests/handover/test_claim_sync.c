/* SPDX-License-Identifier: BSD-2-Clause */
/* A claim that the destination's disk does not take. As on Linux, what a failed sync was for is not written by a later one
 * that succeeds. */
#include "pair.h"

#include <stdlib.h>

#include "check.h"
#include "disk_vfs.h"
#include "epochs.h"

#define BASE_MAX (8U << 20)

static uint8_t base[BASE_MAX];
static size_t base_size;

static void load_base(const char *path)
{
    FILE *f = fopen(path, "rb");

    assert_non_null(f);
    base_size = fread(base, 1, sizeof base, f);
    assert_true(base_size > 0 && base_size < sizeof base);
    fclose(f);
}

/* Up to the grant; on "b" an older copy lies already, and what happens to it from here on is recorded. */
static void come_to_the_grant(struct pair *p)
{
    struct hf_container *c = ground_container("g.hold");

    OK(hf_container_close(c, &err));
    ground_host("b");
    ground_receive("g.hold", "moved.hold");
    load_base(ground_path("moved.hold"));
    disk_begin(ground_path("moved.hold"));
    pair_begin(p, "g.hold");
    assert_int_equal(pair_wait(p, 1), HF_EXCHANGE_PEER);
    assert_int_equal(pair_wait(p, 0), HF_EXCHANGE_PEER);
    OK(SRC(hf_exchange_offer(p->src, true, NOW, &err)));
    assert_int_equal(pair_wait(p, 1), HF_EXCHANGE_READY);
    assert_int_equal(pair_wait(p, 0), HF_EXCHANGE_READY);
    OK(SRC(hf_exchange_grant(p->src, NOW, &err)));
    assert_int_equal(pair_wait(p, 1), HF_EXCHANGE_GRANTED);
}

static int claim(struct pair *p, struct hf_error *err)
{
    int r;

    if (!p->hold)
        return DST(hf_exchange_claim(p->dst, NOW, err));
    r = DST(hf_exchange_claim_first(p->dst, NOW, err));
    return r < 0 ? r : DST(hf_exchange_claim_told(p->dst, hf_exchange_container(p->dst), err));
}

static size_t present(void)
{
    const struct disk_event *events;

    return disk_events(&events);
}

static size_t said_at; /* the answer */

/* The source asks what became of it. */
static enum hf_exchange_event ask(struct pair *p)
{
    enum hf_exchange_event event;

    pair_begin(p, "g.hold");
    assert_int_equal(pair_wait(p, 1), HF_EXCHANGE_PEER);
    assert_int_equal(pair_wait(p, 0), HF_EXCHANGE_PEER);
    assert_int_equal(SRC(hf_exchange_state(p->src).holder), HF_HOLDER_GRANTED);
    OK(SRC(hf_exchange_revoke(p->src, &err)));
    (void)pair_wait(p, 1);
    said_at = present();
    event = pair_wait(p, 0);
    pair_end(p);
    return event;
}

/* A log that lacks what a failed sync was for is older than the file that everything was brought into: that is damage until
 * the operator accepts that the log is lost, and then nothing is. */
static void accept_loss(void)
{
    struct hf_container *c;
    struct hf_error e = {0};
    int r;

    ground_host("b");
    for (;;) {
        r = hf_container_open(ground_path("moved.hold"), HF_OPEN_LOOK, NOW, &c, &e);
        if (r == 0)
            break;
        assert_int_equal(r, -HF_EDAMAGED);
        assert_non_null(strstr(e.text, "check --accept-loss"));
        if (strstr(e.text, "move "))
            assert_int_equal(rename(ground_path("moved.hold-wal"), ground_path("old-log")), 0);
        else
            OK(hf_check_accept_loss(ground_path("moved.hold"), NOW, &err));
    }
    OK(hf_container_close(c, &err));
}

/* The power goes on "b" at that moment: of its copy only what was synced is there. */
static void lose_power(size_t moment)
{
    disk_end();
    disk_lay_out(ground_path("moved.hold"), base, base_size, moment, DISK_SYNCED_ONLY, 1);
    (void)unlink(ground_path("moved.hold-shm"));
    setenv("HOLDFAST_BOOT_ID", "after-the-power-cut", 1);
    accept_loss();
}

static void runs_on_b(uint64_t epoch)
{
    struct hf_container *c;
    struct hf_owner owner;

    ground_host("b");
    OK(hf_container_open(ground_path("moved.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_owner_get(c, &owner, &err));
    assert_true(owner.state == HF_OWNER_HELD && owner.epoch > epoch);
    OK(hf_container_close(c, &err));
}

static uint64_t registered(const char *host, const char *id)
{
    struct hf_epoch seen;

    ground_host(host);
    OK(hf_epoch_get(id, &seen, &err));
    return hf_epoch_is_held(&seen) ? seen.epoch : 0;
}

enum then { ASKED_THEN_POWER, POWER_THEN_ASKED, STARTED_THEN_POWER, THEN_MAX };

/* How often each of it was seen, so that no case passes for want of its case. */
static struct {
    unsigned claimed, held, incoming;
} seen;

/* It was claimed although a sync failed: by another way, and for good. */
static void is_claimed(struct pair *p)
{
    size_t moment = present();
    struct hf_owner b;

    seen.claimed++;
    assert_int_equal(pair_wait(p, 0), HF_EXCHANGE_DEPARTED);
    pair_end(p);
    lose_power(moment);
    b = owner_of("b", "moved.hold");
    assert_int_equal(b.state, HF_OWNER_HELD);
    runs_on_b(b.epoch);
}

/* It was not, and nobody was told anything. What the log says, the power may take. */
static struct hf_owner is_not_claimed(struct pair *p, const char *id)
{
    struct hf_owner a, b;

    assert_int_equal(pair_wait(p, 0), HF_EXCHANGE_NONE);
    pair_end(p);
    a = owner_of("a", "g.hold");
    b = owner_of("b", "moved.hold");
    assert_int_equal(a.state, HF_OWNER_GRANTED);
    assert_int_equal(registered("b", id), 0);
    if (b.state == HF_OWNER_HELD)
        assert_int_equal(b.epoch, a.epoch + 1);
    else
        assert_int_equal(b.state, HF_OWNER_INCOMING);
    seen.held += b.state == HF_OWNER_HELD;
    seen.incoming += b.state == HF_OWNER_INCOMING;
    return b;
}

/* The disk works again. In the end one of the two owns it, and what was said stays true without power. */
static void goes_on(struct pair *p, const struct hf_owner *b, enum then then)
{
    enum hf_exchange_event answer;
    bool started = then == STARTED_THEN_POWER && b->state == HF_OWNER_HELD;

    disk_fail_syncs(0, 0);
    if (started)
        runs_on_b(b->epoch);
    if (then != ASKED_THEN_POWER)
        lose_power(present());
    answer = ask(p);
    if (then == ASKED_THEN_POWER)
        lose_power(said_at);
    assert_true(answer == HF_EXCHANGE_DEPARTED || answer == HF_EXCHANGE_RESUMED);
    assert_true(answer == HF_EXCHANGE_DEPARTED || !started);
    assert_int_equal(owner_of("a", "g.hold").state, answer == HF_EXCHANGE_DEPARTED ? HF_OWNER_DEPARTED : HF_OWNER_HELD);
    assert_int_equal(owner_of("b", "moved.hold").state,
                     answer == HF_EXCHANGE_DEPARTED ? HF_OWNER_HELD : HF_OWNER_REVOKED);
    if (answer == HF_EXCHANGE_DEPARTED)
        runs_on_b(b->epoch);
}

/* False: there is no such sync. */
static bool fail_at(unsigned nth, unsigned count, bool hold, enum then then)
{
    struct pair p = {.to = "moved.hold", .cut_after = {SIZE_MAX, SIZE_MAX}, .hold = hold};
    char id[HF_ID_TEXT_SIZE];
    struct hf_owner b;
    bool failed;
    int r;

    ground_teardown(NULL);
    ground_setup(NULL);
    come_to_the_grant(&p);
    strcpy(id, hf_exchange_peer(p.dst)->container);
    disk_fail_syncs(nth, count);
    r = claim(&p, NULL);
    failed = disk_failed();
    if (r == 0) {
        disk_fail_syncs(0, 0);
        is_claimed(&p);
    } else {
        assert_int_equal(r, -HF_EIO);
        b = is_not_claimed(&p, id);
        goes_on(&p, &b, then);
    }
    unsetenv("HOLDFAST_BOOT_ID");
    return failed;
}

static void at_each_sync(unsigned count)
{
    memset(&seen, 0, sizeof seen);
    for (int hold = 0; hold < 2; hold++)
        for (enum then then = 0; then < THEN_MAX; then++)
            for (unsigned nth = 1; fail_at(nth, count, hold, then); nth++)
                assert_true(nth < 50);
}

/* By another way, unless the commit itself needed that sync. */
static void a_claim_is_durable_or_none_whichever_sync_fails(void **state)
{
    at_each_sync(1);
    assert_true(seen.claimed > 6); /* beside those in which there was no such sync */
}

static void a_claim_that_no_sync_makes_durable_is_asked_about(void **state)
{
    at_each_sync(1000);
    assert_true(seen.held > 0 && seen.incoming > 0);
}

static void while_the_disk_fails_nothing_is_answered(void **state)
{
    struct pair p = {.to = "moved.hold", .cut_after = {SIZE_MAX, SIZE_MAX}};

    come_to_the_grant(&p);
    disk_fail_syncs(1, 1000);
    assert_int_equal(claim(&p, NULL), -HF_EIO);
    pair_end(&p);
    assert_int_equal(ask(&p), HF_EXCHANGE_FAILED);
    assert_int_equal(owner_of("a", "g.hold").state, HF_OWNER_GRANTED);
}

static int end_disk(void **state)
{
    disk_end();
    unsetenv("HOLDFAST_BOOT_ID");
    return ground_teardown(state);
}

#define IN_GROUND(test) cmocka_unit_test_setup_teardown(test, ground_setup, end_disk)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUND(a_claim_is_durable_or_none_whichever_sync_fails),
        IN_GROUND(a_claim_that_no_sync_makes_durable_is_asked_about),
        IN_GROUND(while_the_disk_fails_nothing_is_answered),
    };

    return cmocka_run_group_tests_name("handover-claim-sync", tests, NULL, NULL);
}
