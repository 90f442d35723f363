/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Internal to the store: the ledger. It holds, per table, the number of rows and the sum (modulo 2^128) of their sums,
 * changed in the same commit, so that a row that vanishes, appears or comes back from the past is noticed when the
 * container is opened.
 */
#ifndef HF_LEDGER_H
#define HF_LEDGER_H

#include <holdfast/error.h>

#include "record.h"

/* The ledger within a transaction. */
struct hf_ledger_row {
    bool loaded, dirty;
    int64_t rows;
    uint8_t total[HF_SUM_SIZE];
};

/* Reads the ledger's row (0: commits) from the database, also outside a transaction. */
int hf_ledger_read(struct hf_container *c, unsigned id, struct hf_ledger_row *row, struct hf_error *err);
/* Writes what the transaction changed, and nothing else. */
int hf_ledger_flush(struct hf_container *c, struct hf_error *err);
/* Makes the empty ledger of a new container. */
int hf_ledger_init(struct hf_container *c, struct hf_error *err);
void hf_ledger_forget(struct hf_container *c);

/* The transaction's own copy of a table's row, which hf_ledger_flush will write. */
int hf_ledger_of(struct hf_container *c, enum hf_table table, struct hf_ledger_row **row, struct hf_error *err);
/* A row of the table with this id and sum came, or went. */
void hf_ledger_add(struct hf_ledger_row *row, const uint8_t sum[HF_SUM_SIZE], int64_t id);
void hf_ledger_subtract(struct hf_ledger_row *row, const uint8_t sum[HF_SUM_SIZE], int64_t id);

/* Compares the sums of all rows with the ledger, looking each row up by its id as well. Reads no more than ids and sums. */
int hf_ledger_verify(struct hf_container *c, struct hf_error *err);
/* One table of it. */
int hf_ledger_verify_table(struct hf_container *c, enum hf_table table, struct hf_error *err);

#endif
