/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's migration stream between a socket that QEMU has and the frames of a pump: QEMU needs no connection of its own,
 * and the stream ends where the hand-over ends. Holds at most HF_STREAM_BUFFER bytes; a side that does not take what it
 * is sent stops the other.
 */
#ifndef HF_STREAM_RELAY_H
#define HF_STREAM_RELAY_H

#include "pump.h"

#define HF_STREAM_BUFFER (1U << 20)

struct hf_stream_relay;

/* One end of a new socket pair is ours; *qemu_fd (close-on-exec) is for QEMU and the caller's to close once QEMU has
 * it. */
int hf_stream_relay_open(struct hf_loop *loop, struct hf_stream_relay **out, int *qemu_fd, struct hf_error *err);
/* NULL is fine. QEMU sees the end of its connection. */
void hf_stream_relay_close(struct hf_stream_relay *r);

/* Source: reads what QEMU writes into `pump`, whose ops have hf_stream_relay_fill() with this relay. */
int hf_stream_relay_read(struct hf_stream_relay *r, struct hf_pump *pump, struct hf_error *err);
bool hf_stream_relay_fill(struct hf_stream_relay *r);
/* All that QEMU wrote, its end included, was put into the pump. */
bool hf_stream_relay_is_done(const struct hf_stream_relay *r);
uint64_t hf_stream_relay_bytes(const struct hf_stream_relay *r);

/* Destination: for a pump's `stream` op. */
bool hf_stream_relay_put(struct hf_stream_relay *r, struct hf_pump *pump, const void *bytes, size_t size);
/* The source said that this was all. */
void hf_stream_relay_end(struct hf_stream_relay *r);

#endif
