/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The long part of staging an image that came from inside the guest, in a thread of its own on its own copy: reading,
 * digesting and packing 64 MiB takes longer than the loop may be blocked. The thread touches nothing but the bytes.
 */
#ifndef HF_GUEST_WORK_H
#define HF_GUEST_WORK_H

#include "digest.h"
#include "loop.h"
#include "stage.h"

struct hf_guest_work;

struct hf_guest_worked {
    struct hf_digest digest; /* of the bytes */
    int r;                   /* of hf_stage_prepare(): 0, `work` is filled, or `err` is */
    struct hf_stage_work work;
    struct hf_error err;
};

/* Takes `image` (malloc()ed), also when it fails. `done` is called from the loop, once; hf_guest_work_free() follows.
 */
int hf_guest_work_start(struct hf_loop *loop, uint8_t *image, size_t size, hf_loop_due_fn *done, void *ctx,
                        struct hf_guest_work **ret, struct hf_error *err);

/* In `done` only. Borrowed. */
const struct hf_guest_worked *hf_guest_work_result(const struct hf_guest_work *w);
const uint8_t *hf_guest_work_image(const struct hf_guest_work *w, size_t *size);

/* NULL is harmless. Waits for the thread when it still works; `done` is not called any more. */
void hf_guest_work_free(struct hf_guest_work *w);

#endif
