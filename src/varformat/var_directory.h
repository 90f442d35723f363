/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Variables as Linux's efivarfs shows them: a directory with a file NAME-GUID for each, four bytes of attributes before
 * the data. A copy of /sys/firmware/efi/efivars is one. It has neither times nor counters.
 */
#ifndef HF_VAR_DIRECTORY_H
#define HF_VAR_DIRECTORY_H

#include "var_set.h"

/* The non-volatile variables, by name. What firmware makes anew at each start is left out. HF_EDAMAGED: a file whose
 * name or content is not such a variable; the text names it. HF_EIO, HF_ENOMEM. */
int hf_var_directory_read(const char *path, struct hf_var_set *set, struct hf_error *err);

#endif
