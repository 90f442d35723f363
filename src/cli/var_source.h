/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the `vars` verbs read and write: a variable store as a raw bank, as QEMU's or virt-firmware's JSON, or the
 * variables of a container.
 *
 * Needs nothing but the file: no QEMU, no nbdkit, no libvirt.
 */
#ifndef HF_VAR_SOURCE_H
#define HF_VAR_SOURCE_H

#include <sys/stat.h>

#include "digest.h"
#include "var_container.h"
#include "var_json.h"
#include "verb.h"

struct hf_var_source {
    char *path;                /* without symbolic links */
    struct stat file;          /* before it was read */
    enum hf_var_format format; /* either JSON is HF_FORMAT_QEMU here; writing goes by the caller's choice */
    bool container;
    bool packed;                /* in a qcow2 image; it is written as one, too */
    enum hf_answer secure_boot; /* a container's active image has it; otherwise unknown */
    uint8_t *bytes;             /* the bank; NULL for JSON */
    uint64_t size;
    struct hf_var *lent;      /* the store's array */
    struct hf_varstore store; /* not for JSON */
    struct hf_var_set set;    /* JSON only */
    struct hf_digest was;     /* a container's bank as it was read */
    struct hf_var_note note;  /* for a container; NULL texts: variables changed by the operator */
};

/* Salvage reports what it cannot use through `lost`; NULL means strict. Errors as of hf_file_read() and
 * hf_varstore_open(). */
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

/* The options --out and --in-place: where the changed store goes. */
#define HF_VAR_TARGET_OPTIONS                                                                                          \
    {.name = "out", .arg = "NEW", .help = "write the result to a new file"},                                           \
        {.name = "tpm-aware", .help = "change a container's keys although the guest's TPM will measure them"},         \
    {                                                                                                                  \
        .name = "in-place", .help = "replace the file; the old one is kept beside it as FILE.bak"                      \
    }

/* HF_EUSAGE unless exactly one of them was given (a container is always changed in place). To be called first. */
int hf_var_target_check(const struct hf_invocation *inv, const char *path, struct hf_error *err);

/* Calls `change`, which reads a store, changes it and writes it with hf_var_source_write(), again when somebody else
 * changed the store in between: for a minute at most. */
int hf_var_again(struct hf_invocation *inv, int (*change)(struct hf_invocation *inv, struct hf_error *err),
                 struct hf_error *err);

/* Writes what was changed, or says what would be written (--dry-run), and reports it. */
int hf_var_source_write(struct hf_var_source *source, struct hf_invocation *inv, struct hf_error *err);

#endif
