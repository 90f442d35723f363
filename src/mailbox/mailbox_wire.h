/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mailbox: a window of memory that the host's holdfast and the guest's firmware share, in VMMs that cannot be
 * extended (QEMU's ivshmem-plain, BAR 2). Specified in docs/mailbox.md; a change here changes that page.
 *
 *   page 0          written by the guest, read by the host
 *   page 1          written by the host, read by the guest
 *   pages 2 ...     written by the host: the directory of domains, then the files
 *   the last 64     written by the guest: a piece of an image that it sends
 *
 * All integers are little endian. Every word that the peer polls is an aligned 32-bit word, written last. On
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

#define HF_MAILBOX_ORDER_AT   512u                     /* on the guest's page: struct hf_mailbox_order */
#define HF_MAILBOX_REPLY_AT   (HF_MAILBOX_PAGE + 512u) /* on the host's page: struct hf_mailbox_reply */
#define HF_MAILBOX_PIECE_SIZE (256u << 10)             /* of an image, at most */
#define HF_MAILBOX_PIECE_AT   (HF_MAILBOX_SIZE - HF_MAILBOX_PIECE_SIZE)
#define HF_MAILBOX_IMAGE_MAX  (64u << 20) /* bytes of an image, whatever the guest */

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

/* The domain of the stages, version 1. STARTED is reported by the host; the others when STAGES is agreed. */
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

/*
 * Orders from inside the guest: what a tool in its operating system asks of holdfast. They need no agreement. One at a
 * time: the guest writes the order, then makes `number` one that it was not before, and waits for the reply's.
 */
enum hf_mailbox_command {
    HF_MAILBOX_STATUS = 1,   /* fills the reply; changes nothing */
    HF_MAILBOX_CONFIRM = 2,  /* as 'holdfast confirm' */
    HF_MAILBOX_ROLLBACK = 3, /* as 'holdfast rollback'; flags say which variables */
    HF_MAILBOX_BEGIN = 4,    /* an image is coming: `size`, `digest` (SHA-256). Forgets one that was coming before */
    HF_MAILBOX_PIECE = 5,    /* `length` bytes of it stand in the piece area and belong at `offset`: in order, no gap */
    HF_MAILBOX_END = 6,      /* all of it is there: stage it, as 'holdfast stage' */
    HF_MAILBOX_FORGET = 7,   /* the image that was coming */
    HF_MAILBOX_KEYS = 8,     /* stage the Secure Boot keys that the owner allowed, as 'holdfast keys update --stage' */
    HF_MAILBOX_COMMAND_MAX,
};

enum hf_mailbox_flag {
    HF_MAILBOX_TPM_AWARE = 1 << 0,          /* BEGIN, KEYS: as --tpm-aware */
    HF_MAILBOX_VARIABLES_FALLBACK = 1 << 1, /* ROLLBACK: as --variables=fallback */
    HF_MAILBOX_VARIABLES_CURRENT = 1 << 2,  /* ROLLBACK: as --variables=current */
    HF_MAILBOX_FLAGS = 7,
};

struct hf_mailbox_order {
    hf_le32 number;     /* 0: none yet; written last */
    hf_le32 generation; /* of the host's half that the guest saw */
    hf_le32 command;    /* enum hf_mailbox_command */
    hf_le32 flags;      /* enum hf_mailbox_flag */
    hf_le64 size;
    hf_le64 offset;
    hf_le32 length;
    uint8_t digest[32];
    uint8_t reserved[60]; /* zero */
};
_Static_assert(sizeof(struct hf_mailbox_order) == 128, "an order is 128 bytes");
_Static_assert(offsetof(struct hf_mailbox_order, digest) == 36, "the digest is at 36");

enum hf_mailbox_done {
    HF_MAILBOX_DONE_NONE = 0,
    HF_MAILBOX_DONE = 1,
    HF_MAILBOX_REFUSED = 2,       /* by a rule: `rule` names it, `text` says what to do */
    HF_MAILBOX_NOT_ALLOWED = 3,   /* the owner has not allowed this image: 'holdfast set G.hold guest-update=SHA256' */
    HF_MAILBOX_TOO_LARGE = 4,     /* for this guest's flash */
    HF_MAILBOX_BAD_ORDER = 5,     /* not an order, or not now: a piece that is not the next, an end before the last */
    HF_MAILBOX_NOT_THE_IMAGE = 6, /* what came has another digest */
    HF_MAILBOX_LATER = 7,         /* too many orders: again in `retry_ms` */
    HF_MAILBOX_FAILED = 8,        /* the host could not; `text` */
    HF_MAILBOX_DONE_MAX,
};

/* Secure Boot keys, as far as the host has some for the guest. */
enum hf_mailbox_keys {
    HF_MAILBOX_KEYS_STAGED = 1 << 0,  /* they wait for the next boot, alone or beside an image */
    HF_MAILBOX_KEYS_ALLOWED = 1 << 1, /* the owner lets the guest ask for a set */
    HF_MAILBOX_KEYS_OFFERED = 1 << 2, /* the same, and the guest lacks some of it, and nothing forbids it now */
};

enum hf_mailbox_answering { HF_MAILBOX_MODE_ALWAYS = 1, HF_MAILBOX_MODE_BOOT_ONLY = 2 };

/* `mode` stands there without any order. Every command but PIECE fills the facts. Texts are UTF-8, NUL padded. */
struct hf_mailbox_reply {
    hf_le32 number; /* of the order that this is for; written last */
    hf_le32 done;   /* enum hf_mailbox_done */
    hf_le32 mode;   /* enum hf_mailbox_answering; boot-only: nobody answers once boot services ended */
    hf_le32 retry_ms;
    hf_le64 received;                                 /* bytes of the image that is coming */
    hf_le32 life;                                     /* 0 steady, 1 staged, 2 trial, 3 rollback */
    hf_le32 boots_started, boots_failed, boots_limit; /* of the trial */
    hf_le32 keys;                                     /* enum hf_mailbox_keys */
    uint8_t reserved[20];
    uint8_t active[32], staged[32]; /* SHA-256 of the code; zeros: none */
    char active_label[64], staged_label[64];
    char rule[32];
    char text[224];
};
_Static_assert(sizeof(struct hf_mailbox_reply) == 512, "a reply is 512 bytes");
_Static_assert(offsetof(struct hf_mailbox_reply, active) == 64, "the digests are at 64");

/* A file as fw_cfg would name it, for the linker/loader. */
struct hf_mailbox_file {
    char name[56]; /* NUL padded */
    hf_le32 at, size;
};
_Static_assert(sizeof(struct hf_mailbox_file) == 64, "a file's row is 64 bytes");

#endif
