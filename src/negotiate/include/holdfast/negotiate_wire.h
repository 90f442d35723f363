/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Independent feature negotiation between a host and the drivers of a guest's firmware: what stands on the wire. The
 * specification, for a second implementation, is docs/negotiation.md; a change here changes that page.
 *
 * All integers are little endian. Bit n of a set is bit n % 8 of byte n / 8. Names are 1 .. 31 bytes of a-z, 0-9, '-',
 * '.', NUL padded. Freestanding; shared by both halves.
 */
#ifndef HOLDFAST_NEGOTIATE_WIRE_H
#define HOLDFAST_NEGOTIATE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/endian.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The two fw_cfg files. Their selectors are fixed, so that a script made before a suspend finds them after it. */
#define HF_NEGOTIATE_DOMAINS_FILE "etc/negotiate/domains" /* read only: struct hf_negotiate_directory */
#define HF_NEGOTIATE_WINDOW_FILE  "etc/negotiate/window"  /* writable: struct hf_negotiate_window */
#define HF_NEGOTIATE_DOMAINS_KEY  0x1e
#define HF_NEGOTIATE_WINDOW_KEY   0x1f

#define HF_NEGOTIATE_BITS      256
#define HF_NEGOTIATE_NAME_SIZE 32
#define HF_NEGOTIATE_VERSION   1 /* of these layouts */
#define HF_NEGOTIATE_NO_BIT    0xffffffffu

struct hf_bits {
    uint8_t byte[HF_NEGOTIATE_BITS / 8];
};

static inline bool hf_bits_has(const struct hf_bits *set, unsigned bit)
{
    return bit < HF_NEGOTIATE_BITS && (set->byte[bit / 8] >> bit % 8 & 1) != 0;
}

static inline void hf_bits_add(struct hf_bits *set, unsigned bit)
{
    if (bit < HF_NEGOTIATE_BITS)
        set->byte[bit / 8] = (uint8_t)(set->byte[bit / 8] | 1u << bit % 8);
}

static inline void hf_bits_drop(struct hf_bits *set, unsigned bit)
{
    if (bit < HF_NEGOTIATE_BITS)
        set->byte[bit / 8] = (uint8_t)(set->byte[bit / 8] & ~(1u << bit % 8));
}

/* The set whose bits 0 .. 63 are those of `low`. */
static inline struct hf_bits hf_bits_of(uint64_t low)
{
    struct hf_bits set = {{0}};

    for (unsigned i = 0; i < 8; i++)
        set.byte[i] = (uint8_t)(low >> 8 * i);
    return set;
}

static inline bool hf_bits_equal(const struct hf_bits *a, const struct hf_bits *b)
{
    for (unsigned i = 0; i < sizeof a->byte; i++)
        if (a->byte[i] != b->byte[i])
            return false;
    return true;
}

/* The lowest bit of `a` that `b` lacks, or HF_NEGOTIATE_NO_BIT. */
static inline uint32_t hf_bits_missing(const struct hf_bits *a, const struct hf_bits *b)
{
    for (unsigned i = 0; i < HF_NEGOTIATE_BITS; i++)
        if (a->byte[i / 8] == 0 || (a->byte[i / 8] & ~b->byte[i / 8]) == 0)
            i |= 7;
        else if (hf_bits_has(a, i) && !hf_bits_has(b, i))
            return i;
    return HF_NEGOTIATE_NO_BIT;
}

/* A closure rule: a set with `bit` must have `needs`. */
struct hf_negotiate_rule {
    uint8_t bit, needs;
};

enum hf_negotiate_state { /* of a domain, as the directory shows it */
                          HF_NEGOTIATE_OPEN = 0,
                          HF_NEGOTIATE_LOCKED = 1,
};

