/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose a certificate is and how long it says to be valid, without a library for all the rest. Its bytes are hostile.
 */
#ifndef HF_GUEST_CERTIFICATE_H
#define HF_GUEST_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct certificate {
    char subject[192]; /* common name; "?" where there is no simple one. Not checked for control characters */
    char until[11];    /* "2038-06-13" */
};

/* False: no X.509 certificate in DER. */
bool certificate_read(const uint8_t *der, size_t size, struct certificate *ret);

#endif
