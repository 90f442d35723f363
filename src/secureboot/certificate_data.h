/* SPDX-License-Identifier: BSD-2-Clause */
/* The certificates of data/certificates, built in. */
#ifndef HF_CERTIFICATE_DATA_H
#define HF_CERTIFICATE_DATA_H

#include <stddef.h>
#include <stdint.h>

struct hf_certificate_file {
    const char *name; /* of the file, without ".pem" */
    const uint8_t *der;
    size_t size;
};

/* Ends with a NULL name. */
extern const struct hf_certificate_file hf_certificate_files[];

#endif
