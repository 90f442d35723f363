/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this VMM does with the library. In order:
 *
 *     memory      three functions that reach the guest's RAM
 *     domains     what the VMM can do, declared once: here "acpi-loader"
 *     files       fw_cfg is filled and sealed
 *     first select after a reset: the tables are built with what was agreed *by then*, which for firmware that never
 *                 heard of negotiation is nothing: the baseline. Until then the baseline stands there, so that the
 *                 directory has sizes; firmware that negotiates reads the directory again
 *     reset       everything agreed is forgotten; whatever firmware runs next decides anew
 */
#include "pc.h"

#include <stdlib.h>
#include <string.h>

static uint8_t *ram_at(struct pc *pc, uint64_t address, uint64_t size)
{
    return address <= RAM_SIZE && size <= RAM_SIZE - address ? pc->ram + address : NULL;
}

static bool read_ram(void *opaque, uint64_t address, void *to, size_t size)
{
    const uint8_t *p = ram_at((struct pc *)opaque, address, size);

    if (p)
        memcpy(to, p, size);
    return p != NULL;
}

static bool write_ram(void *opaque, uint64_t address, const void *from, size_t size)
{
    uint8_t *p = ram_at((struct pc *)opaque, address, size);

    if (p)
        memcpy(p, from, size);
    return p != NULL;
}

static bool zero_ram(void *opaque, uint64_t address, uint64_t size)
{
    uint8_t *p = ram_at((struct pc *)opaque, address, size);

    if (p)
        memset(p, 0, size);
    return p != NULL;
}

static uint64_t agreed_features(const struct platform *p)
{
    struct hf_bits agreed;

    if (p->able.always)
        return p->able.acpi;
    (void)hf_negotiate_agreed(p->negotiate, HF_ACPI_DOMAIN, &agreed);
    return agreed.byte[0];
}

static void put_file(struct platform *p, const struct hf_acpi_file *file)
{
    struct hf_error err;

    if (hf_fwcfg_update(p->fwcfg, file->name, file->bytes, (uint32_t)file->size, &err) < 0)
        abort(); /* the buffers are sized for this machine's own tables */
}

static void build_tables(struct platform *p, uint64_t features)
{
    size_t room = hf_acpi_build_room(pc_tables());
    struct hf_acpi_built built;
    struct hf_error err;
    void *memory = malloc(room);

    if (!memory || hf_acpi_build(pc_tables(), features, memory, room, &built, &err) < 0)
        abort();
    put_file(p, &built.script);
    for (size_t i = 0; i < built.count; i++)
        put_file(p, &built.files[i]);
    free(memory);
}

/* The first select of any ACPI file after a reset. */
static void on_select(void *opaque, struct hf_fwcfg *device)
{
    struct platform *p = &((struct pc *)opaque)->platform;
    uint64_t features = agreed_features(p);

    (void)device;
    if (hf_acpi_lazy_select(&p->lazy, features))
        build_tables(p, features);
}

static int add_acpi_files(struct pc *pc, struct hf_error *err)
{
    struct platform *p = &pc->platform;
    const struct hf_fwcfg_item files[] = {
        {.name = "etc/acpi/rsdp", .buffer = p->rsdp, .capacity = sizeof p->rsdp},
        {.name = "etc/acpi/tables", .buffer = p->tables, .capacity = sizeof p->tables},
        {.name = HF_ACPI_SCRIPT_FILE, .buffer = p->script, .capacity = sizeof p->script},
        {.name = "etc/example_data", .buffer = p->data, .capacity = sizeof p->data},
    };
    const struct hf_fwcfg_item told = {
        .name = "etc/example_addr", .buffer = &p->told, .size = sizeof p->told, .flags = HF_FWCFG_WRITABLE};
    int r = hf_fwcfg_add_file(p->fwcfg, &told, err);

    for (size_t i = 0; r == 0 && i < sizeof files / sizeof files[0]; i++) {
        struct hf_fwcfg_item it = files[i];

        it.flags = HF_FWCFG_TRAVELS; /* a guest in the middle of reading goes on reading the same bytes elsewhere */
        it.on_select = on_select;
        it.opaque = pc;
        r = hf_fwcfg_add_file(p->fwcfg, &it, err);
    }
    return r;
}

struct e820_entry {
    hf_le64 start, length;
    hf_le32 type;
};

static int add_plain_items(struct platform *p, struct hf_error *err)
{
    static struct e820_entry ram;
    const struct hf_fwcfg_item e820 = {.name = "etc/e820", .data = &ram, .size = sizeof ram};
    const struct hf_fwcfg_item wait = {.name = "etc/boot-fail-wait", .data = &p->wait, .size = sizeof p->wait};
    int r;

    ram = (struct e820_entry){hf_le64_of(0), hf_le64_of(RAM_SIZE), hf_le32_of(1)};
    r = hf_fwcfg_add_u16(p->fwcfg, HF_FWCFG_NB_CPUS, 1, err);
    if (r == 0)
        r = hf_fwcfg_add_u16(p->fwcfg, HF_FWCFG_MAX_CPUS, 1, err);
    if (r == 0)
        r = hf_fwcfg_add_file(p->fwcfg, &e820, err);
    return r < 0 ? r : hf_fwcfg_add_file(p->fwcfg, &wait, err);
}

static int add_negotiation(struct platform *p, struct hf_error *err)
{
    const struct hf_negotiate_domain domain = {
        .name = HF_ACPI_DOMAIN, .version = HF_ACPI_DOMAIN_VERSION, .supported = hf_bits_of(p->able.acpi)};
    size_t n = p->able.negotiation ? 1 : 0, size = hf_negotiate_size(n);
    int r = hf_negotiate_init(malloc(size), size, &domain, n, 1, &p->negotiate, err);

    if (r < 0 || !p->able.negotiation)
        return r;
    return hf_fwcfg_negotiate_attach(&p->glue, p->fwcfg, p->negotiate, err);
}

int platform_init(struct pc *pc, const struct abilities *able, struct hf_error *err)
{
    const struct hf_fwcfg_config config = {
        .dma = true,
        .memory = {.read = read_ram, .write = write_ram, .zero = zero_ram, .opaque = pc},
    };
    struct platform *p = &pc->platform;
    size_t size = hf_fwcfg_size(0);
    int r = hf_fwcfg_init(malloc(size), size, &config, &p->fwcfg, err);

    p->able = *able;
    if (r == 0)
        r = add_plain_items(p, err);
    if (r == 0)
        r = add_acpi_files(pc, err);
    if (r == 0)
        r = add_negotiation(p, err);
    if (r == 0)
        hf_fwcfg_seal(p->fwcfg);
    return r;
}

void platform_reset(struct pc *pc)
{
    struct platform *p = &pc->platform;

    hf_fwcfg_reset(p->fwcfg);
    if (p->able.negotiation)
        hf_fwcfg_negotiate_reset(&p->glue);
    hf_acpi_lazy_reset(&p->lazy);
    build_tables(p, 0); /* firmware of the old kind takes the sizes from the directory before it selects: show them */
    p->told = hf_le64_of(0); /* an address from before the reset is nobody's memory now */
}
