/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to the store: the bytes of a state (transfer.h), as docs/handover.md specifies them. */
#ifndef HF_TRANSFER_ROWS_H
#define HF_TRANSFER_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include <holdfast/endian.h>

#include "container.h"
#include "cursor.h"
#include "digest.h"

enum { HF_TRANSFER_WHOLE = 1, HF_TRANSFER_CHANGES = 2 };
enum { HF_TRANSFER_PUT = 1, HF_TRANSFER_DELETE = 2 };

struct hf_transfer_header {
    uint8_t kind;
    struct hf_digest base; /* of the state that the changes apply to; zeros for a whole one */
};
_Static_assert(sizeof(struct hf_transfer_header) == 33, "33 bytes on the wire");

/* A row to be put is followed by its columns: type (0 null, 1 integer, 2 text, 3 blob); an integer's 8 bytes, or 4 bytes
 * of length and the bytes. Numbers are big endian. */
struct hf_transfer_record {
    uint8_t what;
    uint8_t table; /* its number in the ledger */
    hf_be64 id;
};
_Static_assert(sizeof(struct hf_transfer_record) == 10, "10 bytes on the wire");

/* Whether a table's rows travel. */
bool hf_transfer_travels(unsigned table);

/* transfer_record.c: reads one record and does it, in the transaction that is open; its table's bit is set in *touched.
 * HF_EPROTO: it is none, or breaks what holds for its table. */
int hf_transfer_record_apply(struct hf_container *c, struct hf_cursor *in, unsigned *touched, struct hf_error *err);
/* HF_EPROTO: why what was received is no state. */
int hf_transfer_invalid(const struct hf_cursor *in, const char *what, struct hf_error *err);

#endif
