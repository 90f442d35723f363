/* SPDX-License-Identifier: BSD-2-Clause */
#include "frame.h"

#include <assert.h>
#include <stdbool.h>

#include "cursor.h"

#define DIGEST_SIZE 32
#define OFFSET_SIZE 8

struct limits {
    size_t min, max;
};

/* Which lengths a type may have; max 0 with min 0 and `known` false: no such type. */
static bool limits_of(unsigned type, struct limits *ret)
{
    switch (type) {
    case HF_MESSAGE_OFFER:
    case HF_MESSAGE_READY:
        *ret = (struct limits){DIGEST_SIZE, DIGEST_SIZE};
        return true;
    case HF_MESSAGE_GRANT:
        *ret = (struct limits){sizeof(struct hf_frame_grant), sizeof(struct hf_frame_grant)};
        return true;
    case HF_MESSAGE_CLAIMED:
    case HF_MESSAGE_REVOKE:
    case HF_MESSAGE_REFUSED:
    case HF_FRAME_ASK:
        *ret = (struct limits){0, 0};
        return true;
    case HF_FRAME_HELLO:
    case HF_FRAME_WANT:
        *ret = (struct limits){2, 1U << 16};
        return true;
    case HF_FRAME_IMAGE:
        *ret = (struct limits){DIGEST_SIZE + OFFSET_SIZE + 1, HF_FRAME_PAYLOAD_MAX};
        return true;
    case HF_FRAME_STATE:
        *ret = (struct limits){OFFSET_SIZE + 1, HF_FRAME_PAYLOAD_MAX};
        return true;
    case HF_FRAME_FAILED:
        *ret = (struct limits){0, HF_ERROR_TEXT_MAX - 1};
        return true;
    case HF_FRAME_STREAM:
        *ret = (struct limits){0, HF_FRAME_PAYLOAD_MAX};
        return true;
    case HF_FRAME_CAPS:
        *ret = (struct limits){2, HF_FRAME_PAYLOAD_MAX};
        return true;
    default:
        return false;
    }
}

int hf_frame_parse(const uint8_t *bytes, size_t size, struct hf_frame *ret, size_t *need, struct hf_error *err)
{
    struct hf_cursor c = hf_cursor_of(bytes, size);
    struct hf_frame_header h;
    struct limits limits;
    size_t length;

    if (size < sizeof h) {
        *need = sizeof h;
        return 0;
    }
    hf_cursor_copy(&c, &h, sizeof h);
    if (hf_be32_get(h.magic) != HF_FRAME_MAGIC)
        return hf_error_set(err, HF_EPROTO, "peer: not holdfast's protocol (a frame begins with 0x%08x)",
                            hf_be32_get(h.magic));
    if (hf_be16_get(h.version) != HF_FRAME_VERSION)
        return hf_error_set(err, HF_EVERSION, "peer: unsupported protocol version %u (this program has %u)",
                            (unsigned)hf_be16_get(h.version), (unsigned)HF_FRAME_VERSION);
    if (!limits_of(hf_be16_get(h.type), &limits))
        return hf_error_set(err, HF_EPROTO, "peer: frame of unknown type %u", (unsigned)hf_be16_get(h.type));
    length = hf_be32_get(h.length);
    if (length < limits.min || length > limits.max)
        return hf_error_set(err, HF_EPROTO, "peer: frame of type %u has %zu bytes; it must have %zu to %zu",
                            (unsigned)hf_be16_get(h.type), length, limits.min, limits.max);
    if (hf_be64_get(h.epoch) > HF_FRAME_EPOCH_MAX)
        return hf_error_set(err, HF_EPROTO, "peer: invalid epoch %llu; the largest is %llu",
                            (unsigned long long)hf_be64_get(h.epoch), HF_FRAME_EPOCH_MAX);
    if (length > hf_cursor_left(&c)) {
        *need = sizeof h + length;
        return 0;
    }
    *ret = (struct hf_frame){.type = hf_be16_get(h.type),
                             .attempt = hf_be32_get(h.attempt),
                             .epoch = hf_be64_get(h.epoch),
                             .payload = hf_cursor_take(&c, length),
                             .length = length};
    return (int)(sizeof h + length);
}

struct hf_frame_header hf_frame_header_of(const struct hf_frame *frame)
{
    struct limits limits = {0, 0};
    bool known = limits_of(frame->type, &limits);

    assert(known && frame->length >= limits.min && frame->length <= limits.max);
    (void)known;
    return (struct hf_frame_header){
        .magic = hf_be32_of(HF_FRAME_MAGIC),
        .version = hf_be16_of(HF_FRAME_VERSION),
        .type = hf_be16_of((uint16_t)frame->type),
        .attempt = hf_be32_of(frame->attempt),
        .length = hf_be32_of((uint32_t)frame->length),
        .epoch = hf_be64_of(frame->epoch),
    };
}
