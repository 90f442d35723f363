/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to the store: who has a container open for writing, on this host. Each writer is inside the gate; one that
 * leaves may bring the log in and remove it only when it is alone, and nobody comes in meanwhile. */
#ifndef HF_GATE_H
#define HF_GATE_H

#include <holdfast/error.h>

/* Waits, some seconds at most, for one that is just leaving: HF_ETIMEDOUT. */
int hf_gate_enter(const char *container_id, int *gate, struct hf_error *err);
/* 1: alone, until the descriptor is closed. 0: there are others, and this one is outside the gate from now on, though it
 * may still be connected: it writes nothing more, and SQLite removes no log at its disconnection
 * (SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE). So it may die there at any moment; all it can leave is an empty log of a closed file. */
int hf_gate_alone(int gate);

#endif
