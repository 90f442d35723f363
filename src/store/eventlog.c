/* SPDX-License-Identifier: BSD-2-Clause */
#include "eventlog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <holdfast/endian.h>

#include "handle.h"

#define FOLD_AMONG 16

static int read_event(const struct hf_rows *rows, struct hf_event *event, struct hf_error *err)
{
    struct hf_event e = {.seq = rows->id, .first = rows->v[0].n, .last = rows->v[1].n, .count = rows->v[2].n};
    int r = hf_row_text(rows, 3, e.kind, sizeof e.kind, err);

    if (r == 0)
        r = hf_row_text(rows, 4, e.text, sizeof e.text, err);
    if (r < 0)
        return r;
    if (rows->v[5].size != HF_DIGEST_SIZE || rows->v[6].size != HF_DIGEST_SIZE)
        return hf_damaged(rows->c, err, "event %lld: a hash of the wrong size", (long long)rows->id);
    memcpy(e.before.b, rows->v[5].p, HF_DIGEST_SIZE);
    memcpy(e.hash.b, rows->v[6].p, HF_DIGEST_SIZE);
    *event = e;
    return 0;
}

static int write_event(struct hf_container *c, const struct hf_event *e, struct hf_error *err)
{
    const struct hf_value v[] = {
        hf_int(e->first),
        hf_int(e->last),
        hf_int(e->count),
        hf_text(e->kind),
        hf_text(e->text),
        hf_blob(e->before.b, HF_DIGEST_SIZE),
        hf_blob(e->hash.b, HF_DIGEST_SIZE),
    };

    return hf_row_put(c, HF_T_EVENT, e->seq, v, err);
}

static uint8_t *add(uint8_t *to, const void *bytes, size_t size)
{
    memcpy(to, bytes, size);
    return to + size;
}

/* before | seq | first | kind NUL | text NUL; repetitions are not part of it. */
struct hf_digest hf_event_hash(const struct hf_event *e)
{
    hf_le64 seq = hf_le64_of((uint64_t)e->seq), first = hf_le64_of((uint64_t)e->first);
    uint8_t all[HF_DIGEST_SIZE + sizeof seq + sizeof first + sizeof e->kind + sizeof e->text], *end = all;

    end = add(end, e->before.b, HF_DIGEST_SIZE);
    end = add(end, &seq, sizeof seq);
    end = add(end, &first, sizeof first);
    end = add(end, e->kind, strlen(e->kind) + 1);
    end = add(end, e->text, strlen(e->text) + 1);
    return hf_digest_of(all, (size_t)(end - all));
}

int hf_event_list(struct hf_container *c, int64_t from_seq, int (*each)(void *ctx, const struct hf_event *event),
                  void *ctx, struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    struct hf_event event;
    int r = hf_rows_open(c, HF_T_EVENT, from_seq, INT64_MAX, &rows, err);

    while (r == 0) {
        r = hf_rows_next(&rows, err);
        if (r <= 0)
            return r;
        r = read_event(&rows, &event, err);
        if (r == 0)
            r = each(ctx, &event);
    }
    return r;
}

struct newest {
    struct hf_event wanted; /* what is to be appended */
    struct hf_event equal;  /* the last one equal to it; seq 0: none */
    struct hf_event head;
};

static int look_back(void *ctx, const struct hf_event *event)
{
    struct newest *n = (struct newest *)ctx;

    n->head = *event;
    if (strcmp(event->kind, n->wanted.kind) == 0 && strcmp(event->text, n->wanted.text) == 0)
        n->equal = *event;
    return 0;
}

int hf_event_head(struct hf_container *c, int64_t *seq, struct hf_digest *hash, struct hf_error *err)
{
    struct newest n = {0};
    int64_t next;
    int r = hf_row_next_id(c, HF_T_EVENT, &next, err);

    if (r == 0)
        r = hf_event_list(c, next - 1, look_back, &n, err);
    if (r < 0)
        return r;
    *seq = n.head.seq;
    *hash = n.head.hash;
    return 0;
}

static int log_size(struct hf_container *c, int64_t *bytes, struct hf_error *err)
{
    return hf_sql_number(c, "SELECT coalesce(sum(length(text) + 160), 0) FROM event", bytes, err);
}

/* The oldest half goes. What stays first still names the hash of the last that went. */
static int compact(struct hf_container *c, int64_t head, struct hf_error *err)
{
    int64_t bytes, first;
    int r;

    if (head % 256 != 0) /* a full log is 256 entries beyond its limit at most: a few hundred KiB */
        return 0;
    r = log_size(c, &bytes, err);
    if (r < 0 || bytes <= HF_EVENTLOG_MAX)
        return r;
    r = hf_sql_number(c, "SELECT min(id) FROM event", &first, err);
    return r < 0 ? r : hf_rows_delete(c, HF_T_EVENT, first, first + (head - first) / 2, err);
}

static void one_line(char *text)
{
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
}

int hf_event_append(struct hf_container *c, int64_t now, const char *kind, struct hf_error *err, const char *fmt, ...)
{
    struct newest n = {.wanted = {.first = now, .last = now, .count = 1}};
    int64_t next;
    va_list ap;
    int r = hf_row_next_id(c, HF_T_EVENT, &next, err);

    if (r < 0)
        return r;
    snprintf(n.wanted.kind, sizeof n.wanted.kind, "%s", kind);
    va_start(ap, fmt);
    vsnprintf(n.wanted.text, sizeof n.wanted.text, fmt, ap);
    va_end(ap);
    one_line(n.wanted.text);
    r = hf_event_list(c, next > FOLD_AMONG ? next - FOLD_AMONG : 1, look_back, &n, err);
    if (r < 0)
        return r;
    if (n.equal.seq > 0) {
        n.equal.count++;
        n.equal.last = now;
        return write_event(c, &n.equal, err);
    }
    n.wanted.seq = next;
    n.wanted.before = n.head.hash;
    n.wanted.hash = hf_event_hash(&n.wanted);
    r = write_event(c, &n.wanted, err);
    return r < 0 ? r : compact(c, next, err);
}
