/* SPDX-License-Identifier: BSD-2-Clause */
/* An image from inside the guest that is still being packed when the guest is reset. The packing is this test's own: it
 * takes until it is let go on. */
#include "ground.h"

#include <semaphore.h>
#include <time.h>

#include "eventlog.h"
#include "settings.h"
#include "mailbox_watch.h"

#define SIZE      4096
#define AT_MOST_S 20

int __wrap_hf_stage_prepare(const void *bytes, size_t size, const char *label, struct hf_stage_work *ret,
                            struct hf_error *err);

static struct hf_run run;
static struct hf_machine machine = {.type = "pc-q35-7.2"};
static struct hf_mailbox_watch mailbox;
static _Alignas(4096) uint8_t window[HF_MAILBOX_SIZE];
static uint8_t image[SIZE];
static sem_t begun, released;
static bool was_released;

int __wrap_hf_stage_prepare(const void *bytes, size_t size, const char *label, struct hf_stage_work *ret,
                            struct hf_error *err)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += AT_MOST_S;
    sem_post(&begun);
    was_released = sem_timedwait(&released, &until) == 0;
    return hf_error_refuse(err, "image", "no firmware");
}

static void put_order(uint32_t number, enum hf_mailbox_command command, const struct hf_digest *digest)
{
    struct hf_mailbox_order order = {
        .number = hf_le32_of(number),
        .generation = hf_le32_of(mailbox.host.generation),
        .command = hf_le32_of(command),
        .size = hf_le64_of(command == HF_MAILBOX_END ? 0 : SIZE),
        .length = hf_le32_of(command == HF_MAILBOX_PIECE ? SIZE : 0),
    };

    if (digest)
        memcpy(order.digest, digest->b, sizeof order.digest);
    memcpy(window + HF_MAILBOX_ORDER_AT, &order, sizeof order);
}

/* How the host answered; 0: it did not. */
static uint32_t answered(uint32_t number)
{
    struct hf_mailbox_reply reply;

    memcpy(&reply, window + HF_MAILBOX_REPLY_AT, sizeof reply);
    return hf_le32_get(reply.number) == number ? hf_le32_get(reply.done) : 0;
}

static void order(uint32_t number, enum hf_mailbox_command command, const struct hf_digest *digest)
{
    put_order(number, command, digest);
    assert_true(hf_guest_orders_poll(&mailbox));
    assert_int_equal(answered(number), HF_MAILBOX_DONE);
}

static void allow(struct hf_container *c, const struct hf_digest *digest)
{
    char text[HF_DIGEST_TEXT_SIZE];

    OK(hf_begin(c, &err));
    OK(hf_setting_set(c, "guest-update", hf_digest_text(digest, text), NOW, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
}

static int count(void *ctx, const struct hf_event *event)
{
    if (strstr(event->text, "the guest ordered: stage it; refused: no firmware"))
        ++*(unsigned *)ctx;
    return 0;
}

static void a_reset_does_not_wait_for_an_image_that_is_packed(void **state)
{
    static const struct hf_run_options options;
    struct hf_digest digest;
    unsigned logged = 0;

    sem_init(&begun, 0, 0);
    sem_init(&released, 0, 0);
    memset(image, 7, sizeof image);
    digest = hf_digest_of(image, sizeof image);
    hf_run_init(&run, &options);
    hf_mailbox_watch_init(&mailbox, &run, &machine, NULL, NULL);
    run.container = ground_container("g.hold");
    allow(run.container, &digest);
    mailbox.window.bytes = window;
    mailbox.host.generation = 1;
    hf_guest_orders_publish(&mailbox);
    order(1, HF_MAILBOX_BEGIN, &digest);
    memcpy(window + HF_MAILBOX_PIECE_AT, image, sizeof image);
    order(2, HF_MAILBOX_PIECE, NULL);
    put_order(3, HF_MAILBOX_END, NULL);
    assert_true(hf_guest_orders_poll(&mailbox));
    sem_wait(&begun);

    mailbox.host.generation = 2; /* the reset */
    memset(window, 0, sizeof window);
    hf_guest_orders_publish(&mailbox);
    assert_non_null(mailbox.work);
    sem_post(&released);
    while (mailbox.work)
        assert_int_equal(hf_loop_turn(&run.loop, -1, NULL), 0);
    assert_true(was_released);
    assert_int_equal(answered(3), 0);
    OK(hf_event_list(run.container, 0, count, &logged, &err));
    assert_int_equal(logged, 1);

    order(4, HF_MAILBOX_STATUS, NULL); /* and the next boot is heard */
    hf_guest_orders_end(&mailbox);
    hf_guest_orders_drop(&mailbox);
    OK(hf_container_close(run.container, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_reset_does_not_wait_for_an_image_that_is_packed, ground_setup,
                                        ground_teardown),
    };

    return cmocka_run_group_tests_name("supervisor-guest-orders", tests, NULL, NULL);
}
