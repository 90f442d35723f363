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
#include <time.h>

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

/* Which of many points, numbered from 1, are tried: for (n = first; n <= count; n += step). */
struct unit_points {
    uint32_t seed;
    unsigned first, step;
};

/* Of `count` points about `samples`, from a seed (HOLDFAST_SEED gives it). With HOLDFAST_LONG=1 all of them; with
 * HOLDFAST_PIECE=K/N, as tests/campaign has it, those of piece K, from 0, of N that are all of them together. */
static inline struct unit_points unit_points(unsigned count, unsigned samples)
{
    const char *given = getenv("HOLDFAST_SEED"), *all = getenv("HOLDFAST_LONG"), *piece = getenv("HOLDFAST_PIECE");
    struct unit_points p = {.seed = given ? (uint32_t)strtoul(given, NULL, 0) : (uint32_t)time(NULL)};
    unsigned k = 0, n = 0;

    if (piece && sscanf(piece, "%u/%u", &k, &n) == 2 && k < n)
        return (struct unit_points){.seed = p.seed, .first = 1 + k, .step = n};
    p.step = all && *all ? 1 : count / unit_samples(samples) + 1;
    p.first = 1 + p.seed % p.step;
    return p;
}

/* Tells how many were tried; tests/campaign adds them up. */
static inline void unit_points_tried(const struct unit_points *p, unsigned tried, const char *what)
{
    print_message("# seed %u: tried %u points: %s\n", p->seed, tried, what);
}

#endif
