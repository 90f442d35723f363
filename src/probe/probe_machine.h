/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine of the guest's shape that is not the guest: nothing outside it is reached, and its flash is scratch. For
 * looking at what a VMM would show to firmware, and for trying a boot.
 */
#ifndef HF_PROBE_MACHINE_H
#define HF_PROBE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "words.h"

struct hf_probe_machine {
    const char *program; /* QEMU */
    const char *type;    /* machine type */
    const char *uuid;    /* "" or NULL: none */
    const char *rom_dir; /* first directory for ROMs; NULL: none */
    bool needs_smm;
    uint64_t code_size, vars_size;     /* of the banks; vars 0: none */
    const char *code_file, *vars_file; /* NULL: the banks read as zeros, nothing is going to run */
    char *const *words;                /* of hf_stub_arguments(); NULL terminated */
};

/* A QEMU that was started, and what it printed. */
struct hf_probe_child {
    pid_t pid;
    int output; /* a file in memory */
};

/* Starts it with `more` (options, NULL terminated) behind the machine's own, and with the descriptors in `keep`.
 * HF_EREFUSED, rule "machine": `type` is unknown to holdfast; HF_ENOTFOUND: no such program; HF_ENOMEM, HF_EIO. */
int hf_probe_start(const struct hf_probe_machine *m, char *const *more, const int *keep, size_t keep_count,
                   struct hf_probe_child *ret, struct hf_error *err);

/* Ends it, however it stands. */
void hf_probe_end(struct hf_probe_child *child);

/* The last line that it printed which names a fault, for people; "" when it printed nothing. */
void hf_probe_words(const struct hf_probe_child *child, char *text, size_t size);

#endif
