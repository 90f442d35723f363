/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "steps.h"

static void a_handover_without_mishap_ends_with_one_owner(void **state)
{
    struct hf_handover_state src = {HF_HOLDER_OWNED, 4, false, false}, dst = {HF_HOLDER_NONE, 0, false, false};
    enum hf_message m;

    assert_int_equal(hf_step_take(HF_STEP_OFFER, 5, &src, NULL), 0);
    assert_int_equal(hf_step_take(HF_STEP_FLUSH, 5, &src, NULL), 0);
    assert_int_equal(hf_step_take(HF_STEP_SEND, 5, &src, NULL), 0);
    assert_int_equal(hf_step_for(HF_SIDE_DESTINATION, &dst, HF_MESSAGE_OFFER, 5, &m), HF_STEP_READY);
    assert_int_equal(m, HF_MESSAGE_READY);
    assert_int_equal(hf_step_take(HF_STEP_READY, 5, &dst, NULL), 0);
    assert_int_equal(hf_step_for(HF_SIDE_SOURCE, &src, m, 5, &m), HF_STEP_GRANT);
    assert_int_equal(hf_step_take(HF_STEP_GRANT, 5, &src, NULL), 0);
    assert_false(hf_holder_may_write(src.holder));
    assert_int_equal(hf_step_for(HF_SIDE_DESTINATION, &dst, m, 5, &m), HF_STEP_CLAIM);
    assert_int_equal(hf_step_take(HF_STEP_CLAIM, 5, &dst, NULL), 0);
    assert_int_equal(hf_step_for(HF_SIDE_SOURCE, &src, m, 5, &m), HF_STEP_DEPART);
    assert_int_equal(hf_step_take(HF_STEP_DEPART, 5, &src, NULL), 0);
    assert_int_equal(src.holder, HF_HOLDER_DEPARTED);
    assert_int_equal(dst.holder, HF_HOLDER_OWNED);
    assert_false(src.flushed);
}

static void a_promise_is_taken_back_until_it_is_granted(void **state)
{
    struct hf_handover_state src = {HF_HOLDER_OWNED, 5, true, false},
                             after_a_crash = {HF_HOLDER_GRANTED, 5, true, false};
    enum hf_message m;

    assert_int_equal(hf_step_take(HF_STEP_PROMISE, 5, &src, NULL), 0);
    assert_int_equal(src.holder, HF_HOLDER_GRANTED);
    assert_false(hf_holder_may_write(src.holder));
    assert_int_equal(hf_step_take(HF_STEP_RETRACT, 5, &src, NULL), 0);
    assert_int_equal(src.holder, HF_HOLDER_OWNED);
    src.flushed = true;
    assert_int_equal(hf_step_take(HF_STEP_PROMISE, 5, &src, NULL), 0);
    assert_int_equal(hf_step_for(HF_SIDE_SOURCE, &src, HF_MESSAGE_CLAIMED, 5, &m), HF_STEP_MAX); /* of what? */
    assert_int_equal(hf_step_for(HF_SIDE_SOURCE, &src, HF_MESSAGE_REFUSED, 5, &m), HF_STEP_MAX);
    assert_int_equal(hf_step_for(HF_SIDE_SOURCE, &src, HF_MESSAGE_READY, 5, &m), HF_STEP_GRANT);
    assert_int_equal(m, HF_MESSAGE_GRANT);
    assert_int_equal(hf_step_take(HF_STEP_GRANT, 5, &src, NULL), 0);
    assert_int_equal(hf_step_take(HF_STEP_RETRACT, 5, &src, NULL), -HF_EPROTO);
    assert_int_equal(hf_step_for(HF_SIDE_SOURCE, &src, HF_MESSAGE_READY, 5, &m), HF_STEP_MAX);
    assert_int_equal(hf_step_take(HF_STEP_RETRACT, 5, &after_a_crash, NULL), -HF_EPROTO);
}

static void nothing_is_granted_while_the_guest_runs(void **state)
{
    struct hf_handover_state src = {HF_HOLDER_OWNED, 5, false, false};
    struct hf_error err;
    enum hf_message m;

    assert_int_equal(hf_step_for(HF_SIDE_SOURCE, &src, HF_MESSAGE_READY, 5, &m), HF_STEP_MAX);
    assert_int_equal(m, HF_MESSAGE_NONE);
    assert_int_equal(hf_step_take(HF_STEP_GRANT, 5, &src, &err), -HF_EPROTO);
    assert_non_null(strstr(err.text, "'grant'"));
    assert_int_equal(src.holder, HF_HOLDER_OWNED);
}

