/* SPDX-License-Identifier: BSD-2-Clause */
/* The destination's half: bytes to rows, all of a state or nothing of it. */
#include <string.h>
#include <unistd.h>

#include "arrived.h"
#include "check.h"
#include "counter.h"
#include "cursor.h"
#include "epochs.h"
#include "inside.h"
#include "ledger.h"
#include "reserve.h"
#include "transfer_rows.h"

struct applying {
    struct hf_container *c;
    const struct hf_transfer_from *from;
    const struct hf_arrived *arrived;
    struct hf_arrived *own; /* the images that were there before a whole state replaced everything; or NULL */
    unsigned touched;       /* mask of tables */
    int64_t now;
};

/* The images that are here already, into memory: their rows may come back under other numbers. */
static int keep_images(struct applying *a, struct hf_error *err)
{
    struct hf_image list[HF_IMAGES_MAX];
    size_t count = 0;
    int r = hf_image_list(a->c, list, &count, err);

    a->own = r == 0 ? hf_arrived_new() : NULL;
    if (r == 0 && !a->own)
        return hf_error_nomem(err);
    for (size_t i = 0; r == 0 && i < count; i++)
        for (uint32_t n = 0; r == 0 && n < hf_transfer_chunks(list[i].size); n++) {
            uint8_t *bytes hf_auto(hf_cleanup_free) = NULL;
            size_t size;

            r = hf_transfer_chunk(a->c, &list[i].digest, n, &bytes, &size, err);
            if (r == 0)
                r = hf_arrived_add(a->own, &list[i].digest, n, bytes, size, err);
        }
    return r;
}

static int empty_tables(struct applying *a, struct hf_error *err)
{
    int r = keep_images(a, err);

    for (unsigned table = HF_TABLES - 1; table > 0 && r == 0; table--)
        if (hf_transfer_travels(table))
            r = hf_rows_delete(a->c, (enum hf_table)table, INT64_MIN, INT64_MAX, err);
    if (r == 0)
        r = hf_rows_delete(a->c, HF_T_CHUNK, INT64_MIN, HF_RESERVE_FIRST - 1, err);
    a->touched = ~0U;
    return r;
}

static int apply_rows(struct applying *a, const void *bytes, size_t size, struct hf_error *err)
{
    struct hf_cursor in = hf_cursor_of(bytes, size);
    struct hf_transfer_header header;
    struct hf_digest here;
    int r;

    hf_cursor_copy(&in, &header, sizeof header);
    if (in.bad || (header.kind != HF_TRANSFER_WHOLE && header.kind != HF_TRANSFER_CHANGES))
        return hf_transfer_invalid(&in, "neither a whole state nor changes", err);
    if (header.kind == HF_TRANSFER_WHOLE) {
        r = empty_tables(a, err);
    } else {
        r = hf_transfer_digest(a->c, &here, err);
        if (r == 0 && !hf_digest_equal(&here, &header.base))
            r = hf_transfer_invalid(&in, "it changes another state than the one received before", err);
    }
    while (r == 0 && hf_cursor_left(&in) > 0)
        r = hf_transfer_record_apply(a->c, &in, &a->touched, err);
    return r;
}

static int put_chunks(struct applying *a, const struct hf_image *image, int64_t id, struct hf_error *err)
{
    char text[HF_DIGEST_TEXT_SIZE];
    uint32_t count = 0;
    const struct hf_arrived_chunk *chunks = hf_arrived_get(a->arrived, &image->digest, &count);
    int r = 0;

    if (!chunks && a->own)
        chunks = hf_arrived_get(a->own, &image->digest, &count);
    if (count != hf_transfer_chunks(image->size))
        return hf_error_set(err, HF_EPROTO, "received image %s: %u chunks; it has %u",
                            hf_digest_text(&image->digest, text), count, hf_transfer_chunks(image->size));
    for (uint32_t n = 0; n < count && r == 0; n++) {
        struct hf_value v = hf_blob(chunks[n].bytes, chunks[n].size);

        r = hf_row_put(a->c, HF_T_CHUNK, HF_CHUNK_ID(id, n), &v, err);
    }
    return r;
}

/* Every image that a row names gets its chunks, from what was sent or from what was here. */
static int fill_images(struct applying *a, struct hf_error *err)
{
    struct hf_image list[HF_IMAGES_MAX];
    size_t count = 0;
    int r = hf_image_list(a->c, list, &count, err);

    for (size_t i = 0; r == 0 && i < count; i++) {
        struct hf_rows rows hf_auto(hf_rows_close) = {0};
        int64_t id;

        r = hf_image_id(a->c, &list[i].digest, &id, err);
        if (r > 0)
            r = hf_row_find(a->c, HF_T_CHUNK, HF_CHUNK_ID(id, 0), &rows, err);
        hf_rows_close(&rows);
        r = r == 0 ? put_chunks(a, &list[i], id, err) : r > 0 ? 0 : r;
    }
    return r;
}

