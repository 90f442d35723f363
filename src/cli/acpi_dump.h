/* SPDX-License-Identifier: BSD-2-Clause */
/* A directory of dumped fw_cfg files as a bundle: DIR/etc/table-loader, DIR/etc/acpi/tables, ... */
#ifndef HF_ACPI_DUMP_H
#define HF_ACPI_DUMP_H

#include <holdfast/acpi_script.h>

struct hf_acpi_dump {
    struct hf_acpi_bundle bundle;
    struct hf_acpi_file *files;
    uint8_t *script;
};

/* Reads every regular file below `path`, named by its way from there and sorted by name, as QEMU lists them. What a
 * dump does not tell: which files are writable; those that WRITE_POINTER names are taken to be. Links and special files
 * are passed over. HF_ENOTFOUND: no directory, or no etc/table-loader in it; HF_EREFUSED: over a limit; HF_EIO. */
int hf_acpi_dump_open(const char *path, struct hf_acpi_dump *ret, struct hf_error *err);
void hf_acpi_dump_close(struct hf_acpi_dump *dump);

#endif
