/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "handle.h"
#include "inside.h"

/* One row of a verification: in order, with a sum, found under its own id with the same sum. */
static int verify_row(struct hf_container *c, enum hf_table table, int64_t id, const void *sum, struct hf_error *err)
{
    uint8_t found[HF_SUM_SIZE];
    int r = hf_row_sum(c, table, id, found, err);

    if (r < 0)
        return r;
    if (r == 0 || memcmp(found, sum, HF_SUM_SIZE) != 0)
        return hf_damaged(c, err, "row %lld of table '%s' cannot be found by its id", (long long)id,
                          hf_table_name(table));
    return 0;
}

static int verify_rows(struct hf_container *c, enum hf_table table, sqlite3_stmt *walk, struct hf_ledger_row *seen,
                       struct hf_error *err)
{
    int64_t last = INT64_MIN;
    int rc;

    while ((rc = sqlite3_step(walk)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(walk, 0);
        const void *sum = sqlite3_column_blob(walk, 1);
        int r;

        if (sqlite3_column_bytes(walk, 1) != HF_SUM_SIZE || (seen->rows > 0 && id <= last))
            return hf_damaged(c, err, "row %lld of table '%s' is out of order or has no checksum", (long long)id,
                              hf_table_name(table));
        r = verify_row(c, table, id, sum, err);
        if (r < 0)
            return r;
        last = id;
        hf_ledger_add(seen, (const uint8_t *)sum, id);
    }
    return rc == SQLITE_DONE ? 0 : hf_sql_error(c, rc, err, "read the container");
}

int hf_ledger_verify_table(struct hf_container *c, enum hf_table table, struct hf_error *err)
{
    struct hf_ledger_row want, seen = {0};
    sqlite3_stmt *walk = NULL;
    char sql[64];
    int r = hf_ledger_read(c, table, &want, err);

    if (r < 0)
        return r;
    snprintf(sql, sizeof sql, "SELECT id, sum FROM %s ORDER BY id", hf_table_name(table));
    r = hf_sql_prepare(c, sql, &walk, err);
    if (r < 0)
        return r;
    r = verify_rows(c, table, walk, &seen, err);
    sqlite3_finalize(walk);
    if (r < 0)
        return r;
    if (seen.rows != want.rows || memcmp(seen.total, want.total, HF_SUM_SIZE) != 0)
        return hf_damaged(c, err, "table '%s': %lld rows do not match the %lld of the ledger", hf_table_name(table),
                          (long long)seen.rows, (long long)want.rows);
    return 0;
}

int hf_ledger_verify(struct hf_container *c, struct hf_error *err)
{
    for (unsigned table = 1; table < HF_TABLES; table++) {
        int r = hf_ledger_verify_table(c, (enum hf_table)table, err);

        if (r < 0)
            return r;
    }
    return 0;
}
