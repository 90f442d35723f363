/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration: what the device consists of, until and after the seal. */
#include "fwcfg_internal.h"
#include "reserved.h"

static size_t aligned(size_t n)
{
    return (n + 15) & ~(size_t)15;
}

static unsigned slots_of(unsigned slots)
{
    return slots != 0 ? slots : HF_FWCFG_SLOTS_DEFAULT;
}

size_t hf_fwcfg_size(unsigned slots)
{
    size_t n = slots_of(slots);

    return aligned(sizeof(struct hf_fwcfg)) + aligned(n * sizeof(struct entry)) +
           aligned(FWCFG_KEY_ITEMS * sizeof(struct entry)) + aligned(2 * (HF_FWCFG_FILE_FIRST + n) * sizeof(uint16_t)) +
           aligned(HF_FWCFG_DIR_SIZE(n));
}

static int check_config(const struct hf_fwcfg_config *c, size_t size, struct hf_error *err)
{
    unsigned slots = slots_of(c->slots), width = c->data_width != 0 ? c->data_width : 8;

    if (!HF_RESERVED_IS_ZERO(c))
        return hf_error_set(err, HF_EUSAGE, "fw_cfg: the configuration's reserved members are not 0");
    if (slots < HF_FWCFG_SLOTS_MIN || slots > HF_FWCFG_SLOTS_MAX)
        return hf_error_set(err, HF_EUSAGE, "fw_cfg: invalid number of slots: %u; use %u to %u", slots,
                            (unsigned)HF_FWCFG_SLOTS_MIN, (unsigned)HF_FWCFG_SLOTS_MAX);
    if (width != 1 && width != 2 && width != 4 && width != 8)
        return hf_error_set(err, HF_EUSAGE, "fw_cfg: data register: invalid width of %u bytes; use 1, 2, 4 or 8",
                            width);
    if (c->dma && (!c->memory.read || !c->memory.write))
        return hf_error_set(err, HF_EUSAGE, "fw_cfg: DMA needs the functions that read and write guest memory");
    if (size < hf_fwcfg_size(slots))
        return hf_error_set(err, HF_ENOMEM, "fw_cfg: memory too small: %zu bytes for %u slots; %zu are needed", size,
                            slots, hf_fwcfg_size(slots));
    return 0;
}

static void *carve(uint8_t **at, size_t size)
{
    void *p = *at;

    *at += aligned(size);
    return p;
}

static void add_builtin(struct hf_fwcfg *d, uint16_t key, const void *data, uint32_t size)
{
    struct entry *e = &d->keyed[d->n_keyed++];

    e->data = (const uint8_t *)data;
    e->size = size;
    e->key = key;
    hf_fwcfg_map(d, key, e);
}

int hf_fwcfg_init(void *memory, size_t size, const struct hf_fwcfg_config *config, struct hf_fwcfg **ret,
                  struct hf_error *err)
{
    uint8_t *at = (uint8_t *)memory;
    struct hf_fwcfg *d;
    int r = check_config(config, size, err);

    if (r < 0)
        return r;
    if (!memory) /* init(malloc(size), ...) is how it is meant to be called */
        return hf_error_set(err, HF_ENOMEM, "fw_cfg: memory: NULL pointer");
    memset(memory, 0, hf_fwcfg_size(config->slots));
    d = (struct hf_fwcfg *)carve(&at, sizeof *d);
    d->config = *config;
    d->slots = slots_of(config->slots);
    d->data_width = config->data_width != 0 ? config->data_width : 8;
    d->files = (struct entry *)carve(&at, d->slots * sizeof(struct entry));
    d->keyed = (struct entry *)carve(&at, FWCFG_KEY_ITEMS * sizeof(struct entry));
    d->map = (uint16_t *)carve(&at, 2 * fwcfg_keys(d) * sizeof(uint16_t));
    d->directory = (uint8_t *)carve(&at, HF_FWCFG_DIR_SIZE(d->slots));
    add_builtin(d, HF_FWCFG_SIGNATURE, "QEMU", 4);
    add_builtin(d, HF_FWCFG_FILE_DIR, d->directory, (uint32_t)HF_FWCFG_DIR_SIZE(d->slots));
    r = hf_fwcfg_add_u32(d, HF_FWCFG_ID, HF_FWCFG_ID_TRADITIONAL | (config->dma ? HF_FWCFG_ID_DMA : 0), err);
    if (r < 0)
        return r;
    *ret = d;
    return 0;
}