static void keep_first(void *ctx, const char *line)
{
    char *first = (char *)ctx;

    if (first[0] == '\0')
        snprintf(first, HF_ERROR_TEXT_MAX, "%s", line);
}

/* The container's own word about what it holds now, and the digest that both sides calculate. */
static int check_result(struct applying *a, struct hf_error *err)
{
    const unsigned small =
        1U << HF_T_SETTING | 1U << HF_T_STATE | 1U << HF_T_PAGE | 1U << HF_T_CONTRACT | 1U << HF_T_EVENT;
    char uid[HF_ID_TEXT_SIZE], first[HF_ERROR_TEXT_MAX] = "";
    struct hf_digest digest;
    int r;

    memcpy(uid, a->c->id, sizeof uid);
    r = hf_container_load(a->c, err);
    if (r == 0 && (strcmp(uid, a->c->id) != 0 || strcmp(uid, a->from->container) != 0))
        r = hf_error_set(err, HF_EPROTO, "received container state: container %s was announced, %s was sent",
                         a->from->container, a->c->id);
    memcpy(a->c->id, uid, sizeof uid);
    if (r == 0)
        r = hf_transfer_digest(a->c, &digest, err);
    if (r == 0 && !hf_digest_equal(&digest, &a->from->digest))
        r = hf_error_set(err, HF_EPROTO, "received container state: it is not the offered state");
    if (r == 0)
        r = hf_ledger_flush(a->c, err);
    if (r < 0)
        return r;
    hf_check_handle(a->c, (a->touched & ~small) != 0, keep_first, first);
    return first[0] ? hf_error_set(err, HF_EPROTO, "received container: damaged: %s", first) : 0;
}

/* The host remembers where a copy is received, so that no other copy answers for it. */
static int note_place(struct applying *a, const char *path, struct hf_error *err)
{
    struct hf_epoch seen = {0};
    struct hf_guest guest;
    int r = hf_epoch_look(a->c->id, &seen, err);

    if (r >= 0)
        r = hf_guest_get(a->c, &guest, err);
    if (r < 0)
        return r;
    r = hf_epoch_check_peer(a->c->id, &seen, a->from->epoch, a->from->host.id, err);
    if (r < 0)
        return r;
    if (a->from->attempt <= seen.revoked)
        return hf_error_refuse(err, "incoming",
                               "attempt %u of container %s was revoked on this host and cannot be claimed",
                               a->from->attempt, a->c->id);
    if (seen.place[0] && strcmp(seen.place, path) != 0 && access(seen.place, F_OK) == 0)
        return hf_error_refuse(err, "elsewhere",
                               "container %s: this host has a copy at %s; receive it there, or remove that file",
                               a->c->id, seen.place);
    if (seen.epoch < a->from->epoch)
        hf_epoch_depart(&seen, a->from->epoch, a->from->host.id, a->from->host.name);
    memcpy(seen.uuid, guest.uuid, sizeof seen.uuid);
    snprintf(seen.place, sizeof seen.place, "%s", path);
    return hf_epoch_set(a->c->id, &seen, err);
}

/* One that says so already stays, so that an offer of what is here changes nothing and has nothing to make durable. */
static int put_owner(struct applying *a, struct hf_error *err)
{
    struct hf_owner before, owner = {.state = HF_OWNER_INCOMING,
                                     .epoch = a->from->epoch,
                                     .since = a->now,
                                     .attempt = a->from->attempt,
                                     .reason = "received"};

    memcpy(owner.host_id, a->from->host.id, sizeof owner.host_id);
    memcpy(owner.host_name, a->from->host.name, sizeof owner.host_name);
    if (!a->touched && hf_owner_get(a->c, &before, NULL) == 0 && before.state == owner.state &&
        before.epoch == owner.epoch && before.attempt == owner.attempt && strcmp(before.host_id, owner.host_id) == 0)
        return 0;
    return hf_owner_put(a->c, &owner, err);
}

/* In a transaction; ended by the caller, whatever comes of it. */
static int apply(struct applying *a, const char *path, const void *bytes, size_t size, struct hf_error *err)
{
    int r = hf_sql_exec(a->c, "PRAGMA defer_foreign_keys = ON", err, "begin receiving");

    if (r == 0)
        r = apply_rows(a, bytes, size, err);
    if (r == 0)
        r = fill_images(a, err);
    if (r == 0)
        r = put_owner(a, err);
    if (r == 0)
        r = check_result(a, err);
    if (r == 0)
        r = note_place(a, path, err);
    if (r == 0)
        r = hf_commit(a->c, HF_DURABLE, err);
    hf_abort(a->c);
    hf_arrived_free(a->own);
    return r;
}

