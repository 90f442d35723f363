/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads everything in a container and compares. */
#ifndef HF_CHECK_H
#define HF_CHECK_H

#include "container.h"

struct hf_check_report {
    uint64_t rows, images, bytes; /* read */
    size_t findings;
};

/* Calls `finding` with one line for each thing that is wrong, then goes on where it can. Changes nothing. Returns 0 when
 * all of it could be looked at (report->findings says whether it is sound), or the error of opening: that is a finding
 * too, already told. HF_ENOMEM and HF_ETIMEDOUT are no findings: they say nothing about the container. */
int hf_check(const char *path, void (*finding)(void *ctx, const char *line), void *ctx, struct hf_check_report *report,
             struct hf_error *err);

/* The same over a handle, in a transaction whose rows are in the database (hf_ledger_flush): what it holds, and with `all`
 * also its structure, every row, image and snapshot. For the store's own use. */
void hf_check_handle(struct hf_container *c, bool all, void (*finding)(void *ctx, const char *line), void *ctx);

/* Goes on without a log that is lost or does not belong to the file, or with fewer commits than this boot of the host
 * has seen, keeping a log that does not fit under another name. What the file itself holds must be sound: HF_EDAMAGED.
 * HF_EREFUSED "nothing-lost": there is nothing to accept. Logged as an event. */
int hf_check_accept_loss(const char *path, int64_t now, struct hf_error *err);

#endif
