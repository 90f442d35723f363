/* SPDX-License-Identifier: BSD-2-Clause */
/* Small named values that the lifecycle and the hand-over keep in the container (trial counter, pending rollback, last
 * VMM version, ...). Their meaning is the owner's; names are [a-z0-9.-]. Operators do not set them. */
#ifndef HF_STATE_H
#define HF_STATE_H

#include "container.h"

#define HF_STATE_NAME_SIZE  64
#define HF_STATE_VALUE_SIZE 1024
#define HF_STATES_MAX       64

/* A name that was never set gives `otherwise`. */
int hf_state_number(struct hf_container *c, const char *name, int64_t otherwise, int64_t *value, struct hf_error *err);
/* A name that was never set gives "". */
int hf_state_text(struct hf_container *c, const char *name, char value[HF_STATE_VALUE_SIZE], struct hf_error *err);
/* In a transaction. */
int hf_state_set_number(struct hf_container *c, const char *name, int64_t value, struct hf_error *err);
int hf_state_set_text(struct hf_container *c, const char *name, const char *value, struct hf_error *err);
int hf_state_clear(struct hf_container *c, const char *name, struct hf_error *err);

#endif
