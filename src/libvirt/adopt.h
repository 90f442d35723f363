/* SPDX-License-Identifier: BSD-2-Clause */
/* A domain's way into a container, and out of it. Both are for root, for domains that are shut off, and commit by
 * defining the domain anew: what fails before that leaves everything as it was. */
#ifndef HF_ADOPT_H
#define HF_ADOPT_H

#include "adoption.h"
#include "provision.h"

struct hf_adopt_request {
    const char *uri;       /* NULL: qemu:///system */
    const char *domain;    /* name or UUID */
    const char *container; /* where to make it; NULL: HF_LIBVIRT_STATE/NAME.hold */
    const char *into;      /* the guest's own container, which is there already; NULL: make one */
    bool no_secure_boot;   /* as in struct hf_provision */
    bool allow_unknown;
    bool dry_run;
    int64_t now;
};

struct hf_adopt_report {
    char container[PATH_MAX];
    char loader[PATH_MAX]; /* the files it was made from */
    char nvram[PATH_MAX];  /* "": its variables start erased, or it has none */
    struct hf_adoption adoption;
    struct hf_provisioned made;
    bool tpm;
};

/* HF_EREFUSED: the rules of hf_domain_suitable() and hf_provision_check(), and
 *   root       only root may
 *   session    not the system's libvirt of this host
 *   running    the domain runs
 *   transient  it is not defined
 *   saved      a managed save image waits: it holds the old firmware
 *   hook       libvirt has no hook of ours, or does not call it: the domain would not start
 *   apparmor   QEMU's profile does not let it reach the socket; the text has the line to add
 *   uuid       `into` is another guest's */
int hf_libvirt_adopt(const struct hf_adopt_request *q, struct hf_adopt_report *report, struct hf_error *err);

struct hf_clone_request {
    const char *uri;
    const char *domain;    /* an adopted one, which may run */
    const char *to;        /* one that is defined and shut off */
    const char *container; /* as in hf_adopt_request */
    bool dry_run;
    int64_t now;
};

struct hf_clone_report {
    char from[PATH_MAX];
    char container[PATH_MAX];
    struct hf_adoption adoption;
};

/* Gives `to` a copy of the container of `domain`, with an id and the UUID of its own, and points its <os> there: the
 * way to have two guests from one definition. HF_ENOTFOUND: `domain` is not adopted. HF_EREFUSED: the rules of
 * hf_libvirt_adopt() about `to`, which may name files of another adopted domain. */
int hf_libvirt_clone(const struct hf_clone_request *q, struct hf_clone_report *report, struct hf_error *err);

struct hf_release_request {
    const char *uri;
    const char *domain;
    bool as_defined; /* leave the definition as it is, which does not name the container: only forget the adoption */
    bool dry_run;
    int64_t now;
};

struct hf_release_report {
    char container[PATH_MAX]; /* stays where it is */
    char loader[PATH_MAX];    /* what it starts from now */
    char nvram[PATH_MAX];     /* "" when it has no variables */
    char kept[PATH_MAX];      /* the file that was at `nvram` before; "" when there was none */
    bool as_defined;          /* loader, nvram: what the definition names */
    bool own_loader; /* the host's file holds other firmware, so the guest's was written beside its variables */
};

/* Writes the variables back to the file where they were, and puts the old loader back: the host's file when it still
 * holds the bytes that the guest runs, otherwise a file of its own. HF_EREFUSED: root, session, running, saved,
 * "allow" (as_defined, but the definition names the container); HF_ENOTFOUND: not adopted. */
int hf_libvirt_release(const struct hf_release_request *q, struct hf_release_report *report, struct hf_error *err);

#endif
