/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "mailbox_guest.h"
#include "mailbox_host.h"
#include "mailbox_orders.h"

#ifndef ANSWERS
#define ANSWERS 2000 /* to a scribbling guest */
#endif
#define IMAGE_SIZE (2 * HF_MAILBOX_PIECE_SIZE + 4097)

static _Alignas(4096) uint8_t window[HF_MAILBOX_SIZE];
static _Alignas(16) uint8_t memory[8192];
static struct hf_negotiate *negotiate;
static struct hf_mailbox host;
static struct hf_mailbox_orders orders;
static struct hf_mailbox_port port;
static uint8_t image[IMAGE_SIZE], room[IMAGE_SIZE];
static int64_t clock_ms;
static unsigned staged, confirmed;
static uint32_t staged_flags;

static void open_host(uint32_t generation)
{
    const struct hf_negotiate_domain domain = {.name = "lifecycle", .version = 1, .supported = {{1}}};

    assert_int_equal(hf_negotiate_init(memory, sizeof memory, &domain, 1, generation, &negotiate, NULL), 0);
    assert_int_equal(hf_mailbox_publish(window, negotiate, generation, &host, NULL), 0);
    (void)hf_mailbox_orders_forget(&orders);
    hf_mailbox_orders_publish(&orders, window, generation, HF_MAILBOX_MODE_ALWAYS);
}

/* What holdfast does, without a container. */
static void do_job(const struct hf_mailbox_job *job)
{
    struct hf_mailbox_reply reply = {.done = hf_le32_of(HF_MAILBOX_DONE)};

    switch (job->command) {
    case HF_MAILBOX_BEGIN:
        if (job->size > sizeof room)
            reply.done = hf_le32_of(HF_MAILBOX_TOO_LARGE);
        else
            hf_mailbox_orders_expect(&orders, job, room);
        break;
    case HF_MAILBOX_END:
        staged++;
        staged_flags = job->flags;
        (void)hf_mailbox_orders_forget(&orders);
        break;
    case HF_MAILBOX_CONFIRM:
        confirmed++;
        break;
    case HF_MAILBOX_FORGET:
        (void)hf_mailbox_orders_forget(&orders);
        break;
    default:
        memset(reply.text, 'x', sizeof reply.text);
        break;
    }
    hf_mailbox_orders_reply(&orders, &reply);
}

static enum hf_mailbox_orders_saw poll_orders(void)
{
    struct hf_mailbox_job job;
    enum hf_mailbox_orders_saw saw = hf_mailbox_orders_poll(&orders, clock_ms, &job);

    if (saw == HF_MAILBOX_SAW_JOB)
        do_job(&job);
    return saw;
}

static bool host_looks(void *opaque, uint32_t waited)
{
    (void)poll_orders();
    return waited < 100;
}

static bool nobody(void *opaque, uint32_t waited)
{
    return waited < 100;
}

static int fresh(void **state)
{
    memset(window, 0, sizeof window);
    for (size_t i = 0; i < sizeof image; i++)
        image[i] = (uint8_t)(i * 7 + i / 251);
    memset(room, 0, sizeof room);
    orders = (struct hf_mailbox_orders){.window = window};
    open_host(7);
    staged = confirmed = 0;
    clock_ms = 1000000;
    port = (struct hf_mailbox_port){.window = (volatile uint32_t *)(void *)window, .wait = host_looks};
    return hf_mailbox_guest_attach(&port);
}

static enum hf_mailbox_done give(enum hf_mailbox_command command, uint64_t size, uint64_t offset, uint32_t length)
{
    struct hf_mailbox_order order = {.command = hf_le32_of(command),
                                     .size = hf_le64_of(size),
                                     .offset = hf_le64_of(offset),
                                     .length = hf_le32_of(length)};
    struct hf_mailbox_reply reply;

    assert_int_equal(hf_mailbox_guest_order(&port, &order, &reply), 0);
    return (enum hf_mailbox_done)hf_le32_get(reply.done);
}

static void an_image_arrives_whole(void **state)
{
    struct hf_mailbox_update update = {.image = image, .size = sizeof image, .flags = HF_MAILBOX_TPM_AWARE};
    struct hf_mailbox_reply reply;

    assert_int_equal(hf_mailbox_guest_update(&port, &update, &reply), 0);
    assert_int_equal(hf_le32_get(reply.done), HF_MAILBOX_DONE);
    assert_int_equal(staged, 1);
    assert_int_equal(staged_flags, HF_MAILBOX_TPM_AWARE);
    assert_memory_equal(room, image, sizeof image);
}

