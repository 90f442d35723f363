/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The source of a migration that libvirt does without us (fetch.h), as the destination starts it: what migrate.h does,
 * but libvirt's migration is another program's. Its standard input is one line, then the frames of the exchange
 * (docs/handover.md, "Around libvirt's migration").
 *
 *      give 1 UUID       the container of a domain that libvirt is about to migrate
 *      settle 1 UUID     only the answer to an earlier grant; where there was none, the connection ends
 */
#ifndef HF_GIVE_H
#define HF_GIVE_H

#include <stdbool.h>

#include <holdfast/error.h>

struct hf_give_request {
    int in, out;
    unsigned timeout_s;     /* for a peer that is silent while it is waited for, or a libvirt that does not migrate */
    unsigned pause_limit_s; /* as in migrate.h */
};

/* Says which of the two. */
int hf_give_ask(int fd, bool settle, const char *uuid, struct hf_error *err);

/* Until the container is the destination's, or stays here; an error is told to the destination first. HF_EREFUSED: as
 * hf_libvirt_migrate(), and "shut-off", "no-variables". */
int hf_libvirt_give(const struct hf_give_request *q, struct hf_error *err);

#endif
