/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The source of a move: its table, cell by cell, and whole moves by it between two hosts, with a mover that does what
 * the test says and no guest. The container, the exchange and the pump are the real ones.
 */
#include "ends.h"

#include "owner_steps.h"
#include "sending.h"

/* ---- the table ---- */

static const char *const stages[HF_SENDING_STAGES] = {
    [HF_SENDING_LOOKING] = "LOOKING",
    [HF_SENDING_MEETING] = "MEETING",
    [HF_SENDING_MEETING_PAUSED] = "MEETING_PAUSED",
    [HF_SENDING_ASKING] = "ASKING",
    [HF_SENDING_AHEAD] = "AHEAD",
    [HF_SENDING_MOVING] = "MOVING",
    [HF_SENDING_OFFERED] = "OFFERED",
    [HF_SENDING_GRANTED] = "GRANTED",
    [HF_SENDING_COULD] = "COULD",
    [HF_SENDING_SENT] = "SENT",
    [HF_SENDING_DEPARTED] = "DEPARTED",
    [HF_SENDING_RESUMED] = "RESUMED",
    [HF_SENDING_STAYED] = "STAYED",
    [HF_SENDING_LOST] = "LOST",
};

static const char *const events[HF_SENDING_EVENTS] = {
    [HF_SENDING_ON_DEPARTED] = "departed",   [HF_SENDING_ON_RESUMED] = "resumed",
    [HF_SENDING_ON_GAVE_UP] = "gave-up",     [HF_SENDING_ON_CLOSED] = "closed",
    [HF_SENDING_ON_CANCELLED] = "cancelled", [HF_SENDING_ON_LATE] = "late",
    [HF_SENDING_ON_FAILED] = "failed",       [HF_SENDING_ON_INTERFERED] = "interfered",
    [HF_SENDING_ON_SILENT] = "silent",       [HF_SENDING_ON_PROMISED] = "promised",
    [HF_SENDING_ON_PEER] = "peer",           [HF_SENDING_ON_READY] = "ready",
    [HF_SENDING_ON_PAUSED] = "paused",       [HF_SENDING_ON_ASKED] = "asked",
    [HF_SENDING_ON_COMPLETED] = "completed",
};

static const char *const actions[] = {
    [HF_SENDING_IGNORE] = "-",    [HF_SENDING_NOTE] = "note", [HF_SENDING_JUDGE] = "judge",
    [HF_SENDING_SEND] = "send",   [HF_SENDING_GIVE] = "give", [HF_SENDING_START] = "start",
    [HF_SENDING_OFFER] = "offer", [HF_SENDING_KEEP] = "keep", [HF_SENDING_GRANT] = "grant",
    [HF_SENDING_ASK] = "ask",     [HF_SENDING_END] = "end",   [HF_SENDING_RECALL] = "recall",
    [HF_SENDING_LOSE] = "lose",
};

/* Everything but "nothing happens". */
static const char expected[] =
    "LOOKING gave-up recall STAYED\nLOOKING closed recall STAYED\nLOOKING cancelled recall STAYED\n"
    "LOOKING silent recall STAYED\nLOOKING peer judge COULD\n"
    "MEETING departed end DEPARTED\nMEETING gave-up recall STAYED\nMEETING closed recall STAYED\n"
    "MEETING cancelled recall STAYED\nMEETING silent recall STAYED\nMEETING peer send AHEAD\nMEETING asked note "
    "MEETING\n"
    "MEETING_PAUSED departed end DEPARTED\nMEETING_PAUSED gave-up recall STAYED\nMEETING_PAUSED closed recall STAYED\n"
    "MEETING_PAUSED cancelled recall STAYED\nMEETING_PAUSED silent recall STAYED\nMEETING_PAUSED peer give OFFERED\n"
    "ASKING departed end DEPARTED\nASKING resumed end RESUMED\nASKING gave-up lose LOST\nASKING closed lose LOST\n"
    "ASKING cancelled lose LOST\nASKING silent lose LOST\nASKING peer ask ASKING\n"
    "AHEAD departed end DEPARTED\nAHEAD gave-up recall STAYED\nAHEAD closed recall STAYED\nAHEAD cancelled recall "
    "STAYED\n"
    "AHEAD silent recall STAYED\nAHEAD ready start MOVING\nAHEAD asked note AHEAD\n"
    "MOVING departed end DEPARTED\nMOVING gave-up recall STAYED\nMOVING closed recall STAYED\n"
    "MOVING cancelled recall STAYED\nMOVING late recall STAYED\nMOVING failed recall STAYED\n"
    "MOVING interfered recall STAYED\nMOVING silent recall STAYED\nMOVING paused offer OFFERED\n"
    "MOVING asked note MOVING\nMOVING completed note MOVING\n"
    "OFFERED departed end DEPARTED\nOFFERED gave-up recall STAYED\nOFFERED closed recall STAYED\n"
    "OFFERED cancelled recall STAYED\nOFFERED late recall STAYED\nOFFERED failed recall STAYED\n"
    "OFFERED interfered recall STAYED\nOFFERED silent recall STAYED\nOFFERED promised keep GRANTED\n"
    "OFFERED ready grant GRANTED\nOFFERED asked grant GRANTED\nOFFERED completed grant GRANTED\n"
    "GRANTED departed end DEPARTED\nGRANTED resumed end RESUMED\nGRANTED gave-up lose LOST\nGRANTED closed lose LOST\n"
    "GRANTED cancelled lose LOST\nGRANTED failed lose LOST\nGRANTED silent lose LOST\n";