/* The status of an answer. Anything but ACCEPTED leaves the domain as it was. */
enum hf_negotiate_status {
    HF_NEGOTIATE_NONE = 0,           /* nothing was asked since reset */
    HF_NEGOTIATE_ACCEPTED = 1,       /* the domain is locked with exactly the wanted bits */
    HF_NEGOTIATE_UNKNOWN_DOMAIN = 2, /* the host has no domain of that name */
    HF_NEGOTIATE_OTHER_VERSION = 3,  /* the host speaks the version of the domain that the answer gives */
    HF_NEGOTIATE_UNSUPPORTED = 4,    /* `bit` is the lowest wanted bit that the host lacks */
    HF_NEGOTIATE_NOT_CLOSED = 5,     /* `bit` was wanted without `needs` */
    HF_NEGOTIATE_IS_LOCKED = 6,      /* another set was agreed; `agreed` has it */
    HF_NEGOTIATE_BAD_RECORD = 7,     /* not a record of this version, or a reserved byte is not zero */
    HF_NEGOTIATE_BAD_WRITE = 8,      /* the window was not written with one whole request at offset 0 */
    HF_NEGOTIATE_STATUS_MAX,
};

/* What the guest sends: 96 bytes, written to the window in one transfer. */
struct hf_negotiate_request {
    uint8_t magic[4]; /* "HFRQ" */
    hf_le32 version;  /* HF_NEGOTIATE_VERSION */
    hf_le32 tag;      /* the guest's own; the answer repeats it */
    hf_le32 domain_version;
    char domain[HF_NEGOTIATE_NAME_SIZE];
    struct hf_bits wanted;
    uint8_t reserved[16]; /* zero */
};
_Static_assert(sizeof(struct hf_negotiate_request) == 96, "a request is 96 bytes");
_Static_assert(offsetof(struct hf_negotiate_request, domain) == 16, "the name follows the domain's version");
_Static_assert(offsetof(struct hf_negotiate_request, wanted) == 48, "the bits follow the name");
#define HF_NEGOTIATE_REQUEST_MAGIC "HFRQ"

/* What the host answers: 64 bytes. */
struct hf_negotiate_answer {
    hf_le32 status; /* enum hf_negotiate_status; always the answer's first four bytes */
    hf_le32 tag;
    hf_le32 generation; /* of the host's half: another one means that the host's side was made anew */
    hf_le32 domain_version;
    hf_le32 bit;   /* the offending bit, or HF_NEGOTIATE_NO_BIT */
    hf_le32 needs; /* NOT_CLOSED: what `bit` needs; else HF_NEGOTIATE_NO_BIT */
    uint8_t reserved[8];
    struct hf_bits agreed; /* what the domain is locked to; zero when open or unknown */
};
_Static_assert(sizeof(struct hf_negotiate_answer) == 64, "an answer is 64 bytes");
_Static_assert(offsetof(struct hf_negotiate_answer, agreed) == 32, "the bits follow the numbers");

/* The window file. */
struct hf_negotiate_window {
    struct hf_negotiate_request request;
    struct hf_negotiate_answer answer;
};
_Static_assert(sizeof(struct hf_negotiate_window) == 160, "the window is 160 bytes");
_Static_assert(offsetof(struct hf_negotiate_window, answer) == 96, "the status to poll is at 96");
#define HF_NEGOTIATE_STATUS_OFFSET 96

/* The directory file: a head, then `count` rows of `row_size` bytes. Readers step by head_size and row_size. */
struct hf_negotiate_directory {
    uint8_t magic[4]; /* "HFND" */
    hf_le32 version;
    hf_le32 head_size;
    hf_le32 row_size;
    hf_le32 count;
    hf_le32 generation;
    uint8_t reserved[8];
};
_Static_assert(sizeof(struct hf_negotiate_directory) == 32, "the directory's head is 32 bytes");
#define HF_NEGOTIATE_DIRECTORY_MAGIC "HFND"

struct hf_negotiate_row {
    char name[HF_NEGOTIATE_NAME_SIZE];
    hf_le32 version;
    hf_le32 state; /* enum hf_negotiate_state */
    uint8_t reserved[24];
    struct hf_bits supported;
    struct hf_bits agreed; /* zero when open */
};
_Static_assert(sizeof(struct hf_negotiate_row) == 128, "a directory row is 128 bytes");
_Static_assert(offsetof(struct hf_negotiate_row, supported) == 64, "the sets are the second half");
#define HF_NEGOTIATE_DIRECTORY_SIZE(domains)                                                                           \
    (sizeof(struct hf_negotiate_directory) + sizeof(struct hf_negotiate_row) * (domains))

#ifdef __cplusplus
}
#endif
#endif
