/* SPDX-License-Identifier: BSD-2-Clause */
/* This host as other hosts see it: the JSON of preflight/host_caps.h. Without root, in well under two seconds. */
#ifndef HF_HOST_DESCRIBE_H
#define HF_HOST_DESCRIBE_H

#include <jansson.h>

#include <holdfast/error.h>

struct hf_host_query {
    char *const *qemus;    /* programs, NULL terminated; those that do not exist are left out */
    const char *directory; /* where containers lie, for the room that is free */
    const char *holdfast;  /* this program's version */
};

/* A new object, the caller's reference. A QEMU that does not answer as one is an error (HF_EPROTO, HF_ETIMEDOUT); what
 * is merely not installed is left out. HF_ENOTFOUND: no such directory; HF_ENOMEM; HF_EIO. */
int hf_host_describe(const struct hf_host_query *query, json_t **ret, struct hf_error *err);

/* The option ROMs alone that this QEMU would find: an array of `name`, `size`, `digest`, the caller's reference; empty
 * where there are none or no such QEMU. NULL: no memory. */
json_t *hf_host_roms(const char *qemu);

#endif
