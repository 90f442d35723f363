/* SPDX-License-Identifier: BSD-2-Clause */
#include "key_file.h"

#include <limits.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "cleanup.h"
#include "known_certificate.h"

void hf_key_file_done(struct hf_key_file *file)
{
    hf_sig_chain_done(&file->lists);
}

static int add_certificate(struct hf_key_file *file, const uint8_t *der, size_t size, const struct hf_guid *owner,
                           struct hf_error *err)
{
    struct hf_signature s = {.type = hf_sig_x509, .owner = *owner, .data = der, .size = (uint32_t)size};
    const struct hf_known_certificate *known;
    struct hf_certificate c;
    int r;

    if (size > HF_SIG_CHAIN_MAX)
        return hf_error_set(err, HF_EDAMAGED, "certificate too large: %zu bytes; the limit is %u", size,
                            HF_SIG_CHAIN_MAX);
    r = hf_certificate_read(der, size, &c, err);
    if (r < 0)
        return r;
    known = hf_known_certificate_find(c.sha256);
    if (known && known->microsoft)
        s.owner = hf_owner_microsoft;
    return hf_sig_chain_add(&file->lists, &s, err);
}

static int read_pem(struct hf_key_file *file, const void *bytes, size_t size, const struct hf_guid *owner,
                    struct hf_error *err)
{
    BIO *text = BIO_new_mem_buf(bytes, (int)size);
    char *name = NULL, *header = NULL;
    uint8_t *der = NULL;
    size_t found = 0;
    long n;
    int r = text ? 0 : hf_error_nomem(err);

    while (r == 0 && PEM_read_bio(text, &name, &header, &der, &n) == 1) {
        if (strcmp(name, "CERTIFICATE") == 0) {
            r = add_certificate(file, der, (size_t)n, owner, err);
            found++;
        }
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(der);
    }
    BIO_free(text);
    ERR_clear_error();
    if (r == 0 && found == 0)
        r = hf_error_set(err, HF_EDAMAGED, "PEM text without a complete CERTIFICATE");
    return r;
}

static int check_entries(const struct hf_sig_chain *lists, struct hf_error *err)
{
    struct hf_siglist walk = hf_siglist_of(lists->bytes, lists->size);
    struct hf_signature s;

    for (size_t n = 1; hf_siglist_next(&walk, &s); n++) {
        struct hf_certificate c;
        int r = 0;

        if (hf_guid_equal(&s.type, &hf_sig_x509))
            r = hf_certificate_read(s.data, s.size, &c, err);
        else if (hf_guid_equal(&s.type, &hf_sig_sha256) && s.size != HF_CERTIFICATE_SHA256)
            r = hf_error_set(err, HF_EDAMAGED, "SHA-256 digest: invalid size of %u bytes", s.size);
        if (r < 0)
            return hf_error_prefix(err, r, "signature list, entry %zu: ", n);
    }
    return 0;
}

static int read_lists(struct hf_key_file *file, const void *bytes, size_t size, struct hf_error *err)
{
    int r = hf_sig_chain_load(bytes, size, &file->lists, err);

    return r < 0 ? r : check_entries(&file->lists, err);
}

static int read_any(struct hf_key_file *file, const void *bytes, size_t size, const struct hf_guid *owner,
                    struct hf_error *err)
{
    static const char begin[] = "-----BEGIN ";
    int r;

    if (size == 0)
        return hf_error_set(err, HF_EDAMAGED, "empty file");
    if (size > INT_MAX)
        return hf_error_set(err, HF_EDAMAGED, "key file too large: %zu bytes", size);
    if (hf_auth2_is(bytes, size)) {
        file->kind = HF_KEY_FILE_SIGNED;
        r = hf_auth2_open(bytes, size, &file->update, err);
        return r < 0 ? r : read_lists(file, file->update.payload, file->update.payload_size, err);
    }
    if (memmem(bytes, size, begin, sizeof begin - 1))
        return read_pem(file, bytes, size, owner, err);
    if (*(const uint8_t *)bytes == 0x30)
        return add_certificate(file, (const uint8_t *)bytes, size, owner, err);
    file->kind = HF_KEY_FILE_LISTS;
    r = read_lists(file, bytes, size, err);
    return r < 0 ? hf_error_prefix(err, r,
                                   "neither a certificate (PEM, DER) nor a signed update; read as signature "
                                   "lists: ")
                 : 0;
}

int hf_key_file_read(const void *bytes, size_t size, const struct hf_guid *owner, struct hf_key_file *ret,
                     struct hf_error *err)
{
    struct hf_key_file file = {.kind = HF_KEY_FILE_CERTIFICATES};
    int r = read_any(&file, bytes, size, owner, err);

    if (r < 0)
        hf_key_file_done(&file);
    else
        *ret = file;
    return r;
}
