/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailbox_guest.h"

#include <string.h>

#define REPEATS 8 /* of a question whose answer was made by another generation */

#define GUEST(field) (HF_MAILBOX_GUEST_AT + offsetof(struct hf_mailbox_guest, field))
#define HOST(field)  (HF_MAILBOX_HOST_AT + offsetof(struct hf_mailbox_host, field))

static void fence(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static uint32_t get_word(const struct hf_mailbox_port *port, size_t offset)
{
    uint32_t raw = port->window[offset / 4];
    hf_le32 word;

    fence();
    memcpy(&word, &raw, sizeof word);
    return hf_le32_get(word);
}

static void put_word(struct hf_mailbox_port *port, size_t offset, uint32_t value)
{
    hf_le32 word = hf_le32_of(value);
    uint32_t raw;

    memcpy(&raw, &word, sizeof raw);
    fence();
    port->window[offset / 4] = raw;
    fence();
}

static void copy_out(const struct hf_mailbox_port *port, size_t offset, void *to, size_t size)
{
    uint8_t *at = to;

    for (size_t i = 0; i < size;) {
        uint32_t raw = port->window[(offset + i) / 4];
        size_t skip = (offset + i) % 4, n = 4 - skip < size - i ? 4 - skip : size - i;

        memcpy(at + i, (const uint8_t *)&raw + skip, n);
        i += n;
    }
}

static void copy_in(struct hf_mailbox_port *port, size_t offset, const void *from, size_t size)
{
    for (size_t i = 0; i < size; i += 4) {
        uint32_t raw;

        memcpy(&raw, (const uint8_t *)from + i, sizeof raw);
        port->window[(offset + i) / 4] = raw;
    }
}

static bool inside(uint64_t offset, uint64_t size)
{
    return offset <= HF_MAILBOX_SIZE && size <= HF_MAILBOX_SIZE - offset;
}

int hf_mailbox_guest_start(struct hf_mailbox_port *port)
{
    uint8_t magic[4];
    uint32_t raw;

    copy_out(port, HOST(magic), magic, sizeof magic);
    if (memcmp(magic, HF_MAILBOX_HOST_MAGIC, sizeof magic) != 0 || get_word(port, HOST(version)) != HF_MAILBOX_VERSION)
        return -HF_ENOTFOUND;
    port->ask = get_word(port, HOST(answered)); /* of a driver before this one, since the reset */
    put_word(port, GUEST(version), HF_MAILBOX_VERSION);
    put_word(port, GUEST(ask), port->ask);
    put_word(port, GUEST(stage), HF_MAILBOX_STAGE_STARTED);
    memcpy(&raw, HF_MAILBOX_GUEST_MAGIC, sizeof raw);
    fence();
    port->window[GUEST(magic) / 4] = raw;
    fence();
    return 0;
}

void hf_mailbox_guest_report(struct hf_mailbox_port *port, enum hf_mailbox_stage stage)
{
    put_word(port, GUEST(stage), (uint32_t)stage);
}

void hf_mailbox_guest_loaded(struct hf_mailbox_port *port, enum hf_mailbox_loader loader)
{
    put_word(port, GUEST(loader), (uint32_t)loader);
}

uint32_t hf_mailbox_guest_generation(const struct hf_mailbox_port *port)
{
    fence();
    return get_word(port, HOST(generation));
}

int hf_mailbox_guest_wait_files(struct hf_mailbox_port *port, uint32_t *generation)
{
    for (uint32_t waited = 0;; waited++) {
        uint32_t now = hf_mailbox_guest_generation(port);

        if (get_word(port, HOST(file_count)) != 0) {
            *generation = now;
            return 0;
        }
        if (!port->wait(port->opaque, waited))
            return -HF_ETIMEDOUT;
    }
}

static int read_directory(void *opaque, uint32_t offset, void *to, uint32_t size)
{
    struct hf_mailbox_port *port = opaque;
    uint32_t at = get_word(port, HOST(domains_at)), there = get_word(port, HOST(domains_size));

    if (!inside(at, there) || at % 4 != 0 || offset > there || size > there - offset)
        return -HF_EPROTO;
    copy_out(port, (size_t)at + offset, to, size);
    return 0;
}

/* Puts the question once. 1: the host's half was made anew meanwhile, ask again. */
static int ask_once(struct hf_mailbox_port *port, const struct hf_negotiate_request *request,
                    struct hf_negotiate_answer *answer)
{
    uint32_t generation = get_word(port, HOST(generation));

    copy_in(port, GUEST(request), request, sizeof *request);
    put_word(port, GUEST(generation), generation);
    port->ask = port->ask == UINT32_MAX ? 1 : port->ask + 1;
    put_word(port, GUEST(ask), port->ask);
    for (uint32_t waited = 0; get_word(port, HOST(answered)) != port->ask; waited++) {
        if (get_word(port, HOST(generation)) != generation)
            return 1;
        if (!port->wait(port->opaque, waited))
            return -HF_ETIMEDOUT;
    }
    copy_out(port, HOST(answer), answer, sizeof *answer);
    fence();
    return get_word(port, HOST(generation)) != generation;
}

static int exchange(void *opaque, const struct hf_negotiate_request *request, struct hf_negotiate_answer *answer)
{
    struct hf_mailbox_port *port = opaque;
    struct hf_negotiate_answer got;

    for (int i = 0; i < REPEATS; i++) {
        int r = ask_once(port, request, &got);

        if (r < 0)
            return r;
        if (r == 0) {
            *answer = got;
            return 0;
        }
    }
    return -HF_ETIMEDOUT;
}

void hf_mailbox_guest_negotiate_port(struct hf_mailbox_port *port, struct hf_negotiate_port *ret)
{
    *ret = (struct hf_negotiate_port){.read_directory = read_directory, .exchange = exchange, .opaque = port};
}

int hf_mailbox_guest_file(const struct hf_mailbox_port *port, uint32_t n, struct hf_mailbox_file *row)
{
    uint32_t at = get_word(port, HOST(files_at)), count = get_word(port, HOST(file_count));
    struct hf_mailbox_file got;

    if (n >= count || n >= HF_MAILBOX_FILES_MAX)
        return -HF_ENOTFOUND;
    if (at % 4 != 0 || !inside(at, (uint64_t)count * sizeof got))
        return -HF_EPROTO;
    copy_out(port, at + (size_t)n * sizeof got, &got, sizeof got);
    if (got.name[sizeof got.name - 1] != '\0' || !inside(hf_le32_get(got.at), hf_le32_get(got.size)))
        return -HF_EPROTO;
    *row = got;
    return 0;
}

int hf_mailbox_guest_read(const struct hf_mailbox_port *port, const struct hf_mailbox_file *row, void *to, size_t size)
{
    if (hf_le32_get(row->size) > size)
        return -HF_ENOMEM;
    if (!inside(hf_le32_get(row->at), hf_le32_get(row->size)))
        return -HF_EPROTO;
    copy_out(port, hf_le32_get(row->at), to, hf_le32_get(row->size));
    return 0;
}

/* ---- orders ---- */

#define ORDER(field) (HF_MAILBOX_ORDER_AT + offsetof(struct hf_mailbox_order, field))
#define REPLY(field) (HF_MAILBOX_REPLY_AT + offsetof(struct hf_mailbox_reply, field))

int hf_mailbox_guest_attach(struct hf_mailbox_port *port)
{
    uint8_t magic[4];
    uint32_t raw;

    copy_out(port, HOST(magic), magic, sizeof magic);
    if (memcmp(magic, HF_MAILBOX_HOST_MAGIC, sizeof magic) != 0 || get_word(port, HOST(version)) != HF_MAILBOX_VERSION)
        return -HF_ENOTFOUND;
    port->ask = get_word(port, GUEST(ask));
    port->order = get_word(port, ORDER(number));
    copy_out(port, GUEST(magic), magic, sizeof magic);
    if (memcmp(magic, HF_MAILBOX_GUEST_MAGIC, sizeof magic) == 0)
        return 0;
    /* Firmware never came by: nothing was asked and nothing reported. */
    put_word(port, GUEST(version), HF_MAILBOX_VERSION);
    memcpy(&raw, HF_MAILBOX_GUEST_MAGIC, sizeof raw);
    fence();
    port->window[GUEST(magic) / 4] = raw;
    fence();
    return 0;
}

bool hf_mailbox_guest_is_boot_only(const struct hf_mailbox_port *port)
{
    return get_word(port, REPLY(mode)) == HF_MAILBOX_MODE_BOOT_ONLY;
}

/* Gives the order once. 1: the host's half was made anew meanwhile. */
static int order_once(struct hf_mailbox_port *port, const struct hf_mailbox_order *order,
                      struct hf_mailbox_reply *reply)
{
    uint32_t generation = get_word(port, HOST(generation));
    struct hf_mailbox_order out = *order;

    out.number = hf_le32_of(port->order); /* the old one until the rest is there */
    out.generation = hf_le32_of(generation);
    copy_in(port, HF_MAILBOX_ORDER_AT, &out, sizeof out);
    port->order = port->order == UINT32_MAX ? 1 : port->order + 1;
    put_word(port, ORDER(number), port->order);
    for (uint32_t waited = 0; get_word(port, REPLY(number)) != port->order; waited++) {
        if (get_word(port, HOST(generation)) != generation)
            return 1;
        if (!port->wait(port->opaque, waited))
            return -HF_ETIMEDOUT;
    }
    copy_out(port, HF_MAILBOX_REPLY_AT, reply, sizeof *reply);
    fence();
    return get_word(port, HOST(generation)) != generation;
}

static void end_texts(struct hf_mailbox_reply *reply)
{
    reply->active_label[sizeof reply->active_label - 1] = '\0';
    reply->staged_label[sizeof reply->staged_label - 1] = '\0';
    reply->rule[sizeof reply->rule - 1] = '\0';
    reply->text[sizeof reply->text - 1] = '\0';
}

int hf_mailbox_guest_order(struct hf_mailbox_port *port, const struct hf_mailbox_order *order,
                           struct hf_mailbox_reply *reply)
{
    for (int i = 0; i < REPEATS; i++) {
        int r = order_once(port, order, reply);

        if (r < 0)
            return r;
        if (r == 0) {
            end_texts(reply);
            return hf_le32_get(reply->done) < HF_MAILBOX_DONE_MAX ? 0 : -HF_EPROTO;
        }
    }
    return -HF_ETIMEDOUT;
}

static void put_piece(struct hf_mailbox_port *port, const uint8_t *bytes, size_t size)
{
    size_t whole = size - size % 4;
    uint8_t rest[4] = {0};

    copy_in(port, HF_MAILBOX_PIECE_AT, bytes, whole);
    if (whole == size)
        return;
    memcpy(rest, bytes + whole, size - whole);
    copy_in(port, HF_MAILBOX_PIECE_AT + whole, rest, sizeof rest);
}

static bool said_done(const struct hf_mailbox_reply *reply)
{
    return hf_le32_get(reply->done) == HF_MAILBOX_DONE;
}

/* The whole way once; stops at the first reply that is not DONE. */
static int send_image(struct hf_mailbox_port *port, const struct hf_mailbox_update *u, struct hf_mailbox_reply *reply)
{
    struct hf_mailbox_order order = {
        .command = hf_le32_of(HF_MAILBOX_BEGIN), .flags = hf_le32_of(u->flags), .size = hf_le64_of(u->size)};
    int r;

    memcpy(order.digest, u->digest, sizeof order.digest);
    r = hf_mailbox_guest_order(port, &order, reply);
    for (size_t at = 0, n; r == 0 && said_done(reply) && at < u->size; at += n) {
        n = u->size - at < HF_MAILBOX_PIECE_SIZE ? u->size - at : HF_MAILBOX_PIECE_SIZE;
        put_piece(port, (const uint8_t *)u->image + at, n);
        order = (struct hf_mailbox_order){
            .command = hf_le32_of(HF_MAILBOX_PIECE), .offset = hf_le64_of(at), .length = hf_le32_of((uint32_t)n)};
        r = hf_mailbox_guest_order(port, &order, reply);
        if (r == 0 && said_done(reply) && u->progress)
            u->progress(u->opaque, at + n);
    }
    if (r < 0 || !said_done(reply))
        return r;
    order = (struct hf_mailbox_order){.command = hf_le32_of(HF_MAILBOX_END)};
    return hf_mailbox_guest_order(port, &order, reply);
}

int hf_mailbox_guest_update(struct hf_mailbox_port *port, const struct hf_mailbox_update *u,
                            struct hf_mailbox_reply *reply)
{
    int r = -HF_ETIMEDOUT;

    for (int i = 0; i < REPEATS; i++) {
        uint32_t generation = get_word(port, HOST(generation));

        r = send_image(port, u, reply);
        /* A host that was made anew knows nothing of the pieces that the one before it had. */
        if (r < 0 || hf_le32_get(reply->done) != HF_MAILBOX_BAD_ORDER || get_word(port, HOST(generation)) == generation)
            break;
    }
    return r;
}
