/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Internal to the store: what a row of each table is made of. After its id every row has a sum over its columns, so that
 * a changed row is noticed when it is read.
 */
#ifndef HF_RECORD_H
#define HF_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_SUM_SIZE    16
#define HF_COLUMNS_MAX 7

struct hf_container;
struct sqlite3_stmt;

/* Also the ids of their rows in the ledger; table 0 is the ledger itself, and id 0 in it counts commits. Never renumber. */
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

const char *hf_table_name(unsigned table);
/* The columns after `sum`: "name, value". */
const char *hf_table_columns(unsigned table);
/* One letter for each of them: i integer, t text, b blob; upper case may be NULL. */
const char *hf_table_types(unsigned table);

/* What a handle needs for sums: an EVP_MD_CTX. NULL: no memory. */
void *hf_record_digester(void);
void hf_record_sum(struct hf_container *c, unsigned table, int64_t id, const struct hf_value *v,
                   uint8_t sum[HF_SUM_SIZE]);
/* A row of "SELECT id, sum, columns": false when its types are not the table's or it does not match its sum. */
bool hf_record_read(struct hf_container *c, struct sqlite3_stmt *s, unsigned table, int64_t id, struct hf_value *v);
/* ?1 id, ?2 sum, from ?3 on the columns. What `sum` and `v` point to stays until the statement has run. */
void hf_record_bind(struct sqlite3_stmt *s, unsigned table, int64_t id, const uint8_t sum[HF_SUM_SIZE],
                    const struct hf_value *v);

#endif
