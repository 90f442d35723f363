/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VMM's side of the ACPI linker/loader: one description of tables and data, and out of it the script and the files
 * for the firmware that is about to read them: the baseline of 2013 that everybody understands, or the extended form
 * for as many bits as were agreed.
 *
 * A *part* becomes one fw_cfg file. It holds ACPI tables, or (flag DATA) something else: a device's page, a log. A
 * *pointer* is a field of one part that must hold the address of a place in another. A *checksum* is a byte that makes
 * a range sum to zero. A *tell* asks the firmware to write an address to a writable fw_cfg file of the host.
 *
 * What the builder takes off the VMM's hands:
 *  - order: allocations, pointers, checksums from the inside out, tells;
 *  - zones: a part may lie above 4 GiB when every pointer and tell to it is 8 bytes wide and 64BIT is agreed;
 *  - suppressors: OVMF installs whatever a pointer leads to if its bytes 4 to 7 look like a length and the sum is
 *    right. Where a pointer leads to data that could be mistaken so, and NOACPI is not agreed, the file begins with a
 *    gap of zeros, the pointer leads to the gap, and the distance from there to the data is stored in the pointer's
 *    *bias* field, which the reader (AML, as a rule) adds. With NOACPI there is no gap and the bias is 0. So the
 *    device's own bytes hold no suppressor. A pointer without a bias field must lead to bytes that are harmless.
 *
 * Same description and bits: same output, byte for byte. Nothing is allocated: arrays and room are the caller's.
 * Freestanding, no state, any thread.
 */
#ifndef HOLDFAST_ACPI_BUILD_H
#define HOLDFAST_ACPI_BUILD_H

#include <holdfast/acpi_script.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HF_ACPI_PART_FSEG (1u << 0) /* must lie in the F segment: the RSDP */
#define HF_ACPI_PART_DATA (1u << 1) /* holds no ACPI table */

#define HF_ACPI_GAP 40u /* bytes of a suppressor: a table's header, rounded up to 8; more where `align_data` asks */

struct hf_acpi_part {
    const char *file; /* fw_cfg name, at most 55 bytes, used once */
    const uint8_t *bytes;
    size_t size;
    uint32_t align;      /* of the file in memory: a power of two up to 4096 */
    uint32_t align_data; /* of the data behind a gap; 0 for 8; at most `align` */
    size_t multiple;     /* the file is padded with zeros to a multiple of this; 0 for none */
    unsigned flags;
};

struct hf_acpi_pointer {
    uint32_t part;   /* holds the field */
    uint32_t offset; /* of the field in the part's bytes */
    uint32_t size;   /* 4 or 8 */
    uint32_t target_part;
    uint32_t target_offset; /* below the target's size */
    uint32_t bias_offset;   /* in `part` as well */
    uint32_t bias_size;     /* 1, 2, 4, 8, or 0: the reader adds nothing */
};

struct hf_acpi_checksum {
    uint32_t part;
    uint32_t result; /* inside the range; its value in the part's bytes does not matter */
    uint32_t start, length;
};

struct hf_acpi_tell {
    const char *file; /* a writable fw_cfg file */
    uint32_t file_offset;
    uint32_t size; /* 4 or 8 */
    uint32_t target_part;
    uint32_t target_offset; /* of the data itself; the host is told where the data is, never the gap */
};

struct hf_acpi_description {
    const struct hf_acpi_part *parts;
    const struct hf_acpi_pointer *pointers;
    const struct hf_acpi_checksum *checksums;
    const struct hf_acpi_tell *tells;
    size_t part_count, pointer_count, checksum_count, tell_count;
    size_t script_multiple; /* the script is padded with zeros to a multiple of this; 0 for none */
    uint64_t reserved[2];   /* 0; for members of later versions. Anything else is HF_EUSAGE */
};

struct hf_acpi_built {
    uint64_t features;                /* the bits that were allowed */
    struct hf_acpi_file script;       /* etc/table-loader */
    const struct hf_acpi_file *files; /* one per part, in the parts' order */
    size_t count;
};

/* Bytes that hf_acpi_build() may need for this description, whatever the features. */
HF_PUBLIC size_t hf_acpi_build_room(const struct hf_acpi_description *d);

/* Builds into `room`; *ret points into it and into the description. `features` are the agreed HF_ACPI_FEATURE bits;
 * bits that this version does not know are refused. HF_EUSAGE: the description's reserved members are not 0.
 * HF_EREFUSED: the description breaks a rule (rule "description", "suppressor" or "limits"); the text names the part or
 * link by number. HF_ENOMEM: the room is too small. */
HF_PUBLIC int hf_acpi_build(const struct hf_acpi_description *d, uint64_t features, void *room, size_t size,
                            struct hf_acpi_built *ret, struct hf_error *err);

/* The bundle that firmware sees: the built files, followed by `more` (other fw_cfg files, the tells' destinations among
 * them). `into` must hold built->count + more_count files and is what the bundle points to. */
HF_PUBLIC struct hf_acpi_bundle hf_acpi_built_bundle(const struct hf_acpi_built *built, const struct hf_acpi_file *more,
                                                     size_t more_count, struct hf_acpi_file *into);

/*
 * When to build: once per reset, when firmware first selects one of the files, with what was agreed by then. So the
 * tables show what the firmware programmed before it asked, and the script never says more than this firmware
 * understands. What was built before a migration stays as it is until the next reset; it travels as file contents.
 *
 *        reset                 first select                    reset
 *   --------------> [ due ] -----------------> [ built ] -----------------> [ due ] ...
 *                      ^                           |
 *                      '---- load (not built) -----+---- load (built) ----> [ built ]
 */
struct hf_acpi_lazy {
    bool built;
    uint64_t features; /* with which, when built */
};

#define HF_ACPI_LAZY_SIZE 16u /* bytes of the saved state */

/* True exactly once per reset: the caller builds now, with `agreed`, and replaces the files' contents. */
HF_PUBLIC bool hf_acpi_lazy_select(struct hf_acpi_lazy *l, uint64_t agreed);
HF_PUBLIC void hf_acpi_lazy_reset(struct hf_acpi_lazy *l);
HF_PUBLIC void hf_acpi_lazy_save(const struct hf_acpi_lazy *l, uint8_t bytes[HF_ACPI_LAZY_SIZE]);
/* HF_EPROTO: not a saved state. HF_EVERSION: of a later version. HF_EREFUSED (rule "feature"): built with bits that
 * this version does not know: a destination that would rebuild less than the firmware was promised. */
HF_PUBLIC int hf_acpi_lazy_load(struct hf_acpi_lazy *l, const uint8_t bytes[HF_ACPI_LAZY_SIZE], struct hf_error *err);

#ifdef __cplusplus
}
#endif
#endif
