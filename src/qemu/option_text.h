/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text of one QEMU option, as key and value pairs: "q35,smm=on,x=a,,b", or JSON where QEMU takes JSON. Nested JSON
 * becomes dotted keys ("server.type"), and '_' in a key becomes '-', as QEMU itself does for machine properties.
 *
 * Pure. Any thread.
 */
#ifndef HF_OPTION_TEXT_H
#define HF_OPTION_TEXT_H

#include <holdfast/error.h>

/* Called per pair, in order; minus a code ends the walk with it. A key without '=' has the value "on". */
typedef int hf_option_pair_fn(void *ctx, const char *key, const char *value, struct hf_error *err);

/* `implied`: the key of a first part without '=' ("type", "driver"); NULL: it is a key like the others.
 * HF_ENOMEM, HF_EUSAGE (JSON that cannot be read, or nested deeper than 16), and what `fn` returns. */
int hf_option_text_each(const char *text, const char *implied, hf_option_pair_fn *fn, void *ctx, struct hf_error *err);

/* The same with keys as they stand: a device's properties are known by their exact names. */
int hf_option_text_each_as_is(const char *text, const char *implied, hf_option_pair_fn *fn, void *ctx,
                              struct hf_error *err);

#endif
