/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocates, patches, sums, tells; then counts the tables that the RSDP leads to. A firmware's own loader is longer,
 * but does these four things. Anything that it does not understand ends it: half a set of tables is worse than none.
 */
#include "loader.h"

#include "console.h"

#include <holdfast/acpi_script.h>

#define FILES_MAX  16
#define SCRIPT_MAX 0x4000u
#define HIGH_BASE  0x200000u
#define FSEG_BASE  0xf0000u

struct loaded {
    char name[HF_ACPI_NAME_SIZE];
    uint8_t *at;
    uint32_t size;
};

struct loader {
    struct hf_fwcfg_client *client;
    struct loaded files[FILES_MAX];
    unsigned n;
    uintptr_t high, fseg; /* the next free byte of each zone */
};

static const struct loaded *find(const struct loader *l, const char *name)
{
    for (unsigned i = 0; i < l->n; i++)
        if (__builtin_memcmp(l->files[i].name, name, HF_ACPI_NAME_SIZE) == 0)
            return &l->files[i];
    return NULL;
}

static int allocate(struct loader *l, const struct hf_acpi_record *c)
{
    uint8_t zone = c->u.allocate.zone & (uint8_t)~HF_ACPI_CONTENT_NOACPI;
    uint32_t align = hf_le32_get(c->u.allocate.align);
    uintptr_t *next = zone == HF_ACPI_ZONE_FSEG ? &l->fseg : &l->high;
    struct loaded *f = &l->files[l->n];
    struct hf_fwcfg_file file;
    int r;

    if (l->n == FILES_MAX || zone < HF_ACPI_ZONE_HIGH || zone > HF_ACPI_ZONE_64BIT || align == 0 ||
        (align & (align - 1)) != 0)
        return -HF_EPROTO;
    r = hf_fwcfg_client_find(l->client, c->u.allocate.file, &file);
    if (r < 0)
        return r;
    *next = (*next + align - 1) & ~(uintptr_t)(align - 1);
    if (zone == HF_ACPI_ZONE_FSEG && file.size > 0x100000u - *next)
        return -HF_ENOMEM;
    __builtin_memcpy(f->name, c->u.allocate.file, sizeof f->name);
    f->at = (uint8_t *)*next;
    f->size = file.size;
    *next += file.size;
    l->n++;
    say("  %s at 0x%x, zone %d%s\n", f->name, (unsigned)(uintptr_t)f->at, zone,
        c->u.allocate.zone & HF_ACPI_CONTENT_NOACPI ? ", no tables" : "");
    return hf_fwcfg_client_read(l->client, &file, f->at, file.size);
}

static int add_pointer(const struct loader *l, const struct hf_acpi_record *c)
{
    const struct loaded *dest = find(l, c->u.pointer.dest), *src = find(l, c->u.pointer.src);
    uint32_t offset = hf_le32_get(c->u.pointer.offset);
    uint8_t size = c->u.pointer.size;
    hf_le64 value = hf_le64_of(0);

    if (!dest || !src || (size != 4 && size != 8) || offset > dest->size || size > dest->size - offset)
        return -HF_EPROTO;
    __builtin_memcpy(value.b, dest->at + offset, size);
    value = hf_le64_of(hf_le64_get(value) + (uintptr_t)src->at);
    __builtin_memcpy(dest->at + offset, value.b, size);
    return 0;
}

static int add_checksum(const struct loader *l, const struct hf_acpi_record *c)
{
    const struct loaded *f = find(l, c->u.checksum.file);
    uint32_t result = hf_le32_get(c->u.checksum.result), start = hf_le32_get(c->u.checksum.start),
             length = hf_le32_get(c->u.checksum.length);

    if (!f || result >= f->size || start > f->size || length > f->size - start)
        return -HF_EPROTO;
    for (uint32_t i = 0; i < length; i++)
        f->at[result] = (uint8_t)(f->at[result] - (start + i == result ? 0 : f->at[start + i]));
    return 0;
}

