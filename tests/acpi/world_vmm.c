/* SPDX-License-Identifier: BSD-2-Clause */
/* A VMM made of the library's host halves. */
#include "unit.h"

#include "world.h"

#include "acpi_table.h"

#define RAM_SIZE 0x10000u

static const char *const domain_names[DRIVERS] = {HF_ACPI_DOMAIN, LIFECYCLE_DOMAIN};

uint64_t vmm_offers(enum vmm_kind kind, unsigned driver)
{
    static const uint64_t offers[VMM_KINDS][DRIVERS] = {
        [VMM_EXT] = {HF_ACPI_FEATURE_64BIT, 1},
        [VMM_MORE] = {HF_ACPI_FEATURES, 3},
    };
    return offers[kind][driver];
}

uint64_t vmm_locked(const struct vmm *v, unsigned driver)
{
    struct hf_bits bits;

    if (!v->n || !hf_negotiate_agreed(v->n, domain_names[driver], &bits))
        return 0;
    return hf_acpi_get(bits.byte, 8);
}

static bool ram_ok(uint64_t at, uint64_t size)
{
    return at <= RAM_SIZE && size <= RAM_SIZE - at;
}

static bool ram_read(void *opaque, uint64_t at, void *to, size_t size)
{
    if (ram_ok(at, size))
        memcpy(to, ((struct vmm *)opaque)->ram + at, size);
    return ram_ok(at, size);
}

static bool ram_write(void *opaque, uint64_t at, const void *from, size_t size)
{
    if (ram_ok(at, size))
        memcpy(((struct vmm *)opaque)->ram + at, from, size);
    return ram_ok(at, size);
}

static void update(struct vmm *v, const char *name, const uint8_t *bytes, size_t size)
{
    struct hf_error err;

    if (hf_fwcfg_update(v->device, name, bytes, (uint32_t)size, &err) < 0)
        fail_msg("%s: %s", name, err.text);
}

static void build(struct vmm *v, uint64_t features)
{
    assert_int_equal(sample_build(&v->sample, features), 0);
}

/* The first select of any of the four files since a reset builds them with what was agreed by then. */
static void on_select(void *opaque, struct hf_fwcfg *device)
{
    struct vmm *v = opaque;
    uint64_t agreed = v->careless ? vmm_offers(v->kind, DRIVER_ACPI) : vmm_locked(v, DRIVER_ACPI);

    (void)device;
    if (!hf_acpi_lazy_select(&v->lazy, agreed))
        return;
    build(v, agreed);
    update(v, HF_ACPI_SCRIPT_FILE, v->sample.built.script.bytes, v->sample.built.script.size);
    for (unsigned i = 0; i < SAMPLE_PARTS; i++)
        update(v, v->sample.files[i].name, v->sample.files[i].bytes, v->sample.files[i].size);
}

static void add_built(struct vmm *v, const struct hf_acpi_file *f, uint8_t *buffer, uint32_t capacity)
{
    struct hf_fwcfg_item item = {.name = f->name,
                                 .buffer = buffer,
                                 .size = (uint32_t)f->size,
                                 .capacity = capacity,
                                 .flags = HF_FWCFG_TRAVELS,
                                 .on_select = on_select,
                                 .opaque = v};

    assert_true(f->size <= capacity);
    memcpy(buffer, f->bytes, f->size);
    assert_int_equal(hf_fwcfg_add_file(v->device, &item, NULL), 0);
}

static void add_negotiation(struct vmm *v)
{
    struct hf_negotiate_domain domains[DRIVERS] = {{.name = NULL}};

    for (unsigned i = 0; i < DRIVERS; i++) {
        domains[i] = (struct hf_negotiate_domain){.name = domain_names[i], .version = 1};
        domains[i].supported = hf_bits_of(vmm_offers(v->kind, i));
    }
    assert_true(hf_negotiate_size(DRIVERS) <= sizeof v->negotiate_block);
    assert_int_equal(hf_negotiate_init(v->negotiate_block, sizeof v->negotiate_block, domains,
                                       v->kind == VMM_PLAIN ? 0 : DRIVERS, 1, &v->promises, NULL),
                     0);
    if (v->kind == VMM_PLAIN)
        return;
    v->n = v->promises;
    assert_int_equal(hf_fwcfg_negotiate_attach(&v->glue, v->device, v->n, NULL), 0);
}

void vmm_init(struct vmm *v, enum vmm_kind kind, bool careless, uint8_t *ram)
{
    struct hf_fwcfg_config config = {.dma = true, .memory = {.read = ram_read, .write = ram_write, .opaque = v}};
    struct hf_fwcfg_item told = {
        .name = "etc/vmcoreinfo", .buffer = v->told, .size = sizeof v->told, .flags = HF_FWCFG_WRITABLE};

    memset(v, 0, sizeof *v);
    v->kind = kind;
    v->careless = careless;
    v->ram = ram;
    sample_init(&v->sample, /* wide= */ true);
    v->sample.tells[0].file = told.name; /* a name that QEMU offers too, so that the payload can be played there */
    v->sample.tells[0].file_offset = 8;
    /* A page that OVMF takes for a table of 64 bytes wherever a pointer leads straight to it. */
    v->sample.page[9] = (uint8_t)(v->sample.page[9] - hf_acpi_sum(v->sample.page, 64));
    build(v, 0);
    assert_true(hf_fwcfg_size(config.slots) <= sizeof v->device_block);
    assert_int_equal(hf_fwcfg_init(v->device_block, sizeof v->device_block, &config, &v->device, NULL), 0);
    add_built(v, &v->sample.built.script, v->script, sizeof v->script);
    add_built(v, &v->sample.files[SAMPLE_TABLES], v->tables, sizeof v->tables);
    add_built(v, &v->sample.files[SAMPLE_RSDP], v->rsdp, sizeof v->rsdp);
    add_built(v, &v->sample.files[SAMPLE_PAGE], v->page, sizeof v->page);
    assert_int_equal(hf_fwcfg_add_file(v->device, &told, NULL), 0);
    add_negotiation(v);
    hf_fwcfg_seal(v->device);
}

void vmm_reset(struct vmm *v)
{
    hf_fwcfg_reset(v->device);
    if (v->n)
        hf_fwcfg_negotiate_reset(&v->glue);
    hf_acpi_lazy_reset(&v->lazy);
    memset(v->told, 0, sizeof v->told); /* an address from before the reset means nothing */
}

const char *vmm_move(struct vmm *from, struct vmm *to)
{
    static uint8_t state[0x10000], contract[0x2000];
    uint8_t lazy[HF_ACPI_LAZY_SIZE];
    static struct hf_error err; /* the rule that is returned lies in it */
    size_t size, contract_size = 0;

    assert_int_equal(hf_fwcfg_save(from->device, state, sizeof state, &size, &err), 0);
    if (from->n)
        assert_int_equal(hf_negotiate_save(from->n, contract, sizeof contract, &contract_size, &err), 0);
    hf_acpi_lazy_save(&from->lazy, lazy);
    /* Beforehand: nothing is changed by a look. */
    if (from->n && hf_negotiate_would_load(to->promises, contract, contract_size, &err) < 0)
        return err.rule;
    if (from->n)
        assert_int_equal(hf_negotiate_load(to->promises, contract, contract_size, &err), 0);
    if (hf_fwcfg_load(to->device, state, size, &err) < 0)
        return err.rule[0] ? err.rule : "?";
    if (to->n)
        hf_fwcfg_negotiate_loaded(&to->glue);
    return hf_acpi_lazy_load(&to->lazy, lazy, &err) < 0 ? err.rule : NULL;
}
