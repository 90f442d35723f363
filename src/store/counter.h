/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to the store: how many commits of a container this boot of the host has seen. Kept in the runtime directory,
 * outside the container, so that a log that lost its tail is noticed. */
#ifndef HF_COUNTER_H
#define HF_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

#include <holdfast/error.h>

struct hf_counter_page;
struct hf_counter {
    struct hf_counter_page *page; /* shared mapping; NULL: not open */
};

/* Opens (and makes) the counter of a container; one of another boot begins at 0 again. */
int hf_counter_open(const char *container_id, struct hf_counter *counter, struct hf_error *err);
void hf_counter_close(struct hf_counter *counter);
/* Raises it; never lowers. Any number of processes at once. */
void hf_counter_raise(struct hf_counter *counter, uint64_t commits);
/* What this boot has seen; 0 when nothing. Makes nothing. */
int hf_counter_look(const char *container_id, uint64_t *commits, struct hf_error *err);

#endif
