/* SPDX-License-Identifier: BSD-2-Clause */
/* TAP on standard output. */
#ifndef HF_REPORT_H
#define HF_REPORT_H

#include <stdbool.h>

struct report {
    unsigned done, failed, skipped;
    unsigned bad; /* of the check that is running */
};

/* States a fact of the running check; when it is false, the words are printed. Returns the fact. */
__attribute__((format(printf, 3, 4))) bool report_expect(struct report *r, bool fact, const char *format, ...);
/* Ends the running check. */
void report_end(struct report *r, const char *name);
void report_skip(struct report *r, const char *name, const char *why);
__attribute__((format(printf, 1, 2))) void report_note(const char *format, ...);

#endif