static void pieces_come_in_order_and_inside(void **state)
{
    assert_int_equal(give(HF_MAILBOX_PIECE, 0, 0, 16), HF_MAILBOX_BAD_ORDER);
    assert_int_equal(give(HF_MAILBOX_BEGIN, 0, 0, 0), HF_MAILBOX_BAD_ORDER);
    assert_int_equal(give(HF_MAILBOX_BEGIN, UINT64_MAX, 0, 0), HF_MAILBOX_TOO_LARGE);
    assert_int_equal(give(HF_MAILBOX_BEGIN, 100, 0, 0), HF_MAILBOX_DONE);
    assert_int_equal(give(HF_MAILBOX_PIECE, 0, 50, 16), HF_MAILBOX_BAD_ORDER);
    assert_int_equal(give(HF_MAILBOX_PIECE, 0, 0, 101), HF_MAILBOX_BAD_ORDER);
    assert_int_equal(give(HF_MAILBOX_PIECE, 0, 0, 0), HF_MAILBOX_BAD_ORDER);
    assert_int_equal(give(HF_MAILBOX_PIECE, 0, UINT64_MAX, 2), HF_MAILBOX_BAD_ORDER);
    assert_int_equal(give(HF_MAILBOX_PIECE, 0, 0, 60), HF_MAILBOX_DONE);
    assert_int_equal(give(HF_MAILBOX_PIECE, 0, 0, 60), HF_MAILBOX_DONE); /* its reply was lost */
    assert_int_equal(give(HF_MAILBOX_END, 0, 0, 0), HF_MAILBOX_BAD_ORDER);
    assert_int_equal(give(HF_MAILBOX_PIECE, 0, 60, 40), HF_MAILBOX_DONE);
    assert_int_equal(give(HF_MAILBOX_PIECE, 0, 100, 1), HF_MAILBOX_BAD_ORDER);
    assert_int_equal(give(HF_MAILBOX_END, 0, 0, 0), HF_MAILBOX_DONE);
    assert_int_equal(give(HF_MAILBOX_END, 0, 0, 0), HF_MAILBOX_BAD_ORDER);
    assert_int_equal(staged, 1);
}

static void records_that_are_none_are_refused(void **state)
{
    struct hf_mailbox_order order = {.command = hf_le32_of(HF_MAILBOX_COMMAND_MAX)};
    struct hf_mailbox_reply reply;

    assert_int_equal(hf_mailbox_guest_order(&port, &order, &reply), 0);
    assert_int_equal(hf_le32_get(reply.done), HF_MAILBOX_BAD_ORDER);
    order = (struct hf_mailbox_order){.command = hf_le32_of(HF_MAILBOX_CONFIRM), .flags = hf_le32_of(8)};
    assert_int_equal(hf_mailbox_guest_order(&port, &order, &reply), 0);
    assert_int_equal(hf_le32_get(reply.done), HF_MAILBOX_BAD_ORDER);
    order = (struct hf_mailbox_order){.command = hf_le32_of(HF_MAILBOX_CONFIRM), .reserved = {1}};
    assert_int_equal(hf_mailbox_guest_order(&port, &order, &reply), 0);
    assert_int_equal(hf_le32_get(reply.done), HF_MAILBOX_BAD_ORDER);
    assert_int_equal(confirmed, 0);
    order = (struct hf_mailbox_order){.command = hf_le32_of(HF_MAILBOX_STATUS)};
    assert_int_equal(hf_mailbox_guest_order(&port, &order, &reply), 0);
    assert_int_equal(reply.text[sizeof reply.text - 1], 0); /* the host's text had no end */
}

static void orders_are_counted(void **state)
{
    unsigned done = 0, begun = 0;

    for (unsigned i = 0; i < 3 * HF_MAILBOX_ORDERS_PER_10S; i++)
        done += give(HF_MAILBOX_CONFIRM, 0, 0, 0) == HF_MAILBOX_DONE;
    assert_int_equal(done, HF_MAILBOX_ORDERS_PER_10S);
    open_host(8); /* gives no new share */
    assert_int_equal(hf_mailbox_guest_attach(&port), 0);
    assert_int_equal(give(HF_MAILBOX_CONFIRM, 0, 0, 0), HF_MAILBOX_LATER);
    clock_ms += 10000;
    assert_int_equal(give(HF_MAILBOX_CONFIRM, 0, 0, 0), HF_MAILBOX_DONE);
    for (unsigned i = 0; i < 2 * HF_MAILBOX_BEGINS_PER_MIN; i++)
        begun += give(HF_MAILBOX_BEGIN, 10, 0, 0) == HF_MAILBOX_DONE;
    assert_int_equal(begun, HF_MAILBOX_BEGINS_PER_MIN);
}

static unsigned anew;

/* The host is made anew while the second piece waits. */
static bool made_anew(void *opaque, uint32_t waited)
{
    if (orders.received >= HF_MAILBOX_PIECE_SIZE && anew == 0) {
        anew++;
        open_host(host.generation + 1);
    }
    return host_looks(opaque, waited);
}

static void an_image_is_sent_again_to_a_host_that_forgot_it(void **state)
{
    struct hf_mailbox_update update = {.image = image, .size = sizeof image};
    struct hf_mailbox_reply reply;

    anew = 0;
    port.wait = made_anew;
    assert_int_equal(hf_mailbox_guest_update(&port, &update, &reply), 0);
    assert_int_equal(anew, 1);
    assert_int_equal(staged, 1);
    assert_memory_equal(room, image, sizeof image);
}

