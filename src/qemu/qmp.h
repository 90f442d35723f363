/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's machine protocol as bytes in and bytes out: no descriptor, no clock, no wait. monitor.h puts it on a socket.
 *
 *                 greeting             reply to qmp_capabilities
 *      GREETING ------------> CAPABILITIES ------------> READY
 *          |                      |                        |
 *          +----------------------+------------------------+---> BROKEN (anything outside the protocol; for good)
 *
 * Everything QEMU says is hostile: a line is at most HF_QMP_LINE_MAX bytes, at most HF_QMP_CALLS_MAX commands are
 * under way, every reply must carry the id of one of them, and events wait in a queue of at most HF_QMP_EVENTS_MAX.
 * One breach breaks the engine: every call under way ends with HF_EPROTO and no byte is taken any more.
 *
 * Callbacks run inside hf_qmp_feed() and hf_qmp_close(); they may call hf_qmp_call(), and must not free the engine.
 * One thread at a time.
 */
#ifndef HF_QMP_H
#define HF_QMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <holdfast/error.h>

#define HF_QMP_LINE_MAX   (8U * 1024 * 1024) /* query-qmp-schema is 0.2 MiB; a qom tree stays below that too */
#define HF_QMP_CALLS_MAX  64U
#define HF_QMP_EVENTS_MAX 4096U
#define HF_QMP_OUTPUT_MAX (1U * 1024 * 1024)

struct hf_qmp;

struct hf_qmp_version {
    int major, minor, micro;
};

/* The end of one call: `result` is QEMU's "return" value, borrowed for the duration of the callback, or NULL when the
 * call failed; `err` then says why: HF_EREFUSED with rule "qmp" and QEMU's own words for an "error" reply (its class
 * is in front), HF_EPROTO, or HF_EIO when the connection ended first. */
typedef void hf_qmp_done_fn(void *ctx, const json_t *result, const struct hf_error *err);

struct hf_qmp_event {
    char name[64];
    json_t *data;    /* an object; may be empty, is never NULL. Owned by the event */
    int64_t time_us; /* QEMU's host clock, since 1970 */
};

/* NULL when memory is short. */
struct hf_qmp *hf_qmp_new(void);
void hf_qmp_free(struct hf_qmp *qmp);

/* Takes bytes from QEMU, cut anywhere. HF_EPROTO, HF_ENOMEM: the engine is broken. */
int hf_qmp_feed(struct hf_qmp *qmp, const void *bytes, size_t size, struct hf_error *err);

/* The peer is gone: ends every call with HF_EIO. */
void hf_qmp_close(struct hf_qmp *qmp);

/* Bytes to be sent now, and how many of them were. The pointer is valid until the next call of any function here. */
const void *hf_qmp_output(const struct hf_qmp *qmp, size_t *size);
void hf_qmp_sent(struct hf_qmp *qmp, size_t size);

/* Queues a command; `arguments` (may be NULL) is stolen, also on failure. Commands wait for READY by themselves.
 * `done` (may be NULL) is called exactly once unless this call fails: HF_EPROTO broken or closed, HF_ENOMEM. */
int hf_qmp_call(struct hf_qmp *qmp, const char *command, json_t *arguments, hf_qmp_done_fn *done, void *ctx,
                struct hf_error *err);

bool hf_qmp_is_ready(const struct hf_qmp *qmp);

/* From the greeting; zeros before it. */
struct hf_qmp_version hf_qmp_version(const struct hf_qmp *qmp);

/* Takes the oldest event that waits; false when none does. End it with hf_qmp_event_done(). */
bool hf_qmp_next_event(struct hf_qmp *qmp, struct hf_qmp_event *out);
void hf_qmp_event_done(struct hf_qmp_event *event);

#endif