static void every_cell_is_as_it_should_be(void **state)
{
    char found[sizeof expected + 1024], *at = found;

    for (unsigned s = 0; s < HF_SENDING_STAGES; s++) {
        for (unsigned e = 0; e < HF_SENDING_EVENTS; e++) {
            struct hf_sending_cell cell = hf_sending_cell((enum hf_sending_stage)s, (enum hf_sending_event)e);

            if (cell.action == HF_SENDING_IGNORE) {
                assert_int_equal(cell.next, s);
                continue;
            }
            at += snprintf(at, sizeof found - (size_t)(at - found), "%s %s %s %s\n", stages[s], events[e],
                           actions[cell.action], stages[cell.next]);
            assert_true((size_t)(at - found) < sizeof found);
        }
    }
    assert_string_equal(found, expected);
}

/* What the table is for, whatever else it says. */
static void only_the_peer_ends_a_grant_and_only_an_offer_becomes_one(void **state)
{
    for (unsigned s = 0; s < HF_SENDING_STAGES; s++) {
        enum hf_sending_stage stage = (enum hf_sending_stage)s;
        bool granted = hf_sending_stage_is_granted(stage);

        assert_int_equal(hf_sending_fault(stage).next, granted ? HF_SENDING_LOST : HF_SENDING_STAYED);
        for (unsigned e = 0; e < HF_SENDING_EVENTS; e++) {
            struct hf_sending_cell cell = hf_sending_cell(stage, (enum hf_sending_event)e);

            if (hf_sending_stage_is_over(stage))
                assert_int_equal(cell.action, HF_SENDING_IGNORE);
            if (granted && cell.next != stage && cell.next != HF_SENDING_LOST)
                assert_true(e == HF_SENDING_ON_DEPARTED || e == HF_SENDING_ON_RESUMED);
            if (!granted && hf_sending_stage_is_granted(cell.next))
                assert_int_equal(stage, HF_SENDING_OFFERED);
            if (cell.action == HF_SENDING_RECALL)
                assert_false(granted);
            if (cell.action == HF_SENDING_GRANT || cell.action == HF_SENDING_KEEP)
                assert_int_equal(stage, HF_SENDING_OFFERED);
        }
    }
}

static void a_stage_or_event_out_of_range_changes_nothing(void **state)
{
    struct hf_sending_cell cell = hf_sending_cell(HF_SENDING_STAGES, HF_SENDING_ON_PEER);

    assert_int_equal(cell.action, HF_SENDING_IGNORE);
    cell = hf_sending_cell(HF_SENDING_MEETING, HF_SENDING_EVENTS);
    assert_int_equal(cell.action, HF_SENDING_IGNORE);
    assert_int_equal(cell.next, HF_SENDING_MEETING);
}

/* ---- moves ---- */

