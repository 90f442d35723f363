/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is known of a firmware image, by its SHA-256 and by nothing else: which features it understands although it
 * cannot negotiate, and what it is known to break with. An image that no manifest names understands the baseline.
 *
 * Manifests are JSON files, *.json, one per firmware build; docs/manifests.md describes them. A program loads whole
 * directories, later ones on top: the same image in a later directory replaces the earlier word on it. Within one
 * directory an image stands once.
 *
 * Everything a set returns is borrowed from it and valid until it is closed. Immutable once open: any thread.
 */
#ifndef HF_MANIFEST_H
#define HF_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/error.h>

#define HF_MANIFEST_FILE_MAX  (256 * 1024) /* bytes of one file */
#define HF_MANIFEST_FILES_MAX 1024         /* in one directory */
#define HF_MANIFEST_BITS_MAX  256          /* feature bits of a domain */

struct hf_manifest_domain {
    const char *name; /* "acpi-loader" */
    uint32_t version;
    uint8_t bits[HF_MANIFEST_BITS_MAX / 8]; /* bit n is bit n % 8 of byte n / 8 */
};

/* A known break: with QEMU `from_major`.`from_minor` and later, in a guest that has the device. */
struct hf_manifest_break {
    const char *name;   /* short, unique in its manifest */
    const char *device; /* as QEMU calls it; NULL: in every guest */
    unsigned from_major, from_minor;
    unsigned until_major, until_minor; /* the first version without the break; 0.0: none is known */
    bool at_reset;                     /* a guest that runs goes on until its next reset */
    const char *what, *remedy, *evidence;
};

struct hf_manifest {
    const char *name;     /* "SeaBIOS 1.16.2 (Debian 12)" */
    const char *firmware; /* who reads the ACPI script: "seabios", "ovmf", "qboot" */
    const char *version;
    const char *file; /* where it stood, for messages */
    const struct hf_manifest_domain *domains;
    const struct hf_manifest_break *breaks;
    size_t domain_count, break_count;
};

struct hf_manifests;

/* Loads every *.json of the directories, in that order. A directory that is not there is empty. HF_EDAMAGED: a file is
 * not a manifest (the text names file, member, found and wanted) or names an image twice; HF_EVERSION: a later schema;
 * HF_EREFUSED (rule "limits"); HF_EIO; HF_ENOMEM. One bad file fails the whole: half the knowledge is none. */
int hf_manifests_open(const char *const *directories, size_t count, struct hf_manifests **ret, struct hf_error *err);

/* The installed ones, then /etc/holdfast/manifests; $HOLDFAST_MANIFEST_DIR instead of both when set. */
int hf_manifests_open_default(struct hf_manifests **ret, struct hf_error *err);
void hf_manifests_close(struct hf_manifests *set); /* NULL is allowed */
static inline void hf_manifests_cleanup(struct hf_manifests **set)
{
    hf_manifests_close(*set);
}

/* What is known of the image with this digest (64 lower-case hexadecimal digits); NULL: nothing, so the baseline. */
const struct hf_manifest *hf_manifests_find(const struct hf_manifests *set, const char *digest);

size_t hf_manifests_count(const struct hf_manifests *set); /* images */
/* The i-th image, in no useful order, and its digest. */
const struct hf_manifest *hf_manifests_at(const struct hf_manifests *set, size_t i, const char **digest);

/* The first 64 bits of a domain that the manifest declares; 0 for a NULL manifest, an undeclared domain, or another
 * version of it. So the answer to "what may be sent" is: what was negotiated, or this. */
uint64_t hf_manifest_features(const struct hf_manifest *manifest, const char *domain, uint32_t version);

/* Does the break concern that QEMU? (The device is the caller's to look for.) */
bool hf_manifest_break_concerns(const struct hf_manifest_break *b, unsigned major, unsigned minor);

#endif
