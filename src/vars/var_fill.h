/* SPDX-License-Identifier: BSD-2-Clause */
/* How full a store is, and what fills it. Pure. */
#ifndef HF_VAR_FILL_H
#define HF_VAR_FILL_H

#include <holdfast/varstore.h>

#define HF_FILL_WARNING 75 /* percent */
#define HF_FILL_TEXT    320

/* Of the room, how much the variables need that count; dead ones do not, since firmware clears them away. */
unsigned hf_var_fill_percent(const struct hf_varstore *store);

/* "'dump-type0-*' 12 variables, 24000 bytes; 'dbx' 21356 bytes; ...": the three that need most, and the remedy for the
 * crash dumps of Linux. UTF-8. */
const char *hf_var_fill_text(const struct hf_varstore *store, char text[HF_FILL_TEXT]);

/* A crash dump that Linux's efi-pstore left (drivers/firmware/efi/efi-pstore.c): dump-type0-... and the like. */
bool hf_var_is_dump(const struct hf_var *var);

#endif
