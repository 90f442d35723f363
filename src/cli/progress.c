/* SPDX-License-Identifier: BSD-2-Clause */
#include "progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "output.h"

#define QUIET_MS 1000 /* what is over sooner says nothing */
#define EVERY_MS 100

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void hf_progress_init(struct hf_progress *p, const char *what)
{
    *p = (struct hf_progress){.what = what, .started_ms = now_ms(), .terminal = isatty(STDERR_FILENO)};
}

static void show_rate(const struct hf_progress *p, uint64_t done, uint64_t total, int64_t now)
{
    char size[HF_SIZE_TEXT_MAX], rate[HF_SIZE_TEXT_MAX];
    double seconds = (double)(now - p->started_ms) / 1000, per_second = (double)done / seconds;

    fprintf(stderr, "\r%s: %u%% of %s, %s/s", p->what, (unsigned)(100.0 * (double)done / (double)total),
            hf_size_text(total, size), hf_size_text((uint64_t)per_second, rate));
    if (per_second > 0 && total >= done)
        fprintf(stderr, ", %.0f s left", (double)(total - done) / per_second);
    fputs("\x1b[K", stderr);
}

void hf_progress_update(struct hf_progress *p, uint64_t done, uint64_t total)
{
    int64_t now;

    if (!p->terminal)
        return;
    now = now_ms();
    if (now - p->started_ms < QUIET_MS || now - p->printed_ms < EVERY_MS)
        return;
    p->printed_ms = now;
    p->shown = true;
    if (total && p->bytes)
        show_rate(p, done, total, now);
    else if (total)
        fprintf(stderr, "\r%s: %u%%\x1b[K", p->what, (unsigned)(100.0 * (double)done / (double)total));
    else
        fprintf(stderr, "\r%s: %llu\x1b[K", p->what, (unsigned long long)done);
}

void hf_progress_done(struct hf_progress *p)
{
    if (p->shown)
        fputs("\r\x1b[K", stderr);
    p->shown = false;
}
