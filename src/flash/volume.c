/* SPDX-License-Identifier: BSD-2-Clause */
#include "volume.h"

#include "cursor.h"

const struct hf_guid hf_guid_nvdata = HF_GUID(0xfff12b8d, 0x7696, 0x4c8b, 0xa985, 0x2747075b4f50);
const struct hf_guid hf_guid_ffs2 = HF_GUID(0x8c8ce578, 0x8a3d, 0x4f1c, 0x9935, 0x896185c32dd3);
const struct hf_guid hf_guid_ffs3 = HF_GUID(0x5473c07a, 0x3dcb, 0x4dca, 0xbd6f, 0x1e9689e7349a);
const struct hf_guid hf_guid_lzma = HF_GUID(0xee4e5898, 0x3914, 0x4259, 0x9d6e, 0xdc7bd79403cf);

static uint32_t le24(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

/* Where the files start: after the header, or after the extended header that names the volume. */
static void read_name(const uint8_t *bytes, size_t size, uint16_t ext, struct hf_volume *v)
{
    struct hf_cursor c = hf_cursor_of(bytes, size);
    struct hf_guid name;
    uint32_t ext_size;

    v->files_at = v->header_length;
    if (ext < v->header_length)
        return;
    hf_cursor_seek(&c, ext);
    hf_cursor_copy(&c, &name, sizeof name);
    ext_size = hf_cursor_le32(&c);
    if (c.bad || ext_size > size - ext)
        return;
    v->name = name;
    v->files_at = ((size_t)ext + ext_size + 7) & ~(size_t)7;
}

bool hf_volume_open(const uint8_t *bytes, size_t size, struct hf_volume *volume)
{
    struct hf_volume v = {0};
    struct hf_volume_header h;
    uint16_t sum = 0;

    if (size < sizeof h)
        return false;
    memcpy(&h, bytes, sizeof h);
    if (memcmp(h.signature, "_FVH", 4) != 0)
        return false;
    v.header_length = hf_le16_get(h.header_length);
    v.length = hf_le64_get(h.length);
    if (v.header_length < sizeof h - 8 || v.header_length > size || v.header_length % 2 || v.length < v.header_length)
        return false;
    for (size_t i = 0; i < v.header_length; i += 2)
        sum = (uint16_t)(sum + (bytes[i] | bytes[i + 1] << 8));
    v.checksum_ok = sum == 0;
    v.filesystem = h.filesystem;
    v.attributes = hf_le32_get(h.attributes);
    v.block_count = hf_le32_get(h.block_count);
    v.block_size = hf_le32_get(h.block_size);
    v.revision = h.revision;
    read_name(bytes, size, hf_le16_get(h.ext_header), &v);
    *volume = v;
    return true;
}

bool hf_volume_next(const uint8_t *bytes, size_t size, const struct hf_volume *volume, size_t *at,
                    struct hf_ffs_file *file)
{
    size_t limit = volume->length < size ? (size_t)volume->length : size, start = (*at + 7) & ~(size_t)7, header = 24;
    struct hf_ffs_file f = {.offset = start};
    uint64_t length;
    const uint8_t *p;

    if (!hf_range_ok(start, 24, limit))
        return false;
    p = bytes + start;
    length = le24(p + 20);
    if (p[19] & 1) { /* a large file keeps its size in 64 bits behind the header */
        struct hf_cursor c = hf_cursor_of(p, limit - start);

        header = 32;
        hf_cursor_seek(&c, 24);
        length = hf_cursor_le64(&c);
    }
    if (length < header || length == 0xFFFFFF || length > limit - start)
        return false;
    memcpy(&f.name, p, sizeof f.name);
    f.type = p[18];
    f.body = start + header;
    f.end = start + (size_t)length;
    *at = f.end;
    *file = f;
    return true;
}

bool hf_section_next(const uint8_t *bytes, size_t start, size_t end, size_t *at, struct hf_section *section)
{
    size_t from = start + ((*at - start + 3) & ~(size_t)3), header = 4;
    struct hf_section s = {0};
    uint64_t length;
    const uint8_t *p;

    if (!hf_range_ok(from, 8, end))
        return false;
    p = bytes + from;
    length = le24(p);
    if (length == 0xFFFFFF) {
        length = hf_le32_get(*(const hf_le32 *)(p + 4));
        header = 8;
    }
    if (length < header + 1)
        return false;
    s.type = p[3];
    s.end = length > end - from ? end : from + (size_t)length; /* cut short: the caller reads what is there */
    s.body = from + header;
    if (s.type == HF_SECTION_GUIDED) {
        uint16_t data;

        if (!hf_range_ok(header, 20, s.end - from))
            return false;
        memcpy(&s.guid, p + header, sizeof s.guid);
        data = hf_le16_get(*(const hf_le16 *)(p + header + 16));
        if (data < header + 20 || data > s.end - from)
            return false;
        s.body = from + data;
    }
    *at = s.end;
    *section = s;
    return true;
}

static uint16_t pe_machine(const uint8_t *bytes, size_t size)
{
    struct hf_cursor c = hf_cursor_of(bytes, size);
    uint32_t at;

    hf_cursor_seek(&c, 60);
    at = hf_cursor_le32(&c);
    hf_cursor_seek(&c, at);
    return hf_cursor_le32(&c) == 0x00004550 ? hf_cursor_le16(&c) : 0; /* "PE\0\0" */
}

uint16_t hf_section_machine(const uint8_t *bytes, size_t body, size_t end)
{
    struct hf_section s;
    size_t at = body;

    while (hf_section_next(bytes, body, end, &at, &s)) {
        const uint8_t *p = bytes + s.body;

        if (s.type == HF_SECTION_PE32)
            return pe_machine(p, s.end - s.body);
        if (s.type == HF_SECTION_TE && s.end - s.body >= 4 && p[0] == 'V' && p[1] == 'Z')
            return (uint16_t)(p[2] | p[3] << 8);
    }
    return 0;
}