static void without_an_answer_there_is_an_end(void **state)
{
    struct hf_mailbox_order order = {.command = hf_le32_of(HF_MAILBOX_STATUS)};
    struct hf_mailbox_reply reply;

    port.wait = nobody;
    assert_int_equal(hf_mailbox_guest_order(&port, &order, &reply), -HF_ETIMEDOUT);
    assert_false(hf_mailbox_guest_is_boot_only(&port));
    hf_mailbox_orders_publish(&orders, window, 9, HF_MAILBOX_MODE_BOOT_ONLY);
    assert_true(hf_mailbox_guest_is_boot_only(&port));
}

static void a_reset_forgets_orders(void **state)
{
    assert_int_equal(give(HF_MAILBOX_CONFIRM, 0, 0, 0), HF_MAILBOX_DONE);
    hf_mailbox_reset(&host);
    hf_mailbox_orders_publish(&orders, window, host.generation, HF_MAILBOX_MODE_ALWAYS);
    assert_int_equal(poll_orders(), HF_MAILBOX_SAW_NOTHING);
    assert_int_equal(hf_mailbox_guest_attach(&port), 0);
    assert_int_equal(port.order, 0);
    assert_int_equal(give(HF_MAILBOX_CONFIRM, 0, 0, 0), HF_MAILBOX_DONE);
}

/* A guest that writes anything anywhere in its pages while the host works. */
static atomic_bool stop;

static void put(size_t at, uint32_t value)
{
    atomic_store((_Atomic uint32_t *)(void *)(window + at), value);
}

static void *scribble(void *opaque)
{
    unsigned random = *(unsigned *)opaque;

    while (!atomic_load(&stop)) {
        unsigned r = (unsigned)rand_r(&random);

        if (r % 7 == 0)
            put(HF_MAILBOX_ORDER_AT + 4 * (r / 7 % 32), r % 5 == 0 ? (uint32_t)rand_r(&random) : 0);
        put(HF_MAILBOX_PIECE_AT + 4 * (r % (HF_MAILBOX_PIECE_SIZE / 4)), r);
        if (r % 16 != 0)
            continue;
        for (size_t i = 8; i < sizeof(struct hf_mailbox_order); i += 4) /* often enough it is an order */
            put(HF_MAILBOX_ORDER_AT + i, 0);
        put(HF_MAILBOX_ORDER_AT + offsetof(struct hf_mailbox_order, generation), 7);
        put(HF_MAILBOX_ORDER_AT + offsetof(struct hf_mailbox_order, command), 3 + r / 16 % 4);
        put(HF_MAILBOX_ORDER_AT + offsetof(struct hf_mailbox_order, size), 300000);
        put(HF_MAILBOX_ORDER_AT + offsetof(struct hf_mailbox_order, length), r / 64 % 2 ? 300000 : 100000);
        put(HF_MAILBOX_ORDER_AT, (uint32_t)rand_r(&random));
    }
    return NULL;
}

static void a_scribbling_guest_harms_nothing(void **state)
{
    unsigned seed = (unsigned)time(NULL), seen = 0, jobs = 0;
    time_t until = time(NULL) + 60;
    pthread_t guest;

    print_message("# seed %u\n", seed);
    atomic_store(&stop, false);
    assert_int_equal(pthread_create(&guest, NULL, scribble, &seed), 0);
    while ((seen < ANSWERS || jobs < 5) && time(NULL) < until) {
        enum hf_mailbox_orders_saw saw = poll_orders();

        if (saw == HF_MAILBOX_SAW_NOTHING)
            (void)sched_yield();
        clock_ms += 1000; /* more than the limits would let through */
        seen += saw != HF_MAILBOX_SAW_NOTHING;
        jobs += saw == HF_MAILBOX_SAW_JOB;
        assert_true(orders.received <= orders.size && orders.size <= sizeof room);
    }
    atomic_store(&stop, true);
    pthread_join(guest, NULL);
    assert_true(seen > 0 && jobs > 0);
    assert_memory_equal(window + HF_MAILBOX_HOST_AT, HF_MAILBOX_HOST_MAGIC, 4);
}

int main(void)
{
#define IT(f) cmocka_unit_test_setup(f, fresh)
    const struct CMUnitTest tests[] = {
        IT(an_image_arrives_whole),
        IT(pieces_come_in_order_and_inside),
        IT(records_that_are_none_are_refused),
        IT(orders_are_counted),
        IT(an_image_is_sent_again_to_a_host_that_forgot_it),
        IT(without_an_answer_there_is_an_end),
        IT(a_reset_forgets_orders),
        IT(a_scribbling_guest_harms_nothing),
    };

    return cmocka_run_group_tests_name("mailbox-orders", tests, NULL, NULL);
}
