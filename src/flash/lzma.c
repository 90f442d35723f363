/* SPDX-License-Identifier: BSD-2-Clause */
/* Written from the format's description: a range coder over adaptive bits, literals and matches. The output buffer is
 * the dictionary, so a match can reach back over everything decoded so far. */
#include "lzma.h"

#include <stdbool.h>
#include <string.h>

enum {
    STATES = 12,
    POS_STATES = 16,
    LEN_SIZE = 2 + 2 * POS_STATES * 8 + 256, /* two choice bits, low and mid trees, the high tree */

    AT_MATCH = 0,
    AT_REP = AT_MATCH + STATES * POS_STATES,
    AT_REP_G0 = AT_REP + STATES,
    AT_REP_G1 = AT_REP_G0 + STATES,
    AT_REP_G2 = AT_REP_G1 + STATES,
    AT_REP0_LONG = AT_REP_G2 + STATES,
    AT_SLOT = AT_REP0_LONG + STATES * POS_STATES,
    AT_POSITION = AT_SLOT + 4 * 64,
    AT_ALIGN = AT_POSITION + 115,
    AT_LEN = AT_ALIGN + 16,
    AT_REP_LEN = AT_LEN + LEN_SIZE,
    AT_LITERAL = AT_REP_LEN + LEN_SIZE,
};
_Static_assert(AT_LITERAL <= 1856, "the header promises this many probabilities before the literals");

struct decoder {
    const uint8_t *in, *in_end;
    bool dry; /* input ended, or a match reached before the start */
    uint32_t range, code;
    uint16_t *prob;
    uint8_t *out;
    size_t at, out_size;
    unsigned lc, lp, pb, state;
    uint32_t rep[4];
};

static void normalize(struct decoder *d)
{
    if (d->range >> 24)
        return;
    if (d->in == d->in_end) {
        d->dry = true;
        d->range = 0xFFFFFFFF;
        return;
    }
    d->range <<= 8;
    d->code = d->code << 8 | *d->in++;
}

static unsigned bit(struct decoder *d, uint16_t *prob)
{
    uint32_t bound = (d->range >> 11) * *prob;
    unsigned value = d->code >= bound;

    if (value) {
        d->range -= bound;
        d->code -= bound;
        *prob = (uint16_t)(*prob - (*prob >> 5));
    } else {
        d->range = bound;
        *prob = (uint16_t)(*prob + ((2048 - *prob) >> 5));
    }
    normalize(d);
    return value;
}

static uint32_t direct_bits(struct decoder *d, unsigned count)
{
    uint32_t value = 0;

    while (count--) {
        d->range >>= 1;
        value <<= 1;
        if (d->code >= d->range) {
            d->code -= d->range;
            value |= 1;
        }
        normalize(d);
    }
    return value;
}

static unsigned tree(struct decoder *d, uint16_t *prob, unsigned bits)
{
    unsigned m = 1;

    for (unsigned i = 0; i < bits; i++)
        m = m << 1 | bit(d, &prob[m]);
    return m - (1u << bits);
}

static uint32_t reverse_tree(struct decoder *d, uint16_t *prob, unsigned bits)
{
    unsigned m = 1;
    uint32_t value = 0;

    for (unsigned i = 0; i < bits; i++) {
        unsigned b = bit(d, &prob[m]);

        m = m << 1 | b;
        value |= (uint32_t)b << i;
    }
    return value;
}

static unsigned length(struct decoder *d, uint16_t *prob, unsigned pos_state)
{
    if (!bit(d, &prob[0]))
        return 2 + tree(d, prob + 2 + pos_state * 8, 3);
    if (!bit(d, &prob[1]))
        return 10 + tree(d, prob + 2 + POS_STATES * 8 + pos_state * 8, 3);
    return 18 + tree(d, prob + 2 + 2 * POS_STATES * 8, 8);
}

static uint32_t distance(struct decoder *d, unsigned len)
{
    unsigned group = len - 2 < 3 ? len - 2 : 3;
    unsigned slot = tree(d, d->prob + AT_SLOT + group * 64, 6), extra;
    uint32_t base;

    if (slot < 4)
        return slot;
    extra = (slot >> 1) - 1;
    base = (uint32_t)(2 | (slot & 1)) << extra;
    if (slot < 14)
        return base + reverse_tree(d, d->prob + AT_POSITION + base - slot, extra);
    return base + (direct_bits(d, extra - 4) << 4) + reverse_tree(d, d->prob + AT_ALIGN, 4);
}

