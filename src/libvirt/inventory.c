/* SPDX-License-Identifier: BSD-2-Clause */
#include "inventory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "domain_xml.h"
#include "inventory_orphans.h"
#include "places.h"

struct reading {
    unsigned what;
    int64_t now;
    struct hf_inventory inventory;
    size_t room;
    char **xml; /* where the one domain's is wanted; NULL */
};

const char *hf_standing_text(enum hf_standing standing)
{
    static const char *const words[] = {
        [HF_STANDING_ADOPTED] = "adopted",     [HF_STANDING_LEFT] = "left",     [HF_STANDING_UNRECORDED] = "unrecorded",
        [HF_STANDING_UNDEFINED] = "undefined", [HF_STANDING_UNUSED] = "unused",
    };

    return words[standing];
}

int hf_inventory_add(struct hf_inventory *inventory, size_t *room, struct hf_inventory_row **row, struct hf_error *err)
{
    if (inventory->count == *room) {
        size_t more = *room ? *room * 2 : 16;
        struct hf_inventory_row *rows = reallocarray(inventory->rows, more, sizeof *rows);

        if (!rows)
            return hf_error_nomem(err);
        inventory->rows = rows;
        *room = more;
    }
    *row = &inventory->rows[inventory->count++];
    memset(*row, 0, sizeof **row);
    return 0;
}

void hf_inventory_done(struct hf_inventory *inventory)
{
    free(inventory->rows);
    *inventory = (struct hf_inventory){.rows = NULL};
}

void hf_inventory_say(struct hf_inventory_row *row, const char *fmt, ...)
{
    va_list ap;

    if (row->problem[0]) /* the first is the cause */
        return;
    va_start(ap, fmt);
    (void)vsnprintf(row->problem, sizeof row->problem, fmt, ap);
    va_end(ap);
}

/* ---- what a row says ---- */

static void say_standing(struct hf_inventory_row *row)
{
    if (row->standing == HF_STANDING_LEFT)
        hf_inventory_say(
            row,
            "its definition does not name its container, and it does not start so. Back into the container: "
            "holdfast libvirt adopt %s --into %s. To leave it: holdfast libvirt release %s --allow",
            row->name, row->container, row->name);
    else if (row->standing == HF_STANDING_UNRECORDED)
        hf_inventory_say(row,
                         "its definition names a container, and this host has no record of its adoption: it does not "
                         "start. Give it firmware and variables in files again, then: holdfast libvirt adopt %s --into "
                         "G.hold",
                         row->name);
}

static void say_owner(struct hf_inventory_row *row)
{
    const struct hf_owner *o = &row->guest.owner;

    if (o->state == HF_OWNER_DEPARTED)
        hf_inventory_say(row, "its container moved to host '%s'; this is the copy that stayed, and it does not run",
                         o->host_name);
    else if (o->state == HF_OWNER_GRANTED)
        hf_inventory_say(row, "its container was granted to another host, and no answer came: repeat 'holdfast libvirt "
                              "migrate' to that host");
    else if (o->state != HF_OWNER_HELD)
        hf_inventory_say(row, "its container does not run here: %s, host '%s'; see 'holdfast owner %s'",
                         hf_owner_state_text(o->state), o->host_name, row->container);
    else if (row->active && !row->guest.runner)
        hf_inventory_say(row, "it runs, and its guard does not: what the guest writes to its variables is not stored. "
                              "A restart of libvirtd (or virtqemud) starts the guard again");
}

static void say_paused(struct hf_inventory_row *row, const struct hf_virt_domain *seen)
{
    bool hold = hf_libvirt_has_mark(row->uuid, HF_HOLD_MARK), ours = hf_libvirt_has_mark(row->uuid, HF_PAUSED_MARK);

    if (!seen->paused)
        return;
    row->paused_by = ours ? HF_PAUSED_BY_HOLDFAST : HF_PAUSED_BY_OTHERS;
    snprintf(row->paused, sizeof row->paused, "%s",
             !ours  ? seen->pause
             : hold ? "by holdfast: its flash writes cannot be stored; it is resumed once they are"
                    : "by holdfast for a moment, while a new server of its variables starts");
}

/* Opens the container, and tells why it cannot. */
void hf_inventory_look(struct hf_inventory_row *row, int64_t now)
{
    struct hf_error why;
    int r = hf_guest_summary_read(row->container, now, &row->guest, &why);

    row->readable = r == 0;
    if (r == -HF_ENOTFOUND)
        hf_inventory_say(row, "container not found: '%s'; bring it back from a backup: holdfast restore BACKUP %s",
                         row->container, row->container);
    else if (r < 0)
        hf_inventory_say(row, "%s", why.text);
    else
        say_owner(row);
}

static void fill(struct reading *reading, const struct hf_virt_domain *seen, struct hf_inventory_row *row)
{
    snprintf(row->name, sizeof row->name, "%s", seen->name);
    memcpy(row->uuid, seen->uuid, sizeof row->uuid);
    row->state = seen->state;
    row->active = seen->active;
    say_paused(row, seen);
    say_standing(row);
    if (row->container[0] && reading->what & HF_INVENTORY_GUESTS)
        hf_inventory_look(row, reading->now);
}

/* ---- which domains ---- */

