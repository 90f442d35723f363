/* SPDX-License-Identifier: BSD-2-Clause */
#include "outline.h"

#include <stdlib.h>
#include <string.h>

#include "banks.h"
#include "inside.h"

#define OTHER (-1)

struct hf_outline {
    struct hf_ledger_row rows; /* of the pages that it was made from */
    uint64_t pages;
    int16_t byte[];
};

static int note_pages(struct hf_container *c, struct hf_outline *outline, struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    int r = hf_rows_open(c, HF_T_PAGE, HF_PAGE_ID(HF_BANK_VARS, 0), HF_PAGE_ID(HF_BANK_VARS, 0xffffffff), &rows, err);

    while (r == 0 && (r = hf_rows_next(&rows, err)) > 0) {
        uint64_t number = (uint64_t)rows.id & 0xffffffff;

        if (number >= outline->pages)
            return hf_damaged(c, err, "page beyond the end of bank '%s'", hf_bank_text(HF_BANK_VARS));
        outline->byte[number] = rows.v[0].size == 1 ? *(const uint8_t *)rows.v[0].p : OTHER;
        r = 0;
    }
    return r;
}

/* The ledger and the rows of one moment. */
static int read_in(struct hf_container *c, struct hf_outline *outline, struct hf_error *err)
{
    int r = hf_sql_exec(c, "BEGIN", err, "begin reading");

    if (r == 0)
        r = hf_ledger_read(c, HF_T_PAGE, &outline->rows, err);
    if (r == 0)
        r = note_pages(c, outline, err);
    hf_abort(c);
    return r;
}

int hf_outline_read(struct hf_container *c, struct hf_outline **out, struct hf_error *err)
{
    struct hf_outline *outline = NULL;
    uint64_t size;
    int r = hf_bank_size(c, HF_BANK_VARS, &size, err);

    if (r < 0)
        return r;
    outline = (struct hf_outline *)malloc(sizeof *outline + size / HF_PAGE_SIZE * sizeof outline->byte[0]);
    if (!outline)
        return hf_error_nomem(err);
    outline->pages = size / HF_PAGE_SIZE;
    for (uint64_t i = 0; i < outline->pages; i++)
        outline->byte[i] = 0xff;
    r = read_in(c, outline, err);
    if (r < 0) {
        free(outline);
        return r;
    }
    *out = outline;
    return 0;
}

int hf_outline_fits(struct hf_container *c, const struct hf_outline *outline, struct hf_error *err)
{
    struct hf_ledger_row now;
    int r = hf_ledger_read(c, HF_T_PAGE, &now, err);

    return r < 0 ? r : now.rows == outline->rows.rows && memcmp(now.total, outline->rows.total, HF_SUM_SIZE) == 0;
}

void hf_outline_free(struct hf_outline *outline)
{
    free(outline);
}

int hf_outline_byte(const struct hf_outline *outline, uint64_t page)
{
    return page < outline->pages ? outline->byte[page] : OTHER;
}
