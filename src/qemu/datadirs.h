/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's data directories, where it looks for SeaBIOS, VGA BIOSes and option ROMs, as `QEMU -L help` lists them.
 */
#ifndef HF_DATADIRS_H
#define HF_DATADIRS_H

#include <holdfast/error.h>

#define HF_DATADIRS_MAX 32

/* A NULL-terminated list, in the order in which QEMU searches; free with hf_datadirs_free().
 * HF_ENOTFOUND: no such program. HF_EPROTO: it failed, said nothing or too much. HF_ETIMEDOUT: no answer in 10 s. */
int hf_datadirs_list(const char *qemu, char ***out, struct hf_error *err);
void hf_datadirs_free(char **dirs);

/* The first readable `name` in them; *out is the caller's to free(). HF_ENOTFOUND, and the errors above. */
int hf_datadirs_find(const char *qemu, const char *name, char **out, struct hf_error *err);

#endif
