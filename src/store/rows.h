/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Internal to the store: rows with checksums, and the ledger over them.
 *
 * Every row carries a sum over its columns, so that a changed row is noticed when it is read. The ledger holds, per
 * table, the number of rows and the sum (modulo 2^128) of their sums, changed in the same commit, so that a row that
 * vanishes, appears or comes back from the past is noticed when the container is opened.
 */
#ifndef HF_ROWS_H
#define HF_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/error.h>

#define HF_SUM_SIZE    16
#define HF_COLUMNS_MAX 7

struct hf_container;
struct sqlite3_stmt;

/* Also the ids of their rows in the ledger; id 0 there counts commits. Never renumber. */
enum hf_table {
    HF_T_CONTAINER = 1,
    HF_T_GUEST,
    HF_T_OWNER,
    HF_T_SETTING,
    HF_T_STATE,
    HF_T_IMAGE,
    HF_T_CHUNK,
    HF_T_SNAPSHOT,
    HF_T_KEPT,
    HF_T_SLOT,
    HF_T_ROM,
    HF_T_BANK,
    HF_T_PAGE,
    HF_T_CONTRACT,
    HF_T_EVENT,
    HF_TABLES,
};

enum hf_type { HF_NULL, HF_INT, HF_TEXT, HF_BLOB };

struct hf_value {
    enum hf_type type;
    int64_t n;
    const void *p; /* text and blob; valid until the row is left */
    size_t size;
};

static inline struct hf_value hf_int(int64_t n)
{
    return (struct hf_value){.type = HF_INT, .n = n};
}

static inline struct hf_value hf_null(void)
{
    return (struct hf_value){.type = HF_NULL};
}

struct hf_value hf_text(const char *text);
struct hf_value hf_blob(const void *bytes, size_t size);

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

const char *hf_table_name(enum hf_table table);

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

/* Compares the sums of all rows with the ledger, looking each row up by its id as well. Reads no more than ids and sums. */
int hf_ledger_verify(struct hf_container *c, struct hf_error *err);
/* One table of it. */
int hf_ledger_verify_table(struct hf_container *c, enum hf_table table, struct hf_error *err);

#endif
