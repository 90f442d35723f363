/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opens and reads a hostile container. The first byte says who wrote it: 0, somebody who changed bytes of the file (3
 * bytes of offset, 1 of value, ...); otherwise somebody who knows the format and put rows with right sums and a right
 * ledger (table, id, then per column a type and a value).
 */
#include "fuzz.h"

#include <fcntl.h>
#include <sqlite3.h>

#include "check.h"
#include "cursor.h"
#include "inside.h"
#include "view.h"

static uint8_t *base;
static size_t base_size;

static void clean_up(void)
{
    ground_remove();
    free(base);
}

static void make_base(void)
{
    struct hf_container *c;
    FILE *f;

    MUST(ground_setup(NULL) == 0);
    (void)atexit(clean_up);
    c = view_container("x.hold", 3000);
    MUST(hf_container_close(c, NULL) == 0);
    f = fopen(ground_path("x.hold"), "rb");
    MUST(f && fseek(f, 0, SEEK_END) == 0);
    base_size = (size_t)ftell(f);
    rewind(f);
    base = (uint8_t *)malloc(base_size);
    MUST(base && fread(base, 1, base_size, f) == base_size);
    (void)fclose(f);
}

static void put_base(struct hf_cursor *in, bool patched)
{
    int fd = open(ground_path("x.hold"), O_RDWR | O_CREAT | O_TRUNC, 0600);

    MUST(fd >= 0 && write(fd, base, base_size) == (ssize_t)base_size);
    while (patched && hf_cursor_left(in) >= 4) {
        uint32_t at = hf_cursor_u8(in) | (uint32_t)hf_cursor_u8(in) << 8 | (uint32_t)hf_cursor_u8(in) << 16;
        uint8_t byte = hf_cursor_u8(in);

        MUST(pwrite(fd, &byte, 1, (off_t)(at % base_size)) == 1);
    }
    (void)close(fd);
}

static struct hf_value read_value(struct hf_cursor *in)
{
    uint8_t kind = hf_cursor_u8(in);
    uint64_t size;

    switch (kind % 5) {
    case 0:
        return hf_null();
    case 1:
        return hf_int(kind / 5);
    case 2:
        return hf_int((int64_t)hf_cursor_le64(in));
    default:
        size = hf_cursor_le16(in);
        if (size > hf_cursor_left(in))
            size = hf_cursor_left(in);
        return (struct hf_value){
            .type = kind % 5 == 3 ? HF_TEXT : HF_BLOB, .p = hf_cursor_take(in, size), .size = size};
    }
}

static void put_rows(struct hf_cursor *in)
{
    struct hf_draft draft = {.place = {.fd = -1}};
    struct hf_container *c;

    snprintf(draft.path, sizeof draft.path, "%s", ground_path("x.hold"));
    MUST(hf_draft_open(&draft, &c, NULL) == 0);
    MUST(sqlite3_exec(c->db, "PRAGMA ignore_check_constraints = 1; PRAGMA foreign_keys = 0", NULL, NULL, NULL) ==
         SQLITE_OK);
    MUST(hf_begin_unowned(c, NULL) == 0);
    while (hf_cursor_left(in) >= 3) {
        enum hf_table table = (enum hf_table)(1 + hf_cursor_u8(in) % (HF_TABLES - 1));
        int64_t high = hf_cursor_u8(in), id = hf_cursor_u8(in);
        struct hf_value v[HF_COLUMNS_MAX];

        for (unsigned i = 0; i < HF_COLUMNS_MAX; i++)
            v[i] = read_value(in);
        if (table == HF_T_PAGE || table == HF_T_KEPT)
            id |= high << 32;
        else if (table == HF_T_CHUNK)
            id |= high << 16;
        else if (table == HF_T_ROM)
            id |= high << 8;
        (void)hf_row_put(c, table, id, v, NULL);
    }
    (void)hf_commit(c, HF_DURABLE, NULL);
    (void)hf_draft_close(c, NULL);
}

static void no_finding(void *ctx, const char *line)
{
    MUST(line[0] != '\0' && !strchr(line, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct hf_cursor in = hf_cursor_of(bytes, size);
    bool rows = hf_cursor_u8(&in) != 0;
    struct hf_container *c = NULL;
    struct hf_check_report report;
    struct hf_error err = {0};
    struct hf_digest view;
    int r;

    if (!base)
        make_base();
    put_base(&in, !rows);
    if (rows)
        put_rows(&in);
    r = hf_container_open(ground_path("x.hold"), HF_OPEN_LOOK, NOW, &c, &err);
    if (r == 0)
        r = view_of(c, &view, &err);
    hf_container_done(&c);
    MUST(r == 0 || (err.text[0] != '\0' && !strchr(err.text, '\n')));
    (void)hf_check(ground_path("x.hold"), no_finding, NULL, &report, &err);
    return 0;
}
