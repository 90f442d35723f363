/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hostile peer of a hand-over. The first byte's lowest bit says which side is attacked: 0 the destination, 1 the source;
 * what follows are the peer's frames: type, attempt, epoch (a byte each), length (2) and payload. The harness knows what a
 * fuzzer cannot guess: magic, version, and, for a READY of zeros, the digest that was offered.
 */
#include "fuzz.h"

#include <stdio.h>

#include "cursor.h"
#include "exchange.h"
#include "frame.h"
#include "ground.h"

static uint8_t *base;
static size_t base_size;

static void clean_up(void)
{
    ground_remove();
    free(base);
}

static void put_base(void)
{
    FILE *f = fopen(ground_path("g.hold"), "wb");

    MUST(f && fchmod(fileno(f), 0600) == 0 && fwrite(base, 1, base_size, f) == base_size && fclose(f) == 0);
}

static void make_base(void)
{
    struct hf_container *c;
    FILE *f;

    MUST(ground_setup(NULL) == 0);
    (void)atexit(clean_up);
    c = ground_container("g.hold");
    MUST(hf_container_close(c, NULL) == 0);
    f = fopen(ground_path("g.hold"), "rb");
    MUST(f && fseek(f, 0, SEEK_END) == 0);
    base_size = (size_t)ftell(f);
    rewind(f);
    base = (uint8_t *)malloc(base_size);
    MUST(base && fread(base, 1, base_size, f) == base_size && fclose(f) == 0);
}

static uint8_t offered[HF_DIGEST_SIZE];

/* Takes what is said and throws it away, but for the digest of an offer. */
static void drain(struct hf_exchange *x)
{
    const uint8_t *bytes;
    struct hf_frame frame;
    size_t size = 1, need;

    while (size > 0 && hf_exchange_output(x, &bytes, &size, NULL) == 0) {
        for (size_t at = 0, n; at < size; at += n) { /* whole frames, and ones that the peer would take */
            int r = hf_frame_parse(bytes + at, size - at, &frame, &need, NULL);

            MUST(r > 0);
            n = (size_t)r;
            if (frame.type == HF_MESSAGE_OFFER)
                memcpy(offered, frame.payload, sizeof offered);
        }
        hf_exchange_written(x, size);
    }
}

static void act(struct hf_exchange *x, bool source, enum hf_exchange_event event)
{
    struct hf_error err = {.text = ""};
    int r = 0;

    if (source && event == HF_EXCHANGE_PEER)
        r = hf_exchange_offer(x, true, NOW, &err);
    else if (source && event == HF_EXCHANGE_READY)
        r = hf_exchange_grant(x, NOW, &err);
    else if (!source && event == HF_EXCHANGE_GRANTED)
        r = hf_exchange_claim(x, NOW, &err);
    MUST(r >= 0 || err.text[0] != '\0');
}

/* One frame out of the input: type, attempt, epoch, length and payload. False: there is none any more. */
static bool next_frame(struct hf_cursor *in, uint8_t *frame, size_t *size)
{
    struct hf_frame_header h = {.magic = hf_be32_of(HF_FRAME_MAGIC), .version = hf_be16_of(HF_FRAME_VERSION)};
    size_t length;

    if (hf_cursor_left(in) < 5)
        return false;
    h.type = hf_be16_of(hf_cursor_u8(in));
    h.attempt = hf_be32_of(hf_cursor_u8(in));
    h.epoch = hf_be64_of(hf_cursor_u8(in));
    length = hf_cursor_be16(in);
    if (length > hf_cursor_left(in))
        length = hf_cursor_left(in);
    h.length = hf_be32_of((uint32_t)length);
    memcpy(frame, &h, sizeof h);
    hf_cursor_copy(in, frame + sizeof h, length);
    if (hf_be16_get(h.type) == HF_MESSAGE_READY && length == sizeof offered &&
        memcmp(frame + sizeof h, (const uint8_t[HF_DIGEST_SIZE]){0}, length) == 0)
        memcpy(frame + sizeof h, offered, sizeof offered);
    *size = sizeof h + length;
    return true;
}

static void converse(struct hf_exchange *x, bool source, struct hf_cursor *in)
{
    static uint8_t frame[HF_FRAME_HEADER_SIZE + UINT16_MAX];
    enum hf_exchange_event event = HF_EXCHANGE_NONE;
    struct hf_error err = {.text = ""};
    size_t size;
    int r = 0;

    drain(x);
    while (r == 0 && next_frame(in, frame, &size) && size <= hf_exchange_room(x)) {
        MUST(hf_exchange_feed(x, frame, size, NULL) == 0);
        do {
            r = hf_exchange_next(x, NOW, &event, &err);
            if (r == 0)
                act(x, source, event);
            drain(x);
        } while (r == 0 && event != HF_EXCHANGE_NONE && event != HF_EXCHANGE_FAILED);
    }
    MUST(r == 0 || (err.text[0] != '\0' && !strchr(err.text, '\n')));
}

/* Whatever it heard: the source is its owner still, or granted to a peer that had what it offered; a destination has no
 * container, or a sound one that it does not own unless it was granted. */
static void check_source(void)
{
    struct hf_container *c;
    struct hf_owner owner;

    MUST(hf_container_open(ground_path("g.hold"), HF_OPEN_LOOK, NOW, &c, NULL) == 0);
    MUST(hf_owner_get(c, &owner, NULL) == 0 && owner.epoch >= 1);
    hf_container_done(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct hf_cursor in = hf_cursor_of(bytes, size);
    bool source = hf_cursor_u8(&in) & 1;
    struct hf_exchange_place place = {.path = NULL};
    struct hf_container *c = NULL;
    struct hf_exchange *x;
    char command[PATH_MAX + 64];

    if (!base)
        make_base();
    snprintf(command, sizeof command, "rm -rf '%s'/*", ground_dir);
    MUST(system(command) == 0);
    ground_host(source ? "a" : "b");
    put_base();
    place.path = ground_path("moved.hold");
    if (source) {
        /* A host of its own each time: the register must not remember. */
        uint64_t epoch;

        MUST(hf_owner_take(ground_path("g.hold"), "fuzz", NOW, &epoch, NULL) == 0);
        MUST(hf_container_open_giving(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, NULL) == 0);
        MUST(hf_exchange_source(c, NULL, &x, NULL) == 0);
    } else {
        MUST(hf_exchange_destination(&place, &x, NULL) == 0);
    }
    converse(x, source, &in);
    hf_exchange_free(x);
    MUST(hf_container_close(c, NULL) == 0);
    if (source)
        check_source();
    else if (access(place.path, F_OK) == 0) {
        struct hf_container *copy;

        MUST(hf_container_open(ground_path("moved.hold"), HF_OPEN_LOOK, NOW, &copy, NULL) == 0);
        hf_container_done(&copy);
    }
    return 0;
}
