/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to the store: the rows of the container's tables, read with their checksums and written into the ledger. */
#ifndef HF_ROWS_H
#define HF_ROWS_H

#include <holdfast/error.h>

#include "record.h"

struct hf_container;
struct sqlite3_stmt;

/* A walk over the rows of a table whose id lies in [from, to], in order. Begin with {0}; hf_auto(hf_rows_close). */
struct hf_rows {
    struct hf_container *c;
    struct sqlite3_stmt *statement;
    enum hf_table table;
    bool borrowed; /* the statement is the table's cached one */
    int64_t id;
    struct hf_value v[HF_COLUMNS_MAX];
};

int hf_rows_open(struct hf_container *c, enum hf_table table, int64_t from, int64_t to, struct hf_rows *rows,
                 struct hf_error *err);
/* 1: id and v hold a row, checked against its sum and of the table's types; 0: no more. */
int hf_rows_next(struct hf_rows *rows, struct hf_error *err);
void hf_rows_close(struct hf_rows *rows);

/* Opens a walk and steps to one row. 1: there; 0: no such row. Close the walk in either case. */
int hf_row_find(struct hf_container *c, enum hf_table table, int64_t id, struct hf_rows *rows, struct hf_error *err);

/* Inserts or replaces. The number and order of values are the table's columns after `sum`. In a transaction. */
int hf_row_put(struct hf_container *c, enum hf_table table, int64_t id, const struct hf_value *v, struct hf_error *err);
/* 1: removed; 0: there was none. In a transaction. */
int hf_row_delete(struct hf_container *c, enum hf_table table, int64_t id, struct hf_error *err);
/* Deletes all rows with id in [from, to]. In a transaction. */
int hf_rows_delete(struct hf_container *c, enum hf_table table, int64_t from, int64_t to, struct hf_error *err);

/* One more than the highest id in the table. */
int hf_row_next_id(struct hf_container *c, enum hf_table table, int64_t *id, struct hf_error *err);

/* Copies a text of a row that was just read; a text with a NUL in it or without room is HF_EDAMAGED. */
int hf_row_text(const struct hf_rows *rows, unsigned column, char *buf, size_t size, struct hf_error *err);

#endif
