/* SPDX-License-Identifier: BSD-2-Clause */
#include "ledger.h"

#include <string.h>

#include <holdfast/endian.h>

#include "handle.h"

/* total += sign * (sum ^ id), modulo 2^128, little-endian. The id counts too: a row is found by it, so one whose id alone
 * was changed must not add up to the same. */
static void tally(uint8_t total[HF_SUM_SIZE], const uint8_t *sum, int64_t id, bool minus)
{
    hf_le64 word = hf_le64_of((uint64_t)id);
    unsigned carry = minus ? 1 : 0;

    for (unsigned i = 0; i < HF_SUM_SIZE; i++) {
        uint8_t weight = (uint8_t)(i < sizeof word.b ? sum[i] ^ word.b[i] : sum[i]);

        carry += (unsigned)total[i] + (uint8_t)(minus ? ~weight : weight);
        total[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

void hf_ledger_add(struct hf_ledger_row *row, const uint8_t sum[HF_SUM_SIZE], int64_t id)
{
    tally(row->total, sum, id, false);
    row->rows++;
    row->dirty = true;
}

void hf_ledger_subtract(struct hf_ledger_row *row, const uint8_t sum[HF_SUM_SIZE], int64_t id)
{
    tally(row->total, sum, id, true);
    row->rows--;
    row->dirty = true;
}

int hf_ledger_read(struct hf_container *c, unsigned id, struct hf_ledger_row *row, struct hf_error *err)
{
    struct hf_value v[3];
    int rc, r = 0;

    if (!c->ledger_get) {
        r = hf_sql_prepare(c, "SELECT id, sum, name, rows, total FROM ledger WHERE id = ?1", &c->ledger_get, err);
        if (r < 0)
            return r;
    }
    sqlite3_bind_int64(c->ledger_get, 1, id);
    rc = sqlite3_step(c->ledger_get);
    if (rc == SQLITE_ROW) {
        if (hf_record_read(c, c->ledger_get, 0, id, v) && v[2].size == HF_SUM_SIZE) {
            *row = (struct hf_ledger_row){.loaded = true, .rows = v[1].n};
            memcpy(row->total, v[2].p, HF_SUM_SIZE);
        } else {
            r = hf_damaged(c, err, "row %u of table 'ledger' does not match its checksum", id);
        }
    } else if (rc == SQLITE_DONE) {
        r = hf_damaged(c, err, "row %u of table 'ledger' is missing", id);
    } else {
        r = hf_sql_error(c, rc, err, "read the ledger");
    }
    sqlite3_reset(c->ledger_get);
    return r;
}

static int ledger_write(struct hf_container *c, unsigned id, const struct hf_ledger_row *row, struct hf_error *err)
{
    struct hf_value v[3] = {hf_text(id ? hf_table_name(id) : "commits"), hf_int(row->rows),
                            hf_blob(row->total, HF_SUM_SIZE)};
    uint8_t sum[HF_SUM_SIZE];

    if (!c->ledger_set) {
        int r = hf_sql_prepare(c,
                               "INSERT INTO ledger (id, sum, name, rows, total) VALUES (?1, ?2, ?3, ?4, ?5)"
                               " ON CONFLICT (id) DO UPDATE SET sum = ?2, rows = ?4, total = ?5",
                               &c->ledger_set, err);

        if (r < 0)
            return r;
    }
    hf_record_sum(c, 0, id, v, sum);
    hf_record_bind(c->ledger_set, 0, id, sum, v);
    return hf_sql_run(c, c->ledger_set, err);
}

int hf_ledger_of(struct hf_container *c, enum hf_table table, struct hf_ledger_row **row, struct hf_error *err)
{
    struct hf_ledger_row *l = &c->ledger[table];

    if (!l->loaded) {
        int r = hf_ledger_read(c, table, l, err);

        if (r < 0)
            return r;
    }
    *row = l;
    return 0;
}

int hf_ledger_flush(struct hf_container *c, struct hf_error *err)
{
    for (unsigned id = 0; id < HF_TABLES; id++) {
        int r = c->ledger[id].dirty ? ledger_write(c, id, &c->ledger[id], err) : 0;

        if (r < 0)
            return r;
    }
    return 0;
}

int hf_ledger_init(struct hf_container *c, struct hf_error *err)
{
    struct hf_ledger_row none = {0};

    for (unsigned id = 0; id < HF_TABLES; id++) {
        int r = ledger_write(c, id, &none, err);

        if (r < 0)
            return r;
    }
    return 0;
}

void hf_ledger_forget(struct hf_container *c)
{
    memset(c->ledger, 0, sizeof c->ledger);
}