static void literal(struct decoder *d)
{
    unsigned before = d->at ? d->out[d->at - 1] : 0, symbol = 1;
    unsigned context = (unsigned)((d->at & ((1u << d->lp) - 1)) << d->lc) + (before >> (8 - d->lc));
    uint16_t *prob = d->prob + AT_LITERAL + 0x300u * context;

    if (d->state >= 7 && d->rep[0] < d->at) {
        unsigned match = d->out[d->at - d->rep[0] - 1];

        while (symbol < 0x100) {
            unsigned want = match >> 7 & 1, got = bit(d, &prob[((1 + want) << 8) + symbol]);

            match <<= 1;
            symbol = symbol << 1 | got;
            if (want != got)
                break;
        }
    }
    while (symbol < 0x100)
        symbol = symbol << 1 | bit(d, &prob[symbol]);
    d->out[d->at++] = (uint8_t)symbol;
    d->state = d->state < 4 ? 0 : d->state < 10 ? d->state - 3 : d->state - 6;
}

/* Which earlier distance is meant; moves it to the front. */
static void pick_rep(struct decoder *d)
{
    uint32_t chosen;

    if (!bit(d, &d->prob[AT_REP_G1 + d->state])) {
        chosen = d->rep[1];
    } else {
        if (!bit(d, &d->prob[AT_REP_G2 + d->state])) {
            chosen = d->rep[2];
        } else {
            chosen = d->rep[3];
            d->rep[3] = d->rep[2];
        }
        d->rep[2] = d->rep[1];
    }
    d->rep[1] = d->rep[0];
    d->rep[0] = chosen;
}

/* Returns the length of a match, 0 at the end marker. */
static unsigned match_length(struct decoder *d, unsigned pos_state)
{
    unsigned len;

    if (bit(d, &d->prob[AT_REP + d->state])) {
        if (!bit(d, &d->prob[AT_REP_G0 + d->state])) {
            if (!bit(d, &d->prob[AT_REP0_LONG + d->state * POS_STATES + pos_state])) {
                d->state = d->state < 7 ? 9 : 11;
                return 1;
            }
        } else {
            pick_rep(d);
        }
        len = length(d, d->prob + AT_REP_LEN, pos_state);
        d->state = d->state < 7 ? 8 : 11;
        return len;
    }
    memmove(&d->rep[1], &d->rep[0], 3 * sizeof d->rep[0]);
    len = length(d, d->prob + AT_LEN, pos_state);
    d->state = d->state < 7 ? 7 : 10;
    d->rep[0] = distance(d, len);
    return d->rep[0] == 0xFFFFFFFF ? 0 : len;
}

static bool step(struct decoder *d)
{
    unsigned pos_state = (unsigned)(d->at & ((1u << d->pb) - 1)), len;

    if (!bit(d, &d->prob[AT_MATCH + d->state * POS_STATES + pos_state])) {
        literal(d);
        return true;
    }
    len = match_length(d, pos_state);
    if (len == 0 || d->rep[0] >= d->at)
        return false;
    for (; len && d->at < d->out_size; len--, d->at++)
        d->out[d->at] = d->out[d->at - d->rep[0] - 1];
    return true;
}

size_t hf_lzma_prefix(const uint8_t *in, size_t in_size, uint16_t probs[HF_LZMA_PROBS], uint8_t *out, size_t out_size)
{
    struct decoder d = {
        .in = in + 13, .in_end = in + in_size, .range = 0xFFFFFFFF, .prob = probs, .out = out, .out_size = out_size};
    uint64_t full = 0;

    if (in_size < 18 || in[0] >= 9 * 5 * 5 || in[13] != 0)
        return 0;
    d.lc = in[0] % 9u;
    d.lp = in[0] / 9u % 5u;
    d.pb = in[0] / 45u;
    if (d.lc + d.lp > HF_LZMA_CONTEXT_MAX)
        return 0;
    for (unsigned i = 8; i-- > 0;)
        full = full << 8 | in[5 + i];
    if (full < d.out_size)
        d.out_size = (size_t)full;
    for (unsigned i = 0; i < AT_LITERAL + (0x300u << (d.lc + d.lp)); i++)
        probs[i] = 1024;
    d.in++;
    for (unsigned i = 0; i < 4; i++)
        d.code = d.code << 8 | *d.in++;
    while (d.at < d.out_size && !d.dry && step(&d))
        continue;
    return d.at;
}
