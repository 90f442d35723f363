/* SPDX-License-Identifier: BSD-2-Clause */
/* "Windows Authenticode Portable Executable Signature Format", and UEFI 2.10, 32.2.4. What lies behind the last section
 * belongs to what is signed, but for the table of signatures; firmware takes the table's size off the end for that. */
#include "pe_image.h"

#include "cursor.h"

#define SECTION_HEADER 40
#define PE32           0x10b
#define PE32_PLUS      0x20b
#define CHECKSUM_AT    64 /* in the optional header, as all below */
#define HEADERS_AT     60
#define SIGNATURES     4 /* number of their row in the directory */
#define ROW            8

#define TYPE_PKCS7 0x0002 /* WIN_CERTIFICATE */
#define TYPE_GUID  0x0ef1

struct layout {
    struct hf_cursor c; /* over the whole file */
    size_t optional, optional_size, sections;
    uint32_t section_count, headers, directory; /* where the directory is in the optional header */
    bool has_table;
};

static int broken(struct hf_error *err, const char *why)
{
    return hf_error_refuse(err, "secure-boot", "not a UEFI program: %s", why);
}

static int read_headers(struct layout *l, struct hf_error *err)
{
    struct hf_cursor *c = &l->c;
    uint32_t rows;
    uint16_t magic;

    hf_cursor_seek(c, 0x3c);
    hf_cursor_seek(c, hf_cursor_le32(c));
    if (hf_cursor_le32(c) != 0x4550 || c->bad)
        return broken(err, "no PE header");
    (void)hf_cursor_le16(c);
    l->section_count = hf_cursor_le16(c);
    (void)hf_cursor_take(c, 12);
    l->optional_size = hf_cursor_le16(c);
    (void)hf_cursor_le16(c);
    l->optional = c->at;
    l->sections = l->optional + l->optional_size;
    magic = hf_cursor_le16(c);
    if (magic != PE32 && magic != PE32_PLUS)
        return broken(err, "neither PE32 nor PE32+");
    l->directory = magic == PE32 ? 96 : 112;
    hf_cursor_seek(c, l->optional + HEADERS_AT);
    l->headers = hf_cursor_le32(c);
    hf_cursor_seek(c, l->optional + l->directory - 4);
    rows = hf_cursor_le32(c);
    l->has_table = rows > SIGNATURES;
    if (c->bad || l->optional_size < l->directory + (l->has_table ? (SIGNATURES + 1) * ROW : 0) ||
        l->section_count > HF_PE_SECTIONS_MAX || l->headers > c->size ||
        !hf_range_ok(l->sections, (uint64_t)l->section_count * SECTION_HEADER, l->headers))
        return broken(err, "invalid headers");
    return 0;
}

static void add(struct hf_pe_image *pe, size_t from, size_t to)
{
    pe->hashed[pe->count++] = (struct hf_pe_range){.at = from, .size = to - from};
}

/* All but the checksum and the table's row, which signing changes. */
static void hash_headers(const struct layout *l, struct hf_pe_image *pe)
{
    size_t row = l->optional + l->directory + SIGNATURES * ROW;

    add(pe, 0, l->optional + CHECKSUM_AT);
    add(pe, l->optional + CHECKSUM_AT + 4, l->has_table ? row : l->headers);
    if (l->has_table)
        add(pe, row + ROW, l->headers);
}

/* In the order of their bytes in the file. *sum grows by them. */
static int hash_sections(struct layout *l, struct hf_pe_image *pe, uint64_t *sum, struct hf_error *err)
{
    size_t first = pe->count;

    hf_cursor_seek(&l->c, l->sections);
    for (uint32_t i = 0; i < l->section_count; i++) {
        struct hf_cursor section = hf_cursor_sub(&l->c, SECTION_HEADER);
        struct hf_pe_range r;
        size_t at;

        hf_cursor_seek(&section, 16);
        r.size = hf_cursor_le32(&section);
        r.at = hf_cursor_le32(&section);
        if (section.bad || !hf_range_ok(r.at, r.size, l->c.size))
            return broken(err, "a section is outside the file");
        if (r.size == 0)
            continue;
        *sum += r.size;
        for (at = pe->count++; at > first && pe->hashed[at - 1].at > r.at; at--)
            pe->hashed[at] = pe->hashed[at - 1];
        pe->hashed[at] = r;
    }
    return 0;
}

static int find_table(struct layout *l, struct hf_pe_image *pe, struct hf_error *err)
{
    if (!l->has_table)
        return 0;
    hf_cursor_seek(&l->c, l->optional + l->directory + SIGNATURES * ROW);
    pe->table.at = hf_cursor_le32(&l->c);
    pe->table.size = hf_cursor_le32(&l->c);
    if (pe->table.size > 0 && !hf_range_ok(pe->table.at, pe->table.size, l->c.size))
        return broken(err, "its signatures are outside the file");
    return 0;
}

int hf_pe_open(const void *bytes, size_t size, struct hf_pe_image *ret, struct hf_error *err)
{
    struct layout l = {.c = hf_cursor_of(bytes, size)};
    struct hf_pe_image pe = {.bytes = (const uint8_t *)bytes};
    uint64_t sum;
    int r = read_headers(&l, err);

    if (r == 0)
        r = find_table(&l, &pe, err);
    if (r < 0)
        return r;
    hash_headers(&l, &pe);
    sum = l.headers;
    r = hash_sections(&l, &pe, &sum, err);
    if (r < 0)
        return r;
    if (sum > size - pe.table.size)
        return broken(err, "its sections and signatures overlap");
    if (sum < size - pe.table.size)
        add(&pe, (size_t)sum, size - pe.table.size);
    *ret = pe;
    return 0;
}

bool hf_pe_next_signature(const struct hf_pe_image *pe, size_t *at, struct hf_pe_range *pkcs7)
{
    static const uint8_t pkcs7_guid[16] = {0x9d, 0xd2, 0xaf, 0x4a, 0xdf, 0x68, 0xee, 0x49,
                                           0x8a, 0xa9, 0x34, 0x7d, 0x37, 0x56, 0x65, 0xa7};

    while (*at < pe->table.size) {
        size_t begin = pe->table.at + *at;
        struct hf_cursor c = hf_cursor_of(pe->bytes + begin, pe->table.size - *at), body;
        uint32_t length = hf_cursor_le32(&c);
        uint16_t type;
        const uint8_t *guid = NULL;

        (void)hf_cursor_le16(&c);
        type = hf_cursor_le16(&c);
        body = hf_cursor_sub(&c, length < 8 ? UINT32_MAX : length - 8);
        if (body.bad)
            return false;
        *at += ((size_t)length + 7) & ~(size_t)7; /* each begins at a multiple of 8 */
        if (type == TYPE_GUID)
            guid = hf_cursor_take(&body, sizeof pkcs7_guid);
        if (type != TYPE_PKCS7 && !(guid && memcmp(guid, pkcs7_guid, sizeof pkcs7_guid) == 0))
            continue;
        *pkcs7 = (struct hf_pe_range){.at = (size_t)(body.base + body.at - pe->bytes), .size = body.size - body.at};
        return true;
    }
    return false;
}