static bool names_container(const struct hf_virt_domain *seen)
{
    hf_auto(hf_domain_xml_cleanup) struct hf_domain_xml *doc = NULL;
    char code[PATH_MAX];

    hf_libvirt_state_path(seen->uuid, HF_PUBLISHED_CODE, code);
    return hf_domain_xml_parse(seen->xml, strlen(seen->xml), &doc, NULL) == 0 &&
           strcmp(hf_domain_facts(doc)->loader, code) == 0;
}

static int visit(void *ctx, const struct hf_virt_domain *seen, struct hf_error *err)
{
    struct reading *reading = ctx;
    struct hf_inventory_row *row;
    struct hf_adoption adoption;
    struct hf_error why;
    int loaded = hf_adoption_load(seen->uuid, &adoption, &why), r;
    bool named = names_container(seen);

    if (loaded == -HF_ENOTFOUND && !named)
        return 0;
    r = hf_inventory_add(&reading->inventory, &reading->room, &row, err);
    if (r < 0)
        return r;
    row->standing = loaded < 0 ? HF_STANDING_UNRECORDED : named ? HF_STANDING_ADOPTED : HF_STANDING_LEFT;
    if (loaded == 0)
        memcpy(row->container, adoption.container, sizeof row->container);
    else if (loaded != -HF_ENOTFOUND)
        hf_inventory_say(row, "%s", why.text);
    if (reading->xml) {
        *reading->xml = strdup(seen->xml);
        if (!*reading->xml)
            return hf_error_nomem(err);
    }
    fill(reading, seen, row);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct hf_inventory_row *x = a, *y = b;
    int orphans = hf_standing_is_orphan(x->standing) - hf_standing_is_orphan(y->standing);

    return orphans ? orphans : strcmp(x->name, y->name);
}

static int check_caller(struct hf_error *err)
{
    return geteuid() == 0
               ? 0
               : hf_error_refuse(err, "root", "adopted domains: only root can read their records and containers");
}

static int check_connection(struct hf_virt *v, struct hf_error *err)
{
    return hf_virt_is_system(v) ? 0
                                : hf_error_refuse(err, "session",
                                                  "only domains of qemu:///system of this host are adopted: only their "
                                                  "hooks are run, and by root");
}

int hf_inventory_read(const char *uri, unsigned what, int64_t now, struct hf_inventory *out, struct hf_error *err)
{
    hf_auto(hf_virt_cleanup) struct hf_virt *v = NULL;
    struct reading reading = {.what = what, .now = now};
    int r = check_caller(err);

    if (r == 0)
        r = hf_virt_connect(uri, &v, err);
    if (r == 0)
        r = check_connection(v, err);
    if (r == 0)
        r = hf_virt_each(v, visit, &reading, err);
    if (r == 0 && what & HF_INVENTORY_ORPHANS)
        r = hf_inventory_add_orphans(&reading.inventory, &reading.room, now, err);
    if (r < 0) {
        hf_inventory_done(&reading.inventory);
        return r;
    }
    if (reading.inventory.count)
        qsort(reading.inventory.rows, reading.inventory.count, sizeof *reading.inventory.rows, by_name);
    *out = reading.inventory;
    return 0;
}

static int not_adopted(const char *domain, struct hf_error *err)
{
    return hf_error_set(err, HF_ENOTFOUND, "domain '%s' is not adopted; 'holdfast libvirt adopt %s' adopts it", domain,
                        domain);
}

/* With the place of the container where the domain was adopted, and is not defined. */
static int not_found(const char *domain, struct hf_error *err)
{
    struct hf_adoption adoption;

    if (hf_inventory_orphan_find(domain, &adoption) < 0)
        return -HF_ENOTFOUND;
    return hf_error_set(
        err, HF_ENOTFOUND,
        "domain '%s' was adopted and is not defined; its container is '%s' ('holdfast libvirt list' tells how "
        "to take it up again)",
        domain, adoption.container);
}

static int read_one(const char *uri, const char *domain, struct reading *reading, struct hf_error *err)
{
    hf_auto(hf_virt_cleanup) struct hf_virt *v = NULL;
    int r = check_caller(err);

    if (r == 0)
        r = hf_virt_open(uri, domain, &v, err);
    if (r == -HF_ENOTFOUND)
        return not_found(domain, err);
    if (r == 0)
        r = check_connection(v, err);
    if (r == 0)
        r = hf_virt_look(v, visit, reading, err);
    return r == 0 && !reading->inventory.count ? not_adopted(domain, err) : r;
}

int hf_inventory_domain(const char *uri, const char *domain, int64_t now, struct hf_inventory_row *row, char **xml,
                        struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *text = NULL;
    struct reading reading = {.what = HF_INVENTORY_GUESTS, .now = now, .xml = xml ? &text : NULL};
    int r = read_one(uri, domain, &reading, err);

    if (r == 0 && xml && !text)
        r = hf_error_nomem(err);
    if (r == 0) {
        *row = reading.inventory.rows[0];
        if (xml)
            *xml = hf_take_ptr(text);
    }
    hf_inventory_done(&reading.inventory);
    return r;
}

int hf_inventory_container(const char *domain, char path[PATH_MAX], struct hf_error *err)
{
    struct reading reading = {.what = HF_INVENTORY_NAMES};
    int r = read_one(NULL, domain, &reading, err);

    if (r == 0 && !reading.inventory.rows[0].container[0])
        r = hf_error_set(err, HF_ENOTFOUND, "domain '%s': %s", domain, reading.inventory.rows[0].problem);
    if (r == 0)
        memcpy(path, reading.inventory.rows[0].container, PATH_MAX);
    hf_inventory_done(&reading.inventory);
    return r;
}
