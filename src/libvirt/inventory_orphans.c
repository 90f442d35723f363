/* SPDX-License-Identifier: BSD-2-Clause */
#include "inventory_orphans.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "places.h"

#define SUFFIX ".hold"

static void close_directory(DIR **dir)
{
    if (*dir)
        (void)closedir(*dir);
}

static bool is_uuid(const char *name)
{
    return strlen(name) == HF_UUID_TEXT_SIZE - 1 && strspn(name, "0123456789abcdef-") == HF_UUID_TEXT_SIZE - 1;
}

static bool is_container(const char *name)
{
    size_t n = strlen(name);

    return n > sizeof SUFFIX - 1 && name[0] != '.' && strcmp(name + n - (sizeof SUFFIX - 1), SUFFIX) == 0;
}

static int each_name(bool (*wanted)(const char *name), int (*each)(void *ctx, const char *name, struct hf_error *err),
                     void *ctx, struct hf_error *err)
{
    hf_auto(close_directory) DIR *dir = opendir(HF_LIBVIRT_STATE);
    const struct dirent *entry;
    int r = 0;

    if (!dir && errno == ENOENT) /* nothing was adopted yet */
        return 0;
    if (!dir)
        return hf_error_set(err, HF_EIO, "'" HF_LIBVIRT_STATE "': %s", strerror(errno));
    while (r == 0 && (entry = readdir(dir)) != NULL)
        if (wanted(entry->d_name))
            r = each(ctx, entry->d_name, err);
    return r;
}

struct adding {
    struct hf_inventory *inventory;
    size_t *room;
    int64_t now;
};

static const struct hf_inventory_row *row_of_uuid(const struct hf_inventory *inventory, const char *uuid)
{
    for (size_t i = 0; i < inventory->count; i++)
        if (strcmp(inventory->rows[i].uuid, uuid) == 0)
            return &inventory->rows[i];
    return NULL;
}

static bool same_file(const char *a, const struct stat *b)
{
    struct stat st;

    return a[0] && stat(a, &st) == 0 && st.st_dev == b->st_dev && st.st_ino == b->st_ino;
}

static bool has_container(const struct hf_inventory *inventory, const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return true; /* it is gone again */
    for (size_t i = 0; i < inventory->count; i++)
        if (same_file(inventory->rows[i].container, &st))
            return true;
    return false;
}

/* An adoption without its domain. Its definition from before is kept, so it can be had again. */
static int add_undefined(void *ctx, const char *uuid, struct hf_error *err)
{
    struct adding *a = ctx;
    struct hf_inventory_row *row;
    struct hf_adoption adoption;
    char original[PATH_MAX];
    struct hf_error why;
    int loaded, r;

    if (row_of_uuid(a->inventory, uuid))
        return 0;
    loaded = hf_adoption_load(uuid, &adoption, &why);
    if (loaded == -HF_ENOTFOUND)
        return 0;
    r = hf_inventory_add(a->inventory, a->room, &row, err);
    if (r < 0)
        return r;
    row->standing = HF_STANDING_UNDEFINED;
    snprintf(row->uuid, sizeof row->uuid, "%s", uuid);
    if (loaded < 0) {
        hf_inventory_say(row, "%s", why.text);
        return 0;
    }
    memcpy(row->name, adoption.name, sizeof row->name);
    memcpy(row->container, adoption.container, sizeof row->container);
    hf_inventory_look(row, a->now);
    hf_libvirt_state_path(uuid, HF_ORIGINAL_XML, original);
    hf_inventory_say(row,
                     "the domain is not defined. To take it up again: virsh define %s && holdfast libvirt adopt %s "
                     "--into %s",
                     original, row->name, row->container);
    return 0;
}

/* Left by `release`, by a move with --undefine-source, or copied here. */
static int add_unused(void *ctx, const char *name, struct hf_error *err)
{
    struct adding *a = ctx;
    struct hf_inventory_row *row;
    char path[PATH_MAX];
    int r;

    if (snprintf(path, sizeof path, HF_LIBVIRT_STATE "/%s", name) >= (int)sizeof path ||
        has_container(a->inventory, path))
        return 0;
    r = hf_inventory_add(a->inventory, a->room, &row, err);
    if (r < 0)
        return r;
    row->standing = HF_STANDING_UNUSED;
    memcpy(row->container, path, sizeof row->container);
    snprintf(row->name, sizeof row->name, "%.*s", (int)(strlen(name) - (sizeof SUFFIX - 1)), name);
    hf_inventory_look(row, a->now);
    if (row->readable)
        memcpy(row->uuid, row->guest.uuid, sizeof row->uuid);
    hf_inventory_say(
        row,
        "no adopted domain has this container. A domain with UUID %s, defined with firmware in files, takes it "
        "up: holdfast libvirt adopt DOMAIN --into %s",
        row->uuid, path);
    return 0;
}

int hf_inventory_add_orphans(struct hf_inventory *inventory, size_t *room, int64_t now, struct hf_error *err)
{
    struct adding a = {.inventory = inventory, .room = room, .now = now};
    int r = each_name(is_uuid, add_undefined, &a, err);

    return r < 0 ? r : each_name(is_container, add_unused, &a, err);
}

struct search {
    const char *domain;
    struct hf_adoption *found;
};

static int look_for(void *ctx, const char *uuid, struct hf_error *err)
{
    struct search *s = ctx;
    struct hf_adoption adoption;

    (void)err;
    if (hf_adoption_load(uuid, &adoption, NULL) < 0 || (strcmp(adoption.name, s->domain) && strcmp(uuid, s->domain)))
        return 0;
    *s->found = adoption;
    return 1;
}

int hf_inventory_orphan_find(const char *domain, struct hf_adoption *adoption)
{
    struct search s = {.domain = domain, .found = adoption};

    return each_name(is_uuid, look_for, &s, NULL) == 1 ? 0 : -HF_ENOTFOUND;
}
