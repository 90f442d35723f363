/* SPDX-License-Identifier: BSD-2-Clause */
/* The two headers in front of the variables, judged as firmware judges them: OVMF erases a bank that fails. */
#ifndef HF_VARSTORE_HEADER_H
#define HF_VARSTORE_HEADER_H

#include <holdfast/endian.h>
#include <holdfast/flash_image.h>

#include "ftw.h"
#include "volume.h"

struct hf_store_header {
    struct hf_guid signature; /* says whether variables have the authenticated header */
    hf_le32 size;             /* of the region from this header on */
    uint8_t format, state;
    uint8_t reserved[6];
};
_Static_assert(sizeof(struct hf_store_header) == 28, "VARIABLE_STORE_HEADER");

enum { HF_STORE_FORMATTED = 0x5A, HF_STORE_HEALTHY = 0xFE };

extern const struct hf_guid hf_guid_authenticated, hf_guid_plain;

struct hf_varstore_header {
    enum hf_layout layout;
    bool authenticated;
    size_t store_at;   /* of the store header */
    size_t first, end; /* of the variables */
    struct hf_ftw ftw; /* read only when the layout is known */
    char problem[160];
};

/* Reads the headers of bytes[0..size). Returns 0, or -HF_EDAMAGED with the reason in `problem`; then layout and ftw
 * are still set when the sizes tell them, and first..end where variables may be looked for (0, 0 when nowhere).
 * With a pending write the headers are looked for where that write will have put them. */
int hf_varstore_header_read(const uint8_t *bytes, size_t size, struct hf_varstore_header *header);

/* Is this a bank whose own header is gone, because the power went while it was rewritten? */
bool hf_varstore_interrupted(const uint8_t *bytes, size_t size);

/* Writes both headers of an empty store of this layout; the caller has erased the bytes. */
void hf_varstore_header_write(uint8_t *bytes, enum hf_layout layout, bool authenticated);

#endif