void hf_fwcfg_map(struct hf_fwcfg *d, uint16_t key, const struct entry *e)
{
    size_t base = key & HF_FWCFG_KEY_ARCH_LOCAL ? fwcfg_keys(d) : 0;
    bool file = e >= d->files && e < d->files + d->slots;

    d->map[base + (key & HF_FWCFG_KEY_MASK)] =
        (uint16_t)(file ? (size_t)(e - d->files) + 1 : d->slots + (size_t)(e - d->keyed) + 1);
}

struct entry *hf_fwcfg_entry(const struct hf_fwcfg *d, uint16_t key)
{
    unsigned index = key & HF_FWCFG_KEY_MASK, n;

    if (key == HF_FWCFG_KEY_INVALID || index >= fwcfg_keys(d))
        return NULL;
    n = d->map[(key & HF_FWCFG_KEY_ARCH_LOCAL ? fwcfg_keys(d) : 0) + index];
    if (n == 0)
        return NULL;
    return n <= d->slots ? &d->files[n - 1] : &d->keyed[n - d->slots - 1];
}

struct entry *hf_fwcfg_named(const struct hf_fwcfg *d, const char *name)
{
    size_t n = strlen(name) + 1;

    for (unsigned i = 0; n <= HF_FWCFG_NAME_SIZE && i < d->n_files; i++)
        if (memcmp(d->files[i].name, name, n) == 0)
            return &d->files[i];
    return NULL;
}

static int check_bytes(const struct hf_fwcfg *d, const struct hf_fwcfg_item *it, const char *what, struct hf_error *err)
{
    if (d->sealed)
        return hf_error_set(err, HF_EUSAGE, "fw_cfg: '%s': the device is sealed; add everything before the seal", what);
    if (!HF_RESERVED_IS_ZERO(it))
        return hf_error_set(err, HF_EUSAGE, "fw_cfg: '%s': the item's reserved members are not 0", what);
    if (it->data && it->buffer)
        return hf_error_set(err, HF_EUSAGE, "fw_cfg: '%s': both data and buffer are given; give one of them", what);
    if (!it->data && !it->buffer && it->size != 0)
        return hf_error_set(err, HF_EUSAGE, "fw_cfg: '%s': %u bytes, but no data", what, it->size);
    if ((it->flags & (HF_FWCFG_WRITABLE | HF_FWCFG_TRAVELS)) && !it->buffer)
        return hf_error_set(err, HF_EUSAGE, "fw_cfg: '%s': an item that is writable or travels needs a buffer", what);
    if (it->capacity != 0 && it->capacity < it->size)
        return hf_error_set(err, HF_EUSAGE, "fw_cfg: '%s': size %u is over its capacity %u", what, it->size,
                            it->capacity);
    return 0;
}

static void fill_entry(struct entry *e, const struct hf_fwcfg_item *it)
{
    *e = (struct entry){.data = it->buffer ? (const uint8_t *)it->buffer : (const uint8_t *)it->data,
                        .buffer = (uint8_t *)it->buffer,
                        .size = it->size,
                        .capacity = it->capacity != 0 ? it->capacity : it->size,
                        .flags = it->flags | (it->flags & HF_FWCFG_WRITABLE ? HF_FWCFG_TRAVELS : 0u),
                        .key = it->key,
                        .on_select = it->on_select,
                        .on_write = it->on_write,
                        .opaque = it->opaque};
}

static int check_name(const char *name, struct hf_error *err)
{
    if (!name || *name == '\0')
        return hf_error_set(err, HF_EUSAGE, "fw_cfg: a file has no name");
    if (strlen(name) >= HF_FWCFG_NAME_SIZE)
        return hf_error_set(err, HF_EUSAGE, "fw_cfg: '%s' has %zu characters; a name has at most %u", name,
                            strlen(name), (unsigned)HF_FWCFG_NAME_SIZE - 1);
    return 0;
}

