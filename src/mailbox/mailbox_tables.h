/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the host gives a guest whose firmware agreed on `acpi-loader`: an SSDT with one device that names the window,
 * and a log of the firmware's agreements; with the linker script that brings both. docs/mailbox.md says what an
 * operating system finds there.
 *
 * Pure: nothing is allocated. Any thread.
 */
#ifndef HF_MAILBOX_TABLES_H
#define HF_MAILBOX_TABLES_H

#include "mailbox_host.h"

#define HF_MAILBOX_LOG_SIZE    4096
#define HF_MAILBOX_TABLE_FILES 4
#define HF_MAILBOX_TABLES_ROOM 32768

struct hf_mailbox_tables {
    unsigned slot, function; /* of the device, on bus 0 of segment 0 */
    const char *log;         /* text; what is beyond HF_MAILBOX_LOG_SIZE - 1 bytes is cut */
};

/* Builds with the agreed bits of the domain, in the caller's `memory`; `files` point there. HF_ENOMEM; HF_EREFUSED. */
int hf_mailbox_tables_build(const struct hf_mailbox_tables *t, uint64_t features, void *memory, size_t size,
                            struct hf_mailbox_blob files[HF_MAILBOX_TABLE_FILES], struct hf_error *err);

#endif
