/* SPDX-License-Identifier: BSD-2-Clause */
#include "container.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eventlog.h"
#include "gate.h"
#include "handle.h"
#include "lock.h"
#include "runtime.h"
#include "schema.h"

const char *hf_container_path(const struct hf_container *c)
{
    return c->place.path;
}

void hf_container_file(const struct hf_container *c, uint64_t *device, uint64_t *inode)
{
    *device = c->place.device;
    *inode = c->place.inode;
}

const char *hf_container_id(const struct hf_container *c)
{
    return c->id;
}

enum hf_open_mode hf_container_mode(const struct hf_container *c)
{
    return c->mode;
}

int hf_container_lock_place(struct hf_container *c, int64_t now, struct hf_error *err)
{
    return c->place_lock_fd >= 0 ? 0 : hf_lock_take_beside(&c->place, now, &c->place_lock_fd, err);
}

int hf_container_lock_fd(const struct hf_container *c)
{
    return c->lock_fd;
}

int hf_container_created(const struct hf_container *c, int64_t *when, struct hf_error *err)
{
    *when = c->created;
    return 0;
}

int hf_container_open(const char *path, enum hf_open_mode mode, int64_t now, struct hf_container **out,
                      struct hf_error *err)
{
    const struct hf_open_request request = {.mode = mode, .now = now, .lock_fd = -1};

    return hf_open(path, &request, out, err);
}

int hf_container_open_quiet(const char *path, int64_t now, struct hf_container **out, struct hf_error *err)
{
    const struct hf_open_request request = {.mode = HF_OPEN_LOOK, .now = now, .lock_fd = -1, .quiet = true};

    return hf_open(path, &request, out, err);
}

int hf_container_open_rehearsal(const char *path, int64_t now, struct hf_container **out, struct hf_error *err)
{
    const struct hf_open_request request = {
        .mode = HF_OPEN_LOOK, .now = now, .lock_fd = -1, .quiet = true, .rehearses = true};

    return hf_open(path, &request, out, err);
}

int hf_container_open_child(const char *path, int lock_fd, struct hf_container **out, struct hf_error *err)
{
    const struct hf_open_request request = {.mode = HF_OPEN_RUN, .lock_fd = lock_fd};

    return hf_open(path, &request, out, err);
}

int hf_container_close(struct hf_container *c, struct hf_error *err)
{
    int r = 0, closed;

    if (!c)
        return 0;
    hf_abort(c);
    if (c->draft) {
        hf_draft_drop(c->draft);
        hf_container_free(c);
        return 0;
    }
    if (c->unregistered)
        hf_owner_register_soon(c);
    if (c->mode != HF_OPEN_LOOK && c->wal && hf_gate_alone(c->gate))
        r = hf_settle(c, err);
    closed = hf_disconnect(c, r == 0 ? err : NULL);
    hf_container_free(c);
    return r < 0 ? r : closed;
}

/* Every commit was durable, so what closing cannot sync is where the log belongs, and no change. */
int hf_close_after(struct hf_container *c, int r, struct hf_error *err)
{
    bool changes = hf_container_mode(c) != HF_OPEN_LOOK, made = r < 0 && hf_commit_is_made(c);
    char path[PATH_MAX];
    struct hf_error own = {.code = HF_OK};
    int closed;

    (void)snprintf(path, sizeof path, "%s", hf_container_path(c));
    closed = hf_container_close(c, r < 0 ? NULL : &own);
    if (made && err) {
        own = *err;
        return hf_error_unsynced(err, path, own.text);
    }
    if (r < 0 || closed == 0)
        return r;
    if (changes)
        return hf_error_unsynced(err, path, own.text);
    if (err)
        *err = own;
    return closed;
}

void hf_container_done(struct hf_container **c)
{
    (void)hf_container_close(*c, NULL);
    *c = NULL;
}

static bool uuid_ok(const char *uuid)
{
    for (unsigned i = 0; i < HF_UUID_TEXT_SIZE - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? uuid[i] != '-' : !((uuid[i] >= '0' && uuid[i] <= '9') || (uuid[i] >= 'a' && uuid[i] <= 'f')))
            return false;
    }
    return uuid[HF_UUID_TEXT_SIZE - 1] == '\0';
}

