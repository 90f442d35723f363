/* SPDX-License-Identifier: BSD-2-Clause */
/* A variable on flash: header, name, data, then up to three erased bytes to the next multiple of 4. */
#ifndef HF_VAR_RECORD_H
#define HF_VAR_RECORD_H

#include <holdfast/endian.h>
#include <holdfast/varstore.h>

struct hf_plain_record {
    hf_le16 start; /* HF_RECORD_START */
    uint8_t state, reserved;
    hf_le32 attributes, name_size, data_size;
    struct hf_guid guid;
};
_Static_assert(sizeof(struct hf_plain_record) == 32, "VARIABLE_HEADER");

struct hf_auth_record {
    hf_le16 start;
    uint8_t state, reserved;
    hf_le32 attributes;
    hf_le64 count;
    uint8_t time[16];
    hf_le32 key_index, name_size, data_size;
    struct hf_guid guid;
};
_Static_assert(sizeof(struct hf_auth_record) == 60, "AUTHENTICATED_VARIABLE_HEADER");
_Static_assert(offsetof(struct hf_auth_record, name_size) == 36, "AUTHENTICATED_VARIABLE_HEADER");

enum { HF_RECORD_START = 0x55AA };

/* Bits go from 1 to 0, one after the other, as a variable is written, replaced and deleted. */
enum {
    HF_STATE_BLANK = 0xFF,       /* the header is being written */
    HF_STATE_HEADER = 0x7F,      /* header whole, name and data being written */
    HF_STATE_ADDED = 0x3F,       /* alive */
    HF_STATE_IN_DELETION = 0xFE, /* bit: alive until its successor is added */
    HF_STATE_DELETED = 0xFD,     /* bit */
};

static inline size_t hf_record_header_size(bool authenticated)
{
    return authenticated ? sizeof(struct hf_auth_record) : sizeof(struct hf_plain_record);
}

static inline size_t hf_record_align(size_t n)
{
    return (n + 3) & ~(size_t)3;
}

/* Writes `var` at p with state ADDED and erased padding; returns its footprint. The room is the caller's business. */
size_t hf_record_write(uint8_t *p, const struct hf_var *var, bool authenticated);

#endif
