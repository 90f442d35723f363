/* SPDX-License-Identifier: BSD-2-Clause */
/* A QEMU command line as libvirt writes it: the flash in it, and its words. Pure. */
#ifndef HF_COMMAND_LINE_H
#define HF_COMMAND_LINE_H

#include <limits.h>
#include <stdbool.h>

#include "words.h"

/* The files of libvirt's nodes "libvirt-pflash0-storage" (code) and "libvirt-pflash1-storage" (variables; "" when there
 * is none), and whether the flash is secure. HF_EPROTO: no code node, or one that is no file. */
int hf_command_line_flash(const char *line, char code[PATH_MAX], char vars[PATH_MAX], bool *secure,
                          struct hf_error *err);

/* The words as a shell would have them, without the environment in front: the program, then its arguments.
 * hf_words_done(). HF_EPROTO: a quote that does not end, or nothing is run; HF_ENOMEM. */
int hf_command_line_words(const char *line, struct hf_words *ret, struct hf_error *err);

#endif
