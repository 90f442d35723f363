/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "container.h"
#include "cursor.h"
#include "place.h"
#include "schema.h"

#define PAGE_SIZE 4096

/* Fields of SQLite's database header that are the same in every container, by offset. */
static const struct {
    uint8_t at, size;
    uint32_t value;
    const char *name;
} constants[] = {
    {16, 2, PAGE_SIZE, "page size"},         {20, 1, 0, "reserved space per page"},
    {21, 1, 64, "maximum payload fraction"}, {22, 1, 32, "minimum payload fraction"},
    {23, 1, 32, "leaf payload fraction"},    {44, 4, 4, "schema format"},
    {52, 4, 0, "auto-vacuum root page"},     {56, 4, 1, "text encoding"},
    {64, 4, 0, "incremental vacuum"},
};

static uint32_t field(const uint8_t *header, unsigned at, unsigned size)
{
    uint32_t n = 0;

    for (unsigned i = 0; i < size; i++)
        n = n << 8 | header[at + i];
    return n;
}

static int check_identity(const uint8_t *header, struct hf_error *err)
{
    uint32_t version = field(header, 60, 4), application = field(header, 68, 4);

    if (memcmp(header, "SQLite format 3", 16) != 0)
        return hf_error_set(err, HF_EDAMAGED, "not a container: not an SQLite database");
    if (application != HF_APPLICATION_ID)
        return hf_error_refuse(err, "foreign",
                               "not a container: an SQLite database with application id 0x%08x instead of 0x%08x",
                               (unsigned)application, HF_APPLICATION_ID);
    if (version == HF_USER_VERSION)
        return 0;
    if (version >> 16 == 0 || version >> 16 > (version & 0xffff))
        return hf_error_set(err, HF_EDAMAGED, "header: invalid format version 0x%08x", (unsigned)version);
    return hf_error_set(
        err, HF_EVERSION,
        "unsupported container format %u: it needs a reader of format %u; this program reads %u: update holdfast",
        (unsigned)(version & 0xffff), (unsigned)(version >> 16), HF_FORMAT);
}

int hf_header_check(const uint8_t header[100], uint64_t file_size, bool whole, struct hf_error *err)
{
    uint32_t pages = field(header, 28, 4);
    int r = check_identity(header, err);

    if (r < 0)
        return r;
    for (unsigned i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        uint32_t found = field(header, constants[i].at, constants[i].size);

        if (found != constants[i].value)
            return hf_error_set(err, HF_EDAMAGED, "header: %s is %u instead of %u", constants[i].name, (unsigned)found,
                                (unsigned)constants[i].value);
    }
    if (header[18] < 1 || header[18] > 2 || header[19] != header[18])
        return hf_error_set(err, HF_EDAMAGED,
                            "header: invalid write version %u, read version %u; expected both 1 or both 2", header[18],
                            header[19]);
    for (unsigned i = 72; i < 92; i++)
        if (header[i] != 0)
            return hf_error_set(err, HF_EDAMAGED, "header: byte %u is 0x%02x instead of zero", i, header[i]);
    if (file_size > HF_CONTAINER_MAX)
        return hf_error_set(err, HF_EDAMAGED, "too large: %llu bytes; the limit is %u", (unsigned long long)file_size,
                            HF_CONTAINER_MAX);
    if (whole && file_size != (uint64_t)pages * PAGE_SIZE)
        return hf_error_set(err, HF_EDAMAGED, "%llu bytes; the header says %u pages of %d: truncated or extended",
                            (unsigned long long)file_size, (unsigned)pages, PAGE_SIZE);
    return 0;
}