int hf_transfer_apply(struct hf_container *c, const struct hf_transfer_from *from, const void *bytes, size_t size,
                      const struct hf_arrived *arrived, int64_t now, struct hf_error *err)
{
    struct applying a = {.c = c, .from = from, .arrived = arrived, .now = now};
    struct hf_owner owner;
    int r = hf_begin_unowned(c, err);

    if (r < 0)
        return r;
    r = hf_owner_get(c, &owner, err);
    if (r == 0 && (owner.state == HF_OWNER_HELD || owner.state == HF_OWNER_BACKUP || owner.attempt > from->attempt))
        r = hf_error_refuse(err, "step", "%s: cannot receive attempt %u: it is %s at epoch %llu, attempt %u",
                            c->place.path, from->attempt, hf_owner_state_text(owner.state),
                            (unsigned long long)owner.epoch, owner.attempt);
    if (r < 0) {
        hf_abort(c);
        return r;
    }
    r = apply(&a, c->place.path, bytes, size, err);
    if (r < 0)
        return r;
    c->epoch = from->epoch;
    c->incoming = true;
    return 0;
}

/* Room for a rollback, as the source's file has it: stored and removed again, so that the file keeps it. */
static int make_room(struct hf_container *c, uint64_t bytes, struct hf_error *err)
{
    uint64_t seen = 0;
    int r = hf_counter_look(c->id, &seen, err);

    if (r == 0)
        r = hf_container_make_tables(c, err);
    if (r == 0)
        r = hf_ledger_read(c, HF_LEDGER_COMMITS, &c->ledger[HF_LEDGER_COMMITS], err);
    if (r == 0)
        r = hf_reserve_fill(c, bytes < HF_CONTAINER_MAX ? bytes : HF_CONTAINER_MAX, err);
    if (r < 0)
        return r;
    c->ledger[HF_LEDGER_COMMITS].dirty = true;
    c->ledger[HF_LEDGER_COMMITS].rows = (int64_t)seen; /* a copy that comes back is not one that lost commits */
    return hf_commit(c, HF_DURABLE, err);
}

static int build(struct applying *a, const struct hf_draft *draft, const void *bytes, size_t size, struct hf_error *err)
{
    int closed, r = hf_draft_open(draft, &a->c, err);

    if (r < 0)
        return r;
    memcpy(a->c->id, a->from->container, sizeof a->c->id);
    r = make_room(a->c, a->from->reserve, err);
    if (r == 0)
        r = hf_begin_unowned(a->c, err);
    if (r == 0)
        r = hf_rows_delete(a->c, HF_T_CHUNK, HF_RESERVE_FIRST, INT64_MAX, err);
    if (r == 0)
        r = apply(a, draft->place.path, bytes, size, err);
    closed = hf_draft_close(a->c, r == 0 ? err : NULL);
    return r < 0 ? r : closed;
}

int hf_transfer_create(const char *path, const struct hf_transfer_from *from, const void *bytes, size_t size,
                       const struct hf_arrived *arrived, int64_t now, struct hf_error *err)
{
    struct applying a = {.from = from, .arrived = arrived, .now = now};
    struct hf_draft draft;
    int r;

    if (hf_cursor_left(&(struct hf_cursor){.base = bytes, .size = size}) < sizeof(struct hf_transfer_header) ||
        *(const uint8_t *)bytes != HF_TRANSFER_WHOLE)
        return hf_error_set(err, HF_EPROTO, "received container state: changes without a state before them");
    for (const char *p = path; *p; p++)
        if ((unsigned char)*p < 0x20)
            return hf_error_set(err, HF_EUSAGE, "container path: control characters are invalid");
    r = hf_draft_begin(path, &draft, err);
    if (r < 0)
        return r;
    r = build(&a, &draft, bytes, size, err);
    if (r == 0)
        r = hf_draft_finish(&draft, err);
    if (r < 0)
        hf_draft_drop(&draft);
    return r;
}

int hf_transfer_has(struct hf_container *c, const struct hf_image *image, struct hf_error *err)
{
    struct hf_image found;
    int r = hf_image_get(c, &image->digest, &found, err);

    if (r == -HF_ENOTFOUND)
        return 0;
    return r < 0 ? r : found.size == image->size && found.stored == image->stored;
}
