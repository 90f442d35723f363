/* SPDX-License-Identifier: BSD-2-Clause */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>

#define MANY 20 /* lines about one check; more say nothing new */

bool report_expect(struct report *r, bool fact, const char *format, ...)
{
    va_list ap;

    if (fact)
        return true;
    if (r->bad++ < MANY) {
        va_start(ap, format);
        printf("# ");
        vprintf(format, ap);
        printf("\n");
        va_end(ap);
    }
    return false;
}

void report_end(struct report *r, const char *name)
{
    r->failed += r->bad != 0;
    printf("%s %u - %s\n", r->bad != 0 ? "not ok" : "ok", ++r->done, name);
    fflush(stdout);
    r->bad = 0;
}

void report_skip(struct report *r, const char *name, const char *why)
{
    r->skipped++;
    printf("ok %u - %s # SKIP %s\n", ++r->done, name, why);
    fflush(stdout);
}

void report_note(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    printf("# ");
    vprintf(format, ap);
    printf("\n");
    va_end(ap);
}
