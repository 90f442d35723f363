/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's client. Freestanding: the only functions it may call are memcpy, memset, memcmp. */
#include <holdfast/fwcfg_client.h>

/* A file longer than this is the host's mistake: no firmware reads half a GiB of configuration. */
#define FILE_SIZE_MAX (512u << 20)

static size_t length_of(const char *text, size_t max)
{
    size_t n = 0;

    while (n < max && text[n] != '\0')
        n++;
    return n;
}

int hf_fwcfg_client_open(struct hf_fwcfg_client *c)
{
    uint8_t signature[4];
    hf_le32 id;

    c->dma = false;
    hf_fwcfg_client_item(c, HF_FWCFG_SIGNATURE, signature, sizeof signature);
    if (__builtin_memcmp(signature, "QEMU", 4) != 0)
        return -HF_ENOTFOUND;
    hf_fwcfg_client_item(c, HF_FWCFG_ID, &id, sizeof id);
    c->dma = c->bus->dma && (hf_le32_get(id) & HF_FWCFG_ID_DMA) != 0;
    return 0;
}

void hf_fwcfg_client_select(struct hf_fwcfg_client *c, uint16_t key)
{
    c->bus->select(c, key);
}

void hf_fwcfg_client_item(struct hf_fwcfg_client *c, uint16_t key, void *to, size_t size)
{
    c->bus->select(c, key);
    c->bus->read(c, to, size);
}

/* The next bytes of the selected item, which the caller knows to be there. */
static int take(struct hf_fwcfg_client *c, void *to, size_t size)
{
    if (c->dma)
        return c->bus->dma(c, HF_FWCFG_DMA_READ, to, (uint32_t)size);
    c->bus->read(c, to, size);
    return 0;
}

/* Rows are read one by one, so no buffer for a directory of unknown length is needed. */
int hf_fwcfg_client_list(struct hf_fwcfg_client *c, int (*each)(void *opaque, const struct hf_fwcfg_file *file),
                         void *opaque)
{
    hf_be32 count;
    uint32_t n;

    hf_fwcfg_client_item(c, HF_FWCFG_FILE_DIR, &count, sizeof count);
    n = hf_be32_get(count);
    if (n > HF_FWCFG_SLOTS_MAX)
        return -HF_EPROTO;
    for (; n != 0; n--) {
        struct hf_fwcfg_row row;
        struct hf_fwcfg_file file;
        int r;

        r = take(c, &row, sizeof row);
        if (r != 0)
            return r;
        if (length_of(row.name, sizeof row.name) == sizeof row.name)
            return -HF_EPROTO;
        file.size = hf_be32_get(row.size);
        file.key = hf_be16_get(row.key);
        __builtin_memcpy(file.name, row.name, sizeof file.name);
        r = each(opaque, &file);
        if (r != 0)
            return r;
    }
    return 0;
}

struct search {
    const char *name;
    size_t length;
    struct hf_fwcfg_file *ret;
};

static int is_it(void *opaque, const struct hf_fwcfg_file *file)
{
    const struct search *s = (const struct search *)opaque;

    if (__builtin_memcmp(file->name, s->name, s->length + 1) != 0)
        return 0;
    *s->ret = *file;
    return 1;
}

int hf_fwcfg_client_find(struct hf_fwcfg_client *c, const char *name, struct hf_fwcfg_file *ret)
{
    struct hf_fwcfg_file found;
    struct search s = {name, length_of(name, HF_FWCFG_NAME_SIZE), &found};
    int r;

    if (s.length == 0 || s.length == HF_FWCFG_NAME_SIZE)
        return -HF_EUSAGE;
    r = hf_fwcfg_client_list(c, is_it, &s);
    if (r == 0)
        return -HF_ENOTFOUND;
    if (r < 0)
        return r;
    if (found.size > FILE_SIZE_MAX)
        return -HF_EPROTO;
    *ret = found;
    return 0;
}

/* By register there is nothing to skip with but reading. */
static void skip_bytes(struct hf_fwcfg_client *c, uint32_t n)
{
    uint8_t ignored[64];

    for (uint32_t now; n != 0; n -= now) {
        now = n < sizeof ignored ? n : (uint32_t)sizeof ignored;
        c->bus->read(c, ignored, now);
    }
}

int hf_fwcfg_client_read_at(struct hf_fwcfg_client *c, const struct hf_fwcfg_file *file, uint32_t offset, void *buffer,
                            size_t size)
{
    if (offset > file->size || size > file->size - offset)
        return -HF_EUSAGE;
    if (size == 0)
        return 0;
    c->bus->select(c, file->key);
    skip_bytes(c, offset);
    return take(c, buffer, size);
}

int hf_fwcfg_client_read(struct hf_fwcfg_client *c, const struct hf_fwcfg_file *file, void *buffer, size_t size)
{
    if (size < file->size)
        return -HF_ENOMEM;
    return hf_fwcfg_client_read_at(c, file, 0, buffer, file->size);
}

int hf_fwcfg_client_write(struct hf_fwcfg_client *c, const struct hf_fwcfg_file *file, const void *bytes, size_t size)
{
    if (size > file->size)
        return -HF_EUSAGE;
    if (!c->dma) /* a write to the data register is lost on QEMU and fatal elsewhere */
        return -HF_EREFUSED;
    if (size == 0)
        return 0;
    c->bus->select(c, file->key);
    return c->bus->dma(c, HF_FWCFG_DMA_WRITE, (void *)(uintptr_t)bytes, (uint32_t)size);
}
