/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The account of a trial: how many boots it had and what became of them. Automatic rollback needs evidence, so a boot
 * counts as failed only when somebody saw the guest execute and end in a reset, a panic, or QEMU's death without the
 * signal.
 *
 * A boot is opened (and written down) right before the guest executes, not when somebody is asked to start it, and
 * closed when its end is known. One that is found open at the next start had nobody to see its end: the host went down,
 * everything was killed, or it was opened `unwatched`, where nobody was going to look. It does not count.
 *
 * Pure: the host's boot id is an argument. Any thread.
 */
#ifndef HF_TRIAL_H
#define HF_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "lifecycle_table.h"

#define HF_BOOT_ID_SIZE 64

struct hf_trial {
    uint32_t limit;                /* so many failed boots bring the fallback back; 0: never by itself */
    uint32_t started;              /* boots begun */
    uint32_t failed;               /* boots that ended without the signal */
    uint32_t cut;                  /* boots that the host cut short */
    bool open;                     /* a boot is going on, as far as anybody wrote down */
    bool unwatched;                /* of the open boot */
    bool spoiled;                  /* of the open boot: it was migrated or resumed, so its end will not count */
    char boot_id[HF_BOOT_ID_SIZE]; /* of the open boot: the host's boot id when it began; "" when none */
};

enum hf_ending {
    HF_ENDING_RESET,     /* the guest reset itself */
    HF_ENDING_PANIC,     /* the guest reported a panic */
    HF_ENDING_EXIT,      /* the VMM crashed, or the guest powered off before any sign of life */
    HF_ENDING_TIMEOUT,   /* no sign of life for trial-timeout */
    HF_ENDING_POWER_OFF, /* the guest powered itself off after a sign of life: an orderly end */
    HF_ENDING_OPERATOR,  /* reset, powered off or killed by the operator or a signal to us */
    HF_ENDING_HOST,      /* the host went down, or nobody knows */
    HF_ENDING_MOVED,     /* the guest migrated away */
    HF_ENDING_UNSEEN,    /* nobody watched: `serve`, or libvirt without a witness */
    HF_ENDING_MAX,
};

/* "guest reset", "panic", ... for the log. */
const char *hf_ending_name(enum hf_ending ending);
bool hf_ending_is_evidence(enum hf_ending ending);

/* Opens the next boot. The trial must have no open boot (asserted): close it first. */
void hf_trial_open_boot(struct hf_trial *t, const char *boot_id, bool unwatched);

/* The guest goes on from a saved state: its boot was cut short when it was saved, and is no other one. Its end will not
 * count. Where no boot of the trial was cut short it is the first. As above. */
void hf_trial_resume_boot(struct hf_trial *t, const char *boot_id, bool unwatched);

/* Closes the open boot and says which event of the table that is: FAILED, FAILED_LAST or CUT. With no open boot
 * nothing happened and the answer is CUT. */
enum hf_life_event hf_trial_close_boot(struct hf_trial *t, enum hf_ending ending);

/* What the end of a boot found open at the next start was. Never evidence. */
enum hf_ending hf_trial_presumed_ending(const struct hf_trial *t);

#endif