struct move {
    struct ends e;
    struct hf_sending sending;
    struct hf_owner_pending *pending; /* of a promise that is not durable yet */
    bool refuses, sends_only, held;
    unsigned judged, started, promised;
};

static int judge(void *ctx, const struct hf_exchange_peer *peer, struct hf_error *err)
{
    struct move *m = ctx;

    m->judged++;
    return m->refuses ? hf_error_refuse(err, "room", "no room at host '%s'", peer->host.name) : 0;
}

static int start(void *ctx, struct hf_error *err)
{
    struct move *m = ctx;

    m->started++;
    return m->sends_only;
}

static int hold(void *ctx, struct hf_error *err)
{
    ((struct move *)ctx)->held = true;
    return 0;
}

static int promise(void *ctx, struct hf_owner_pending *pending, struct hf_error *err)
{
    ((struct move *)ctx)->pending = pending;
    return 0;
}

static int promised(void *ctx, struct hf_error *err)
{
    struct move *m = ctx;

    m->promised++;
    return hf_owner_promise_finish(hf_take_ptr(m->pending), err);
}

static void explain(void *ctx, enum hf_sending_event event, struct hf_error *err)
{
    (void)hf_error_set(err, HF_ECANCELED, "event %s", events[event]);
}

#define NEEDS_ALL                                                                                                      \
    (HF_SENDING_BIT(HF_SENDING_ON_READY) | HF_SENDING_BIT(HF_SENDING_ON_ASKED) |                                       \
     HF_SENDING_BIT(HF_SENDING_ON_COMPLETED))

static const struct hf_mover_ops nothing = {.needs = HF_SENDING_BIT(HF_SENDING_ON_READY), .judge = judge};
static const struct hf_mover_ops guest = {.needs = NEEDS_ALL,
                                          .judge = judge,
                                          .start = start,
                                          .hold = hold,
                                          .promise = promise,
                                          .promised = promised,
                                          .explain = explain};

static void meet(struct move *m, const struct hf_mover_ops *mover, enum hf_sending_stage stage)
{
    *m = (struct move){.sending = {.timeout_s = 1000}};
    begin(&m->e, true);
    hf_sending_connect(&m->sending, mover, m, m->e.pump, stage);
}

static void finish_move(struct move *m, void **state)
{
    finish(&m->e);
    (void)ground_teardown(state);
    (void)ground_setup(state); /* for another one */
}

/* Another connection to the same peer. */
static void meet_again(struct move *m, enum hf_sending_stage stage)
{
    struct hf_exchange *x;

    hf_pump_close(m->e.pump, 0);
    ground_host(m->e.other);
    hf_exchange_free(m->e.hand);
    if (m->e.fd >= 0)
        (void)close(m->e.fd);
    m->e.seen = 0;
    m->e.hand = destination();
    ground_host(m->e.host);
    OK(hf_exchange_source(m->e.c, NULL, &x, &err));
    connect_ends(&m->e, x, true);
    hf_sending_connect(&m->sending, m->sending.ops, m, m->e.pump, stage);
}

static int act(struct move *m, struct hf_error *why)
{
    hf_sending_note_seen(&m->sending);
    hf_sending_look(&m->sending);
    return hf_sending_go_on(&m->sending, why);
}

/* Until the source is in that stage. */
static void reach(struct move *m, enum hf_sending_stage stage)
{
    struct hf_error why = {.text = ""};

    for (unsigned i = 0; i < TURNS && m->sending.stage != stage; i++) {
        (void)turn(&m->e, true);
        (void)act(m, &why);
    }
    if (m->sending.stage != stage)
        fail_msg("in %s, and never in %s: %s", stages[m->sending.stage], stages[stage], why.text);
}

/* Everything that can move has moved. */
static void settle(struct move *m)
{
    do
        OK(act(m, &err));
    while (turn(&m->e, true));
}

static void hear_of(struct move *m, enum hf_sending_event event)
{
    hf_sending_note(&m->sending, event);
    settle(m);
}

static void claim(struct move *m)
{
    turn_until_heard(&m->e, HF_EXCHANGE_GRANTED);
    ground_host(m->e.other);
    OK(hf_exchange_claim(m->e.hand, NOW, &err));
    ground_host(m->e.host);
}

