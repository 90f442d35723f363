/* SPDX-License-Identifier: BSD-2-Clause */
#include "secure_boot.h"

static const struct hf_guid global = HF_GUID(0x8be4df61, 0x93ca, 0x11d2, 0xaa0d, 0x00e098032b8c);
static const struct hf_guid switches = HF_GUID(0xf0a30bc7, 0xaf08, 0x4556, 0x99c4, 0x001009c93a44);

/* UCS-2; the literal's own NUL is the second byte of the last character. */
static const uint8_t pk[] = "P\0K\0\0";
static const uint8_t enable[] = "S\0e\0c\0u\0r\0e\0B\0o\0o\0t\0E\0n\0a\0b\0l\0e\0\0";

bool hf_secure_boot_enforced(const struct hf_variables *v)
{
    const struct hf_var *on;

    if (!v->readable || !hf_varstore_find(&v->store, &global, pk, sizeof pk))
        return false;
    on = hf_varstore_find(&v->store, &switches, enable, sizeof enable);
    return !on || on->data_size != 1 || on->data[0] != 0;
}
