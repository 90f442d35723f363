/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A domain and its container, from this host to another: the source's side of receive.h.
 *
 * libvirt moves the running guest, with this process between the two libvirts; the container goes ahead over a way of
 * its own and changes its owner when QEMU there is about to write for the first time, which is after QEMU here has
 * stopped. A guest that QEMU emulates is paused before its memory is sent (docs/handover.md). Before that moment
 * everything can be taken back: the guest goes on here. After it the guest is there.
 */
#ifndef HF_MIGRATE_H
#define HF_MIGRATE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <holdfast/error.h>

struct hf_migrate_request {
    const char *uri;         /* of this host's libvirt; NULL: qemu:///system */
    const char *domain;      /* name or UUID; one that is shut off moves as container and XML */
    const char *to;          /* URI of the other host's libvirt, as this host reaches it */
    const char *way;         /* to its holdfast (peer_link.h); NULL: ssh, as the URI has it */
    const char *migrate_uri; /* where QEMU connects to; NULL: libvirt chooses */
    bool transient;          /* do not define the domain there */
    bool undefine;           /* and not here any more */
    bool unsafe;
    bool live_emulated;     /* do not pause a guest without KVM while its memory is sent */
    bool settle;            /* only find out what became of an earlier attempt; HF_ENOTFOUND: nothing is open */
    bool dry_run;           /* only ask whether it may go */
    unsigned timeout_s;     /* for a peer that is silent while it is waited for */
    unsigned pause_limit_s; /* for a guest that libvirt paused, until the grant */
    void (*progress)(void *ctx, uint64_t done, uint64_t total); /* of the container; may be NULL */
    void *ctx;
};

struct hf_migrate_report {
    char name[256], uuid[37];
    char container[PATH_MAX];
    char host[128]; /* where it is now, by its own name */
    bool live;
    bool paused;          /* it was live, without KVM, and stood still while its memory was sent */
    bool settled;         /* nothing was moved: it was found out what became of an earlier attempt */
    bool probed;          /* what the QEMUs of both hosts show was compared */
    char not_probed[512]; /* else why not; "" where nothing was asked */
    bool resumed;         /* with settled: the container is this host's again */
};

/* HF_EREFUSED: root, session, saved, transport (say --via), the rules of preflight, and what the other host refuses.
 * HF_ENOTFOUND: not adopted. SIGINT, SIGTERM and SIGHUP end it as long as it can be taken back. */
int hf_libvirt_migrate(const struct hf_migrate_request *q, struct hf_migrate_report *report, struct hf_error *err);

#endif
