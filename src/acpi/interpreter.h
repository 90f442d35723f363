/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all interpreters share: the decoded script, the files loaded so far, the machine's memory, the lists that become
 * the outcome. Each interpreter is a table of command handlers and a last step; see seabios.c, ovmf.c, qboot.c.
 */
#ifndef HF_ACPI_INTERPRETER_H
#define HF_ACPI_INTERPRETER_H

#include <holdfast/acpi_run.h>

#define HF_ACPI_TABLES_MAX 160u /* listed at most; OVMF installs at most 128 */

struct hf_acpi_machine {
    const struct hf_acpi_bundle *bundle;
    const struct hf_acpi_options *options;
    struct hf_acpi_memory memory;
    uint64_t fseg_next, low_top, high_top; /* FSEG grows up, the others down */
    struct hf_acpi_cmd *commands;
    size_t count;
    int32_t *blob_of; /* by file index: its blob, -1 before ALLOCATE */
    struct hf_acpi_blob *blobs;
    size_t blob_count;
    struct hf_acpi_fault *faults;
    size_t fault_count;
    struct hf_acpi_table *tables;
    size_t table_count;
    struct hf_acpi_told *told;
    size_t told_count;
    uint8_t *files; /* room for one copy of every file */
    uint64_t root;
};

/* A handler's answer: go on, or end the script here. */
enum hf_acpi_step { HF_ACPI_NEXT, HF_ACPI_END };
typedef enum hf_acpi_step hf_acpi_handler(struct hf_acpi_machine *m, uint32_t index, const struct hf_acpi_cmd *c);

struct hf_acpi_interpreter {
    const char *name;
    /* Before the first command: HF_ACPI_END when the firmware does not look at this script at all. */
    enum hf_acpi_step (*begin)(struct hf_acpi_machine *m);
    hf_acpi_handler *handlers[HF_ACPI_WRITE_POINTER + 1];
    hf_acpi_handler *unknown; /* any other command; NULL: skipped without a word */
    enum hf_acpi_verdict (*finish)(struct hf_acpi_machine *m, bool ended);
};
extern const struct hf_acpi_interpreter hf_acpi_seabios, hf_acpi_ovmf, hf_acpi_qboot;

void hf_acpi_fault_add(struct hf_acpi_machine *m, uint32_t index, enum hf_acpi_reason reason);

/* Memory for a file; 0 when there is none left. `align` of 0 asks for none. */
uint64_t hf_acpi_place(struct hf_acpi_machine *m, const struct hf_acpi_file *f, uint32_t align,
                       enum hf_acpi_place place);

/* Loads the file into a new blob at `address`. */
struct hf_acpi_blob *hf_acpi_load(struct hf_acpi_machine *m, int32_t file, uint64_t address, enum hf_acpi_place place);

/* The blob of a file index (which may be negative); NULL when it is not loaded. */
struct hf_acpi_blob *hf_acpi_blob_of(const struct hf_acpi_machine *m, int32_t file);

/* The bytes at a guest address and how many follow in the same blob; NULL when no blob is there. */
const uint8_t *hf_acpi_at(const struct hf_acpi_machine *m, uint64_t address, size_t *left);

void hf_acpi_told_add(struct hf_acpi_machine *m, uint32_t index, const struct hf_acpi_cmd *c, uint64_t value);

/* Adds to the tables the operating system finds; a fault when there are too many. */
void hf_acpi_table_add(struct hf_acpi_machine *m, uint64_t address, const uint8_t *bytes, uint32_t length, bool sound);

/* Walks from the RSDP at m->root as an operating system does and lists what it finds, with a fault for all that is not
 * sound; HF_ACPI_NONE, _DAMAGED, or _COMPLETE when there are no faults. */
enum hf_acpi_verdict hf_acpi_walk(struct hf_acpi_machine *m);

/* The same judgement on the tables listed already: faults when FADT or DSDT is missing. */
enum hf_acpi_verdict hf_acpi_judge(struct hf_acpi_machine *m);

/* Is there a valid RSDP at p? */
bool hf_acpi_is_rsdp(const uint8_t *p, size_t left);

#endif
