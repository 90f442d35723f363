/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The destination of a move: its table, cell by cell, and whole moves by it between two hosts, with a receiver that
 * does what the test says and no guest. The container, the exchange and the pump are the real ones.
 */
#include "ends.h"

#include "owner_steps.h"
#include "receiving.h"

/* ---- the table ---- */

static const char *const stages[HF_RECEIVING_STAGES] = {
    [HF_RECEIVING_MEETING] = "MEETING", [HF_RECEIVING_RECEIVING] = "RECEIVING", [HF_RECEIVING_COPIED] = "COPIED",
    [HF_RECEIVING_ASKED] = "ASKED",     [HF_RECEIVING_CLAIMED] = "CLAIMED",     [HF_RECEIVING_REVOKED] = "REVOKED",
    [HF_RECEIVING_DONE] = "DONE",       [HF_RECEIVING_FAILED] = "FAILED",
};

static const char *const events[HF_RECEIVING_EVENTS] = {
    [HF_RECEIVING_ON_REVOKED] = "revoked",     [HF_RECEIVING_ON_GRANTED] = "granted",
    [HF_RECEIVING_ON_GAVE_UP] = "gave-up",     [HF_RECEIVING_ON_CLOSED] = "closed",
    [HF_RECEIVING_ON_CANCELLED] = "cancelled", [HF_RECEIVING_ON_SILENT] = "silent",
    [HF_RECEIVING_ON_PEER] = "peer",           [HF_RECEIVING_ON_READY] = "ready",
    [HF_RECEIVING_ON_WANTED] = "wanted",
};

static const char *const actions[] = {
    [HF_RECEIVING_IGNORE] = "-",        [HF_RECEIVING_MEET] = "meet", [HF_RECEIVING_INSTALL] = "install",
    [HF_RECEIVING_REFRESH] = "refresh", [HF_RECEIVING_ASK] = "ask",   [HF_RECEIVING_CLAIM] = "claim",
    [HF_RECEIVING_REVOKE] = "revoke",   [HF_RECEIVING_END] = "end",   [HF_RECEIVING_FAIL] = "fail",
};

/* Everything but "nothing happens". */
static const char expected[] =
    "MEETING gave-up fail FAILED\nMEETING closed fail FAILED\nMEETING cancelled fail FAILED\nMEETING silent fail "
    "FAILED\n"
    "MEETING peer meet RECEIVING\n"
    "RECEIVING revoked revoke REVOKED\nRECEIVING granted claim CLAIMED\nRECEIVING gave-up fail FAILED\n"
    "RECEIVING closed fail FAILED\nRECEIVING cancelled fail FAILED\nRECEIVING silent fail FAILED\n"
    "RECEIVING ready install COPIED\n"
    "COPIED revoked revoke REVOKED\nCOPIED granted claim CLAIMED\nCOPIED gave-up fail FAILED\nCOPIED closed fail "
    "FAILED\n"
    "COPIED cancelled fail FAILED\nCOPIED silent fail FAILED\nCOPIED ready refresh COPIED\nCOPIED wanted ask ASKED\n"
    "ASKED revoked revoke REVOKED\nASKED granted claim CLAIMED\nASKED gave-up fail FAILED\nASKED closed fail FAILED\n"
    "ASKED cancelled fail FAILED\nASKED silent fail FAILED\nASKED ready refresh ASKED\n"
    "CLAIMED gave-up end DONE\nCLAIMED closed end DONE\nCLAIMED cancelled end DONE\nCLAIMED silent end DONE\n"
    "REVOKED gave-up end DONE\nREVOKED closed end DONE\nREVOKED cancelled end DONE\nREVOKED silent end DONE\n"
    "REVOKED ready install COPIED\n";

