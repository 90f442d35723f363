/* SPDX-License-Identifier: BSD-2-Clause */
#include "guest_clock.h"

#include <string.h>

/* The two forms of a date that QEMU knows. */
static bool read_date(const char *text, time_t *date)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"};

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm tm = {0};
        const char *end = strptime(text, forms[i], &tm);

        if (end && *end == '\0') {
            *date = timegm(&tm);
            return true;
        }
    }
    return false;
}

void hf_guest_clock_init(struct hf_guest_clock *c, const char *base, time_t now)
{
    struct tm local;
    time_t date;

    *c = (struct hf_guest_clock){.own = false};
    if (strcmp(base, "localtime") == 0 && localtime_r(&now, &local)) {
        c->from = (int64_t)timegm(&local) - now;
    } else if (read_date(base, &date)) {
        c->from = (int64_t)date - now;
        c->own = true; /* the date was for the first start */
    }
    c->ahead = c->from;
}

/* As far as a date has four digits for the year; nobody else's clock is further off. */
static bool is_sane(int64_t seconds)
{
    static const int64_t limit = (int64_t)366 * 86400 * 8000;

    return seconds >= -limit && seconds <= limit;
}

void hf_guest_clock_set(struct hf_guest_clock *c, int64_t offset)
{
    if (!is_sane(offset))
        return;
    c->ahead = c->from + offset;
    c->own = true;
}

void hf_guest_clock_arrived(struct hf_guest_clock *c, int64_t ahead)
{
    if (!is_sane(ahead))
        return;
    c->ahead = ahead;
    c->own |= ahead != c->from;
}

bool hf_guest_clock_base(const struct hf_guest_clock *c, time_t now, char base[HF_CLOCK_BASE_SIZE])
{
    time_t shows = now + (time_t)c->ahead;
    struct tm tm;

    return c->own && gmtime_r(&shows, &tm) && tm.tm_year >= 0 && tm.tm_year <= 9999 - 1900 &&
           strftime(base, HF_CLOCK_BASE_SIZE, "%Y-%m-%dT%H:%M:%S", &tm) > 0;
}

void hf_guest_clock_restarted(struct hf_guest_clock *c)
{
    if (c->own)
        c->from = c->ahead;
}
