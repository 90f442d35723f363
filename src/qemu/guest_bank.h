/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The variable bank as the guest sees it, taken from a stopped guest's memory (pmemsave). After any doubt about what
 * reached the container it is the truth: the guest reads back what it wrote, whether or not that was stored.
 */
#ifndef HF_GUEST_BANK_H
#define HF_GUEST_BANK_H

#include "container.h"
#include "machine.h"
#include "monitor.h"

/* Reads the bank through a file in `dir` (private to us; QEMU writes it). The guest must be stopped. *bytes is the
 * caller's to free(). HF_ECANCELED: the guest was stopped in the middle of a flash command, so that the chip shows its
 * status instead of its contents: let the guest run for a moment and try again. */
int hf_guest_bank_read(struct hf_monitor *m, const struct hf_machine *machine, const char *dir, uint8_t **bytes,
                       struct hf_error *err);

/* The code bank, in the same way. */
int hf_guest_bank_read_code(struct hf_monitor *m, const struct hf_machine *machine, const char *dir, uint8_t **bytes,
                            struct hf_error *err);

/* Whether the container's bank has these bytes. */
int hf_guest_bank_equals(struct hf_container *c, const uint8_t *bytes, uint64_t size, bool *equal,
                         struct hf_error *err);

/* Puts them there in one durable commit, logged. No server may run. Where they are no variable store and the container
 * has one, that stays as a snapshot first, and alarm->text is for the operator ("" otherwise). */
int hf_guest_bank_store(struct hf_container *c, const uint8_t *bytes, uint64_t size, int64_t now,
                        struct hf_error *alarm, struct hf_error *err);

#endif
