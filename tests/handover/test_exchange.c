/* SPDX-License-Identifier: BSD-2-Clause */
#include "pair.h"

#include <errno.h>

#include "cleanup.h"
#include "contract.h"
#include "exchange_greeting.h"
#include "roms.h"

static void make(const char *name)
{
    struct hf_container *c = ground_container(name);
    static uint8_t rom[3000];
    struct hf_rom r = {.name = "vgabios-stdvga.bin"};
    int64_t id;

    ground_bytes(rom, sizeof rom, 7);
    OK(hf_begin(c, &err));
    OK(hf_image_add(c, HF_IMAGE_ROM, "rom", rom, sizeof rom, NOW, &r.image, &err));
    OK(hf_rom_set(c, HF_SLOT_ACTIVE, &r, &err));
    OK(hf_snapshot_take(c, "before", NOW, &id, &err));
    OK(hf_contract_set(c, "smi", "\1\2\3", 3, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
    OK(hf_container_close(c, &err));
}

static void write_byte(struct hf_container *c, uint64_t at, uint8_t byte)
{
    OK(hf_begin(c, &err));
    OK(hf_bank_write(c, HF_BANK_VARS, at, &byte, 1, NULL, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
}

static struct hf_digest state_of(const char *host, const char *name)
{
    struct hf_container *c;
    struct hf_digest digest;

    ground_host(host);
    OK(hf_container_open(ground_path(name), HF_OPEN_LOOK, NOW, &c, &err));
    OK(hf_transfer_digest(c, &digest, &err));
    OK(hf_container_close(c, &err));
    return digest;
}

static void greet(struct pair *p)
{
    assert_int_equal(pair_wait(p, 1), HF_EXCHANGE_PEER);
    assert_int_equal(pair_wait(p, 0), HF_EXCHANGE_PEER);
}

static void offer(struct pair *p, bool flushed)
{
    OK(SRC(hf_exchange_offer(p->src, flushed, NOW, &err)));
    assert_int_equal(pair_wait(p, 1), HF_EXCHANGE_READY);
    assert_int_equal(pair_wait(p, 0), HF_EXCHANGE_READY);
}

/* From the grant on. */
static void pass_on(struct pair *p)
{
    OK(SRC(hf_exchange_grant(p->src, NOW, &err)));
    assert_int_equal(pair_wait(p, 1), HF_EXCHANGE_GRANTED);
    OK(DST(hf_exchange_claim(p->dst, NOW, &err)));
    assert_int_equal(pair_wait(p, 0), HF_EXCHANGE_DEPARTED);
}

static void everything_moves(void **state)
{
    static const size_t pieces[] = {0, 1, 7};

    for (size_t i = 0; i < HF_ARRAY_SIZE(pieces); i++) {
        struct pair p = {.to = "moved.hold", .piece = pieces[i], .cut_after = {SIZE_MAX, SIZE_MAX}, .hold = i == 2};
        struct hf_digest before, after;
        struct hf_owner owner;

        ground_teardown(NULL);
        ground_setup(NULL);
        make("g.hold");
        pair_begin(&p, "g.hold");
        greet(&p);
        assert_string_equal(hf_exchange_peer(p.dst)->guest.uuid, ground_guest.uuid);
        assert_string_equal(hf_exchange_peer(p.src)->caps, "{\"schema\": 1}");
        offer(&p, true);
        OK(SRC(hf_transfer_digest(p.c, &before, &err)));
        if (!p.hold) {
            after = state_of("b", "moved.hold");
            assert_memory_equal(&before, &after, sizeof before);
        }
        pass_on(&p);
        pair_end(&p);
        owner = owner_of("a", "g.hold");
        assert_int_equal(owner.state, HF_OWNER_DEPARTED);
        owner = owner_of("b", "moved.hold");
        assert_int_equal(owner.state, HF_OWNER_HELD);
        assert_int_equal(owner.epoch, 2);
        assert_int_equal(owner.attempt, 1);
    }
}

static void a_running_guest_is_sent_ahead_and_then_its_changes(void **state)
{
    struct pair p = {.to = "moved.hold", .cut_after = {SIZE_MAX, SIZE_MAX}, .hold = true};
    uint64_t ahead, all, total;
    const uint8_t *stream;
    uint8_t byte;
    size_t size;

    make("g.hold");
    pair_begin(&p, "g.hold");
    greet(&p);
    offer(&p, false);
    hf_exchange_progress(p.src, &ahead, &total);
    assert_int_equal(ahead, total);
    FAILS(HF_EUSAGE, SRC(hf_exchange_grant(p.src, NOW, &err)));
    assert_int_equal(SRC(hf_exchange_put_stream(p.src, "qemu", 4, NULL)), 4);
    assert_int_equal(pair_wait(&p, 1), HF_EXCHANGE_STREAM);
    stream = hf_exchange_stream(p.dst, &size);
    assert_int_equal(size, 4);
    assert_memory_equal(stream, "qemu", 4);
    assert_int_equal(SRC(hf_exchange_put_stream(p.src, NULL, 0, NULL)), 1);
    assert_int_equal(pair_wait(&p, 1), HF_EXCHANGE_STREAM_END);
    SRC(write_byte(p.c, 20000, 5));
    OK(DST(hf_exchange_ask(p.dst, &err)));
    assert_int_equal(pair_wait(&p, 0), HF_EXCHANGE_ASKED);
    offer(&p, true);
    hf_exchange_progress(p.src, &all, &total);
    assert_true(all - ahead < 5000); /* a page, not everything */
    SRC(write_byte(p.c, 20001, 6));
    REFUSED("changed", SRC(hf_exchange_grant(p.src, NOW, &err)));
    offer(&p, true);
    pass_on(&p);
    OK(DST(hf_bank_read(hf_exchange_container(p.dst), HF_BANK_VARS, 20001, &byte, 1, &err)));
    assert_int_equal(byte, 6);
    DST(write_byte(hf_exchange_container(p.dst), 20002, 7));
    pair_end(&p);
}

static void what_the_other_side_has_is_not_sent_back(void **state)
{
    struct pair p = {.to = "moved.hold", .cut_after = {SIZE_MAX, SIZE_MAX}};
    struct hf_exchange_place back;
    struct hf_owner owner;

    make("g.hold");
    pair_begin(&p, "g.hold");
    greet(&p);
    offer(&p, true);
    pass_on(&p);
    assert_true(p.seen[0][HF_FRAME_IMAGE] >= 3);
    pair_end(&p);
    /* The other way round: host b is the source now, and the pair's "a" the destination. */
    memset(p.seen, 0, sizeof p.seen);
    ground_host("b");
    OK(hf_container_open_giving(ground_path("moved.hold"), HF_OPEN_RUN, NOW, &p.c, &err));
    OK(hf_exchange_source(p.c, NULL, &p.src, &err));
    ground_host("a");
    back = (struct hf_exchange_place){.path = ground_path("g.hold")};
    OK(hf_exchange_destination(&back, &p.dst, &err));
    for (bool done = false; !done;) {
        enum hf_exchange_event event = HF_EXCHANGE_NONE;
        const uint8_t *bytes;
        size_t size;

        ground_host("b");
        OK(hf_exchange_output(p.src, &bytes, &size, &err));
        (void)pair_let_through(&p, 0, bytes, size);
        OK(hf_exchange_feed(p.dst, bytes, size, &err));
        hf_exchange_written(p.src, size);
        ground_host("a");
        OK(hf_exchange_next(p.dst, NOW, &event, &err));
        if (event == HF_EXCHANGE_GRANTED)
            OK(hf_exchange_claim(p.dst, NOW, &err));
        OK(hf_exchange_output(p.dst, &bytes, &size, &err));
        OK(hf_exchange_feed(p.src, bytes, size, &err));
        hf_exchange_written(p.dst, size);
        ground_host("b");
        OK(hf_exchange_next(p.src, NOW, &event, &err));
        if (event == HF_EXCHANGE_PEER)
            OK(hf_exchange_offer(p.src, true, NOW, &err));
        if (event == HF_EXCHANGE_READY)
            OK(hf_exchange_grant(p.src, NOW, &err));
        done = event == HF_EXCHANGE_DEPARTED;
    }
    assert_int_equal(p.seen[0][HF_FRAME_IMAGE], 0);
    OK(hf_container_close(p.c, &err));
    hf_exchange_free(p.src);
    hf_exchange_free(p.dst);
    owner = owner_of("a", "g.hold");
    assert_int_equal(owner.state, HF_OWNER_HELD);
    assert_int_equal(owner.epoch, 3);
}

static void calling_off_leaves_the_source_as_it_was(void **state)
{
    struct pair p = {.to = "moved.hold", .cut_after = {SIZE_MAX, SIZE_MAX}};
    struct hf_container *c;

    make("g.hold");
    pair_begin(&p, "g.hold");
    greet(&p);
    offer(&p, true);
    OK(SRC(hf_exchange_cancel(p.src, "not today", &err)));
    assert_int_equal(pair_wait(&p, 1), HF_EXCHANGE_FAILED);
    assert_string_equal(hf_exchange_failure(p.dst), "not today");
    SRC(write_byte(p.c, 1, 1));
    pair_end(&p);
    ground_host("a");
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_container_close(c, &err));
    assert_int_equal(owner_of("b", "moved.hold").state, HF_OWNER_INCOMING);
}

static void a_grant_can_be_taken_back_until_it_is_claimed(void **state)
{
    struct pair p = {.to = "moved.hold", .cut_after = {SIZE_MAX, SIZE_MAX}};

    make("g.hold");
    pair_begin(&p, "g.hold");
    greet(&p);
    offer(&p, true);
    OK(SRC(hf_exchange_grant(p.src, NOW, &err)));
    FAILS(HF_EUSAGE, hf_exchange_cancel(p.src, "too late", &err));
    assert_int_equal(pair_wait(&p, 1), HF_EXCHANGE_GRANTED);
    OK(SRC(hf_exchange_revoke(p.src, &err)));
    assert_int_equal(pair_wait(&p, 1), HF_EXCHANGE_REVOKED);
    FAILS(HF_EUSAGE, DST(hf_exchange_claim(p.dst, NOW, &err)));
    assert_int_equal(pair_wait(&p, 0), HF_EXCHANGE_RESUMED);
    SRC(write_byte(p.c, 1, 1));
    offer(&p, true); /* the same connection, the next attempt */
    pass_on(&p);
    pair_end(&p);
    assert_int_equal(owner_of("b", "moved.hold").attempt, 2);
    assert_int_equal(owner_of("b", "moved.hold").epoch, 4);
}

static void a_promise_is_as_before_until_it_is_granted(void **state)
{
    struct pair p = {.to = "moved.hold", .cut_after = {SIZE_MAX, SIZE_MAX}};
    struct hf_owner_pending *pending;
    struct hf_owner owner;
    uint64_t epoch;

    make("g.hold");
    pair_begin(&p, "g.hold");
    greet(&p);
    FAILS(HF_EUSAGE, SRC(hf_exchange_promise(p.src, NOW, &pending, &err)));
    OK(SRC(hf_exchange_offer(p.src, true, NOW, &err)));
    OK(SRC(hf_exchange_promise(p.src, NOW, &pending, &err)));
    REFUSED("granted", SRC(hf_begin(p.c, &err)));
    assert_int_equal(pair_wait(&p, 1), HF_EXCHANGE_READY);
    assert_int_equal(pair_wait(&p, 0), HF_EXCHANGE_READY);
    FAILS(HF_EUSAGE, SRC(hf_exchange_grant(p.src, NOW, &err))); /* the disk may not have it yet */
    FAILS(HF_EUSAGE, SRC(hf_exchange_cancel(p.src, "not today", &err)));
    FAILS(HF_EPROTO, SRC(hf_exchange_revoke(p.src, &err)));
    OK(SRC(hf_owner_promise_finish(pending, &err)));
    hf_exchange_promised(p.src, 0);
    OK(SRC(hf_owner_standing(p.c, &owner, &err)));
    assert_int_equal(owner.state, HF_OWNER_GRANTED);
    epoch = owner.epoch;
    OK(SRC(hf_exchange_retract(p.src, NOW, &err)));
    OK(SRC(hf_owner_standing(p.c, &owner, &err)));
    assert_int_equal(owner.state, HF_OWNER_HELD);
    assert_int_equal(owner.epoch, epoch);
    SRC(write_byte(p.c, 1, 1));
    FAILS(HF_EPROTO, SRC(hf_exchange_retract(p.src, NOW, &err)));

    OK(SRC(hf_exchange_offer(p.src, true, NOW, &err)));
    SRC(write_byte(p.c, 2, 2));
    REFUSED("changed", SRC(hf_exchange_promise(p.src, NOW, &pending, &err)));
    assert_int_equal(pair_wait(&p, 1), HF_EXCHANGE_READY);
    assert_int_equal(pair_wait(&p, 0), HF_EXCHANGE_READY);

    offer(&p, true);
    OK(SRC(hf_exchange_promise(p.src, NOW, &pending, &err)));
    OK(SRC(hf_owner_promise_finish(pending, &err)));
    hf_exchange_promised(p.src, 0);
    pass_on(&p);
    FAILS(HF_EPROTO, SRC(hf_exchange_retract(p.src, NOW, &err)));
    pair_end(&p);
    assert_int_equal(owner_of("a", "g.hold").state, HF_OWNER_DEPARTED);
}

static void what_was_granted_is_not_taken_back_alone(void **state)
{
    struct pair p = {.to = "moved.hold", .cut_after = {SIZE_MAX, SIZE_MAX}};

    make("g.hold");
    pair_begin(&p, "g.hold");
    greet(&p);
    offer(&p, true);
    OK(SRC(hf_exchange_grant(p.src, NOW, &err)));
    FAILS(HF_EPROTO, SRC(hf_exchange_retract(p.src, NOW, &err)));
    pair_end(&p);
    assert_int_equal(owner_of("a", "g.hold").state, HF_OWNER_GRANTED);
}

static void somebody_else_may_claim_with_the_first_write(void **state)
{
    struct pair p = {.to = "moved.hold", .cut_after = {SIZE_MAX, SIZE_MAX}};
    struct hf_container *c;
    uint32_t attempt;
    uint64_t epoch;

    make("g.hold");
    pair_begin(&p, "g.hold");
    greet(&p);
    offer(&p, true);
    OK(SRC(hf_exchange_grant(p.src, NOW, &err)));
    assert_int_equal(pair_wait(&p, 1), HF_EXCHANGE_GRANTED);
    hf_exchange_terms(p.dst, &attempt, &epoch);
    FAILS(HF_EUSAGE, DST(hf_exchange_claimed(p.dst, &err)));
    OK(DST(hf_container_open_incoming(ground_path("moved.hold"), NOW, &c, &err)));
    OK(hf_begin_claim(c, attempt, epoch, NOW, &err));
    OK(hf_bank_write(c, HF_BANK_VARS, 20000, "\x09", 1, NULL, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
    OK(hf_container_close(c, &err));
    OK(DST(hf_exchange_claimed(p.dst, &err)));
    assert_int_equal(pair_wait(&p, 0), HF_EXCHANGE_DEPARTED);
    pair_end(&p);
}

static void nothing_is_received_over_another_guest_or_at_two_places(void **state)
{
    struct pair p = {.to = "other.hold", .cut_after = {SIZE_MAX, SIZE_MAX}};
    struct hf_container *c;

    make("g.hold");
    ground_host("b");
    make("other.hold");
    pair_begin(&p, "g.hold");
    assert_int_equal(pair_wait(&p, 1), HF_EXCHANGE_FAILED);
    assert_string_equal(p.failed.rule, "exists");
    assert_int_equal(pair_wait(&p, 0), HF_EXCHANGE_FAILED);
    assert_non_null(strstr(hf_exchange_failure(p.src), "another guest's"));
    pair_end(&p);
    p.to = "moved.hold";
    pair_begin(&p, "g.hold");
    greet(&p);
    offer(&p, true);
    pair_end(&p);
    p.to = "second.hold";
    pair_begin(&p, "g.hold");
    greet(&p);
    OK(SRC(hf_exchange_offer(p.src, true, NOW, &err)));
    assert_int_equal(pair_wait(&p, 1), HF_EXCHANGE_FAILED);
    assert_string_equal(p.failed.rule, "elsewhere");
    pair_end(&p);
    ground_host("a");
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_container_close(c, &err));
}

/* One go of a manager that only wants the guest over there: asks when it must, offers, grants, claims. False: the pipe was
 * cut before it came to an end. */
static bool move(struct pair *p)
{
    bool done = false;

    pair_begin(p, "g.hold");
    while (!done) {
        enum hf_exchange_event at_dst = pair_wait(p, 1), at_src;

        if (at_dst == HF_EXCHANGE_GRANTED)
            OK(DST(hf_exchange_claim(p->dst, NOW, &err)));
        at_src = pair_wait(p, 0);
        if ((at_src == HF_EXCHANGE_PEER || at_src == HF_EXCHANGE_RESUMED)) {
            if (hf_exchange_state(p->src).holder == HF_HOLDER_GRANTED)
                OK(SRC(hf_exchange_revoke(p->src, &err)));
            else
                OK(SRC(hf_exchange_offer(p->src, true, NOW, &err)));
        }
        if (at_src == HF_EXCHANGE_READY)
            OK(SRC(hf_exchange_grant(p->src, NOW, &err)));
        if (at_src == HF_EXCHANGE_DEPARTED) {
            pair_end(p);
            return true;
        }
        assert_int_not_equal(at_src, HF_EXCHANGE_FAILED);
        assert_int_not_equal(at_dst, HF_EXCHANGE_FAILED);
        done = at_dst == HF_EXCHANGE_NONE && at_src == HF_EXCHANGE_NONE;
    }
    assert_true(p->cut);
    pair_end(p);
    return false;
}

static void at_most_one_owner(void)
{
    struct hf_owner a = owner_of("a", "g.hold"), b = owner_of("b", "moved.hold");

    assert_false(a.state == HF_OWNER_HELD && b.state == HF_OWNER_HELD);
}

/* Cut after `n` frames one way, then once more after `m`, then whole. */
static size_t cut_twice(unsigned way, size_t n, size_t m)
{
    struct pair p = {.to = "moved.hold", .cut_after = {SIZE_MAX, SIZE_MAX}};
    struct hf_container *c;
    uint8_t byte;
    bool moved;

    ground_teardown(NULL);
    ground_setup(NULL);
    make("g.hold");
    p.cut_after[way] = n;
    moved = move(&p);
    at_most_one_owner();
    if (!moved && m != SIZE_MAX) {
        p.cut_after[way] = m;
        moved = move(&p);
        at_most_one_owner();
    }
    p.cut_after[way] = SIZE_MAX;
    if (!moved)
        assert_true(move(&p));
    assert_int_equal(owner_of("a", "g.hold").state, HF_OWNER_DEPARTED);
    assert_int_equal(owner_of("b", "moved.hold").state, HF_OWNER_HELD);
    ground_host("b");
    OK(hf_container_open(ground_path("moved.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_bank_read(c, HF_BANK_VARS, 0, &byte, 1, &err));
    OK(hf_container_close(c, &err));
    return p.frames[way];
}

static void cut_at_every_frame(unsigned way)
{
    size_t frames = cut_twice(way, SIZE_MAX, SIZE_MAX);

    assert_true(frames > 3);
    printf("# %zu frames from the %s\n", frames, way == 0 ? "source" : "destination");
    for (size_t n = 0; n < frames; n++) {
        (void)cut_twice(way, n, SIZE_MAX);
        for (size_t m = 0; m < frames + 2; m++)
            (void)cut_twice(way, n, m);
    }
}

static void a_cut_at_any_frame_from_the_source_leaves_one_owner(void **state)
{
    cut_at_every_frame(0);
}

static void a_cut_at_any_frame_from_the_destination_leaves_one_owner(void **state)
{
    cut_at_every_frame(1);
}

/* What a source said to host b, played to another host, or to b once more. The words of the side that heard it in *why. */
static int replay(const struct pair *p, const char *host, const char *name, struct hf_error *why)
{
    const struct hf_exchange_place place = {.path = ground_path(name)};
    enum hf_exchange_event event;
    struct hf_exchange *x;
    int r = 0;

    ground_host(host);
    OK(hf_exchange_destination(&place, &x, &err));
    for (size_t at = 0, n; r == 0 && at < p->taped; at += n) {
        n = p->taped - at < hf_exchange_room(x) ? p->taped - at : hf_exchange_room(x);
        OK(hf_exchange_feed(x, p->tape + at, n, &err));
        do
            r = hf_exchange_next(x, NOW, &event, why);
        while (r == 0 && event != HF_EXCHANGE_NONE && event != HF_EXCHANGE_GRANTED);
        if (r == 0 && event == HF_EXCHANGE_GRANTED)
            r = hf_exchange_claim(x, NOW, why) == 0 ? 1 : -1;
    }
    hf_exchange_free(x);
    return r;
}

/* Two hosts would own one epoch. */
static void a_grant_that_was_recorded_is_worth_nothing(void **state)
{
    struct pair p = {.to = "moved.hold", .cut_after = {SIZE_MAX, SIZE_MAX}};
    struct hf_error why = {.code = HF_OK};
    uint8_t *tape = malloc(8U << 20);

    assert_non_null(tape);
    make("g.hold");
    p.tape = tape;
    pair_begin(&p, "g.hold");
    greet(&p);
    offer(&p, true);
    OK(SRC(hf_exchange_grant(p.src, NOW, &err)));
    assert_int_equal(pair_wait(&p, 1), HF_EXCHANGE_GRANTED);
    pair_end(&p); /* and b did not claim it */
    assert_int_equal(replay(&p, "c", "third.hold", &why), -HF_EPROTO);
    assert_non_null(strstr(why.text, "grant: for host"));
    assert_int_equal(owner_of("c", "third.hold").state, HF_OWNER_INCOMING);
    assert_int_equal(replay(&p, "b", "moved.hold", &why), -HF_EPROTO);
    assert_non_null(strstr(why.text, "another exchange"));
    assert_int_equal(owner_of("b", "moved.hold").state, HF_OWNER_INCOMING);
    free(tape);
}

/* Frames that do not belong where they come: the exchange ends with words, and the source goes on. */
static void foreign_frames_end_the_exchange(void **state)
{
    static const unsigned types[] = {HF_FRAME_IMAGE,   HF_FRAME_STATE,    HF_MESSAGE_OFFER,
                                     HF_MESSAGE_GRANT, HF_MESSAGE_REVOKE, HF_FRAME_STREAM,
                                     HF_FRAME_HELLO,   HF_FRAME_CAPS,     HF_FRAME_WANT};

    for (size_t i = 0; i < HF_ARRAY_SIZE(types); i++) {
        struct pair p = {.to = "moved.hold", .cut_after = {SIZE_MAX, SIZE_MAX}};
        static uint8_t payload[sizeof(struct hf_frame_grant)];
        const struct hf_frame frame = {.type = types[i],
                                       .attempt = 1,
                                       .epoch = 1,
                                       .length = types[i] == HF_MESSAGE_REVOKE  ? 0
                                                 : types[i] == HF_MESSAGE_OFFER ? 32
                                                 : types[i] == HF_MESSAGE_GRANT ? sizeof payload
                                                                                : 64};
        struct hf_frame_header h = hf_frame_header_of(&frame);
        enum hf_exchange_event event = HF_EXCHANGE_NONE;
        struct hf_error why = {.code = HF_OK};

        ground_teardown(NULL);
        ground_setup(NULL);
        make("g.hold");
        pair_begin(&p, "g.hold");
        greet(&p);
        OK(SRC(hf_exchange_feed(p.src, &h, sizeof h, &err)));
        OK(SRC(hf_exchange_feed(p.src, payload, frame.length, &err)));
        assert_int_equal(SRC(hf_exchange_next(p.src, NOW, &event, &why)), -HF_EPROTO);
        assert_non_null(strstr(why.text, "unexpected here"));
        SRC(write_byte(p.c, 1, 2));
        pair_end(&p);
    }
}

/* READY, CLAIMED and REFUSED that nobody waits for, of this attempt and others, change nothing. */
static void answers_to_nothing_are_dropped(void **state)
{
    static const unsigned types[] = {HF_MESSAGE_READY, HF_MESSAGE_CLAIMED, HF_MESSAGE_REFUSED};
    struct pair p = {.to = "moved.hold", .cut_after = {SIZE_MAX, SIZE_MAX}};
    enum hf_exchange_event event;
    uint8_t payload[32] = {0};

    make("g.hold");
    pair_begin(&p, "g.hold");
    greet(&p);
    offer(&p, true);
    for (size_t i = 0; i < HF_ARRAY_SIZE(types); i++)
        for (uint32_t attempt = 0; attempt < 3; attempt++) {
            const struct hf_frame frame = {
                .type = types[i], .attempt = attempt, .length = types[i] == HF_MESSAGE_READY ? 32 : 0};
            struct hf_frame_header h = hf_frame_header_of(&frame);

            OK(SRC(hf_exchange_feed(p.src, &h, sizeof h, &err)));
            OK(SRC(hf_exchange_feed(p.src, payload, frame.length, &err)));
            OK(SRC(hf_exchange_next(p.src, NOW, &event, &err)));
            assert_int_equal(event, HF_EXCHANGE_NONE);
        }
    pass_on(&p);
    pair_end(&p);
}

/* The host "b" of the pair is another one from now on; its files stay. */
static void become_host(const char *now_called, const char *was)
{
    static const char *const kinds[] = {"state", "run"};
    char from[64], to[64];

    for (size_t i = 0; i < HF_ARRAY_SIZE(kinds); i++) {
        snprintf(from, sizeof from, "%s-%s", kinds[i], was);
        snprintf(to, sizeof to, "%s-%s", kinds[i], now_called);
        assert_true(rename(ground_path(from), ground_path(to)) == 0 || (i == 1 && errno == ENOENT));
    }
}

static void only_the_host_it_was_granted_to_gives_it_back(void **state)
{
    struct pair p = {.to = "moved.hold", .cut_after = {SIZE_MAX, SIZE_MAX}};

    make("g.hold");
    pair_begin(&p, "g.hold");
    greet(&p);
    offer(&p, true);
    OK(SRC(hf_exchange_grant(p.src, NOW, &err)));
    assert_int_equal(pair_wait(&p, 1), HF_EXCHANGE_GRANTED);
    OK(DST(hf_exchange_claim(p.dst, NOW, &err)));
    pair_end(&p); /* CLAIMED is lost */
    become_host("first", "b");
    p.to = "third.hold";
    pair_begin(&p, "g.hold");
    greet(&p);
    OK(SRC(hf_exchange_revoke(p.src, &err)));
    assert_int_equal(pair_wait(&p, 1), HF_EXCHANGE_REVOKED);
    assert_int_equal(pair_wait(&p, 0), HF_EXCHANGE_FAILED);
    assert_string_equal(p.failed.rule, "granted");
    pair_end(&p);
    assert_int_equal(owner_of("a", "g.hold").state, HF_OWNER_GRANTED);
    become_host("third", "b");
    become_host("b", "first");
    p.to = "moved.hold";
    pair_begin(&p, "g.hold");
    greet(&p);
    OK(SRC(hf_exchange_revoke(p.src, &err)));
    assert_int_equal(pair_wait(&p, 1), HF_EXCHANGE_NONE);
    assert_int_equal(pair_wait(&p, 0), HF_EXCHANGE_DEPARTED);
    pair_end(&p);
}

static void a_host_answers_for_the_place_where_its_copy_is(void **state)
{
    struct pair p = {.to = "moved.hold", .cut_after = {SIZE_MAX, SIZE_MAX}};

    make("g.hold");
    pair_begin(&p, "g.hold");
    greet(&p);
    offer(&p, true);
    OK(SRC(hf_exchange_grant(p.src, NOW, &err)));
    pair_end(&p);
    p.to = "elsewhere.hold";
    pair_begin(&p, "g.hold");
    greet(&p);
    OK(SRC(hf_exchange_revoke(p.src, &err)));
    assert_int_equal(pair_wait(&p, 1), HF_EXCHANGE_FAILED);
    assert_string_equal(p.failed.rule, "elsewhere");
    pair_end(&p);
    assert_int_equal(owner_of("a", "g.hold").state, HF_OWNER_GRANTED);
}

static void who_asks_and_does_not_listen_is_left(void **state)
{
    static struct hf_frame_header questions[40000];
    const struct hf_frame frame = {.type = HF_MESSAGE_REVOKE, .attempt = 1, .epoch = 1};
    struct pair p = {.to = "moved.hold", .cut_after = {SIZE_MAX, SIZE_MAX}};
    enum hf_exchange_event event;
    struct hf_error why = {.code = HF_OK};
    size_t asked = 0;
    int r = 0;

    for (size_t i = 0; i < HF_ARRAY_SIZE(questions); i++)
        questions[i] = hf_frame_header_of(&frame);
    make("g.hold");
    pair_begin(&p, "g.hold");
    greet(&p);
    ground_host("b");
    for (; r == 0 && asked < 5 * HF_ARRAY_SIZE(questions); asked += HF_ARRAY_SIZE(questions)) {
        OK(hf_exchange_feed(p.dst, questions, sizeof questions, &err));
        do
            r = hf_exchange_next(p.dst, NOW, &event, &why);
        while (r == 0 && event != HF_EXCHANGE_NONE);
    }
    assert_int_equal(r, -HF_EPROTO);
    assert_non_null(strstr(why.text, "does not read replies"));
    pair_end(&p);
}

static void an_introduction_names_its_side(void **state)
{
    static const char *const sides[] = {"destination", "neither"};
    struct hf_greeting g;

    for (size_t i = 0; i < HF_ARRAY_SIZE(sides); i++) {
        char text[256];
        int n =
            snprintf(text, sizeof text,
                     "{\"schema\":1,\"side\":\"%s\",\"holder\":\"NONE\",\"host-name\":\"b\","
                     "\"host-id\":\"0123456789abcdef0123456789abcdef\",\"nonce\":\"0123456789abcdef0123456789abcdef\"}",
                     sides[i]);

        if (i == 0)
            OK(hf_greeting_read(text, (size_t)n, &g, &err));
        else
            FAILS(HF_EPROTO, hf_greeting_read(text, (size_t)n, &g, &err));
    }
}

#define IN_GROUND(test) cmocka_unit_test_setup_teardown(test, ground_setup, ground_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUND(everything_moves),
        IN_GROUND(a_running_guest_is_sent_ahead_and_then_its_changes),
        IN_GROUND(what_the_other_side_has_is_not_sent_back),
        IN_GROUND(calling_off_leaves_the_source_as_it_was),
        IN_GROUND(a_grant_can_be_taken_back_until_it_is_claimed),
        IN_GROUND(a_promise_is_as_before_until_it_is_granted),
        IN_GROUND(what_was_granted_is_not_taken_back_alone),
        IN_GROUND(somebody_else_may_claim_with_the_first_write),
        IN_GROUND(nothing_is_received_over_another_guest_or_at_two_places),
        IN_GROUND(a_cut_at_any_frame_from_the_source_leaves_one_owner),
        IN_GROUND(a_cut_at_any_frame_from_the_destination_leaves_one_owner),
        IN_GROUND(a_grant_that_was_recorded_is_worth_nothing),
        IN_GROUND(foreign_frames_end_the_exchange),
        cmocka_unit_test(an_introduction_names_its_side),
        IN_GROUND(answers_to_nothing_are_dropped),
        IN_GROUND(only_the_host_it_was_granted_to_gives_it_back),
        IN_GROUND(a_host_answers_for_the_place_where_its_copy_is),
        IN_GROUND(who_asks_and_does_not_listen_is_left),
    };

    return cmocka_run_group_tests_name("handover-exchange", tests, NULL, NULL);
}
