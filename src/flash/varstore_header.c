/* SPDX-License-Identifier: BSD-2-Clause */
#include "varstore_header.h"

#include <string.h>

#include "cursor.h"
#include "format.h"

const struct hf_guid hf_guid_authenticated = HF_GUID(0xaaf32c78, 0x947b, 0x439a, 0xa180, 0x2e144ec37792);
const struct hf_guid hf_guid_plain = HF_GUID(0xddcf3616, 0x3275, 0x4164, 0x98b6, 0xfe85707ffe7d);

#define BAD(h, ...) (hf_format((h)->problem, sizeof(h)->problem, __VA_ARGS__), -HF_EDAMAGED)

static enum hf_layout layout_of_volume(uint64_t length)
{
    for (unsigned i = 0; i < HF_LAYOUT_MAX; i++) {
        const struct hf_layout_info *info = hf_layout_info((enum hf_layout)i);

        if (info && info->volume_size == length)
            return (enum hf_layout)i;
    }
    return HF_LAYOUT_UNKNOWN;
}

/* A bank whose header was lost in the middle of a rewrite: its working block still tells the layout. */
static enum hf_layout layout_of_work(const uint8_t *bytes, size_t size)
{
    for (unsigned i = 0; i < HF_LAYOUT_MAX; i++) {
        const struct hf_layout_info *info = hf_layout_info((enum hf_layout)i);
        struct hf_ftw ftw;

        if (!info || size < info->volume_size)
            continue;
        hf_ftw_read(bytes, size, info, &ftw);
        if (ftw.pending)
            return (enum hf_layout)i;
    }
    return HF_LAYOUT_UNKNOWN;
}

bool hf_varstore_interrupted(const uint8_t *bytes, size_t size)
{
    return layout_of_work(bytes, size) != HF_LAYOUT_UNKNOWN;
}

static int check_volume(const uint8_t *bytes, size_t size, const struct hf_layout_info *info,
                        struct hf_varstore_header *h, struct hf_volume *v)
{
    if (!hf_volume_open(bytes, size, v))
        return BAD(h, "no firmware volume header at offset 0");
    if (!hf_guid_equal(&v->filesystem, &hf_guid_nvdata))
        return BAD(h, "the firmware volume does not hold variables");
    if (v->header_length != sizeof(struct hf_volume_header))
        return BAD(h, "volume header: length %u, not %u", (unsigned)v->header_length,
                   (unsigned)sizeof(struct hf_volume_header));
    if (!v->checksum_ok)
        return BAD(h, "volume header: the checksum is wrong; firmware would erase the store");
    if (!info || v->length != info->volume_size)
        return BAD(h, "volume header: unknown length 0x%llx; known layouts have 0x20000, 0x84000 or 0xc0000",
                   (unsigned long long)v->length);
    if (v->revision != 2)
        return BAD(h, "volume header: revision %u, not 2", v->revision);
    if (v->block_size != info->block_size)
        return BAD(h, "volume header: block size 0x%x, not 0x%x", v->block_size, info->block_size);
    return 0;
}

static int check_store(const uint8_t *bytes, const struct hf_layout_info *info, struct hf_varstore_header *h)
{
    uint32_t want = info->vars_size - (uint32_t)sizeof(struct hf_volume_header);
    struct hf_store_header s;

    memcpy(&s, bytes + h->store_at, sizeof s);
    h->authenticated = hf_guid_equal(&s.signature, &hf_guid_authenticated);
    if (!h->authenticated && !hf_guid_equal(&s.signature, &hf_guid_plain))
        return BAD(h, "store header: unknown signature; firmware would erase the store");
    if (hf_le32_get(s.size) != want)
        return BAD(h, "store header: size 0x%x, not 0x%x", hf_le32_get(s.size), want);
    if (s.format != HF_STORE_FORMATTED || s.state != HF_STORE_HEALTHY)
        return BAD(h, "store header: format 0x%02x and state 0x%02x, not 0x5a and 0xfe", s.format, s.state);
    return 0;
}

int hf_varstore_header_read(const uint8_t *bytes, size_t size, struct hf_varstore_header *header)
{
    struct hf_varstore_header h = {0};
    const struct hf_layout_info *info;
    const uint8_t *front = bytes;
    size_t front_size = size;
    struct hf_volume v;
    int r;

    if (hf_volume_open(bytes, size, &v) && hf_guid_equal(&v.filesystem, &hf_guid_nvdata))
        h.layout = layout_of_volume(v.length);
    if (h.layout == HF_LAYOUT_UNKNOWN)
        h.layout = layout_of_work(bytes, size);
    info = hf_layout_info(h.layout);
    if (info && size < info->volume_size) {
        r = BAD(&h, "truncated: %llu bytes of %llu", (unsigned long long)size, (unsigned long long)info->volume_size);
        goto done;
    }
    if (info) {
        h.store_at = sizeof(struct hf_volume_header);
        h.first = h.store_at + sizeof(struct hf_store_header);
        h.end = info->vars_size;
        h.authenticated = true;
        hf_ftw_read(bytes, size, info, &h.ftw);
        if (h.ftw.pending && h.ftw.target == 0) {
            front = bytes + info->spare_at;
            front_size = info->spare_size;
        }
    }
    r = check_volume(front, front_size, info, &h, &v);
    if (r == 0 || info) {
        char said[sizeof h.problem];

        memcpy(said, h.problem, sizeof said);
        if (info && check_store(front, info, &h) < 0 && r == 0)
            r = -HF_EDAMAGED;
        else
            memcpy(h.problem, said, sizeof said);
    }
    if (r == 0 && h.ftw.problem)
        r = BAD(&h, "%s", h.ftw.problem);
done:
    *header = h;
    return r;
}

void hf_varstore_header_write(uint8_t *bytes, enum hf_layout layout, bool authenticated)
{
    const struct hf_layout_info *info = hf_layout_info(layout);
    struct hf_volume_header v = {
        .filesystem = hf_guid_nvdata,
        .length = hf_le64_of(info->volume_size),
        .signature = {'_', 'F', 'V', 'H'},
        .attributes = hf_le32_of(0x0004FEFF), /* what the builds' own templates have */
        .header_length = hf_le16_of(sizeof v),
        .revision = 2,
        .block_count = hf_le32_of((uint32_t)(info->volume_size / info->block_size)),
        .block_size = hf_le32_of(info->block_size),
    };
    struct hf_store_header s = {
        .signature = authenticated ? hf_guid_authenticated : hf_guid_plain,
        .size = hf_le32_of(info->vars_size - (uint32_t)sizeof v),
        .format = HF_STORE_FORMATTED,
        .state = HF_STORE_HEALTHY,
    };
    uint16_t sum = 0;

    for (size_t i = 0; i < sizeof v; i += 2)
        sum = (uint16_t)(sum + (((const uint8_t *)&v)[i] | ((const uint8_t *)&v)[i + 1] << 8));
    v.checksum = hf_le16_of((uint16_t)-sum);
    memcpy(bytes, &v, sizeof v);
    memcpy(bytes + sizeof v, &s, sizeof s);
}
