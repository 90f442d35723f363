/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two JSON forms of a variable store: QEMU's (`-device uefi-vars,jsonfile=`) and virt-firmware's (`virt-fw-vars
 * --output-json`, also `--set-json`). Both are {"version": 2, "variables": [{"name", "guid", "attr", "data" in hex,
 * "time" in hex}...]}; QEMU's has "digest" beside and refuses members it does not know.
 *
 * Neither holds everything a flash store does. Ask hf_var_losses() before writing.
 */
#ifndef HF_VAR_JSON_H
#define HF_VAR_JSON_H

#include "var_set.h"

enum hf_var_format {
    HF_FORMAT_RAW,           /* the bank itself */
    HF_FORMAT_QEMU,          /* QEMU's uefi-vars JSON */
    HF_FORMAT_VIRT_FIRMWARE, /* virt-firmware's JSON */
    HF_FORMAT_AWS,           /* AWS's uefi-data (var_aws.h) */
    HF_FORMAT_MAX,
};

extern const char *const hf_var_format_names[HF_FORMAT_MAX + 1]; /* "raw", "qemu", "virt-firmware", "aws", NULL */

#define HF_VAR_JSON_MAX (16u << 20) /* bytes of a file we read */

/* Reads either form. Digests go to certdb (unless the file has one). Errors: HF_EDAMAGED with the place (no JSON, a
 * member missing or wrong, the same variable twice, an unknown member), HF_EVERSION, HF_ENOMEM. */
int hf_var_json_read(const char *text, size_t size, struct hf_var_set *set, struct hf_error *err);

/* *text is allocated with malloc() and ends in a line end and a NUL. A variable whose name the form cannot hold, which
 * hf_var_losses() reports, is left out. HF_ENOMEM. */
int hf_var_json_write(const struct hf_var *vars, size_t count, enum hf_var_format format, char **text,
                      struct hf_error *err);

/* Calls `lost` for everything that the format (or the tool that reads it) cannot hold; returns how often. */
typedef void (*hf_var_lost)(void *opaque, const struct hf_var *var, const char *what);
size_t hf_var_losses(const struct hf_var *vars, size_t count, enum hf_var_format format, hf_var_lost lost,
                     void *opaque);

#endif
