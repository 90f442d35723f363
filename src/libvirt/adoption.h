/* SPDX-License-Identifier: BSD-2-Clause */
/* What is remembered of an adopted domain, beside its container: see places.h. */
#ifndef HF_ADOPTION_H
#define HF_ADOPTION_H

#include <limits.h>
#include <stdbool.h>

#include <holdfast/error.h>

#include "digest.h"

struct hf_adoption {
    char uuid[37];
    char name[256];
    char container[PATH_MAX];
    char loader[PATH_MAX]; /* the code file it had; also where libvirt had chosen it */
    bool secure;           /* with the secure flash */
    bool reconnect;        /* QEMU waits for a server that went away */
    char nvram[PATH_MAX];  /* the file with its variables; "" when there was none, or it was another host's */
    bool has_published;
    struct hf_digest published; /* the bytes of the published code file */
};

/* HF_ENOTFOUND: the domain is not adopted. HF_EDAMAGED. */
int hf_adoption_load(const char *uuid, struct hf_adoption *adoption, struct hf_error *err);
/* Durable when it returns. The directories exist (hf_libvirt_make_state()). */
int hf_adoption_save(const struct hf_adoption *adoption, struct hf_error *err);

/* The domain's XML as it was. *xml is the caller's to free(). */
int hf_adoption_original(const char *uuid, char **xml, size_t *size, struct hf_error *err);
int hf_adoption_keep_original(const char *uuid, const char *xml, struct hf_error *err);

/* Removes everything that stands in the state and run directories of this domain, but not the container. */
void hf_adoption_forget(const char *uuid);

#endif
