/* SPDX-License-Identifier: BSD-2-Clause */
/* Base64 with the usual alphabet and padding (RFC 4648, 4). */
#ifndef HF_BASE64_H
#define HF_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include <holdfast/error.h>

/* White space between the characters is allowed. *bytes is allocated. HF_EDAMAGED: the text names the place. */
int hf_base64_decode(const void *text, size_t size, uint8_t **bytes, size_t *bytes_size, struct hf_error *err);

/* One line without its end, and a NUL; allocated. */
int hf_base64_encode(const void *bytes, size_t size, char **text, struct hf_error *err);

#endif
