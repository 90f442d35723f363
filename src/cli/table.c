/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "text.h"

#define COLUMNS_MAX 12
#define PADDED_MAX  64 /* one very long cell does not make every other row as long */

struct hf_table {
    size_t columns;
    size_t width[COLUMNS_MAX];
    const char *heading[COLUMNS_MAX];
    char **cells; /* row by row; a NULL cell (out of memory) prints as nothing */
    size_t count, room;
};

struct hf_table *hf_table_new(const char *const *headings)
{
    struct hf_table *t = calloc(1, sizeof *t);

    for (; t && headings[t->columns] && t->columns < COLUMNS_MAX; t->columns++) {
        t->heading[t->columns] = headings[t->columns];
        t->width[t->columns] = hf_utf8_width(headings[t->columns]);
    }
    return t;
}

static bool make_room(struct hf_table *t)
{
    size_t room = t->room ? t->room * 2 : 64;
    char **cells;

    if (t->count < t->room)
        return true;
    cells = reallocarray(t->cells, room, sizeof *cells);
    if (!cells)
        return false;
    t->cells = cells;
    t->room = room;
    return true;
}

void hf_table_cell(struct hf_table *t, const char *fmt, ...)
{
    size_t column, width;
    char *text = NULL;
    va_list ap;

    if (!t || !make_room(t))
        return;
    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        text = NULL;
    va_end(ap);
    column = t->count % t->columns;
    width = text ? hf_utf8_width(text) : 0;
    if (width > t->width[column] && width <= PADDED_MAX)
        t->width[column] = width;
    t->cells[t->count++] = text;
}

static void print_cell(const struct hf_table *t, size_t column, const char *text)
{
    size_t width = hf_utf8_width(text), padding = width < t->width[column] ? t->width[column] - width : 0;

    hf_print_safely(stdout, text);
    if (column + 1 == t->columns)
        putchar('\n');
    else
        printf("%*s", (int)padding + 2, "");
}

void hf_table_print(const struct hf_invocation *inv, const struct hf_table *t)
{
    if (!t || inv->json || inv->said || !t->count)
        return;
    for (size_t i = 0; i < t->columns; i++)
        print_cell(t, i, t->heading[i]);
    for (size_t i = 0; i < t->count; i++)
        print_cell(t, i % t->columns, t->cells[i] ? t->cells[i] : "");
}

void hf_table_free(struct hf_table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++)
        free(t->cells[i]);
    free(t->cells);
    free(t);
}
