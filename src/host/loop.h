/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread's wait for descriptors and deadlines. Callbacks run inside hf_loop_turn() and may watch, unwatch and set
 * timers, and may turn the loop themselves while they wait for an answer.
 */
#ifndef HF_LOOP_H
#define HF_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <holdfast/error.h>

#define HF_LOOP_WATCHES_MAX 32
#define HF_LOOP_TIMERS_MAX  32

typedef void hf_loop_ready_fn(void *ctx, short revents); /* poll()'s bits */
typedef void hf_loop_due_fn(void *ctx);

struct hf_loop_watch {
    int fd; /* -1: free */
    short events;
    hf_loop_ready_fn *ready;
    void *ctx;
};

struct hf_loop_timer {
    int64_t at_ms; /* 0: free */
    hf_loop_due_fn *due;
    void *ctx;
};

struct hf_loop {
    struct hf_loop_watch watches[HF_LOOP_WATCHES_MAX];
    struct hf_loop_timer timers[HF_LOOP_TIMERS_MAX];
};

void hf_loop_init(struct hf_loop *loop);

/* Watches `fd` (again: with other events). HF_ENOMEM: the table is full. */
int hf_loop_watch(struct hf_loop *loop, int fd, short events, hf_loop_ready_fn *ready, void *ctx, struct hf_error *err);
/* Harmless for a descriptor that is not watched. Call it before closing the descriptor. */
void hf_loop_unwatch(struct hf_loop *loop, int fd);

/* Calls `due(ctx)` once, `in_ms` from now. One timer per pair of due and ctx: setting it again moves it.
 * HF_ENOMEM: the table is full. */
int hf_loop_timer(struct hf_loop *loop, int64_t in_ms, hf_loop_due_fn *due, void *ctx, struct hf_error *err);
void hf_loop_cancel(struct hf_loop *loop, hf_loop_due_fn *due, void *ctx);

/* Waits for the first thing that is ready or due, at most `timeout_ms` (-1: for ever), and handles all that are.
 * HF_EIO. A signal that interrupts is a turn in which nothing happened. */
int hf_loop_turn(struct hf_loop *loop, int timeout_ms, struct hf_error *err);

/* Milliseconds of the monotonic clock. */
int64_t hf_loop_now(void);

#endif
