/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A signed update of a variable: EFI_VARIABLE_AUTHENTICATION_2 (UEFI specification, 8.2.2), as DBXUpdate.bin,
 * KEKUpdate*.bin and *.auth files hold it: a time, a PKCS #7 signature, and behind them what is to be stored. Stored as
 * it is, it would destroy the variable.
 *
 * Pure; everything points into the caller's bytes.
 */
#ifndef HF_AUTH2_H
#define HF_AUTH2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/error.h>
#include <holdfast/guid.h>

struct hf_auth2 {
    const uint8_t *time;      /* EFI_TIME, 16 bytes */
    const uint8_t *signature; /* PKCS #7 SignedData in DER, with or without a ContentInfo around it */
    size_t signature_size;
    const uint8_t *payload; /* signature lists */
    size_t payload_size;
};

/* By its header: whether somebody meant it to be one. Signature lists, certificates and text are not. */
bool hf_auth2_is(const void *bytes, size_t size);

/* HF_EDAMAGED: the text names the field. The payload is not looked at. */
int hf_auth2_open(const void *bytes, size_t size, struct hf_auth2 *ret, struct hf_error *err);

/* Who signed it: the subject's common name of the first signer's certificate; "" when that is not inside. */
#define HF_AUTH2_SIGNER_SIZE 192
void hf_auth2_signer(const struct hf_auth2 *update, char signer[HF_AUTH2_SIGNER_SIZE]);

/* The variable that an update is for. The name has no NUL at its end here. */
struct hf_auth2_target {
    struct hf_guid vendor;
    const uint8_t *name; /* UCS-2 */
    size_t name_size;
    uint32_t attributes; /* of the request: with HF_VAR_APPEND for one that adds to the variable */
};

/* Whether firmware would take the update from a guest: its signature is good for this target and leads to one of the
 * certificates in `keys` (signature lists: the guest's KEK for db and dbx, its PK for KEK and PK). Dates of
 * certificates do not count, as in firmware. HF_EREFUSED "signature": the text says why not and names the signer. */
int hf_auth2_verify(const struct hf_auth2 *update, const struct hf_auth2_target *target, const void *keys,
                    size_t keys_size, struct hf_error *err);

#endif
