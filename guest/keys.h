/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's Secure Boot keys as its operating system sees them, and what the host has for it. */
#ifndef HF_GUEST_KEYS_H
#define HF_GUEST_KEYS_H

#include <stdbool.h>

#include <holdfast/error.h>

#include "certificate.h"
#include "mailbox_wire.h"

enum { KEYS_PK, KEYS_KEK, KEYS_DB, KEYS_DBX, KEYS_VARIABLES };

struct keys_entry {
    struct certificate certificate;
    uint8_t sha256[32];
    bool readable; /* false: an entry of certificate type that is none */
};

#define KEYS_ENTRIES_MAX 256 /* that are shown of one variable */
struct keys_list {
    struct keys_entry *entries;
    size_t count;          /* of certificates, also of those that are not shown */
    size_t digests;        /* entries of other types */
    bool present, damaged; /* its sizes do not add up: firmware stops reading there */
};

struct keys {
    int secure_boot, setup_mode; /* 0 or 1; -1: the firmware does not say */
    struct keys_list lists[KEYS_VARIABLES];
};

/* HF_ENOTFOUND: no such directory, or the firmware has no Secure Boot. HF_EDAMAGED, HF_EIO: the text names the file.
 * End with keys_done(). */
int keys_read(const char *directory, struct keys *ret, struct hf_error *err);
void keys_done(struct keys *keys);

/* On standard output. `reply` is NULL when the host was not heard: `why` says it. */
void keys_print(const struct keys *keys, const struct hf_mailbox_reply *reply, const struct hf_error *why, bool json);

#endif