static void ask_for_it(struct move *m)
{
    ground_host(m->e.other);
    OK(hf_exchange_ask(m->e.hand, &err));
    ground_host(m->e.host);
    settle(m);
}

static enum hf_owner_state owner(struct move *m)
{
    struct hf_owner owner;

    OK(hf_owner_standing(m->e.c, &owner, &err));
    return owner.state;
}

static void assert_failed(struct move *m, enum hf_sending_event event, enum hf_sending_stage stage, const char *words)
{
    struct hf_error why;

    hf_sending_note(&m->sending, event);
    assert_true(hf_sending_go_on(&m->sending, &why) < 0);
    assert_int_equal(m->sending.stage, stage);
    assert_non_null(strstr(why.text, words));
}

static void a_guest_that_is_off_moves(void **state)
{
    struct move m;

    meet(&m, &nothing, HF_SENDING_MEETING_PAUSED);
    reach(&m, HF_SENDING_OFFERED);
    reach(&m, HF_SENDING_GRANTED);
    claim(&m);
    reach(&m, HF_SENDING_DEPARTED);
    assert_int_equal(m.judged, 1);
    assert_int_equal(owner(&m), HF_OWNER_DEPARTED);
    finish_move(&m, state);
}

/* Offered, and the promise is being made durable. */
static void offer_running(struct move *m)
{
    meet(m, &guest, HF_SENDING_MEETING);
    reach(m, HF_SENDING_MOVING);
    assert_int_equal(m->started, 1);
    assert_false(m->held);
    hear_of(m, HF_SENDING_ON_PAUSED);
    assert_int_equal(m->sending.stage, HF_SENDING_OFFERED);
    assert_true(m->held);
    assert_non_null(m->pending);
}

static void a_guest_that_runs_is_granted_once_nothing_is_missing(void **state)
{
    for (unsigned last = 0; last < 3; last++) {
        struct move m;

        offer_running(&m);
        if (last != 0)
            ask_for_it(&m);
        if (last != 1)
            hear_of(&m, HF_SENDING_ON_COMPLETED);
        if (last != 2)
            hear_of(&m, HF_SENDING_ON_PROMISED);
        assert_int_equal(m.sending.stage, HF_SENDING_OFFERED);
        assert_false(m.e.seen & 1U << HF_EXCHANGE_GRANTED);
        if (last == 0)
            ask_for_it(&m);
        else
            hear_of(&m, last == 1 ? HF_SENDING_ON_COMPLETED : HF_SENDING_ON_PROMISED);
        assert_int_equal(m.sending.stage, HF_SENDING_GRANTED);
        assert_int_equal(m.promised, 1);
        claim(&m);
        reach(&m, HF_SENDING_DEPARTED);
        finish_move(&m, state);
    }
}

static void what_fails_before_the_grant_is_taken_back(void **state)
{
    static const enum hf_sending_event failures[] = {HF_SENDING_ON_CANCELLED, HF_SENDING_ON_LATE, HF_SENDING_ON_FAILED,
                                                     HF_SENDING_ON_INTERFERED};

    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        struct move m;

        offer_running(&m);
        assert_int_equal(owner(&m), HF_OWNER_GRANTED); /* promised, and nobody heard of it */
        assert_failed(&m, failures[i], HF_SENDING_STAYED, events[failures[i]]);
        assert_int_equal(m.promised, 1);
        assert_int_equal(owner(&m), HF_OWNER_HELD);
        turn_until_heard(&m.e, HF_EXCHANGE_FAILED); /* the peer is told */
        finish_move(&m, state);
    }
}

static void a_peer_that_cannot_have_it_is_told_so(void **state)
{
    struct hf_error why;
    struct move m;
    int r = 0;

    meet(&m, &guest, HF_SENDING_MEETING);
    m.refuses = true;
    for (unsigned i = 0; i < TURNS && r == 0; i++) {
        (void)turn(&m.e, true);
        r = act(&m, &why);
    }
    assert_int_equal(r, -HF_EREFUSED);
    assert_string_equal(why.rule, "room");
    assert_int_equal(m.sending.stage, HF_SENDING_STAYED);
    turn_until_heard(&m.e, HF_EXCHANGE_FAILED);
    assert_int_equal(owner(&m), HF_OWNER_HELD);
    finish_move(&m, state);
}

