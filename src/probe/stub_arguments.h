/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The owner's arguments for QEMU without anything outside the machine: disks, networks, consoles, sounds and shared
 * directories lead nowhere, no file of the host is named, no secret is left. What the guest sees of its machine stays:
 * devices, addresses, memory, processors. So a machine of the same shape can be built anywhere, beside the guest or
 * where its disks are not, and the words can be kept.
 *
 * Left out: machine type and accelerator (the caller gives them), and whatever is not known to lead nowhere
 * (stub_allowed.h): passed-through devices, vhost-user, a TPM, properties that name files. Those are told.
 *
 * Pure; strangers' text in, words out. Any thread.
 */
#ifndef HF_STUB_ARGUMENTS_H
#define HF_STUB_ARGUMENTS_H

#include "words.h"

/* Both are to be freed with hf_words_done(). */
struct hf_stub {
    struct hf_words words;    /* QEMU's arguments */
    struct hf_words left_out; /* for people: "-device vfio-pci", one per option */
};

/* HF_EUSAGE: an option lacks its argument, or JSON cannot be read; HF_ENOMEM. The stub is empty then. */
int hf_stub_arguments(int argc, char *const *argv, struct hf_stub *ret, struct hf_error *err);
void hf_stub_done(struct hf_stub *stub);

/* As one line of JSON in ASCII, to be kept; free() it. NULL: no memory. */
char *hf_stub_dump(const struct hf_stub *stub);
/* HF_EDAMAGED: not what hf_stub_dump() writes. Words that a stub would not have are left out as ever: the text comes
 * from a container, which may be a stranger's. */
int hf_stub_load(const char *text, struct hf_stub *ret, struct hf_error *err);

#endif