/* Tells the host where something is: a DMA write to a file of its own, at an offset. */
static int write_pointer(const struct loader *l, const struct hf_acpi_record *c)
{
    const struct loaded *src = find(l, c->u.write.src);
    uint64_t address = (uintptr_t)(src ? src->at : NULL) + hf_le32_get(c->u.write.src_offset);
    hf_le64 value = hf_le64_of(address);
    struct hf_fwcfg_file file;
    int r = hf_fwcfg_client_find(l->client, c->u.write.dest, &file);

    if (r < 0)
        return r;
    if (!src || hf_le32_get(c->u.write.dest_offset) != 0 || c->u.write.size > sizeof value)
        return -HF_EPROTO;
    say("  told the host: 0x%x in %s\n", (unsigned)address, file.name);
    return hf_fwcfg_client_write(l->client, &file, &value, c->u.write.size);
}

static int obey(struct loader *l, const struct hf_acpi_record *c)
{
    switch (hf_le32_get(c->command)) {
    case HF_ACPI_PADDING:
        return 0;
    case HF_ACPI_ALLOCATE:
        return allocate(l, c);
    case HF_ACPI_ADD_POINTER:
        return add_pointer(l, c);
    case HF_ACPI_ADD_CHECKSUM:
        return add_checksum(l, c);
    case HF_ACPI_WRITE_POINTER:
        return write_pointer(l, c);
    default:
        return -HF_EPROTO;
    }
}

static uint8_t sum(const uint8_t *bytes, uint32_t size)
{
    uint8_t s = 0;

    while (size-- != 0)
        s = (uint8_t)(s + *bytes++);
    return s;
}

static uint32_t word_at(const uint8_t *p)
{
    hf_le32 v;

    __builtin_memcpy(&v, p, sizeof v);
    return hf_le32_get(v);
}

/* From the RSDP through the RSDT: every table must be whole. */
static int report(const struct loader *l)
{
    const uint8_t *rsdp = (const uint8_t *)FSEG_BASE, *rsdt, *table;
    uint32_t n;

    if (l->fseg == FSEG_BASE || __builtin_memcmp(rsdp, "RSD PTR ", 8) != 0 || sum(rsdp, 20) != 0)
        return -HF_EDAMAGED;
    rsdt = (const uint8_t *)(uintptr_t)word_at(rsdp + 16);
    if (sum(rsdt, word_at(rsdt + 4)) != 0)
        return -HF_EDAMAGED;
    n = (word_at(rsdt + 4) - HF_ACPI_TABLE_HEADER) / 4;
    for (uint32_t i = 0; i < n; i++) {
        char name[5] = "";

        table = (const uint8_t *)(uintptr_t)word_at(rsdt + HF_ACPI_TABLE_HEADER + 4 * i);
        __builtin_memcpy(name, table, 4);
        say("  table %s at 0x%x\n", name, (unsigned)(uintptr_t)table);
        if (sum(table, word_at(table + 4)) != 0)
            return -HF_EDAMAGED;
    }
    say("%d tables\n", n);
    return 0;
}

int load_tables(struct hf_fwcfg_client *client)
{
    static uint8_t script[SCRIPT_MAX];
    static struct loader l;
    struct hf_fwcfg_file file;
    int r = hf_fwcfg_client_find(client, HF_ACPI_SCRIPT_FILE, &file);

    if (r < 0)
        return r;
    hf_fwcfg_client_select(client, file.key); /* the host builds now; sizes may change with it */
    r = hf_fwcfg_client_find(client, HF_ACPI_SCRIPT_FILE, &file);
    if (r == 0)
        r = hf_fwcfg_client_read(client, &file, script, sizeof script);
    l.client = client;
    l.high = HIGH_BASE;
    l.fseg = FSEG_BASE;
    for (uint32_t at = 0; r == 0 && at + sizeof(struct hf_acpi_record) <= file.size;
         at += sizeof(struct hf_acpi_record))
        r = obey(&l, (const struct hf_acpi_record *)(script + at));
    return r < 0 ? r : report(&l);
}
