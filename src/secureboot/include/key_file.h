/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys as people have them in files: certificates (PEM or DER), signature lists, signed updates. Pure. */
#ifndef HF_KEY_FILE_H
#define HF_KEY_FILE_H

#include "auth2.h"
#include "sig_chain.h"

enum hf_key_file_kind {
    HF_KEY_FILE_CERTIFICATES,
    HF_KEY_FILE_LISTS,
    HF_KEY_FILE_SIGNED,
};

struct hf_key_file {
    enum hf_key_file_kind kind;
    struct hf_sig_chain lists;
    struct hf_auth2 update; /* SIGNED only; points into the caller's bytes */
};

/* Tells what the file is by its bytes and reads it. Certificates get `owner`, Microsoft's get Microsoft's. Every entry
 * is checked: an X.509 entry is a certificate, a SHA-256 entry has 32 bytes. HF_EDAMAGED: none of these, or a broken
 * one; the text says what was found. HF_ENOMEM. */
int hf_key_file_read(const void *bytes, size_t size, const struct hf_guid *owner, struct hf_key_file *ret,
                     struct hf_error *err);
void hf_key_file_done(struct hf_key_file *file);

#endif