static bool is_opt(const char *name)
{
    return strlen(name) > 4 && memcmp(name, "opt/", 4) == 0;
}

int hf_fwcfg_check_user_name(const char *name, struct hf_error *err)
{
    int r = check_name(name, err);

    return r < 0 ? r : !is_opt(name);
}

static int check_file(const struct hf_fwcfg *d, const struct hf_fwcfg_item *it, struct hf_error *err)
{
    int r = check_name(it->name, err);

    if (r < 0)
        return r;
    if (is_opt(it->name) && !(it->flags & HF_FWCFG_USER))
        return hf_error_refuse(err, "opt-prefix",
                               "fw_cfg: '%s': names below opt/ belong to the machine's user; name it etc/...",
                               it->name);
    if (it->key != 0 && (it->key < 0x1a || it->key >= HF_FWCFG_FILE_FIRST))
        return hf_error_set(err, HF_EUSAGE, "fw_cfg: '%s': invalid fixed selector 0x%x; use 0x1a to 0x1f", it->name,
                            it->key);
    if (it->key != 0 && hf_fwcfg_entry(d, it->key))
        return hf_error_set(err, HF_EUSAGE, "fw_cfg: '%s': selector 0x%x is taken", it->name, it->key);
    if (hf_fwcfg_named(d, it->name))
        return hf_error_set(err, HF_EUSAGE, "fw_cfg: there are two files named '%s'", it->name);
    if (d->n_files == d->slots)
        return hf_error_set(err, HF_ENOSPC, "fw_cfg: no slot for '%s': all %u are taken", it->name, d->slots);
    return check_bytes(d, it, it->name, err);
}

/* Files with a fixed selector come last; the others by rank (legacy) or name. */
static bool comes_before(const struct hf_fwcfg *d, const struct entry *a, const struct entry *b)
{
    if ((a->key != 0) != (b->key != 0))
        return b->key != 0;
    if (d->config.order == HF_FWCFG_LEGACY && a->key == 0)
        return a->rank < b->rank;
    return memcmp(a->name, b->name, sizeof a->name) < 0; /* NUL padded */
}

int hf_fwcfg_add_file(struct hf_fwcfg *d, const struct hf_fwcfg_item *it, struct hf_error *err)
{
    struct entry e;
    unsigned at;
    int r = check_file(d, it, err);

    if (r < 0)
        return r;
    fill_entry(&e, it);
    memcpy(e.name, it->name, strlen(it->name) + 1);
    e.rank = it->rank != 0 ? it->rank : it->flags & HF_FWCFG_USER ? FWCFG_RANK_USER : hf_fwcfg_legacy_rank(it->name);
    for (at = d->n_files; at > 0 && comes_before(d, &e, &d->files[at - 1]); at--)
        d->files[at] = d->files[at - 1];
    d->files[at] = e;
    d->n_files++;
    if (e.key != 0)
        hf_fwcfg_map(d, e.key, &d->files[at]);
    return 0;
}

int hf_fwcfg_add_item(struct hf_fwcfg *d, const struct hf_fwcfg_item *it, struct hf_error *err)
{
    unsigned index = it->key & HF_FWCFG_KEY_MASK;
    bool arch = (it->key & HF_FWCFG_KEY_ARCH_LOCAL) != 0;
    int r;

    if (it->name || it->key & HF_FWCFG_KEY_WRITE || index >= (arch ? FWCFG_ARCH_KEYS : HF_FWCFG_FILE_DIR) ||
        index >= fwcfg_keys(d))
        return hf_error_set(err, HF_EUSAGE, "fw_cfg: invalid item key 0x%x; use 0x0 to 0x18 or 0x8000 to 0x%x", it->key,
                            HF_FWCFG_KEY_ARCH_LOCAL + FWCFG_ARCH_KEYS - 1u);
    if (hf_fwcfg_entry(d, it->key))
        return hf_error_set(err, HF_EUSAGE, "fw_cfg: there are two items with key 0x%x", it->key);
    r = check_bytes(d, it, "item", err);
    if (r < 0)
        return r;
    fill_entry(&d->keyed[d->n_keyed], it);
    hf_fwcfg_map(d, it->key, &d->keyed[d->n_keyed++]);
    return 0;
}

