/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-256 as a value, and its text. Images are named by it. */
#ifndef HF_DIGEST_H
#define HF_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HF_DIGEST_SIZE      32
#define HF_DIGEST_TEXT_SIZE 65 /* 64 lower-case hexadecimal digits and the NUL */

struct hf_digest {
    uint8_t b[HF_DIGEST_SIZE];
};

/* Digest of `size` bytes. Cannot fail: a libcrypto that cannot do it, or has no memory to, aborts. */
struct hf_digest hf_digest_of(const void *bytes, size_t size);

/* In pieces: begin, add ..., end. The context may be ended only once; end frees it. */
struct hf_digester;
struct hf_digester *hf_digest_begin(void); /* NULL: no memory */
void hf_digest_add(struct hf_digester *d, const void *bytes, size_t size);
struct hf_digest hf_digest_end(struct hf_digester *d);

/* Writes the 64 digits and a NUL into `text` and returns it. */
char *hf_digest_text(const struct hf_digest *digest, char text[HF_DIGEST_TEXT_SIZE]);

/* Reads exactly 64 hexadecimal digits; false when it is anything else. */
bool hf_digest_parse(const char *text, struct hf_digest *digest);

static inline bool hf_digest_equal(const struct hf_digest *a, const struct hf_digest *b)
{
    return memcmp(a->b, b->b, HF_DIGEST_SIZE) == 0;
}

#endif
