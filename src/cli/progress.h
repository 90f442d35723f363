/* SPDX-License-Identifier: BSD-2-Clause */
/* Progress for what takes over a second: one line on a terminal's standard error, rewritten in place, gone at the end.
 */
#ifndef HF_PROGRESS_H
#define HF_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct hf_progress {
    const char *what; /* "copying images"; must outlive the struct */
    int64_t started_ms, printed_ms;
    bool terminal, shown;
    bool bytes; /* what is counted are bytes: the line also says how many in a second, and how long it will take */
};

void hf_progress_init(struct hf_progress *p, const char *what);
void hf_progress_update(struct hf_progress *p, uint64_t done, uint64_t total); /* total 0: not known */
void hf_progress_done(struct hf_progress *p);

#endif
