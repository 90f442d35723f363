/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "qmp.h"

#define GREETING                                                                                                       \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, "                                 \
    "\"package\": \"Debian\"}, \"capabilities\": [\"oob\"]}}\r\n"

struct outcome {
    int calls;
    bool ok;
    json_int_t value;
    struct hf_error err;
};

static void record(void *ctx, const json_t *result, const struct hf_error *err)
{
    struct outcome *o = ctx;

    o->calls++;
    o->ok = result != NULL;
    o->value = json_integer_value(json_object_get(result, "n"));
    if (err)
        o->err = *err;
}

static int feed(struct hf_qmp *qmp, const char *text)
{
    struct hf_error err;

    return hf_qmp_feed(qmp, text, strlen(text), &err);
}

/* What the engine wants to send, taken as sent. */
static const char *sent(struct hf_qmp *qmp)
{
    static char text[8192];
    size_t size;
    const void *bytes = hf_qmp_output(qmp, &size);

    assert_true(size < sizeof text);
    if (size)
        memcpy(text, bytes, size);
    text[size] = '\0';
    hf_qmp_sent(qmp, size);
    return text;
}

static struct hf_qmp *ready(void)
{
    struct hf_qmp *qmp = hf_qmp_new();

    assert_int_equal(feed(qmp, GREETING), 0);
    assert_string_equal(sent(qmp), "{\"execute\":\"qmp_capabilities\",\"id\":1}\n");
    assert_int_equal(feed(qmp, "{\"return\": {}, \"id\": 1}\r\n"), 0);
    assert_true(hf_qmp_is_ready(qmp));
    return qmp;
}

static void greets_and_waits_with_commands_until_ready(void **state)
{
    struct hf_qmp *qmp = hf_qmp_new();
    struct outcome o = {0};

    assert_int_equal(hf_qmp_call(qmp, "query-status", NULL, record, &o, NULL), 0);
    assert_string_equal(sent(qmp), "");
    assert_int_equal(feed(qmp, GREETING), 0);
    assert_int_equal(hf_qmp_version(qmp).major, 7);
    assert_int_equal(hf_qmp_version(qmp).minor, 2);
    assert_string_equal(sent(qmp), "{\"execute\":\"qmp_capabilities\",\"id\":2}\n");
    assert_false(hf_qmp_is_ready(qmp));
    assert_int_equal(feed(qmp, "{\"return\": {}, \"id\": 2}\n"), 0);
    assert_string_equal(sent(qmp), "{\"execute\":\"query-status\",\"id\":1}\n");
    assert_int_equal(feed(qmp, "{\"return\": {\"n\": 9}, \"id\": 1}\n"), 0);
    assert_true(o.calls == 1 && o.ok && o.value == 9);
    hf_qmp_free(qmp);
}

static void replies_find_their_calls_in_any_order_and_any_cut(void **state)
{
    struct hf_qmp *qmp = ready();
    struct outcome a = {0}, b = {0};
    const char *text = "{\"return\":{\"n\":2},\"id\":3}\r\n\r\n{\"return\":{\"n\":1},\"id\":2}\n";

    assert_int_equal(hf_qmp_call(qmp, "a", json_pack("{s:i}", "x", 1), record, &a, NULL), 0);
    assert_int_equal(hf_qmp_call(qmp, "b", NULL, record, &b, NULL), 0);
    assert_string_equal(sent(qmp),
                        "{\"execute\":\"a\",\"id\":2,\"arguments\":{\"x\":1}}\n{\"execute\":\"b\",\"id\":3}\n");
    for (; *text; text++)
        assert_int_equal(hf_qmp_feed(qmp, text, 1, NULL), 0);
    assert_true(a.calls == 1 && a.value == 1);
    assert_true(b.calls == 1 && b.value == 2);
    hf_qmp_free(qmp);
}

static void an_error_reply_carries_qemus_words(void **state)
{
    struct hf_qmp *qmp = ready();
    struct outcome o = {0};

    assert_int_equal(hf_qmp_call(qmp, "cont", NULL, record, &o, NULL), 0);
    assert_int_equal(feed(qmp, "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"},\"id\":2}\n"), 0);
    assert_false(o.ok);
    assert_int_equal(o.err.code, HF_EREFUSED);
    assert_string_equal(o.err.rule, "qmp");
    assert_string_equal(o.err.text, "GenericError: no");
    assert_true(hf_qmp_is_ready(qmp));
    hf_qmp_free(qmp);
}

static void events_keep_their_order_and_data(void **state)
{
    struct hf_qmp *qmp = ready();
    struct hf_qmp_event e;

    assert_int_equal(feed(qmp, "{\"timestamp\":{\"seconds\":5,\"microseconds\":7},\"event\":\"STOP\"}\n"
                               "{\"event\":\"SHUTDOWN\",\"data\":{\"guest\":true,\"reason\":\"guest-reset\"}}\n"),
                     0);
    assert_true(hf_qmp_next_event(qmp, &e));
    assert_string_equal(e.name, "STOP");
    assert_true(e.time_us == 5000007);
    assert_true(json_is_object(e.data));
    hf_qmp_event_done(&e);
    assert_true(hf_qmp_next_event(qmp, &e));
    assert_string_equal(e.name, "SHUTDOWN");
    assert_string_equal(json_string_value(json_object_get(e.data, "reason")), "guest-reset");
    hf_qmp_event_done(&e);
    assert_false(hf_qmp_next_event(qmp, &e));
    hf_qmp_free(qmp);
}

