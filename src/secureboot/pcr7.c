/* SPDX-License-Identifier: BSD-2-Clause */
#include "pcr7.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include <holdfast/endian.h>

#include "cleanup.h"
#include "key_state.h"

_Static_assert(HF_PCR_SIZE == SHA256_DIGEST_LENGTH, "the bank of SHA-256");

/* UEFI_VARIABLE_DATA without name and data. */
struct variable_data {
    struct hf_guid vendor;
    hf_le64 name_chars, data_size;
};
_Static_assert(sizeof(struct variable_data) == 32, "UEFI_VARIABLE_DATA");

static void extend(uint8_t pcr[HF_PCR_SIZE], const void *bytes, size_t size)
{
    uint8_t both[2 * HF_PCR_SIZE];

    memcpy(both, pcr, HF_PCR_SIZE);
    (void)SHA256((const uint8_t *)bytes, size, both + HF_PCR_SIZE);
    (void)SHA256(both, sizeof both, pcr);
}

/* The name without its NUL. */
static int extend_variable(uint8_t pcr[HF_PCR_SIZE], const struct hf_guid *vendor, const uint8_t *name,
                           size_t name_size, const uint8_t *data, size_t data_size, struct hf_error *err)
{
    struct variable_data head = {
        .vendor = *vendor, .name_chars = hf_le64_of(name_size / 2), .data_size = hf_le64_of(data_size)};
    size_t size = sizeof head + name_size + data_size;
    hf_auto(hf_cleanup_free) uint8_t *event = (uint8_t *)malloc(size);

    if (!event)
        return hf_error_set(err, HF_ENOMEM, "event of %zu bytes: out of memory", size);
    memcpy(event, &head, sizeof head);
    memcpy(event + sizeof head, name, name_size);
    if (data_size)
        memcpy(event + sizeof head + name_size, data, data_size);
    extend(pcr, event, size);
    return 0;
}

/* One that does not exist is measured as empty. */
static int extend_keys(uint8_t pcr[HF_PCR_SIZE], enum hf_key_variable v, const struct hf_var *vars, size_t count,
                       struct hf_error *err)
{
    const struct hf_key_variable_info *info = hf_key_variable_info(v);
    const struct hf_var *var = hf_key_variable_in(v, vars, count);

    return extend_variable(pcr, &info->vendor, info->ucs2, info->ucs2_size - 2, var ? var->data : NULL,
                           var ? var->data_size : 0, err);
}

int hf_pcr7_predict(const struct hf_var *vars, size_t count, uint8_t pcr[HF_PCR_SIZE], struct hf_error *err)
{
    static const char name[] = "S\0e\0c\0u\0r\0e\0B\0o\0o\0t"; /* and the literal's NUL */
    static const uint8_t separator[4];
    uint8_t value[HF_PCR_SIZE] = {0}, on;
    struct hf_key_state state;
    int r = hf_key_state_read(vars, count, &state, err);

    if (r < 0)
        return r;
    on = state.mode == HF_KEYS_USER || state.mode == HF_KEYS_CUSTOM;
    hf_key_state_done(&state);
    r = extend_variable(value, &hf_key_variable_info(HF_KEY_PK)->vendor, (const uint8_t *)name, sizeof name, &on, 1,
                        err);
    for (int v = HF_KEY_PK; r == 0 && v <= HF_KEY_DBX; v++)
        r = extend_keys(value, (enum hf_key_variable)v, vars, count, err);
    if (r < 0)
        return r;
    extend(value, separator, sizeof separator);
    memcpy(pcr, value, sizeof value);
    return 0;
}
