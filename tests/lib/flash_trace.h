/* SPDX-License-Identifier: BSD-2-Clause */
/* What OVMF wrote to its variable store (tests/lib/flash_trace.py), as the store's first pages after any number of the
 * writes. Nothing beyond these pages was written. */
#ifndef HF_TEST_FLASH_TRACE_H
#define HF_TEST_FLASH_TRACE_H

#include "unit.h"

#include "cursor.h"
#include "whole_file.h"

#define FLASH_TRACE_WRITES 17469
#define FLASH_TRACE_BANK   (5U << 12)
#define FLASH_TRACE_SECTOR 512U

static uint8_t flash_trace_now[FLASH_TRACE_BANK];

static inline void flash_trace_begin(struct hf_cursor *trace)
{
    static uint8_t *all, *vars;
    static uint64_t size, vars_size;
    struct hf_error e;

    if (!all && hf_file_read(FLASH_TRACE, 1 << 20, &all, &size, &e) < 0)
        fail_msg("%s", e.text);
    if (!vars)
        (void)hf_file_read("/usr/share/OVMF/OVMF_VARS_4M.fd", 1 << 20, &vars, &vars_size, &e);
    *trace = hf_cursor_of(all, (size_t)size);
    memset(flash_trace_now, 0xff, sizeof flash_trace_now);
    if (vars_size >= FLASH_TRACE_BANK) /* the bytes around those that changed; without OVMF here, other ones */
        memcpy(flash_trace_now, vars, FLASH_TRACE_BANK);
}

/* Sector, sectors, first changed byte, changed bytes, and those bytes. */
static inline void flash_trace_step(struct hf_cursor *trace)
{
    size_t at = hf_cursor_le16(trace) * FLASH_TRACE_SECTOR, n;
    const uint8_t *bytes;

    (void)hf_cursor_u8(trace);
    at += hf_cursor_le16(trace);
    n = hf_cursor_le16(trace);
    bytes = hf_cursor_take(trace, n);
    assert_non_null(bytes);
    assert_true(hf_range_ok(at, n, FLASH_TRACE_BANK));
    memcpy(flash_trace_now + at, bytes, n);
}

/* Valid until the next call. */
static inline const uint8_t *flash_trace_bank(unsigned writes)
{
    static struct hf_cursor trace;
    static unsigned done = UINT32_MAX;

    assert_true(writes <= FLASH_TRACE_WRITES);
    if (writes < done) {
        flash_trace_begin(&trace);
        done = 0;
    }
    for (; done < writes; done++)
        flash_trace_step(&trace);
    return flash_trace_now;
}

#endif
