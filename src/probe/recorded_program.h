/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program that a container names as the guest's last QEMU. The container may be a stranger's, so the name alone is
 * no reason to start anything.
 */
#ifndef HF_RECORDED_PROGRAM_H
#define HF_RECORDED_PROGRAM_H

#include <holdfast/error.h>

/* HF_EREFUSED, rule "program": it is not named qemu-..., is neither looked up in PATH nor absolute, or the file is
 * somebody else's than root's or ours, or others may write it. A file that is not there is no matter of this. */
int hf_recorded_program_check(const char *program, struct hf_error *err);

#endif
