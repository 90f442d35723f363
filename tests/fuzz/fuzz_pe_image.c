/* SPDX-License-Identifier: BSD-2-Clause */
/* A program that somebody wants to have run under Secure Boot, and what it is judged by: every range that a digest is
 * over lies in the bytes. The first two bytes are the size of the lists, which come next; the rest is the program. */
#include "fuzz.h"

#include "image_trust.h"
#include "pe_image.h"

static void inside(const struct hf_pe_range *r, size_t size)
{
    MUST(r->at <= size && r->size <= size - r->at);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct hf_trust trust;
    struct hf_pe_image pe;
    struct hf_pe_range signature;
    size_t list, at = 0;

    if (size < 2)
        return 0;
    list = (size_t)(bytes[0] | bytes[1] << 8);
    list = list < size - 2 ? list : size - 2;
    trust = (struct hf_trust){.db = bytes + 2, .db_size = list, .dbx = bytes + 2, .dbx_size = list / 2};
    bytes += 2 + list;
    size -= 2 + list;
    (void)hf_image_judge(&trust, bytes, size, NULL, NULL);
    trust.dbx_size = 0;
    (void)hf_image_judge(&trust, bytes, size, NULL, NULL);
    if (hf_pe_open(bytes, size, &pe, NULL) < 0)
        return 0;
    for (size_t i = 0; i < pe.count; i++)
        inside(&pe.hashed[i], size);
    while (hf_pe_next_signature(&pe, &at, &signature))
        inside(&signature, size);
    return 0;
}
