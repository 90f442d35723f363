/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mailbox: a window of memory that the host's holdfast and the guest's firmware share, in VMMs that cannot be
 * extended (QEMU's ivshmem-plain, BAR 2). Specified in docs/mailbox.md; a change here changes that page.
 *
 *   page 0          written by the guest, read by the host
 *   page 1          written by the host, read by the guest
 *   pages 2 ...     written by the host: the directory of domains, then the files
 *
 * All integers are little endian. Every word that the other side polls is an aligned 32-bit word, written last. On
 * AArch64 the guest maps the window write-back and uses aligned 32-bit accesses only.
 */
#ifndef HF_MAILBOX_WIRE_H
#define HF_MAILBOX_WIRE_H

#include <stddef.h>

#include <holdfast/endian.h>
#include <holdfast/negotiate_wire.h>

#define HF_MAILBOX_PAGE       4096u
#define HF_MAILBOX_GUEST_AT   0u
#define HF_MAILBOX_HOST_AT    HF_MAILBOX_PAGE
#define HF_MAILBOX_DOMAINS_AT (2 * HF_MAILBOX_PAGE)
#define HF_MAILBOX_SIZE       (1u << 20) /* of the window; a power of two */
#define HF_MAILBOX_VERSION    1
#define HF_MAILBOX_FILES_MAX  32

#define HF_MAILBOX_GUEST_MAGIC "HFMG"
#define HF_MAILBOX_HOST_MAGIC  "HFMH"

/* How far the guest's firmware came in this boot. The guest only ever counts up; a reset takes it back to NONE. */
enum hf_mailbox_stage {
    HF_MAILBOX_STAGE_NONE = 0,
    HF_MAILBOX_STAGE_STARTED = 1,       /* the driver runs */
    HF_MAILBOX_STAGE_READY_TO_BOOT = 2, /* the firmware is about to try a boot option */
    HF_MAILBOX_STAGE_EXIT_BOOT = 3,     /* an operating system took over */
    HF_MAILBOX_STAGE_MAX,
};

/* The domain of the stages, version 1. STARTED is reported by whoever runs; the others when STAGES is agreed. */
#define HF_LIFECYCLE_DOMAIN         "lifecycle"
#define HF_LIFECYCLE_DOMAIN_VERSION 1
#define HF_LIFECYCLE_FEATURE_STAGES (UINT64_C(1) << 0)

/* What became of the linker script in this boot. */
enum hf_mailbox_loader {
    HF_MAILBOX_LOADER_NONE = 0, /* not there yet, or the domain acpi-loader was not agreed on */
    HF_MAILBOX_LOADER_INSTALLED = 1,
    HF_MAILBOX_LOADER_NO_FILES = 2,   /* the host agreed and then gave none */
    HF_MAILBOX_LOADER_BAD_FILES = 3,  /* rows or files that cannot be, or they changed all the time */
    HF_MAILBOX_LOADER_BAD_SCRIPT = 4, /* a command failed, or it was not about what was agreed on: nothing installed */
    HF_MAILBOX_LOADER_NO_MEMORY = 5,
    HF_MAILBOX_LOADER_REFUSED = 6, /* by the firmware's ACPI driver, or it has none: nothing installed */
    HF_MAILBOX_LOADER_MAX,
};

/* Page 0. To ask, the guest writes `request`, then makes `ask` a number that it was not before. */
struct hf_mailbox_guest {
    uint8_t magic[4]; /* "HFMG": the driver was here; written last of all when the driver starts */
    hf_le32 version;
    hf_le32 ask;        /* 0: nothing was asked */
    hf_le32 generation; /* of the host's half that the guest saw when it asked */
    hf_le32 stage;      /* enum hf_mailbox_stage */
    hf_le32 loader;     /* enum hf_mailbox_loader */
    uint8_t reserved[40];
    struct hf_negotiate_request request;
};
_Static_assert(sizeof(struct hf_mailbox_guest) == 160, "the guest's half is 160 bytes");
_Static_assert(offsetof(struct hf_mailbox_guest, ask) == 8, "ask is at 8");
_Static_assert(offsetof(struct hf_mailbox_guest, request) == 64, "the request is at 64");

/* Page 1. An answer is for `answered`; the guest takes it when that is its `ask` and `generation` is still what it was
 * when it asked, and asks again otherwise. */
struct hf_mailbox_host {
    uint8_t magic[4]; /* "HFMH" */
    hf_le32 version;
    hf_le32 generation; /* another one: the host's half was made anew (another host, another process) */
    hf_le32 answered;   /* written after `answer` */
    hf_le32 domains_at, domains_size;
    hf_le32 files_at;   /* rows of struct hf_mailbox_file; 0 while there are none */
    hf_le32 file_count; /* written after the files are all there; 0 until then */
    uint8_t reserved[32];
    struct hf_negotiate_answer answer;
};
_Static_assert(sizeof(struct hf_mailbox_host) == 128, "the host's half is 128 bytes");
_Static_assert(offsetof(struct hf_mailbox_host, answered) == 12, "answered is at 12");
_Static_assert(offsetof(struct hf_mailbox_host, answer) == 64, "the answer is at 64");

/* A file as fw_cfg would name it, for the linker/loader. */
struct hf_mailbox_file {
    char name[56]; /* NUL padded */
    hf_le32 at, size;
};
_Static_assert(sizeof(struct hf_mailbox_file) == 64, "a file's row is 64 bytes");

#endif
