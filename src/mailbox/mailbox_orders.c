/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailbox_orders.h"

#include "shared_words.h"

#define ORDER(field) (HF_MAILBOX_ORDER_AT + offsetof(struct hf_mailbox_order, field))
#define REPLY(field) (HF_MAILBOX_REPLY_AT + offsetof(struct hf_mailbox_reply, field))

void hf_mailbox_orders_publish(struct hf_mailbox_orders *o, uint8_t *window, uint32_t generation,
                               enum hf_mailbox_answering mode)
{
    struct hf_mailbox_reply reply = {.mode = hf_le32_of(mode)};

    /* The limits stay: making the host's half anew gives no guest more than its share. */
    *o = (struct hf_mailbox_orders){
        .window = window, .generation = generation, .mode = mode, .orders = o->orders, .begins = o->begins};
    hf_shared_write(window, HF_MAILBOX_REPLY_AT, &reply, sizeof reply);
}

/* Takes one of `most` in every `period_ms`; 0, or how long until there is another. */
static uint32_t take(struct hf_mailbox_limit *l, int64_t now_ms, unsigned most, int64_t period_ms)
{
    if (now_ms - l->since_ms >= period_ms || now_ms < l->since_ms)
        *l = (struct hf_mailbox_limit){.since_ms = now_ms};
    if (l->spent < most) {
        l->spent++;
        return 0;
    }
    return (uint32_t)(period_ms - (now_ms - l->since_ms));
}

static void say(struct hf_mailbox_orders *o, enum hf_mailbox_done done, uint32_t retry_ms, const char *text)
{
    struct hf_mailbox_reply reply = {.done = hf_le32_of(done), .retry_ms = hf_le32_of(retry_ms)};

    memcpy(reply.text, text, strlen(text));
    hf_mailbox_orders_reply(o, &reply);
}

static bool well_formed(const struct hf_mailbox_order *order)
{
    static const struct hf_mailbox_order zero;
    uint32_t command = hf_le32_get(order->command);

    return command > 0 && command < HF_MAILBOX_COMMAND_MAX &&
           (hf_le32_get(order->flags) & ~(uint32_t)HF_MAILBOX_FLAGS) == 0 &&
           memcmp(order->reserved, zero.reserved, sizeof zero.reserved) == 0;
}

/* The next piece is copied; the one before it, whose reply got lost, is taken for there already. */
static void take_piece(struct hf_mailbox_orders *o, const struct hf_mailbox_order *order)
{
    uint64_t at = hf_le64_get(order->offset), length = hf_le32_get(order->length);

    if (!o->image || length == 0 || length > HF_MAILBOX_PIECE_SIZE || at > o->size || length > o->size - at ||
        (at != o->received && at + length != o->received)) {
        say(o, HF_MAILBOX_BAD_ORDER, 0, "no image was announced, or this is not the next piece");
        return;
    }
    if (at == o->received) {
        hf_shared_read(o->window, HF_MAILBOX_PIECE_AT, o->image + at, (size_t)length);
        o->received += length;
    }
    say(o, HF_MAILBOX_DONE, 0, "");
}

/* Whether the caller is to see the order at all; replies when not. */
static bool admit(struct hf_mailbox_orders *o, const struct hf_mailbox_order *order, int64_t now_ms)
{
    enum hf_mailbox_command command = (enum hf_mailbox_command)hf_le32_get(order->command);
    uint64_t size = hf_le64_get(order->size);
    uint32_t wait = take(&o->orders, now_ms, HF_MAILBOX_ORDERS_PER_10S, 10000);

    if (wait == 0 && command == HF_MAILBOX_BEGIN)
        wait = take(&o->begins, now_ms, HF_MAILBOX_BEGINS_PER_MIN, 60000);
    if (wait > 0)
        say(o, HF_MAILBOX_LATER, wait > HF_MAILBOX_ORDER_MS ? wait : HF_MAILBOX_ORDER_MS, "too many orders");
    else if (command == HF_MAILBOX_BEGIN && size == 0)
        say(o, HF_MAILBOX_BAD_ORDER, 0, "empty image");
    else if (command == HF_MAILBOX_BEGIN && size > HF_MAILBOX_IMAGE_MAX)
        say(o, HF_MAILBOX_TOO_LARGE, 0, "the image is too large for any guest's flash");
    else if (command == HF_MAILBOX_END && (!o->image || o->received != o->size))
        say(o, HF_MAILBOX_BAD_ORDER, 0, "no image was announced, or it is incomplete");
    else
        return true;
    return false;
}

enum hf_mailbox_orders_saw hf_mailbox_orders_poll(struct hf_mailbox_orders *o, int64_t now_ms,
                                                  struct hf_mailbox_job *job)
{
    uint32_t number = hf_shared_get(o->window, ORDER(number));
    struct hf_mailbox_order order;

    if (number == 0 || number == o->replied || hf_shared_get(o->window, ORDER(generation)) != o->generation)
        return HF_MAILBOX_SAW_NOTHING;
    hf_shared_read(o->window, HF_MAILBOX_ORDER_AT, &order, sizeof order);
    o->replied = number;
    if (!well_formed(&order)) {
        say(o, HF_MAILBOX_BAD_ORDER, 0, "unknown order");
        return HF_MAILBOX_SAW_ORDER;
    }
    if (hf_le32_get(order.command) == HF_MAILBOX_PIECE) {
        take_piece(o, &order);
        return HF_MAILBOX_SAW_ORDER;
    }
    if (!admit(o, &order, now_ms))
        return HF_MAILBOX_SAW_ORDER;
    *job = (struct hf_mailbox_job){.command = (enum hf_mailbox_command)hf_le32_get(order.command),
                                   .flags = hf_le32_get(order.flags),
                                   .size = hf_le64_get(order.size)};
    memcpy(job->digest, order.digest, sizeof job->digest);
    if (job->command == HF_MAILBOX_END) {
        job->flags = o->flags;
        job->size = o->size;
        memcpy(job->digest, o->digest, sizeof job->digest);
    }
    return HF_MAILBOX_SAW_JOB;
}

void hf_mailbox_orders_expect(struct hf_mailbox_orders *o, const struct hf_mailbox_job *job, uint8_t *room)
{
    o->image = room;
    o->size = job->size;
    o->received = 0;
    o->flags = job->flags;
    memcpy(o->digest, job->digest, sizeof o->digest);
}

uint8_t *hf_mailbox_orders_forget(struct hf_mailbox_orders *o)
{
    uint8_t *room = o->image;

    o->image = NULL;
    o->size = o->received = 0;
    return room;
}

void hf_mailbox_orders_reply(struct hf_mailbox_orders *o, const struct hf_mailbox_reply *reply)
{
    struct hf_mailbox_reply out = *reply;

    out.mode = hf_le32_of(o->mode);
    out.received = hf_le64_of(o->received);
    /* The number goes last: until then the guest sees that of before. */
    hf_shared_write(o->window, HF_MAILBOX_REPLY_AT + sizeof out.number, (const uint8_t *)&out + sizeof out.number,
                    sizeof out - sizeof out.number);
    hf_shared_put(o->window, REPLY(number), o->replied);
}