static int add_number(struct hf_fwcfg *d, uint16_t key, uint64_t value, uint32_t size, struct hf_error *err)
{
    hf_le64 bytes = hf_le64_of(value);
    struct hf_fwcfg_item it = {.key = key, .data = &bytes, .size = size};
    struct entry *e;
    int r = hf_fwcfg_add_item(d, &it, err);

    if (r < 0)
        return r;
    e = hf_fwcfg_entry(d, key);
    memcpy(e->number, &bytes, sizeof e->number);
    e->data = e->number;
    return 0;
}

int hf_fwcfg_add_u16(struct hf_fwcfg *d, uint16_t key, uint16_t value, struct hf_error *err)
{
    return add_number(d, key, value, 2, err);
}

int hf_fwcfg_add_u32(struct hf_fwcfg *d, uint16_t key, uint32_t value, struct hf_error *err)
{
    return add_number(d, key, value, 4, err);
}

int hf_fwcfg_add_u64(struct hf_fwcfg *d, uint16_t key, uint64_t value, struct hf_error *err)
{
    return add_number(d, key, value, 8, err);
}

void hf_fwcfg_list_file(struct hf_fwcfg *d, unsigned i)
{
    const struct entry *e = &d->files[i];
    struct hf_fwcfg_row row = {.size = hf_be32_of(e->size), .key = hf_be16_of(e->key)};

    memcpy(row.name, e->name, sizeof row.name);
    memcpy(d->directory + HF_FWCFG_DIR_SIZE(i), &row, sizeof row);
}

void hf_fwcfg_seal(struct hf_fwcfg *d)
{
    hf_be32 count = hf_be32_of(d->n_files);

    if (d->sealed)
        return;
    for (unsigned i = 0; i < d->n_files; i++) {
        struct entry *e = &d->files[i];

        if (e->key == 0) /* the files with fixed selectors stand behind all others, so these are dense */
            e->key = (uint16_t)(HF_FWCFG_FILE_FIRST + i);
        hf_fwcfg_map(d, e->key, e);
        hf_fwcfg_list_file(d, i);
    }
    memcpy(d->directory, &count, sizeof count);
    d->sealed = true;
}

int hf_fwcfg_find(const struct hf_fwcfg *d, const char *name, uint16_t *ret_key, uint32_t *ret_size)
{
    const struct entry *e = d->sealed ? hf_fwcfg_named(d, name) : NULL;

    if (!e)
        return -HF_ENOTFOUND;
    if (ret_key)
        *ret_key = e->key;
    if (ret_size)
        *ret_size = e->size;
    return 0;
}

void hf_fwcfg_set_bytes(struct hf_fwcfg *d, struct entry *e, const void *data, uint32_t size)
{
    bool file = e >= d->files && e < d->files + d->slots;

    if (e->buffer && size != 0 && data != e->buffer)
        memmove(e->buffer, data, size);
    if (!e->buffer)
        e->data = (const uint8_t *)data;
    e->size = size;
    if (d->sealed && file)
        hf_fwcfg_list_file(d, (unsigned)(e - d->files));
}

int hf_fwcfg_update(struct hf_fwcfg *d, const char *name, const void *data, uint32_t size, struct hf_error *err)
{
    struct entry *e = hf_fwcfg_named(d, name);

    if (!e)
        return hf_error_set(err, HF_ENOTFOUND, "fw_cfg: no file '%s' to update", name);
    if (!data && size != 0)
        return hf_error_set(err, HF_EUSAGE, "fw_cfg: '%s': %u bytes, but no data", name, size);
    if (e->buffer && size > e->capacity)
        return hf_error_set(err, HF_ENOSPC, "fw_cfg: '%s': %u bytes are over its capacity of %u", name, size,
                            e->capacity);
    hf_fwcfg_set_bytes(d, e, data, size);
    return 0;
}
