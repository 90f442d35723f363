/* SPDX-License-Identifier: BSD-2-Clause */
/* A container of this host's that can be written, and granted to host b. */
#ifndef HF_TEST_OWNED_H
#define HF_TEST_OWNED_H

#include "ground.h"

#include "owner_steps.h"

static const struct hf_host host_b = {.id = "b", .name = "host b"};

static inline void make(const char *name)
{
    struct hf_container *c = ground_container(name);

    OK(hf_container_close(c, &err));
}

static inline int write_byte(struct hf_container *c, uint8_t byte, struct hf_error *err)
{
    int r = hf_begin(c, err);

    if (r == 0)
        r = hf_bank_write(c, HF_BANK_VARS, 20000, &byte, 1, NULL, err);
    if (r == 0)
        r = hf_commit(c, HF_DURABLE, err);
    hf_abort(c);
    return r;
}

/* From owned to granted, for what the container holds now. */
static inline void grant(struct hf_container *c)
{
    struct hf_digest state;
    uint32_t attempt;

    OK(hf_owner_offer(c, 0, &attempt, &err));
    OK(hf_transfer_digest(c, &state, &err));
    OK(hf_owner_grant(c, attempt, &state, &host_b, NOW, &err));
}

#endif
