/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the word after --firmware to files.
 *
 * A word with a '/' is the path of a code image. Otherwise it is one of the aliases below, or the base name of a
 * firmware descriptor ("60-edk2-x86_64.json", with or without ".json").
 *
 *   ovmf           x86-64 UEFI in flash without SMM and without Secure Boot
 *   ovmf-secboot   x86-64 UEFI in flash with Secure Boot and SMM (needs q35)
 *   aavmf          AArch64 UEFI in flash without Secure Boot
 *   seabios        SeaBIOS (bios-256k.bin) from QEMU's data directories
 *
 * Aliases are feature sets: the first descriptor that has them wins, in the order of QEMU's firmware.json: all files
 * *.json of $XDG_CONFIG_HOME/qemu/firmware (else ~/.config/qemu/firmware), /etc/qemu/firmware and
 * /usr/share/qemu/firmware are sorted by base name; a file in an earlier directory masks those of the same name in
 * later ones, and an empty file masks without taking part. Directories are an argument below so that tests choose
 * their own.
 *
 * Descriptors are somebody else's files: at most 1 MiB and 256 files a directory; a descriptor that cannot be read is
 * an error when it was asked for by name and passed over otherwise.
 */
#ifndef HF_DESCRIPTORS_H
#define HF_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/error.h>

/* What was asked for. `machine` and `architecture` may be NULL: not known yet. */
struct hf_host_firmware_query {
    const char *name;
    const char *architecture; /* as QEMU says it: "x86_64", "aarch64" */
    const char *machine;      /* a machine type, versioned or alias; an alias matches what begins with it */
    const char *qemu;         /* program to ask for data directories; NULL: qemu-system-ARCHITECTURE */
};

/* What was found. Strings belong to the struct; hf_host_firmware_done() frees them. */
struct hf_host_firmware {
    char *origin;          /* for messages and the log: path of the descriptor, or "seabios", or the code path */
    char *code;            /* path of the executable image */
    char *vars;            /* path of the NVRAM template; NULL when there is none or the word was a path */
    char architecture[16]; /* "x86_64", "aarch64"; empty when the word was a path and the query named none */
    bool code_packed, vars_packed; /* the descriptor's formats: qcow2, not raw */
    bool described;                /* a descriptor said what follows; a bare path says nothing */
    bool requires_smm;
    bool secure_boot;
    bool enrolled_keys;
};

/* The documented directories, highest priority first, as a NULL-terminated list; free with hf_firmware_dirs_free().
 * NULL when memory is short. */
char **hf_host_firmware_dirs(void);
void hf_firmware_dirs_free(char **dirs);

/* HF_ENOTFOUND: nothing has that name or those features. HF_EREFUSED: it is there, but of a kind that a container
 * does not hold (rule "stateless", "combined", "not-flash", "format"), or for another architecture or machine
 * ("architecture", "machine"). HF_EIO, HF_EDAMAGED (not JSON, or a field has the wrong type), HF_ENOMEM. `dirs` NULL:
 * hf_host_firmware_dirs(). */
int hf_host_firmware_find(const struct hf_host_firmware_query *query, char *const *dirs, struct hf_host_firmware *out,
                          struct hf_error *err);
/* The variables that the first descriptor of this code image names for it: a path; free() it. HF_ENOTFOUND, and the
 * errors of reading directories. */
int hf_host_firmware_template(const char *code, char *const *dirs, char **vars, struct hf_error *err);

/* The bytes of the code or of the variables (`vars`), unpacked; allocated. HF_EREFUSED "format": the file is not in the
 * format that its descriptor names, so that QEMU would give the guest something else. Otherwise as hf_bank_file_read().
 */
int hf_host_firmware_read(const struct hf_host_firmware *firmware, bool vars, uint64_t max, uint8_t **bytes,
                          uint64_t *size, struct hf_error *err);

void hf_host_firmware_done(struct hf_host_firmware *firmware);

#endif
