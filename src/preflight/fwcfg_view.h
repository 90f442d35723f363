/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a machine's fw_cfg shows to firmware, read once through the library's own guest client: the directory, and of
 * the files below etc/ the contents, the loader script among them. Pure: how registers are reached is the client's.
 */
#ifndef HF_FWCFG_VIEW_H
#define HF_FWCFG_VIEW_H

#include <holdfast/acpi_script.h>
#include <holdfast/fwcfg_client.h>

#define HF_VIEW_FILES_MAX HF_ACPI_FILES_MAX
#define HF_VIEW_BYTES_MAX (16U << 20) /* of all files together */

struct hf_fwcfg_view {
    struct hf_fwcfg_file directory[HF_VIEW_FILES_MAX]; /* in its order */
    size_t count;
    struct hf_acpi_file files[HF_VIEW_FILES_MAX]; /* the same with contents; size 0 where they were not read */
    struct hf_acpi_bundle bundle;                 /* script NULL: there is none */
};

/* HF_EPROTO: no fw_cfg, or what cannot be; HF_EREFUSED "limits"; HF_ENOMEM. Free with hf_fwcfg_view_free(). */
int hf_fwcfg_view_read(struct hf_fwcfg_client *client, struct hf_fwcfg_view **ret, struct hf_error *err);
/* What follows from directory and files, for a view that was filled otherwise. HF_EREFUSED "limits". */
int hf_fwcfg_view_complete(struct hf_fwcfg_view *view, struct hf_error *err);
void hf_fwcfg_view_free(struct hf_fwcfg_view *view); /* NULL is allowed */

/* Its place in the directory, or -1. */
int hf_fwcfg_view_find(const struct hf_fwcfg_view *view, const char *name);

#endif
