/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mailbox as a part of the guest's hardware. The owner's choice is the setting `mailbox`; what the machine had at
 * its last start is kept beside it, since a device that comes or goes changes what a TPM measures and what the guest
 * sees.
 */
#ifndef HF_MAILBOX_HARDWARE_H
#define HF_MAILBOX_HARDWARE_H

#include <stdbool.h>

#include "container.h"

enum hf_mailbox_mode {
    HF_MAILBOX_OFF,
    HF_MAILBOX_ALWAYS,
    HF_MAILBOX_BOOT_ONLY, /* nobody answers once an operating system took over */
    HF_MAILBOX_MODE_MAX,
};

struct hf_mailbox_hardware {
    enum hf_mailbox_mode mode; /* as chosen */
    bool present;              /* the machine had it at the last start */
    bool rom;                  /* with the driver in an option ROM */
    bool memory_named;         /* beside RAM that the guest's owner named */
};

int hf_mailbox_hardware_get(struct hf_container *c, struct hf_mailbox_hardware *hw, struct hf_error *err);

/* One durable transaction, logged when something changed: the machine is about to start with this. */
int hf_mailbox_hardware_set(struct hf_container *c, const struct hf_mailbox_hardware *hw, int64_t now,
                            struct hf_error *err);

/* "off", "always", "boot-only"; NULL outside the enum. */
const char *hf_mailbox_mode_name(enum hf_mailbox_mode mode);
/* HF_EUSAGE. */
int hf_mailbox_mode_parse(const char *text, enum hf_mailbox_mode *mode, struct hf_error *err);

#endif
