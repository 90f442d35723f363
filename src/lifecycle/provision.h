/* SPDX-License-Identifier: BSD-2-Clause */
/* A new guest: which bytes it starts with, whether they belong together, and its container. Used by `create` and
 * `libvirt adopt`, which obey the same rules as `stage`. */
#ifndef HF_PROVISION_H
#define HF_PROVISION_H

#include <holdfast/flash_image.h>

#include "container.h"
#include "digest.h"
#include "slots.h"

/* What is asked for. Borrowed for the call. */
struct hf_provision {
    struct hf_guest guest; /* an empty arch becomes the image's, an empty uuid a new random one */
    const void *code;
    size_t code_size;
    const char *code_origin; /* where it came from: a path */
    const char *label;       /* for people, or NULL: told from the bytes */
    const void *vars; /* NULL: erased variables, when the code keeps any; firmware formats them at its first start */
    size_t vars_size;
    const char *vars_origin; /* NULL with vars NULL */
    bool protects_keys;      /* until now the variables could be written in System Management Mode only */
    bool no_secure_boot;     /* the owner gives up what Secure Boot protects */
    bool allow_unknown;      /* take code, or a pair, about which nothing can be told; its bank sizes are its own */
    int64_t now;
};

/* What it comes to. */
struct hf_provisioned {
    struct hf_guest guest;
    struct hf_flash_image code, vars; /* vars: only with has_vars */
    struct hf_digest code_digest;
    struct hf_digest vars_digest;  /* of the bank as it begins */
    bool has_vars;                 /* the guest has a bank for variables */
    bool blank;                    /* it was not given and starts erased */
    uint64_t code_bank, vars_bank; /* bytes; vars_bank 0 without */
    char label[HF_SLOT_LABEL_SIZE];
    char remark[256]; /* what the operator should know; or "" */
};

/* Looks and decides; changes nothing. HF_EREFUSED with one of the rules
 *   image         the bytes are no firmware for a code bank (combined and stateless images among them)
 *   unknown       nothing can be told about them, or about the pair, and allow_unknown is not set
 *   architecture  they are for another architecture than the guest's
 *   smm           they need System Management Mode, which the machine type does not have
 *   kind          variables for firmware that keeps none
 *   pair          code and variables do not belong together
 *   secure-boot   the variables enforce Secure Boot and the code does not (hf_secure_boot_keep())
 *   size          larger than a bank can be */
int hf_provision_check(const struct hf_provision *p, struct hf_provisioned *ret, struct hf_error *err);

/* The same, and then the container for `path`, open for editing: hf_container_publish() is to follow. */
int hf_provision_create(const char *path, const struct hf_provision *p, struct hf_provisioned *ret,
                        struct hf_container **out, struct hf_error *err);

#endif
