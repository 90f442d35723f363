/* SPDX-License-Identifier: BSD-2-Clause */
/* The flash in a QEMU command line as libvirt writes it. Pure. */
#ifndef HF_COMMAND_LINE_H
#define HF_COMMAND_LINE_H

#include <limits.h>
#include <stdbool.h>

#include <holdfast/error.h>

/* The files of libvirt's nodes "libvirt-pflash0-storage" (code) and "libvirt-pflash1-storage" (variables; "" when there
 * is none), and whether the flash is secure. HF_EPROTO: no code node, or one that is no file. */
int hf_command_line_flash(const char *line, char code[PATH_MAX], char vars[PATH_MAX], bool *secure,
                          struct hf_error *err);

#endif
