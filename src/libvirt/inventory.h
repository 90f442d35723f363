/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All adopted domains of this host, and the containers here whose domain is gone. One connection to libvirt; no QEMU is
 * started, no guard is asked, and containers are read beside the processes that run them.
 */
#ifndef HF_INVENTORY_H
#define HF_INVENTORY_H

#include "adoption.h"
#include "guest_summary.h"
#include "virt.h"

enum hf_standing {
    HF_STANDING_ADOPTED = 1, /* defined, and its definition names its container */
    HF_STANDING_LEFT,        /* adopted, and its definition does not name its container: it does not start */
    HF_STANDING_UNRECORDED,  /* its definition names a container, and nothing here says which: it does not start */
    HF_STANDING_UNDEFINED,   /* an orphan: the domain of an adoption is not defined */
    HF_STANDING_UNUSED,      /* an orphan: a container in the default place that no adopted domain has */
};
const char *hf_standing_text(enum hf_standing standing); /* "adopted", "left", ... */
static inline bool hf_standing_is_orphan(enum hf_standing standing)
{
    return standing >= HF_STANDING_UNDEFINED;
}

enum hf_paused_by { HF_PAUSED_BY_NONE, HF_PAUSED_BY_HOLDFAST, HF_PAUSED_BY_OTHERS };

#define HF_INVENTORY_WORDS 1024

struct hf_inventory_row {
    enum hf_standing standing;
    char name[256]; /* as libvirt has it now; an orphan's: as it was adopted, or as its container has it */
    char uuid[HF_UUID_TEXT_SIZE];
    const char *state; /* libvirt's word; NULL: not defined */
    bool active;
    enum hf_paused_by paused_by;
    char paused[128];         /* why it is paused; "" */
    char container[PATH_MAX]; /* ""; not known */
    bool readable;            /* `guest` is set */
    struct hf_guest_summary guest;
    char problem[HF_INVENTORY_WORDS]; /* what keeps it from starting or from storing, and the remedy; "" */
};

struct hf_inventory {
    struct hf_inventory_row *rows; /* by name, orphans last */
    size_t count;
};

enum hf_inventory_what {
    HF_INVENTORY_NAMES = 0,        /* domains with their containers' paths, which are not opened */
    HF_INVENTORY_GUESTS = 1 << 0,  /* open the containers */
    HF_INVENTORY_ORPHANS = 1 << 1, /* tell of orphans */
};

/* `uri` NULL: qemu:///system. HF_EREFUSED "root"; "session": not this host's system libvirt, whose domains alone are
 * adopted. End with hf_inventory_done(). */
int hf_inventory_read(const char *uri, unsigned what, int64_t now, struct hf_inventory *out, struct hf_error *err);
void hf_inventory_done(struct hf_inventory *inventory);

/* One domain, by name or UUID, also when it is not adopted. *xml, if not NULL, is the caller's to free(): what the
 * domain will start with next. HF_ENOTFOUND: no such domain, or not adopted. */
int hf_inventory_domain(const char *uri, const char *domain, int64_t now, struct hf_inventory_row *row, char **xml,
                        struct hf_error *err);

/* The container of an adopted domain of qemu:///system, by the domain's name or UUID. HF_EREFUSED "root"; HF_ENOTFOUND:
 * no such domain, or not adopted. */
int hf_inventory_container(const char *domain, char path[PATH_MAX], struct hf_error *err);

#endif