static void anything_outside_the_protocol_breaks_it_for_good(void **state)
{
    static const char *const bad[] = {
        "hello\n",
        "[]\n",
        "{}\n",
        "{\"return\":{}}\n",
        "{\"return\":{},\"id\":77}\n",
        "{\"return\":{},\"id\":\"2\"}\n",
        "{\"id\":2}\n",
        "{\"error\":{},\"id\":2}\n",
        "{\"error\":\"x\",\"id\":2}\n",
        "{\"event\":7}\n",
        "{\"event\":\"X\",\"data\":[]}\n",
        "{\"event\":\"AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDDDDDDDDDEEEEEEEEEEFFFFFFFFFFGGGGGGGGGG\"}\n",
        "{\"return\":{},\"return\":{},\"id\":2}\n",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct hf_qmp *qmp = ready();
        struct outcome o = {0};
        size_t size;
        assert_int_equal(hf_qmp_call(qmp, "a", NULL, record, &o, NULL), 0);
        if (feed(qmp, bad[i]) != -HF_EPROTO)
            fail_msg("taken: %s", bad[i]);
        assert_true(o.calls == 1 && !o.ok && o.err.code == HF_EPROTO);
        assert_int_equal(feed(qmp, "{\"return\":{},\"id\":2}\n"), -HF_EPROTO);
        assert_int_equal(hf_qmp_call(qmp, "b", json_object(), record, &o, NULL), -HF_EPROTO);
        (void)hf_qmp_output(qmp, &size);
        assert_int_equal(size, 0);
        assert_int_equal(o.calls, 1);
        hf_qmp_free(qmp);
    }
}

static void a_greeting_without_a_version_is_refused(void **state)
{
    static const char *const bad[] = {"{}\n", "{\"QMP\":{}}\n",
                                      "{\"QMP\":{\"version\":{\"qemu\":{\"major\":\"7\"}}}}\n",
                                      "{\"QMP\":{\"version\":{\"qemu\":{\"major\":-1,\"minor\":0,\"micro\":0}}}}\n"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct hf_qmp *qmp = hf_qmp_new();
        assert_int_equal(feed(qmp, bad[i]), -HF_EPROTO);
        hf_qmp_free(qmp);
    }
}

static void bounds_hold(void **state)
{
    struct hf_qmp *qmp = ready();
    char *flood = malloc(HF_QMP_LINE_MAX + 1);

    for (unsigned i = 0; i < HF_QMP_CALLS_MAX; i++)
        assert_int_equal(hf_qmp_call(qmp, "a", NULL, NULL, NULL, NULL), 0);
    assert_int_equal(hf_qmp_call(qmp, "a", NULL, NULL, NULL, NULL), -HF_EPROTO);
    for (unsigned i = 0; i < HF_QMP_EVENTS_MAX; i++)
        assert_int_equal(feed(qmp, "{\"event\":\"E\"}\n"), 0);
    assert_int_equal(feed(qmp, "{\"event\":\"E\"}\n"), -HF_EPROTO);
    hf_qmp_free(qmp);

    qmp = ready();
    memset(flood, ' ', HF_QMP_LINE_MAX + 1);
    assert_int_equal(hf_qmp_feed(qmp, flood, HF_QMP_LINE_MAX, NULL), 0);
    assert_int_equal(hf_qmp_feed(qmp, flood, 1, NULL), -HF_EPROTO);
    hf_qmp_free(qmp);
    free(flood);
}

static void the_end_of_the_connection_ends_every_call(void **state)
{
    struct hf_qmp *qmp = ready();
    struct outcome o = {0};

    assert_int_equal(hf_qmp_call(qmp, "a", NULL, record, &o, NULL), 0);
    hf_qmp_close(qmp);
    assert_true(o.calls == 1 && o.err.code == HF_EIO);
    hf_qmp_close(qmp);
    assert_int_equal(o.calls, 1);
    hf_qmp_free(qmp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greets_and_waits_with_commands_until_ready),
        cmocka_unit_test(replies_find_their_calls_in_any_order_and_any_cut),
        cmocka_unit_test(an_error_reply_carries_qemus_words),
        cmocka_unit_test(events_keep_their_order_and_data),
        cmocka_unit_test(anything_outside_the_protocol_breaks_it_for_good),
        cmocka_unit_test(a_greeting_without_a_version_is_refused),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(the_end_of_the_connection_ends_every_call),
    };

    return cmocka_run_group_tests_name("qemu-qmp", tests, NULL, NULL);
}
