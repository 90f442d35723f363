/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest's Secure Boot was when it was last looked at, kept in the container as "secure-boot.mode" and
 * "secure-boot.since": every change is an entry of the log, those that the guest made from inside at the next boot or
 * end of a boot. "secure-boot.image" keeps what the active image is, since its bytes take a moment to look at.
 */
#ifndef HF_SECURE_BOOT_RECORD_H
#define HF_SECURE_BOOT_RECORD_H

#include "container.h"
#include "inspect.h"
#include "secure_boot.h"

struct hf_secure_boot_report {
    enum hf_secure_boot_mode mode;
    enum hf_answer image;          /* the active image has Secure Boot */
    enum hf_answer keys_protected; /* by System Management Mode */
    int64_t since;                 /* the last change in the log; 0: not known */
    bool changed;                  /* it is another than at `since`: the guest changed it after that */
};

/* Reads only. Bytes that cannot be read give HF_SECURE_BOOT_UNKNOWN. */
int hf_secure_boot_look(struct hf_container *c, struct hf_secure_boot_report *report, struct hf_error *err);

/* What the active image is: has Secure Boot, protects its keys. One that cannot be read is unknown. */
int hf_secure_boot_image(struct hf_container *c, enum hf_answer *has, enum hf_answer *protects, struct hf_error *err);

/* In a transaction: the image that becomes active was looked at already. */
int hf_secure_boot_remember(struct hf_container *c, const struct hf_digest *code, const struct hf_flash_image *image,
                            struct hf_error *err);

/* In a transaction: a mode that differs from the recorded one is recorded and logged; the first is only recorded. */
int hf_secure_boot_note(struct hf_container *c, int64_t now, struct hf_error *err);

/* hf_secure_boot_keep() for a container's active image and present variables. */
int hf_secure_boot_allows(struct hf_container *c, const struct hf_firmware *next, struct hf_error *err);

/* The same, for an image that comes back, unless the owner gives Secure Boot up for it: that is logged then. In a
 * transaction. */
int hf_secure_boot_ask(struct hf_container *c, const struct hf_firmware *next, bool no_secure_boot, int64_t now,
                       struct hf_error *err);

#endif
