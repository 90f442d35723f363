/* SPDX-License-Identifier: BSD-2-Clause */
#include "digest.h"
#include "hex.h"

#include <stdlib.h>

#include <openssl/evp.h>

struct hf_digester {
    EVP_MD_CTX *evp;
};

/* libcrypto without SHA-256, or without memory for a context: no condition to handle at every call. */
static void must(int ok)
{
    if (!ok)
        abort();
}

struct hf_digest hf_digest_of(const void *bytes, size_t size)
{
    struct hf_digest digest;
    unsigned length;

    must(EVP_Digest(bytes, size, digest.b, &length, EVP_sha256(), NULL));
    return digest;
}

struct hf_digester *hf_digest_begin(void)
{
    struct hf_digester *d = (struct hf_digester *)malloc(sizeof *d);

    if (!d)
        return NULL;
    d->evp = EVP_MD_CTX_new();
    if (d->evp && EVP_DigestInit_ex(d->evp, EVP_sha256(), NULL))
        return d;
    EVP_MD_CTX_free(d->evp);
    free(d);
    return NULL;
}

void hf_digest_add(struct hf_digester *d, const void *bytes, size_t size)
{
    must(EVP_DigestUpdate(d->evp, bytes, size));
}

struct hf_digest hf_digest_end(struct hf_digester *d)
{
    struct hf_digest digest;
    unsigned length;

    must(EVP_DigestFinal_ex(d->evp, digest.b, &length));
    EVP_MD_CTX_free(d->evp);
    free(d);
    return digest;
}

char *hf_digest_text(const struct hf_digest *digest, char text[HF_DIGEST_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (unsigned i = 0; i < HF_DIGEST_SIZE; i++) {
        text[2 * i] = digits[digest->b[i] >> 4];
        text[2 * i + 1] = digits[digest->b[i] & 15];
    }
    text[HF_DIGEST_TEXT_SIZE - 1] = '\0';
    return text;
}

bool hf_digest_parse(const char *text, struct hf_digest *digest)
{
    struct hf_digest d;

    if (strlen(text) != HF_DIGEST_TEXT_SIZE - 1)
        return false;
    for (unsigned i = 0; i < HF_DIGEST_SIZE; i++) {
        int high = hf_hex_digit(text[2 * i]), low = hf_hex_digit(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        d.b[i] = (uint8_t)(high << 4 | low);
    }
    *digest = d;
    return true;
}
