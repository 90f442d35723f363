/* SPDX-License-Identifier: BSD-2-Clause */
#include "agreement.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"

/* As stored. */
struct record {
    hf_le32 layout;
    hf_le32 version;
    hf_le32 flags;
    hf_le32 status;
    struct hf_bits offered, asked, agreed;
};
_Static_assert(sizeof(struct record) == 112, "an agreement's record is 112 bytes");

#define LAYOUT 1
enum { ASKED = 1, LOCKED = 2, FLAGS = ASKED | LOCKED };

const char *hf_bits_text(const struct hf_bits *set, char text[HF_BITS_TEXT_SIZE])
{
    size_t at = 0;

    for (unsigned bit = 0; bit < HF_NEGOTIATE_BITS; bit++) {
        if (!hf_bits_has(set, bit))
            continue;
        if (at > HF_BITS_TEXT_SIZE - 10) {
            at += (size_t)snprintf(text + at, HF_BITS_TEXT_SIZE - at, ",...");
            break;
        }
        at += (size_t)snprintf(text + at, HF_BITS_TEXT_SIZE - at, "%s%u", at ? "," : "", bit);
    }
    if (at == 0)
        strcpy(text, "none");
    return text;
}

struct reading {
    struct hf_agreement *list;
    size_t count;
    struct hf_error *err;
};

static int read_one(void *ctx, const struct hf_contract *contract)
{
    struct reading *reading = ctx;
    struct hf_agreement *a = &reading->list[reading->count];
    struct record record;

    if (contract->size != sizeof record || strlen(contract->domain) >= sizeof a->domain)
        return hf_error_set(reading->err, HF_EDAMAGED, "contract '%.40s': invalid size of %zu bytes, expected %zu",
                            contract->domain, contract->size, sizeof record);
    memcpy(&record, contract->bytes, sizeof record);
    if (hf_le32_get(record.layout) != LAYOUT || (hf_le32_get(record.flags) & ~(uint32_t)FLAGS) ||
        hf_le32_get(record.status) >= HF_NEGOTIATE_STATUS_MAX)
        return hf_error_set(reading->err, HF_EDAMAGED, "contract '%.40s': unsupported layout (this version reads %d)",
                            contract->domain, LAYOUT);
    *a = (struct hf_agreement){
        .version = hf_le32_get(record.version),
        .asked_once = hf_le32_get(record.flags) & ASKED,
        .locked = hf_le32_get(record.flags) & LOCKED,
        .status = (enum hf_negotiate_status)hf_le32_get(record.status),
        .offered = record.offered,
        .asked = record.asked,
        .agreed = record.agreed,
    };
    strcpy(a->domain, contract->domain);
    reading->count++;
    return 0;
}

int hf_agreement_list(struct hf_container *c, struct hf_agreement list[HF_AGREEMENTS_MAX], size_t *count,
                      struct hf_error *err)
{
    struct reading reading = {.list = list, .err = err};
    int r = hf_contract_list(c, read_one, &reading, err);

    if (r == 0)
        *count = reading.count;
    return r;
}

int hf_agreement_put(struct hf_container *c, const struct hf_agreement *a, struct hf_error *err)
{
    struct record record = {
        .layout = hf_le32_of(LAYOUT),
        .version = hf_le32_of(a->version),
        .flags = hf_le32_of((a->asked_once ? ASKED : 0u) | (a->locked ? LOCKED : 0u)),
        .status = hf_le32_of(a->status),
        .offered = a->offered,
        .asked = a->asked,
        .agreed = a->agreed,
    };

    return hf_contract_set(c, a->domain, &record, sizeof record, err);
}
