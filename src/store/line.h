/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to the store but for the notice: operators' verbs on one container go one after the other. The line is a
 * lock on a file in the guest's runtime directory; it ends with its descriptor. */
#ifndef HF_LINE_H
#define HF_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include <holdfast/error.h>

/* 1: had to wait, so what was looked at before may be another by now; 0: it was free. HF_ETIMEDOUT: one process has
 * held it for a minute. `path` is the container's, for words. */
int hf_line_enter(const char *container_id, const char *path, int *line, struct hf_error *err);

/* -1: harmless. Also where a child that was forked meanwhile has the descriptor, too. */
void hf_line_leave(int *line);

/* Of this process: called again and again while it waits, and with `over` when that ends. */
void hf_line_notice(void (*notice)(const char *path, unsigned seconds, bool over));

#endif
