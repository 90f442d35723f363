/* SPDX-License-Identifier: BSD-2-Clause */
/* L6 against another host: what a peer says takes nothing away from the owner, and what was claimed or given back is owned
 * even when the register of epochs cannot be told. */
#include "owned.h"

#include "epochs.h"

static const struct hf_host evil = {.id = "e", .name = "evil"};

static void identify(const char *name, char id[HF_ID_TEXT_SIZE], struct hf_host *owner)
{
    struct hf_container *c;
    struct hf_owner o;

    OK(hf_container_open(ground_path(name), HF_OPEN_LOOK, NOW, &c, &err));
    OK(hf_owner_get(c, &o, &err));
    strcpy(id, hf_container_id(c));
    strcpy(owner->id, o.host_id);
    strcpy(owner->name, o.host_name);
    OK(hf_container_close(c, &err));
}

static void no_peer_takes_away_what_this_host_owns(void **state)
{
    char id[HF_ID_TEXT_SIZE];
    struct hf_host self;
    struct hf_container *c;

    make("g.hold");
    identify("g.hold", id, &self);
    for (int as_self = 0; as_self < 2; as_self++) /* a peer may call itself as it likes */
        for (uint64_t epoch = 1; epoch <= 100; epoch += 99) {
            const struct hf_host *peer = as_self ? &self : &evil;

            REFUSED("held", ground_receive_as("g.hold", "other.hold", peer, epoch, 5, &err));
            REFUSED("held", hf_owner_refuse(NULL, id, 1, epoch, peer, NOW, &err));
        }
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(write_byte(c, 1, &err));
    OK(hf_container_close(c, &err));
}

static void no_peer_answers_for_the_host_that_it_was_granted_to(void **state)
{
    char id[HF_ID_TEXT_SIZE];
    struct hf_host self;
    struct hf_container *c;
    struct hf_owner owner;

    make("g.hold");
    identify("g.hold", id, &self);
    OK(hf_container_open_giving(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    grant(c);
    OK(hf_container_close(c, &err));
    REFUSED("granted", ground_receive_as("g.hold", "other.hold", &evil, 100, 5, &err));
    REFUSED("granted", hf_owner_refuse(NULL, id, 1, 100, &evil, NOW, &err));
    OK(hf_container_open_giving(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_owner_standing(c, &owner, &err));
    assert_int_equal(owner.state, HF_OWNER_GRANTED);
    OK(hf_owner_resume(c, &host_b, NOW, &err));
    OK(write_byte(c, 1, &err));
    OK(hf_container_close(c, &err));
}

static void no_question_uses_up_the_attempts(void **state)
{
    char id[HF_ID_TEXT_SIZE];
    struct hf_host self;
    struct hf_container *c;

    make("g.hold");
    identify("g.hold", id, &self);
    ground_host("b");
    REFUSED("step", hf_owner_refuse(NULL, id, UINT32_MAX, 1, &evil, NOW, &err));
    ground_receive("g.hold", "moved.hold");
    OK(hf_container_open_received(ground_path("moved.hold"), HF_OPEN_EDIT, NOW, &c, &err));
    REFUSED("step", hf_owner_refuse(c, id, UINT32_MAX, 1, &evil, NOW, &err));
    OK(hf_begin_claim(c, 1, 2, NOW, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
    OK(hf_container_close(c, &err));
}

static void copy_file(const char *from, const char *to)
{
    char command[2 * PATH_MAX + 200];

    snprintf(command, sizeof command, "cp -p '%s' '%s'", ground_path(from), ground_path(to));
    assert_int_equal(system(command), 0);
}

/* The register's next entry cannot be written where a directory has its name. */
static void spoil_register(const char *host, const char *id, bool spoilt)
{
    char name[64];

    snprintf(name, sizeof name, "state-%s/epochs/%s.new", host, id);
    assert_int_equal(spoilt ? mkdir(ground_path(name), 0700) : rmdir(ground_path(name)), 0);
}

static void what_was_claimed_outlives_a_register_that_cannot_be_written(void **state)
{
    char id[HF_ID_TEXT_SIZE];
    struct hf_host self;
    struct hf_container *c;
    struct hf_epoch seen;

    make("g.hold");
    identify("g.hold", id, &self);
    ground_host("b");
    ground_receive("g.hold", "moved.hold");
    copy_file("moved.hold", "copy.hold");
    spoil_register("b", id, true);
    OK(hf_container_open_incoming(ground_path("moved.hold"), NOW, &c, &err));
    OK(hf_begin_claim(c, 1, 2, NOW, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
    assert_false(hf_owner_is_registered(c));
    OK(write_byte(c, 1, &err));
    OK(hf_container_close(c, &err));
    OK(hf_epoch_get(id, &seen, &err));
    assert_true(seen.epoch == 1 && seen.departed);
    OK(hf_container_open_received(ground_path("copy.hold"), HF_OPEN_EDIT, NOW, &c, &err));
    REFUSED("copy", hf_begin_claim(c, 1, 2, NOW, &err));
    OK(hf_container_close(c, &err));

    OK(hf_container_open(ground_path("moved.hold"), HF_OPEN_EDIT, NOW, &c, &err));
    OK(hf_container_close(c, &err));
    spoil_register("b", id, false);
    OK(hf_container_open(ground_path("moved.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_container_close(c, &err));
    OK(hf_epoch_get(id, &seen, &err));
    assert_true(seen.epoch == 3 && !seen.departed);
}

static void what_was_given_back_outlives_a_register_that_cannot_be_written(void **state)
{
    char id[HF_ID_TEXT_SIZE];
    struct hf_host self;
    struct hf_container *c;
    struct hf_epoch seen;

    make("g.hold");
    identify("g.hold", id, &self);
    OK(hf_container_open_giving(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    grant(c);
    spoil_register("a", id, true);
    OK(hf_owner_resume(c, &host_b, NOW, &err));
    OK(write_byte(c, 1, &err));
    assert_false(hf_owner_is_registered(c));
    spoil_register("a", id, false);
    OK(write_byte(c, 2, &err));
    assert_true(hf_owner_is_registered(c));
    OK(hf_epoch_get(id, &seen, &err));
    assert_true(seen.epoch == 3 && !seen.departed);
    OK(hf_container_close(c, &err));
}

#define IN_GROUND(test) cmocka_unit_test_setup_teardown(test, ground_setup, ground_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUND(no_peer_takes_away_what_this_host_owns),
        IN_GROUND(no_peer_answers_for_the_host_that_it_was_granted_to),
        IN_GROUND(no_question_uses_up_the_attempts),
        IN_GROUND(what_was_claimed_outlives_a_register_that_cannot_be_written),
        IN_GROUND(what_was_given_back_outlives_a_register_that_cannot_be_written),
    };

    return cmocka_run_group_tests_name("law-l6-peers", tests, NULL, NULL);
}
