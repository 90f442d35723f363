/* SPDX-License-Identifier: BSD-2-Clause */
/* What every cmocka program includes: cmocka's own headers in their required order. */
#ifndef HF_TEST_UNIT_H
#define HF_TEST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka 2 deprecates the older name, which says nothing of the sign; cmocka 1 has no other. */
#ifdef assert_int_in_range
#undef assert_in_range
#define assert_in_range(value, least, most) assert_int_in_range((intmax_t)(value), (intmax_t)(least), (intmax_t)(most))
#endif

/* How many samples to take where n are taken normally: under a sanitizer or valgrind, which look for something else,
 * fewer of them do. */
static inline unsigned unit_samples(unsigned n)
{
    const char *slowed = getenv("HOLDFAST_SLOWED");

    return slowed && *slowed ? (n + 3) / 4 : n;
}

#endif
