/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a firmware image is, and whether a code image and a variable store belong together: told from the bytes alone,
 * never from a file's name.
 *
 * Freestanding: bytes in, facts out. Nothing is allocated; the decompressor works in memory the caller lends. All
 * offsets and sizes are bytes. No state; any thread. Nothing here fails: what cannot be told is `unknown`, with a note.
 */
#ifndef HOLDFAST_FLASH_IMAGE_H
#define HOLDFAST_FLASH_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/error.h>
#include <holdfast/guid.h>

#ifdef __cplusplus
extern "C" {
#endif

enum hf_answer { HF_UNKNOWN, HF_NO, HF_YES };

enum hf_flash_kind {
    HF_FLASH_UNKNOWN,
    HF_FLASH_OVMF,     /* code for QEMU's x86 machines, maps so that it ends at 4 GiB */
    HF_FLASH_AAVMF,    /* code for QEMU's virt machine (ArmVirtQemu), maps at 0 */
    HF_FLASH_SEABIOS,  /* legacy BIOS, keeps no variables */
    HF_FLASH_QBOOT,    /* minimal BIOS, keeps no variables */
    HF_FLASH_VARS,     /* a variable store, formatted or blank */
    HF_FLASH_COMBINED, /* variables and code in one file (OVMF.fd): not usable as two banks */
    HF_FLASH_ROM,      /* a PCI option ROM */
    HF_FLASH_KIND_MAX,
};

enum hf_arch {
    HF_ARCH_UNKNOWN,
    HF_ARCH_I386,
    HF_ARCH_X86_64,
    HF_ARCH_ARM,
    HF_ARCH_AARCH64,
    HF_ARCH_RISCV64,
    HF_ARCH_LOONGARCH64,
    HF_ARCH_MAX
};

/* How a variable bank is divided. A code image is built for exactly one of them. */
enum hf_layout { HF_LAYOUT_UNKNOWN, HF_LAYOUT_NONE, HF_LAYOUT_2M, HF_LAYOUT_4M, HF_LAYOUT_AAVMF, HF_LAYOUT_MAX };

/* One row per layout that can be written. */
struct hf_layout_info {
    const char *name;     /* as on the command line: "2m", "4m", "aavmf" */
    uint64_t volume_size; /* the firmware volume that holds everything below */
    uint32_t block_size;  /* of the volume's block map */
    uint32_t vars_size;   /* offset 0: volume header, store header, variables */
    uint32_t work_at;     /* fault-tolerant write: working block */
    uint32_t work_size;
    uint32_t spare_at; /* fault-tolerant write: spare area */
    uint32_t spare_size;
    uint64_t bank_size; /* what QEMU's flash device wants; more than volume_size is padding */
    uint64_t base;      /* guest-physical address of offset 0 */
    /* The longest variable, header and name included, that firmware built for the layout writes: any, and one that is
     * authenticated. A longer one is read, and can never be changed from inside the guest. */
    uint32_t variable_max, authenticated_max;
};

/* NULL for HF_LAYOUT_UNKNOWN and HF_LAYOUT_NONE. */
HF_PUBLIC const struct hf_layout_info *hf_layout_info(enum hf_layout layout);
static inline uint32_t hf_layout_variable_max(const struct hf_layout_info *layout, bool authenticated)
{
    return authenticated ? layout->authenticated_max : layout->variable_max;
}
/* "2m", "4m", "aavmf" (either case); HF_LAYOUT_UNKNOWN otherwise. */
HF_PUBLIC enum hf_layout hf_layout_named(const char *name);

#define HF_FLASH_VOLUMES_MAX 16
#define HF_FLASH_ENTRIES_MAX 16

struct hf_flash_volume {
    uint64_t offset, length;
    struct hf_guid filesystem;
    struct hf_guid name; /* zeros when it has none */
    bool checksum_ok;
};

/* An entry of the GUIDed table below the reset vector (x86). */
struct hf_flash_entry {
    struct hf_guid guid;
    uint16_t size; /* of its payload */
};

struct hf_flash_image {
    enum hf_flash_kind kind;
    enum hf_arch arch;          /* what the guest's firmware runs as: the DXE core's, where it could be read; vars: of
                                   riscv64 and loongarch64, whose banks have sizes of their own */
    enum hf_layout layout;      /* code: the variables it was built for; vars: what they are */
    enum hf_answer needs_smm;   /* code only: refuses to boot without System Management Mode, where it keeps the
                                   variables: an operating system cannot write Secure Boot's keys past the firmware */
    enum hf_answer secure_boot; /* code only: where keys are enrolled, runs only what they vouch for */
    bool blank;                 /* vars: erased or zeros; firmware formats it at its first start */
    bool authenticated;         /* vars: the store has authenticated headers */
    bool header_ok;             /* vars: checksum and sizes are what firmware demands; else it erases the store */
    bool pending_write;         /* vars: an interrupted write waits in the spare area */
    uint64_t size;              /* of the bytes given */
    uint64_t bank_size;         /* of the flash device the image is for; 0 unknown; more than `size`: pad it */
    uint64_t base;         /* guest-physical address of offset 0 when attached as flash; 0 with bank_size 0 unknown */
    unsigned volume_count; /* at most HF_FLASH_VOLUMES_MAX are listed; the rest is only counted */
    struct hf_flash_volume volume[HF_FLASH_VOLUMES_MAX];
    unsigned entry_count;
    struct hf_flash_entry entry[HF_FLASH_ENTRIES_MAX];
    char version[64]; /* as built into the image; "" when there is none */
    char note[160];   /* why something is unknown, or what is odd; "" otherwise */
};

/* Working memory with which identification can look inside edk2's compressed volume (SMM, Secure Boot, architecture,
 * version). With less, or NULL, those fields stay unknown and `note` says so. */
#define HF_FLASH_WORK_SIZE (2560u * 1024u)

/* Never fails and never reads outside bytes[0..size). `*image` is filled completely. */
HF_PUBLIC void hf_flash_identify(const void *bytes, size_t size, void *work, size_t work_size,
                                 struct hf_flash_image *image);

/* What a file is that is no bank itself but may hold one (a disk image, a compressed file, a program), and what to do
 * about it, in one sentence; NULL for all else. hf_flash_identify() has asked: it leaves such a file unknown, with this
 * as its note. */
HF_PUBLIC const char *hf_flash_foreign(const void *bytes, size_t size);

/* Does this code work with these variables? */
struct hf_pairing {
    enum hf_answer fits;
    char why[256]; /* for no and unknown: the reason and the remedy; for yes: a remark, or "" */
};
HF_PUBLIC void hf_flash_pair(const struct hf_flash_image *code, const struct hf_flash_image *vars,
                             struct hf_pairing *pairing);

/* True for kinds that go into a code bank. */
HF_PUBLIC bool hf_flash_is_code(enum hf_flash_kind kind);

/* Short lower-case names for people and JSON; never NULL. */
HF_PUBLIC const char *hf_flash_kind_name(enum hf_flash_kind kind);
HF_PUBLIC const char *hf_arch_name(enum hf_arch arch); /* as QEMU spells it: "x86_64", "aarch64" */
HF_PUBLIC const char *hf_layout_name(enum hf_layout layout);
HF_PUBLIC const char *hf_answer_name(enum hf_answer answer);

#ifdef __cplusplus
}
#endif
#endif
