/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A variable store, wherever it lies and in whatever form: read as a whole and changed in memory. var_place.h writes
 * it.
 *
 * Needs nothing but the file: no QEMU, no nbdkit, no libvirt; qemu-img for qcow2 images.
 */
#ifndef HF_VAR_SOURCE_H
#define HF_VAR_SOURCE_H

#include <sys/stat.h>

#include "digest.h"
#include "var_container.h"
#include "var_json.h"

enum hf_var_kind {
    HF_VARS_BANK,      /* a raw flash bank; the file may be longer than the store */
    HF_VARS_QCOW2,     /* a bank in a qcow2 image */
    HF_VARS_DEVICE,    /* a bank at the beginning of a block device */
    HF_VARS_JSON,      /* QEMU's or virt-firmware's */
    HF_VARS_AWS,       /* AWS's uefi-data */
    HF_VARS_DIRECTORY, /* a copy of efivarfs, or signed updates; read only */
    HF_VARS_CONTAINER,
};

struct hf_var_source {
    char *path;       /* without symbolic links */
    struct stat file; /* before it was read */
    enum hf_var_kind kind;
    enum hf_answer secure_boot; /* a container's active image has it; otherwise unknown */
    uint8_t *bytes;             /* the bank; NULL for the kinds that are lists of variables */
    uint64_t size;
    struct hf_var *lent;      /* the store's array */
    struct hf_varstore store; /* of a bank */
    struct hf_var_set set;    /* of a list */
    struct hf_digest was;     /* the bank of a container or a device as it was read */
};

/* Salvage reports what it cannot use through `lost`; NULL means strict. Errors as of hf_file_read() and
 * hf_varstore_open(); HF_EREFUSED "file": a device that begins with something else. */
int hf_var_source_open(const char *path, hf_varstore_lost lost, void *opaque, struct hf_var_source *source,
                       struct hf_error *err);
void hf_var_source_done(struct hf_var_source *source);

/* By its first bytes; false for what cannot be read. */
bool hf_var_is_container(const char *path);

/* All variables; valid until the next change. */
const struct hf_var *hf_var_source_vars(const struct hf_var_source *source, size_t *count);

/* As hf_varstore_set() and hf_varstore_delete(), whatever the form. */
int hf_var_source_set(struct hf_var_source *source, const struct hf_var *var, unsigned flags, struct hf_error *err);
int hf_var_source_delete(struct hf_var_source *source, const struct hf_var *key, unsigned flags, struct hf_error *err);

/* The source then holds `set` and nothing else, dead variables gone too. */
int hf_var_source_replace(struct hf_var_source *source, const struct hf_var_set *set, struct hf_error *err);

#endif
