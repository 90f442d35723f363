/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether starting QEMU again with the arguments of its start would give the guest the machine it has now. What was
 * plugged in, taken out, ejected or moved to another image over a monitor is in no argument: after a restart it would
 * be gone, or back. So devices, objects and the block graph are asked for over QMP at the start and again before a
 * restart, and compared.
 *
 * Pure: answers in, a sorted list of lines out. QEMU's answers are hostile: bounded, and what cannot be read is an
 * error. One thread at a time.
 */
#ifndef HF_SAME_MACHINE_H
#define HF_SAME_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include <holdfast/error.h>

#define HF_SHAPE_LINES_MAX 8192

struct hf_shape;

struct hf_shape_query {
    const char *command;
    const char *arguments; /* JSON, or NULL */
};

/* The queries to make, in order; ends with a NULL command. */
extern const struct hf_shape_query hf_shape_queries[];

struct hf_shape *hf_shape_new(void); /* NULL: no memory */
void hf_shape_free(struct hf_shape *s);

/* The answer to query number `n`. HF_EPROTO: not what QEMU answers; HF_ENOMEM. */
int hf_shape_add(struct hf_shape *s, size_t n, const json_t *result, struct hf_error *err);

/* Whether both are the same machine; if not, `why` gets one clause for people: "device 'disk1' (virtio-blk-pci) was
 * plugged in after the start". */
bool hf_shape_same(struct hf_shape *start, struct hf_shape *now, char *why, size_t why_size);

/* Whether a device in it keeps state that a new QEMU cannot bring back (passed-through hardware); `why` as above. */
bool hf_shape_stateful(const struct hf_shape *s, char *why, size_t why_size);

#endif
