/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU's options, as arguments.h reads them: each one's name, whether an argument follows, and who reads that. */
#ifndef HF_ARGUMENT_OPTIONS_H
#define HF_ARGUMENT_OPTIONS_H

#include "arguments.h"

struct hf_argument_reading {
    const struct hf_arguments_guest *guest;
    struct hf_arguments args;
    const char *option; /* the one being read, for messages */
};

/* `text` is the option's argument, NULL where it has none. */
typedef int hf_argument_read_fn(struct hf_argument_reading *r, const char *text, struct hf_error *err);

struct hf_argument_option {
    const char *name;
    bool argument;
    hf_argument_read_fn *read; /* NULL: nothing in it matters */
};

/* False: not known. */
bool hf_argument_option(const char *name, struct hf_argument_option *ret);

/* argument_readers.c: an option whose contents matter; NULL: another one. Borrowed for ever. */
const struct hf_argument_option *hf_argument_reader(const char *name);

#endif
