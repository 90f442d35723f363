/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QMP on a connected stream socket, inside a loop. Replies and events are as hostile as qmp.h says; a breach or the end
 * of the connection unwatches the socket, and every call fails from then on.
 */
#ifndef HF_MONITOR_H
#define HF_MONITOR_H

#include "loop.h"
#include "qmp.h"

#define HF_MONITOR_ANSWER_MS 30000

struct hf_monitor;

/* Takes `fd`, also on failure, and watches it in `loop`, which must outlive the monitor. */
int hf_monitor_new(int fd, struct hf_loop *loop, struct hf_monitor **out, struct hf_error *err);
void hf_monitor_free(struct hf_monitor *m);

bool hf_monitor_is_open(const struct hf_monitor *m);
/* Why it is not; text empty when QEMU just closed it. */
const struct hf_error *hf_monitor_fault(const struct hf_monitor *m);
struct hf_qmp_version hf_monitor_version(const struct hf_monitor *m);

/* Turns the loop until QEMU greeted. HF_ETIMEDOUT, HF_EPROTO, HF_EIO (closed). */
int hf_monitor_wait_ready(struct hf_monitor *m, int timeout_ms, struct hf_error *err);

/* Sends and goes on; see hf_qmp_call() for the callback. `arguments` is stolen. */
int hf_monitor_send(struct hf_monitor *m, const char *command, json_t *arguments, hf_qmp_done_fn *done, void *ctx,
                    struct hf_error *err);

/* The same with a descriptor beside it (getfd, add-fd); `fd` stays the caller's. HF_EOWNED: the one before is still
 * waiting to be sent. */
int hf_monitor_send_fd(struct hf_monitor *m, const char *command, json_t *arguments, int fd, hf_qmp_done_fn *done,
                       void *ctx, struct hf_error *err);

/* Sends and turns the loop until the answer is there. Events wait in their queue meanwhile. `result` (may be NULL) is
 * the caller's to json_decref(). `arguments` is stolen. HF_EREFUSED "qmp" (QEMU's words), HF_ETIMEDOUT (after
 * HF_MONITOR_ANSWER_MS), HF_EPROTO, HF_EIO. */
int hf_monitor_execute(struct hf_monitor *m, const char *command, json_t *arguments, json_t **result,
                       struct hf_error *err);

/* The oldest event; see hf_qmp_next_event(). */
bool hf_monitor_next_event(struct hf_monitor *m, struct hf_qmp_event *event);

#endif