static void a_promise_not_to_claim_is_kept(void **state)
{
    struct hf_handover_state dst = {HF_HOLDER_INCOMING, 5, false, false};
    enum hf_message m;

    assert_int_equal(hf_step_for(HF_SIDE_DESTINATION, &dst, HF_MESSAGE_REVOKE, 5, &m), HF_STEP_REFUSE);
    assert_int_equal(hf_step_take(HF_STEP_REFUSE, 5, &dst, NULL), 0);
    assert_int_equal(hf_step_for(HF_SIDE_DESTINATION, &dst, HF_MESSAGE_GRANT, 5, &m), HF_STEP_MAX);
    assert_int_equal(m, HF_MESSAGE_REFUSED);
    assert_int_equal(hf_step_for(HF_SIDE_DESTINATION, &dst, HF_MESSAGE_OFFER, 5, &m), HF_STEP_MAX);
    assert_int_equal(hf_step_for(HF_SIDE_DESTINATION, &dst, HF_MESSAGE_OFFER, 6, &m), HF_STEP_READY);
}

static void a_revocation_of_an_offer_that_never_came_binds(void **state)
{
    struct hf_handover_state dst = {HF_HOLDER_NONE, 0, false, false};
    enum hf_message m;

    assert_int_equal(hf_step_for(HF_SIDE_DESTINATION, &dst, HF_MESSAGE_REVOKE, 7, &m), HF_STEP_REFUSE);
    assert_int_equal(hf_step_take(HF_STEP_REFUSE, 7, &dst, NULL), 0);
    assert_int_equal(hf_step_for(HF_SIDE_DESTINATION, &dst, HF_MESSAGE_OFFER, 7, &m), HF_STEP_MAX);
}

static void a_repeated_question_gets_the_same_answer(void **state)
{
    struct hf_handover_state dst = {HF_HOLDER_OWNED, 5, false, false};
    enum hf_message m;

    assert_int_equal(hf_step_for(HF_SIDE_DESTINATION, &dst, HF_MESSAGE_GRANT, 5, &m), HF_STEP_MAX);
    assert_int_equal(m, HF_MESSAGE_CLAIMED);
    assert_int_equal(hf_step_for(HF_SIDE_DESTINATION, &dst, HF_MESSAGE_REVOKE, 5, &m), HF_STEP_MAX);
    assert_int_equal(m, HF_MESSAGE_CLAIMED);
    assert_int_equal(hf_step_for(HF_SIDE_DESTINATION, &dst, HF_MESSAGE_REVOKE, 4, &m), HF_STEP_MAX);
    assert_int_equal(m, HF_MESSAGE_CLAIMED); /* a later attempt followed it */
    assert_int_equal(hf_step_for(HF_SIDE_DESTINATION, &dst, HF_MESSAGE_GRANT, 6, &m), HF_STEP_MAX);
    assert_int_equal(m, HF_MESSAGE_NONE);
}

static void an_epoch_taken_back_is_above_any_claim(void **state)
{
    assert_true(hf_step_epochs(HF_STEP_RESUME) > hf_step_epochs(HF_STEP_CLAIM));
    for (int step = 0; step < HF_STEP_MAX; step++)
        if (step != HF_STEP_CLAIM && step != HF_STEP_RESUME)
            assert_int_equal(hf_step_epochs((enum hf_step)step), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handover_without_mishap_ends_with_one_owner),
        cmocka_unit_test(nothing_is_granted_while_the_guest_runs),
        cmocka_unit_test(a_promise_is_taken_back_until_it_is_granted),
        cmocka_unit_test(a_promise_not_to_claim_is_kept),
        cmocka_unit_test(a_revocation_of_an_offer_that_never_came_binds),
        cmocka_unit_test(a_repeated_question_gets_the_same_answer),
        cmocka_unit_test(an_epoch_taken_back_is_above_any_claim),
    };

    return cmocka_run_group_tests_name("handover-steps", tests, NULL, NULL);
}