static void every_cell_is_as_it_should_be(void **state)
{
    char found[sizeof expected + 1024], *at = found;

    for (unsigned s = 0; s < HF_RECEIVING_STAGES; s++) {
        for (unsigned e = 0; e < HF_RECEIVING_EVENTS; e++) {
            struct hf_receiving_cell cell = hf_receiving_cell((enum hf_receiving_stage)s, (enum hf_receiving_event)e);

            if (cell.action == HF_RECEIVING_IGNORE) {
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
static void only_a_grant_is_claimed_and_nothing_undoes_a_claim(void **state)
{
    for (unsigned s = 0; s < HF_RECEIVING_STAGES; s++) {
        enum hf_receiving_stage stage = (enum hf_receiving_stage)s;

        for (unsigned e = 0; e < HF_RECEIVING_EVENTS; e++) {
            struct hf_receiving_cell cell = hf_receiving_cell(stage, (enum hf_receiving_event)e);

            if (hf_receiving_stage_is_over(stage))
                assert_int_equal(cell.action, HF_RECEIVING_IGNORE);
            if (cell.action == HF_RECEIVING_CLAIM || (cell.next == HF_RECEIVING_CLAIMED && cell.next != stage))
                assert_int_equal(e, HF_RECEIVING_ON_GRANTED);
            if (stage == HF_RECEIVING_CLAIMED && cell.next != stage)
                assert_int_equal(cell.next, HF_RECEIVING_DONE);
            if (cell.next == HF_RECEIVING_FAILED && cell.next != stage)
                assert_false(hf_receiving_stage_is_settled(stage));
        }
    }
}

static void a_stage_or_event_out_of_range_changes_nothing(void **state)
{
    struct hf_receiving_cell cell = hf_receiving_cell(HF_RECEIVING_STAGES, HF_RECEIVING_ON_GRANTED);

    assert_int_equal(cell.action, HF_RECEIVING_IGNORE);
    cell = hf_receiving_cell(HF_RECEIVING_MEETING, HF_RECEIVING_EVENTS);
    assert_int_equal(cell.action, HF_RECEIVING_IGNORE);
    assert_int_equal(cell.next, HF_RECEIVING_MEETING);
}

/* ---- moves ---- */

struct move {
    struct ends e;
    struct hf_receiving receiving;
    bool refuses, busy;
    unsigned met, installed, refreshed, claimed;
};

static int meet(void *ctx, const struct hf_exchange_peer *peer, struct hf_error *err)
{
    struct move *m = ctx;

    m->met++;
    return m->refuses ? hf_error_refuse(err, "room", "no room for what host '%s' has", peer->host.name) : 0;
}

static int install(void *ctx, struct hf_error *err)
{
    ((struct move *)ctx)->installed++;
    return 0;
}

static int refresh(void *ctx, struct hf_error *err)
{
    ((struct move *)ctx)->refreshed++;
    return 0;
}

static int claimed(void *ctx, struct hf_error *err)
{
    struct move *m = ctx;

    assert_int_equal(m->receiving.stage, HF_RECEIVING_CLAIMED);
    m->claimed++;
    return 0;
}

static bool is_busy(void *ctx)
{
    return ((struct move *)ctx)->busy;
}

static const struct hf_receiver_ops receiver = {
    .meet = meet, .install = install, .refresh = refresh, .claimed = claimed, .is_busy = is_busy};

static void begin_move(struct move *m)
{
    *m = (struct move){.receiving = {.timeout_s = 1000}};
    begin(&m->e, false);
    hf_receiving_connect(&m->receiving, &receiver, m, m->e.pump);
}

static void finish_move(struct move *m, void **state)
{
    finish(&m->e);
    (void)ground_teardown(state);
    (void)ground_setup(state); /* for another one */
}

static int act(struct move *m, struct hf_error *why)
{
    hf_receiving_note_seen(&m->receiving);
    hf_receiving_look(&m->receiving);
    return hf_receiving_go_on(&m->receiving, why);
}

/* Until the destination is in that stage. */
static void reach(struct move *m, enum hf_receiving_stage stage)
{
    struct hf_error why = {.text = ""};

    for (unsigned i = 0; i < TURNS && m->receiving.stage != stage; i++) {
        (void)turn(&m->e, true);
        (void)act(m, &why);
    }
    if (m->receiving.stage != stage)
        fail_msg("in %s, and never in %s: %s", stages[m->receiving.stage], stages[stage], why.text);
}

static void hand_hears(struct move *m, enum hf_exchange_event event)
{
    for (unsigned i = 0; i < TURNS && !(m->e.seen & 1U << event); i++) {
        (void)turn(&m->e, true);
        OK(act(m, &err));
    }
    assert_true(m->e.seen & 1U << event);
    m->e.seen &= ~(1U << event);
}

static void offer(struct move *m, bool flushed)
{
    ground_host(m->e.other);
    OK(hf_exchange_offer(m->e.hand, flushed, NOW, &err));
    ground_host(m->e.host);
    hand_hears(m, HF_EXCHANGE_READY);
}

static void grant(struct move *m)
{
    ground_host(m->e.other);
    OK(hf_exchange_grant(m->e.hand, NOW, &err));
    ground_host(m->e.host);
}

/* As far as a copy that the guest may be moved to. */
static void copy(struct move *m)
{
    begin_move(m);
    reach(m, HF_RECEIVING_RECEIVING);
    hand_hears(m, HF_EXCHANGE_PEER);
    offer(m, false);
    reach(m, HF_RECEIVING_COPIED);
    assert_int_equal(m->met, 1);
    assert_int_equal(m->installed, 1);
}

static void a_guest_that_wants_to_write_gets_its_container(void **state)
{
    struct move m;

    copy(&m);
    hf_receiving_note(&m.receiving, HF_RECEIVING_ON_WANTED);
    reach(&m, HF_RECEIVING_ASKED);
    hand_hears(&m, HF_EXCHANGE_ASKED);
    offer(&m, true);
    assert_int_equal(m.refreshed, 1);
    grant(&m);
    reach(&m, HF_RECEIVING_CLAIMED);
    assert_int_equal(m.claimed, 1);
    hand_hears(&m, HF_EXCHANGE_DEPARTED);
    (void)close(hf_take_fd(m.e.fd));
    reach(&m, HF_RECEIVING_DONE);
    finish_move(&m, state);
}

static void a_guest_that_is_off_comes_unasked(void **state)
{
    struct move m;

    begin_move(&m);
    reach(&m, HF_RECEIVING_RECEIVING);
    hand_hears(&m, HF_EXCHANGE_PEER);
    offer(&m, true);
    grant(&m);
    reach(&m, HF_RECEIVING_CLAIMED);
    hand_hears(&m, HF_EXCHANGE_DEPARTED);
    assert_int_equal(m.installed, 1);
    finish_move(&m, state);
}

static void what_fails_before_the_claim_is_told_and_after_it_ends_the_connection(void **state)
{
    struct hf_error why;
    struct move m;

    copy(&m);
    hf_receiving_note(&m.receiving, HF_RECEIVING_ON_CANCELLED);
    assert_int_equal(hf_receiving_go_on(&m.receiving, &why), -HF_ECANCELED);
    assert_int_equal(m.receiving.stage, HF_RECEIVING_FAILED);
    assert_int_equal(m.receiving.ended_by, HF_RECEIVING_ON_CANCELLED);
    turn_until_heard(&m.e, HF_EXCHANGE_FAILED);
    finish_move(&m, state);

    begin_move(&m);
    reach(&m, HF_RECEIVING_RECEIVING);
    hand_hears(&m, HF_EXCHANGE_PEER);
    offer(&m, true);
    grant(&m);
    reach(&m, HF_RECEIVING_CLAIMED);
    hf_receiving_note(&m.receiving, HF_RECEIVING_ON_CANCELLED);
    OK(hf_receiving_go_on(&m.receiving, &err));
    assert_int_equal(m.receiving.stage, HF_RECEIVING_DONE);
    finish_move(&m, state);
}

static void a_source_that_is_not_wanted_is_told_so(void **state)
{
    struct hf_error why;
    struct move m;
    int r = 0;

    begin_move(&m);
    m.refuses = true;
    for (unsigned i = 0; i < TURNS && r == 0; i++) {
        (void)turn(&m.e, true);
        r = act(&m, &why);
    }
    assert_int_equal(r, -HF_EREFUSED);
    assert_string_equal(why.rule, "room");
    assert_int_equal(m.receiving.stage, HF_RECEIVING_FAILED);
    assert_int_equal(m.receiving.ended_by, HF_RECEIVING_EVENTS);
    turn_until_heard(&m.e, HF_EXCHANGE_FAILED);
    finish_move(&m, state);
}

static void silence_counts_unless_the_guest_is_on_its_way(void **state)
{
    struct hf_error why;
    struct move m;

    copy(&m);
    m.receiving.timeout_s = 0; /* anything is too long */
    m.busy = true;
    hf_receiving_look(&m.receiving);
    assert_int_equal(m.receiving.noted, 0);
    m.busy = false;
    hf_receiving_look(&m.receiving);
    assert_int_equal(hf_receiving_go_on(&m.receiving, &why), -HF_ETIMEDOUT);
    assert_non_null(strstr(why.text, "no data for 0 s"));
    finish_move(&m, state);
}

int main(void)
{
#define IT(name) cmocka_unit_test_setup_teardown(name, ground_setup, ground_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_is_as_it_should_be),
        cmocka_unit_test(only_a_grant_is_claimed_and_nothing_undoes_a_claim),
        cmocka_unit_test(a_stage_or_event_out_of_range_changes_nothing),
        IT(a_guest_that_wants_to_write_gets_its_container),
        IT(a_guest_that_is_off_comes_unasked),
        IT(what_fails_before_the_claim_is_told_and_after_it_ends_the_connection),
        IT(a_source_that_is_not_wanted_is_told_so),
        IT(silence_counts_unless_the_guest_is_on_its_way),
    };

    return cmocka_run_group_tests_name("handover-receiving", tests, NULL, NULL);
}
