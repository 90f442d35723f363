/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Up to which commit of the container a running guest's supervisor has seen to the guest's resets: the file `noticed`
 * in the guest's directory. What an operator stages on a running guest is applied at its next reset only once QEMU
 * stops the guest there; so the verb waits for that before it says so.
 */
#ifndef HF_NOTICED_H
#define HF_NOTICED_H

#include <stdbool.h>
#include <stdint.h>

/* The supervisor's: resets are as the container wanted them at this commit. Fails silently: verbs then wait in vain. */
void hf_noticed_say(const char *dir, uint64_t commits);
/* Nobody watches any more, or not yet. */
void hf_noticed_forget(const char *dir);

/* Whether it has noticed that commit; true as well where nobody watches. */
bool hf_noticed(const char *dir, uint64_t commits);

#endif
