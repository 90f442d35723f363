/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What makes a promise of the container durable (owner_steps.h), in a thread of its own: the loop carries the guest's
 * stream meanwhile, and the disk may be busy. The thread touches nothing but files that it has open.
 */
#ifndef HF_PROMISE_WORK_H
#define HF_PROMISE_WORK_H

#include "loop.h"
#include "owner_steps.h"

struct hf_promise_work;

/* `done` is called from the loop, once; hf_promise_work_end() follows. On an error `pending` stays the caller's. */
int hf_promise_work_start(struct hf_loop *loop, struct hf_owner_pending *pending, hf_loop_due_fn *done, void *ctx,
                          struct hf_promise_work **out, struct hf_error *err);

/* What came of it. Waits for the thread when it still works; `done` is not called any more. Frees `w`; NULL is 0. */
int hf_promise_work_end(struct hf_promise_work *w, struct hf_error *err);

#endif
