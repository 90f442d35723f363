/* SPDX-License-Identifier: BSD-2-Clause */
#include "load_option.h"

#include <stdlib.h>

#include <holdfast/devpath.h>

#include "cursor.h"

int hf_load_option_read(const void *bytes, size_t size, struct hf_load_option *ret, struct hf_error *err)
{
    struct hf_cursor c = hf_cursor_of(bytes, size);
    struct hf_load_option o = {.attributes = hf_cursor_le32(&c)};
    size_t start;

    o.path_size = hf_cursor_le16(&c);
    if (c.bad)
        return hf_error_set(err, HF_EDAMAGED, "invalid load option: %zu bytes; it has at least 8", size);
    start = c.at;
    while (hf_cursor_le16(&c) != 0)
        ;
    if (c.bad)
        return hf_error_set(err, HF_EDAMAGED, "invalid load option: the description has no NUL");
    o.description = (const uint8_t *)bytes + start;
    o.description_size = c.at - start;
    o.path = hf_cursor_take(&c, o.path_size);
    if (c.bad)
        return hf_error_set(err, HF_EDAMAGED, "invalid load option: a device path of %zu bytes; %zu follow",
                            o.path_size, size - start - o.description_size);
    if (hf_devpath_size(o.path, o.path_size) == 0)
        return hf_error_set(err, HF_EDAMAGED, "invalid load option: the device path has no end");
    o.data_size = hf_cursor_left(&c);
    o.data = hf_cursor_take(&c, o.data_size);
    *ret = o;
    return 0;
}

int hf_load_option_write(const struct hf_load_option *option, uint8_t **bytes, uint32_t *size, struct hf_error *err)
{
    size_t total = 6 + option->description_size + option->path_size + option->data_size;
    hf_le32 attributes = hf_le32_of(option->attributes);
    hf_le16 path_size = hf_le16_of((uint16_t)option->path_size);
    uint8_t *out, *p;

    if (option->path_size > UINT16_MAX || total > UINT32_MAX)
        return hf_error_set(err, HF_EUSAGE, "a device path of %zu bytes; the limit is %d", option->path_size,
                            UINT16_MAX);
    out = p = (uint8_t *)malloc(total);
    if (!out)
        return hf_error_set(err, HF_ENOMEM, "load option of %zu bytes: out of memory", total);
    memcpy(p, &attributes, 4);
    memcpy(p + 4, &path_size, 2);
    p += 6;
    memcpy(p, option->description, option->description_size);
    p += option->description_size;
    memcpy(p, option->path, option->path_size);
    if (option->data_size)
        memcpy(p + option->path_size, option->data, option->data_size);
    *bytes = out;
    *size = (uint32_t)total;
    return 0;
}
