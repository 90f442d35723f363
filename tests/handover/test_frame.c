/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "frame.h"

static uint8_t bytes[HF_FRAME_HEADER_SIZE + 96];

static size_t put(unsigned type, size_t length)
{
    const struct hf_frame frame = {.type = type, .attempt = 7, .epoch = 0x223344556677ULL, .length = length};
    struct hf_frame_header h = hf_frame_header_of(&frame);

    memcpy(bytes, &h, sizeof h);
    memset(bytes + sizeof h, 0x5a, length);
    return sizeof h + length;
}

static void a_frame_survives_the_wire(void **state)
{
    size_t size = put(HF_MESSAGE_OFFER, 32), need = 0;
    struct hf_frame frame;

    assert_int_equal(hf_frame_parse(bytes, size, &frame, &need, NULL), size);
    assert_int_equal(frame.type, HF_MESSAGE_OFFER);
    assert_int_equal(frame.attempt, 7);
    assert_true(frame.epoch == 0x223344556677ULL);
    assert_ptr_equal(frame.payload, bytes + HF_FRAME_HEADER_SIZE);
    assert_int_equal(frame.length, 32);
}

static void a_cut_frame_asks_for_what_is_missing(void **state)
{
    size_t size = put(HF_FRAME_STATE, 40);
    struct hf_frame frame;

    for (size_t there = 0; there < size; there++) {
        size_t need = 0;

        assert_int_equal(hf_frame_parse(bytes, there, &frame, &need, NULL), 0);
        assert_int_equal(need, there < HF_FRAME_HEADER_SIZE ? HF_FRAME_HEADER_SIZE : size);
    }
}

static void one_wrong_field_is_one_clear_error(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
        int code;
        const char *word;
    } wrong[] = {
        {0, 'X', -HF_EPROTO, "protocol"},       {5, 1, -HF_EVERSION, "version 1"}, {7, 0, -HF_EPROTO, "unknown type 0"},
        {7, 99, -HF_EPROTO, "unknown type 99"}, {15, 31, -HF_EPROTO, "31 bytes"},  {16, 1, -HF_EPROTO, "epoch"},
        {12, 0xff, -HF_EPROTO, "bytes"},
    };
    struct hf_error err;
    struct hf_frame frame;
    size_t need;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        size_t size = put(HF_MESSAGE_GRANT, sizeof(struct hf_frame_grant));

        bytes[wrong[i].at] = wrong[i].value;
        assert_int_equal(hf_frame_parse(bytes, size, &frame, &need, &err), wrong[i].code);
        if (!strstr(err.text, wrong[i].word))
            fail_msg("'%s' lacks '%s'", err.text, wrong[i].word);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_survives_the_wire),
        cmocka_unit_test(a_cut_frame_asks_for_what_is_missing),
        cmocka_unit_test(one_wrong_field_is_one_clear_error),
    };

    return cmocka_run_group_tests_name("handover-frame", tests, NULL, NULL);
}