/* It becomes part of a program's name. */
static bool arch_ok(const char *arch)
{
    return arch[0] != '\0' && arch[strspn(arch, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

/* It becomes part of QEMU's arguments. */
static bool machine_ok(const char *machine)
{
    return machine[strspn(machine, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] == '\0';
}

static int check_guest(const struct hf_guest *guest, struct hf_error *err)
{
    if (strnlen(guest->uuid, sizeof guest->uuid) != HF_UUID_TEXT_SIZE - 1 || !uuid_ok(guest->uuid))
        return hf_error_refuse(err, "uuid", "invalid UUID '%.36s'; use 8-4-4-4-12 lower-case hexadecimal digits",
                               guest->uuid);
    if (!arch_ok(guest->arch))
        return hf_error_set(err, HF_EUSAGE, "architecture missing; use QEMU's name: x86_64, aarch64");
    if (!machine_ok(guest->machine))
        return hf_error_set(err, HF_EUSAGE, "invalid machine type '%s'; use a name that QEMU lists, without options",
                            guest->machine);
    return 0;
}

static int put_guest(struct hf_container *c, const struct hf_guest *guest, struct hf_error *err)
{
    const struct hf_value v[] = {hf_text(guest->uuid), hf_text(guest->name), hf_text(guest->arch),
                                 hf_text(guest->machine)};
    int r = check_guest(guest, err);

    return r < 0 ? r : hf_row_put(c, HF_T_GUEST, 1, v, err);
}

int hf_guest_set(struct hf_container *c, const struct hf_guest *guest, struct hf_error *err)
{
    return put_guest(c, guest, err);
}

int hf_guest_get(struct hf_container *c, struct hf_guest *guest, struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    struct hf_guest g = {0};
    int r = hf_row_find(c, HF_T_GUEST, 1, &rows, err);

    if (r == 0)
        return hf_damaged(c, err, "it does not name its guest");
    if (r > 0)
        r = hf_row_text(&rows, 0, g.uuid, sizeof g.uuid, err);
    if (r == 0)
        r = hf_row_text(&rows, 1, g.name, sizeof g.name, err);
    if (r == 0)
        r = hf_row_text(&rows, 2, g.arch, sizeof g.arch, err);
    if (r == 0)
        r = hf_row_text(&rows, 3, g.machine, sizeof g.machine, err);
    if (r == 0 &&
        (strlen(g.uuid) != HF_UUID_TEXT_SIZE - 1 || !uuid_ok(g.uuid) || !arch_ok(g.arch) || !machine_ok(g.machine)))
        r = hf_damaged(c, err, "its guest has UUID '%s', architecture '%s' and machine type '%s'", g.uuid, g.arch,
                       g.machine);
    if (r == 0)
        *guest = g;
    return r;
}

/* The tables, in the settings that schema.sql names. */
int hf_container_make_tables(struct hf_container *c, struct hf_error *err)
{
    char sql[256];
    int r;

    snprintf(sql, sizeof sql,
             "PRAGMA page_size = 4096; PRAGMA encoding = 'UTF-8'; PRAGMA auto_vacuum = NONE;"
             "PRAGMA application_id = %u; PRAGMA user_version = %u",
             HF_APPLICATION_ID, HF_USER_VERSION);
    r = hf_sql_exec(c, sql, err, "create");
    if (r == 0)
        r = hf_sql_exec(c, "BEGIN IMMEDIATE", err, "create");
    for (unsigned i = 0; hf_schema[i] && r == 0; i++)
        r = hf_sql_exec(c, hf_schema[i], err, "create the tables");
    return r == 0 ? hf_ledger_init(c, err) : r;
}

static int put_identity(struct hf_container *c, int64_t now, struct hf_error *err)
{
    const struct hf_value v[] = {hf_text(c->id), hf_int(now), hf_null()};

    return hf_row_put(c, HF_T_CONTAINER, 1, v, err);
}

static int put_first_owner(struct hf_container *c, int64_t now, struct hf_error *err)
{
    struct hf_owner owner = {.state = HF_OWNER_HELD, .epoch = 1, .since = now, .reason = "created"};
    int r = hf_host_identity(owner.host_id, owner.host_name, err);

    return r < 0 ? r : hf_owner_put(c, &owner, err);
}

static int build(struct hf_container *c, const struct hf_guest *guest, int64_t now, struct hf_error *err)
{
    int r = hf_random_id(c->id, err);

    if (r == 0)
        r = hf_host_identity(c->host_id, c->host_name, err);
    if (r == 0)
        r = hf_container_make_tables(c, err);
    if (r == 0)
        r = hf_ledger_read(c, HF_LEDGER_COMMITS, &c->ledger[HF_LEDGER_COMMITS], err);
    if (r == 0)
        r = put_identity(c, now, err);
    if (r == 0)
        r = put_guest(c, guest, err);
    if (r == 0)
        r = put_first_owner(c, now, err);
    if (r == 0)
        r = hf_event_append(c, now, "created", err, "for guest %s%s%s%s, %s %s", guest->uuid,
                            guest->name[0] ? " '" : "", guest->name, guest->name[0] ? "'" : "", guest->arch,
                            guest->machine);
    return r < 0 ? r : hf_commit(c, HF_DURABLE, err);
}

/* Opened where it is built, and called by the name that it is to have. */
static int open_draft(const struct hf_draft *draft, struct hf_container **out, struct hf_error *err)
{
    struct hf_container *c;
    int r = hf_draft_open(draft, &c, err);

    if (r < 0)
        return r;
    c->draft = malloc(sizeof *c->draft);
    if (!c->draft) {
        (void)hf_draft_close(c, NULL);
        return hf_error_nomem(err);
    }
    *c->draft = *draft;
    c->place = draft->place;
    c->epoch = 1;
    *out = c;
    return 0;
}

int hf_container_begin(const char *path, const struct hf_guest *guest, int64_t now, struct hf_container **out,
                       struct hf_error *err)
{
    struct hf_container *c = NULL;
    struct hf_draft draft;
    int r = check_guest(guest, err);

    if (r == 0)
        r = hf_draft_begin(path, &draft, err);
    if (r < 0)
        return r;
    r = open_draft(&draft, &c, err);
    if (r < 0) {
        hf_draft_drop(&draft);
        return r;
    }
    r = build(c, guest, now, err);
    if (r == 0)
        *out = c;
    else
        hf_container_done(&c);
    return r;
}

/* The register learns of it before the file has its name: a crash in between leaves the entry of a container that is
 * not. */
int hf_container_publish(struct hf_container *c, struct hf_error *err)
{
    struct hf_draft draft = *c->draft;
    struct hf_owner owner;
    int closed, r = hf_owner_get(c, &owner, err);

    if (r == 0)
        r = hf_owner_register(c, &owner, err);
    closed = hf_draft_close(c, r == 0 ? err : NULL);
    if (r == 0)
        r = closed;
    if (r == 0)
        r = hf_draft_finish(&draft, err);
    if (r < 0)
        hf_draft_drop(&draft);
    return r;
}

int hf_container_create(const char *path, const struct hf_guest *guest, int64_t now, struct hf_container **out,
                        struct hf_error *err)
{
    struct hf_container *c;
    int r = hf_container_begin(path, guest, now, &c, err);

    if (r == 0)
        r = hf_container_publish(c, err);
    if (r < 0)
        return r;
    r = hf_container_open(path, HF_OPEN_EDIT, now, out, err);
    if (r < 0)
        hf_container_discard(path);
    return r;
}

void hf_container_discard(const char *path)
{
    struct hf_draft made;

    if (hf_place_find(path, &made.place, NULL) == 0)
        hf_draft_undo(&made);
}

int hf_container_usage(struct hf_container *c, uint64_t *bytes, uint64_t *free_bytes, struct hf_error *err)
{
    int64_t pages, unused;
    int r = hf_sql_number(c, "PRAGMA page_count", &pages, err);

    if (r == 0)
        r = hf_sql_number(c, "PRAGMA freelist_count", &unused, err);
    if (r < 0)
        return r;
    *bytes = (uint64_t)pages * 4096;
    *free_bytes = (uint64_t)unused * 4096;
    return 0;
}