static void a_dry_run_and_what_is_only_sent_change_no_owner(void **state)
{
    struct move m;

    meet(&m, &guest, HF_SENDING_LOOKING);
    reach(&m, HF_SENDING_COULD);
    assert_int_equal(m.judged, 1);
    assert_int_equal(m.started, 0);
    finish_move(&m, state);

    meet(&m, &guest, HF_SENDING_MEETING);
    m.sends_only = true;
    reach(&m, HF_SENDING_SENT);
    assert_true(m.e.seen & 1U << HF_EXCHANGE_READY);
    assert_int_equal(owner(&m), HF_OWNER_HELD);
    finish_move(&m, state);
}

static void grant_and_lose(struct move *m)
{
    meet(m, &nothing, HF_SENDING_MEETING_PAUSED);
    reach(m, HF_SENDING_GRANTED);
    turn_until_heard(&m->e, HF_EXCHANGE_GRANTED);
    (void)close(hf_take_fd(m->e.fd));
    reach(m, HF_SENDING_LOST);
    assert_int_equal(owner(m), HF_OWNER_GRANTED);
}

static void a_grant_without_an_answer_is_asked_about(void **state)
{
    struct move m;

    grant_and_lose(&m); /* the peer did not claim it */
    meet_again(&m, HF_SENDING_ASKING);
    reach(&m, HF_SENDING_RESUMED);
    assert_int_equal(owner(&m), HF_OWNER_HELD);
    hf_sending_begin_again(&m.sending, HF_SENDING_MEETING_PAUSED);
    reach(&m, HF_SENDING_GRANTED);
    claim(&m);
    reach(&m, HF_SENDING_DEPARTED);
    finish_move(&m, state);

    grant_and_lose(&m);
    ground_host(m.e.other);
    OK(hf_exchange_claim(m.e.hand, NOW, &err)); /* it did, and nothing here heard of it */
    ground_host(m.e.host);
    meet_again(&m, HF_SENDING_ASKING);
    reach(&m, HF_SENDING_DEPARTED);
    finish_move(&m, state);
}

static void a_limit_that_is_over_ends_the_move(void **state)
{
    struct move m;

    offer_running(&m);
    assert_true(m.sending.paused_at > 0);
    m.sending.pause_limit_s = 1;
    hf_sending_look(&m.sending);
    assert_int_equal(m.sending.noted, 0);
    m.sending.paused_at -= 1000;
    hf_sending_look(&m.sending);
    assert_int_equal(m.sending.noted, HF_SENDING_BIT(HF_SENDING_ON_LATE));
    m.sending.noted = 0;
    m.sending.timeout_s = 0; /* anything is too long */
    hf_sending_look(&m.sending);
    assert_true(m.sending.noted & HF_SENDING_BIT(HF_SENDING_ON_SILENT));
    assert_failed(&m, HF_SENDING_ON_SILENT, HF_SENDING_STAYED, "late");
    finish_move(&m, state);

    meet(&m, &nothing, HF_SENDING_MEETING_PAUSED);
    reach(&m, HF_SENDING_GRANTED);
    m.sending.timeout_s = 0;
    hf_sending_look(&m.sending);
    assert_failed(&m, HF_SENDING_ON_SILENT, HF_SENDING_LOST, "no answer");
    finish_move(&m, state);
}

int main(void)
{
#define IT(name) cmocka_unit_test_setup_teardown(name, ground_setup, ground_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_is_as_it_should_be),
        cmocka_unit_test(only_the_peer_ends_a_grant_and_only_an_offer_becomes_one),
        cmocka_unit_test(a_stage_or_event_out_of_range_changes_nothing),
        IT(a_guest_that_is_off_moves),
        IT(a_guest_that_runs_is_granted_once_nothing_is_missing),
        IT(what_fails_before_the_grant_is_taken_back),
        IT(a_peer_that_cannot_have_it_is_told_so),
        IT(a_dry_run_and_what_is_only_sent_change_no_owner),
        IT(a_grant_without_an_answer_is_asked_about),
        IT(a_limit_that_is_over_ends_the_move),
    };

    return cmocka_run_group_tests_name("handover-sending", tests, NULL, NULL);
}
