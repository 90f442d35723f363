/* SPDX-License-Identifier: BSD-2-Clause */
#include "record.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include <holdfast/endian.h>

#include "handle.h"

/* Types as hf_table_types() gives them. */
static const struct {
    const char *name;
    const char *columns;
    const char *types;
} tables[HF_TABLES] = {
    [0] = {"ledger", "name, rows, total", "tib"},
    [HF_T_CONTAINER] = {"container", "uid, created, key_id", "tiT"},
    [HF_T_GUEST] = {"guest", "uuid, name, arch, machine", "tttt"},
    [HF_T_OWNER] = {"owner", "state, epoch, host_id, host_name, since, reason, attempt", "iittiti"},
    [HF_T_SETTING] = {"setting", "name, value", "tt"},
    [HF_T_STATE] = {"state", "name, value", "tt"},
    [HF_T_IMAGE] = {"image", "digest, kind, size, stored, added, name", "biiiit"},
    [HF_T_CHUNK] = {"chunk", "bytes", "b"},
    [HF_T_SNAPSHOT] = {"snapshot", "taken, reason, code, size, vars", "itIiB"},
    [HF_T_KEPT] = {"kept", "bytes", "b"},
    [HF_T_SLOT] = {"slot", "code, vars, snapshot, since, label, origin", "iIIitt"},
    [HF_T_ROM] = {"rom", "image, name", "it"},
    [HF_T_BANK] = {"bank", "kind, size", "ti"},
    [HF_T_PAGE] = {"page", "bytes", "b"},
    [HF_T_CONTRACT] = {"contract", "domain, bytes", "tb"},
    [HF_T_EVENT] = {"event", "first, last, count, kind, text, before, hash", "iiittbb"},
};

const char *hf_table_name(unsigned table)
{
    return tables[table].name;
}

const char *hf_table_types(unsigned table)
{
    return tables[table].types;
}

const char *hf_table_columns(unsigned table)
{
    return tables[table].columns;
}

struct hf_value hf_text(const char *text)
{
    return (struct hf_value){.type = HF_TEXT, .p = text, .size = strlen(text)};
}

struct hf_value hf_blob(const void *bytes, size_t size)
{
    return (struct hf_value){.type = HF_BLOB, .p = bytes, .size = size};
}

void *hf_record_digester(void)
{
    EVP_MD_CTX *evp = EVP_MD_CTX_new();

    if (evp && EVP_DigestInit_ex(evp, EVP_sha256(), NULL))
        return evp;
    EVP_MD_CTX_free(evp);
    return NULL;
}

/* Of calls that only fail when they are used wrongly: the digester is made, and none of them allocates. */
static void must(int ok)
{
    if (!ok)
        abort();
}

/* name NUL | id | per column: type, length or number, bytes; numbers are 8 bytes little-endian. */
void hf_record_sum(struct hf_container *c, unsigned table, int64_t id, const struct hf_value *v,
                   uint8_t sum[HF_SUM_SIZE])
{
    size_t columns = strlen(tables[table].types);
    uint8_t digest[EVP_MAX_MD_SIZE];
    hf_le64 word = hf_le64_of((uint64_t)id);
    EVP_MD_CTX *evp = (EVP_MD_CTX *)c->digester;

    must(EVP_DigestInit_ex(evp, NULL, NULL));
    must(EVP_DigestUpdate(evp, tables[table].name, strlen(tables[table].name) + 1));
    must(EVP_DigestUpdate(evp, &word, sizeof word));
    for (size_t i = 0; i < columns; i++) {
        uint8_t type = (uint8_t)v[i].type;
        bool bytes = v[i].type == HF_TEXT || v[i].type == HF_BLOB;

        word = hf_le64_of(bytes ? v[i].size : (uint64_t)v[i].n);
        must(EVP_DigestUpdate(evp, &type, 1) && EVP_DigestUpdate(evp, &word, sizeof word));
        if (bytes && v[i].size > 0)
            must(EVP_DigestUpdate(evp, v[i].p, v[i].size));
    }
    must(EVP_DigestFinal_ex(evp, digest, NULL));
    memcpy(sum, digest, HF_SUM_SIZE);
}

static bool read_value(sqlite3_stmt *s, int column, char type, struct hf_value *v)
{
    int got = sqlite3_column_type(s, column);
    bool nullable = type < 'a';

    if (got == SQLITE_NULL) {
        *v = hf_null();
        return nullable;
    }
    if (got == SQLITE_INTEGER) {
        *v = hf_int(sqlite3_column_int64(s, column));
        return (type | 32) == 'i';
    }
    if (got != SQLITE_TEXT && got != SQLITE_BLOB)
        return false;
    v->type = got == SQLITE_TEXT ? HF_TEXT : HF_BLOB;
    v->n = 0;
    v->p = sqlite3_column_blob(s, column);
    v->size = (size_t)sqlite3_column_bytes(s, column);
    return (type | 32) == (got == SQLITE_TEXT ? 't' : 'b');
}

bool hf_record_read(struct hf_container *c, sqlite3_stmt *s, unsigned table, int64_t id, struct hf_value *v)
{
    const char *types = tables[table].types;
    uint8_t sum[HF_SUM_SIZE];

    if (sqlite3_column_type(s, 1) != SQLITE_BLOB || sqlite3_column_bytes(s, 1) != HF_SUM_SIZE)
        return false;
    for (int i = 0; types[i]; i++)
        if (!read_value(s, i + 2, types[i], &v[i]))
            return false;
    hf_record_sum(c, table, id, v, sum);
    return memcmp(sum, sqlite3_column_blob(s, 1), HF_SUM_SIZE) == 0;
}

static void bind_value(sqlite3_stmt *s, int at, const struct hf_value *v)
{
    switch (v->type) {
    case HF_INT:
        sqlite3_bind_int64(s, at, v->n);
        break;
    case HF_TEXT:
        sqlite3_bind_text64(s, at, (const char *)v->p, v->size, SQLITE_STATIC, SQLITE_UTF8);
        break;
    case HF_BLOB:
        sqlite3_bind_blob64(s, at, v->size ? v->p : "", v->size, SQLITE_STATIC);
        break;
    default:
        sqlite3_bind_null(s, at);
        break;
    }
}

void hf_record_bind(sqlite3_stmt *s, unsigned table, int64_t id, const uint8_t sum[HF_SUM_SIZE],
                    const struct hf_value *v)
{
    sqlite3_bind_int64(s, 1, id);
    sqlite3_bind_blob(s, 2, sum, HF_SUM_SIZE, SQLITE_STATIC);
    for (int i = 0; tables[table].types[i]; i++)
        bind_value(s, i + 3, &v[i]);
}
