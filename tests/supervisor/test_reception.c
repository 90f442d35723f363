/* SPDX-License-Identifier: BSD-2-Clause */
/* What a source says of the running guest that it sends, and what becomes of it here. */
#include "unit.h"

#include <unistd.h>

#include "reception_inside.h"

struct coming {
    struct hf_run run;
    struct hf_run_options options;
    struct hf_reception_options given;
    struct hf_reception reception;
};

static void begin(struct coming *c)
{
    const struct hf_reception_ops none = {.ctx = NULL};

    *c = (struct coming){.given = {.in = -1, .out = -1}};
    hf_run_init(&c->run, &c->options);
    hf_reception_init(&c->reception, &c->run, &c->given, "qemu-system-x86_64", &none);
}

static void end(struct coming *c)
{
    hf_reception_end(&c->reception, NULL);
    assert_false(hf_reception_is_open(&c->reception));
}

/* `extra` is stolen. */
static int hear(struct coming *c, json_t *extra, struct hf_error *err)
{
    struct hf_exchange_peer peer = {.host = {.name = "there"}, .extra = extra};
    int r;

    assert_non_null(extra);
    r = hf_reception_hear(&c->reception, &peer, err);
    json_decref(extra);
    return r;
}

static void expect_refusal(struct coming *c, json_t *extra, const char *rule)
{
    struct hf_error err;

    assert_int_equal(hear(c, extra, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, rule);
}

static void expect_invalid(struct coming *c, json_t *extra, const char *text)
{
    struct hf_error err;

    assert_int_equal(hear(c, extra, &err), -HF_EPROTO);
    if (!strstr(err.text, text))
        fail_msg("'%s' is not in: %s", text, err.text);
}

static void a_guest_of_this_host_is_no_reception(void **state)
{
    const struct hf_reception_ops none = {.ctx = NULL};
    struct hf_reception reception;
    struct hf_run run;

    hf_reception_init(&reception, &run, NULL, "", &none);
    assert_false(hf_reception_is_wanted(&reception) || hf_reception_is_open(&reception));
    hf_reception_end(&reception, NULL);
}

static void what_the_source_says_is_kept(void **state)
{
    struct coming c;
    struct hf_error err;

    begin(&c);
    c.given.take_arguments = true;
    assert_true(hf_reception_is_wanted(&c.reception) && hf_reception_is_open(&c.reception));
    if (hear(&c,
             json_pack("{s:{s:s, s:b, s:b, s:i, s:s, s:[s, s]}}", "live", "machine", "pc-q35-7.2", "ran", 1, "alive", 1,
                       "clock", 3600, "reset", "cold", "arguments", "-m", "512"),
             &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(c.reception.guest.machine, "pc-q35-7.2");
    assert_true(c.reception.guest.ran && c.reception.guest.alive);
    assert_int_equal(c.reception.guest.clock, 3600);
    assert_string_equal(c.reception.options.reset, "cold");
    assert_int_equal(c.reception.options.argument_count, 2);
    assert_string_equal(c.reception.options.arguments[1], "512");
    assert_null(c.reception.options.arguments[2]);
    end(&c);
}

static void a_guest_that_is_off_or_whose_arguments_are_not_wanted_is_refused(void **state)
{
    struct coming c;

    begin(&c);
    expect_refusal(&c, json_pack("{}"), "live");
    expect_refusal(&c, json_pack("{s:{s:s, s:[s]}}", "live", "machine", "q35", "arguments", "-S"), "arguments");
    end(&c);
}

static void what_no_source_says_is_an_error(void **state)
{
    struct coming c;

    begin(&c);
    c.given.take_arguments = true;
    expect_invalid(&c, json_pack("{s:{}}", "live"), "machine type");
    expect_invalid(&c, json_pack("{s:{s:s}}", "live", "machine", "q35,accel=kvm"), "machine type");
    assert_string_equal(c.reception.guest.machine, "");
    expect_invalid(&c, json_pack("{s:{s:s, s:s}}", "live", "machine", "q35", "reset", "hot"), "warm nor cold");
    expect_invalid(&c, json_pack("{s:{s:s}}", "live", "machine", "q35"), "must be a list");
    expect_invalid(&c, json_pack("{s:{s:s, s:[i]}}", "live", "machine", "q35", "arguments", 1), "must be a string");
    end(&c);
}

static void qemu_waits_for_the_state_on_a_descriptor(void **state)
{
    struct hf_words words = {0};
    struct coming c;
    int fd = -1;

    begin(&c);
    c.reception.qemu_fd = dup(STDERR_FILENO);
    assert_int_equal(hf_reception_add_words(&c.reception, &words, &fd, NULL), 0);
    assert_true(fd >= 0 && c.reception.qemu_fd < 0);
    assert_int_equal(c.reception.fd_there, fd);
    assert_string_equal(words.at[0], "-incoming");
    assert_string_equal(words.at[1], "defer");
    hf_words_done(&words);
    assert_int_equal(close(fd), 0);
    end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_of_this_host_is_no_reception),
        cmocka_unit_test(what_the_source_says_is_kept),
        cmocka_unit_test(a_guest_that_is_off_or_whose_arguments_are_not_wanted_is_refused),
        cmocka_unit_test(what_no_source_says_is_an_error),
        cmocka_unit_test(qemu_waits_for_the_state_on_a_descriptor),
    };

    return cmocka_run_group_tests_name("supervisor-reception", tests, NULL, NULL);
}
