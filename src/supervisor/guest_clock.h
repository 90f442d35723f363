/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's real-time clock across restarts of QEMU. On a machine it runs on from a battery; a new QEMU process would
 * begin again with what the owner's -rtc says. QEMU reports how far the guest has set it from there (RTC_CHANGE), so
 * what it shows is known, and the next process is given that as a date.
 *
 * Pure: the host's clock goes in.
 */
#ifndef HF_GUEST_CLOCK_H
#define HF_GUEST_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define HF_CLOCK_BASE_SIZE 32

struct hf_guest_clock {
    int64_t from;  /* seconds between the host's UTC and what this QEMU counts changes from */
    int64_t ahead; /* seconds between the host's UTC and what the guest's clock shows */
    bool own;      /* the owner's -rtc would not give that any more */
};

/* `base` as in -rtc base=: "", "utc", "localtime" or a date; QEMU started at `now`. What QEMU would refuse counts as
 * UTC. */
void hf_guest_clock_init(struct hf_guest_clock *c, const char *base, time_t now);

/* RTC_CHANGE's `offset`. */
void hf_guest_clock_set(struct hf_guest_clock *c, int64_t offset);

/* The guest came from another host, where its clock was so far ahead of UTC. What no date can say is not taken. */
void hf_guest_clock_arrived(struct hf_guest_clock *c, int64_t ahead);

/* For the next QEMU: true with -rtc's base= when the owner's own is not enough. */
bool hf_guest_clock_base(const struct hf_guest_clock *c, time_t now, char base[HF_CLOCK_BASE_SIZE]);

/* It was started with that. */
void hf_guest_clock_restarted(struct hf_guest_clock *c);

#endif
