/* SPDX-License-Identifier: BSD-2-Clause */
/* Firmware made of the library's guest halves, with two drivers that negotiate each for itself. */
#include "unit.h"

#include "world.h"

#include "acpi_table.h"

enum { DESCRIPTOR = 0x100, BOUNCE = 0x8000, BOUNCE_SIZE = 0x8000 };

/* The bus: every access goes to the host on which the guest is at that moment. */

static void bus_select(struct hf_fwcfg_client *c, uint16_t key)
{
    hf_le16 v = hf_le16_of(key);

    hf_fwcfg_port_write(((struct world *)c->opaque)->vmm->device, HF_FWCFG_PORT_SELECTOR, &v, sizeof v);
}

static void bus_read(struct hf_fwcfg_client *c, void *to, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hf_fwcfg_port_read(((struct world *)c->opaque)->vmm->device, HF_FWCFG_PORT_DATA, (uint8_t *)to + i, 1);
}

static int bus_dma(struct hf_fwcfg_client *c, uint32_t control, void *buffer, uint32_t size)
{
    struct world *w = c->opaque;
    struct hf_fwcfg_dma d = {hf_be32_of(control), hf_be32_of(size), hf_be64_of(BOUNCE)};
    hf_be32 low = hf_be32_of(DESCRIPTOR);

    if (size > BOUNCE_SIZE)
        return -HF_EREFUSED;
    memcpy(w->ram + BOUNCE, buffer, size);
    memcpy(w->ram + DESCRIPTOR, &d, sizeof d);
    hf_fwcfg_port_write(w->vmm->device, HF_FWCFG_PORT_DMA + 4, &low, sizeof low);
    memcpy(&d, w->ram + DESCRIPTOR, sizeof d);
    if (control & HF_FWCFG_DMA_READ)
        memcpy(buffer, w->ram + BOUNCE, size);
    else if (w->exchanging)
        world_reach(w, AT_DURING);
    return hf_be32_get(d.control) ? -HF_EREFUSED : 0;
}

static void open_client(struct world *w)
{
    static const struct hf_fwcfg_bus bus = {bus_select, bus_read, bus_dma};

    w->client = (struct hf_fwcfg_client){.bus = &bus, .opaque = w};
    if (hf_fwcfg_client_open(&w->client) < 0)
        world_fail(w, "the guest finds no fw_cfg");
}

/* Drivers. */

uint64_t firmware_understands(enum firmware_kind kind)
{
    static const uint64_t understands[FW_KINDS] = {[FW_NEW] = HF_ACPI_FEATURES, [FW_OLD] = HF_ACPI_FEATURE_64BIT};

    return understands[kind];
}

static struct hf_negotiate_want want_of(enum firmware_kind kind, unsigned driver)
{
    static const char *const names[DRIVERS] = {HF_ACPI_DOMAIN, LIFECYCLE_DOMAIN};
    struct hf_negotiate_want want = {.domain = names[driver], .version = 1};

    want.bits = hf_bits_of(kind == FW_OLD ? 1 : 3);
    if (kind == FW_OTHER && driver == DRIVER_ACPI)
        want.version = 2;
    return want;
}

/* What the driver should get from the host it asks. */
static uint64_t should_agree(const struct world *w, unsigned driver)
{
    struct hf_negotiate_want want = want_of(w->cell.firmware, driver);

    return want.version == 1 ? vmm_offers(w->vmm->kind, driver) & hf_acpi_get(want.bits.byte, 8) : 0;
}

static void negotiate(struct world *w, unsigned driver)
{
    struct hf_negotiate_want want = want_of(w->cell.firmware, driver);
    uint64_t should = should_agree(w, driver), other = vmm_locked(w->vmm, !driver);
    struct hf_fwcfg_negotiate_link link;
    struct hf_negotiate_port port;
    struct hf_bits agreed;

    w->negotiated[driver] = false;
    w->agreed[driver] = 0;
    open_client(w);
    if (hf_fwcfg_negotiate_link(&link, &w->client, &port) < 0) {
        if (w->vmm->kind != VMM_PLAIN)
            world_fail(w, "the driver does not find the negotiation");
        return;
    }
    w->exchanging = driver == DRIVER_ACPI;
    if (hf_negotiate_guest(&port, &want, &agreed, &w->replay[driver]) == 0) {
        w->negotiated[driver] = true;
        w->agreed[driver] = hf_acpi_get(agreed.byte, 8);
    }
    w->exchanging = false;
    if (w->agreed[driver] != should)
        world_fail(w, "driver %u agreed to 0x%llx, should be 0x%llx", driver, (unsigned long long)w->agreed[driver],
                   (unsigned long long)should);
    if (w->vmm->n && vmm_locked(w->vmm, driver) != should)
        world_fail(w, "the host holds 0x%llx for driver %u, should be 0x%llx",
                   (unsigned long long)vmm_locked(w->vmm, driver), driver, (unsigned long long)should);
    if (vmm_locked(w->vmm, !driver) != other)
        world_fail(w, "driver %u changed the other's domain", driver);
}

/* The loader. */

static size_t read_file(struct world *w, const char *name, uint8_t *to, size_t size, bool look_before)
{
    struct hf_fwcfg_file file;

    if (look_before) {
        if (hf_fwcfg_client_find(&w->client, name, &file) < 0)
            return 0;
        world_reach(w, AT_DIRECTORY);
        hf_fwcfg_client_select(&w->client, file.key);
    }
    if (hf_fwcfg_client_find(&w->client, name, &file) < 0 || file.size > size ||
        hf_fwcfg_client_read(&w->client, &file, to, size) < 0)
        return 0;
    return file.size;
}

static void add_file(struct world *w, const char *name, bool writable)
{
    size_t i = w->bundle.count, size;

    for (size_t j = 0; j < i; j++)
        if (!strcmp(w->names[j], name))
            return;
    if (i == 8 || strlen(name) >= HF_ACPI_NAME_SIZE) {
        world_fail(w, "the script names more files than there are");
        return;
    }
    (void)snprintf(w->names[i], sizeof w->names[i], "%s", name);
    size = read_file(w, name, w->contents[i], sizeof w->contents[i], false);
    if (size == 0)
        return;
    w->files[i] =
        (struct hf_acpi_file){.name = w->names[i], .bytes = w->contents[i], .size = size, .writable = writable};
    w->bundle.count++;
}

static void read_bundle(struct world *w)
{
    size_t size;

    open_client(w);
    size = read_file(w, HF_ACPI_SCRIPT_FILE, w->script, sizeof w->script, true);
    w->bundle = (struct hf_acpi_bundle){.script = w->script, .script_size = size, .files = w->files};
    for (size_t i = 0; i < hf_acpi_command_count(&w->bundle); i++) {
        struct hf_acpi_record r;

        memcpy(&r, w->script + i * sizeof r, sizeof r);
        if (hf_le32_get(r.command) == HF_ACPI_ALLOCATE)
            add_file(w, r.u.allocate.file, false);
        else if (hf_le32_get(r.command) == HF_ACPI_WRITE_POINTER)
            add_file(w, r.u.write.dest, true);
    }
}

/* Bits that the script makes use of. */
static uint64_t bits_in_script(const struct world *w)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < hf_acpi_command_count(&w->bundle); i++) {
        struct hf_acpi_cmd c = hf_acpi_decode(&w->bundle, i);

        if (c.command != HF_ACPI_ALLOCATE)
            continue;
        bits |= c.zone & HF_ACPI_CONTENT_NOACPI ? HF_ACPI_FEATURE_NOACPI : 0;
        bits |= (c.zone & 0x7f) == HF_ACPI_ZONE_64BIT ? HF_ACPI_FEATURE_64BIT : 0;
    }
    return bits;
}

static void tell(struct world *w)
{
    for (size_t i = 0; i < w->outcome.told_count; i++) {
        const struct hf_acpi_told *t = &w->outcome.told[i];
        struct hf_fwcfg_file file;
        uint8_t bytes[16] = {0};

        hf_acpi_put(bytes + t->offset, t->size, t->value);
        if (hf_fwcfg_client_find(&w->client, t->file->name, &file) < 0 ||
            hf_fwcfg_client_write(&w->client, &file, bytes, sizeof bytes) < 0)
            world_fail(w, "the address cannot be told");
    }
}

/* A complete valid set, nothing more: FADT, FACS, DSDT, SSDT, and for SeaBIOS the XSDT; and the device's data is where
 * AML and the host look for it. */
static void judge(struct world *w)
{
    static const char *const wanted[] = {"FACP", "FACS", "DSDT", "SSDT"};
    const struct hf_acpi_outcome *o = &w->outcome;
    size_t extra = w->cell.family == HF_ACPI_SEABIOS, left;
    const struct hf_acpi_table *ssdt = hf_acpi_outcome_table(o, "SSDT", 0);
    uint64_t data;

    if (o->verdict != HF_ACPI_COMPLETE)
        world_fail(w, "%s: %s", hf_acpi_verdict_text(o->verdict),
                   o->fault_count ? hf_acpi_reason_text(o->faults[0].reason) : "");
    for (size_t i = 0; i < 4; i++)
        if (!hf_acpi_outcome_table(o, wanted[i], 0))
            world_fail(w, "no %s", wanted[i]);
    if (o->table_count != 4 + extra)
        world_fail(w, "%zu tables, should be %zu", o->table_count, 4 + extra);
    if (o->told_count != 1 || o->told[0].value == 0)
        world_fail(w, "the host was not told the address");
    if (w->why[0])
        return;
    data = hf_acpi_get(ssdt->bytes + 48, 8) + ssdt->bytes[60];
    left = 0;
    for (size_t i = 0; i < o->blob_count; i++)
        if (o->blobs[i].kept && data >= o->blobs[i].address && data - o->blobs[i].address < o->blobs[i].file->size) {
            left = o->blobs[i].file->size - (size_t)(data - o->blobs[i].address);
            if (left < 256 || memcmp(o->blobs[i].bytes + (data - o->blobs[i].address), w->vmm->sample.page, 256) != 0)
                left = 0;
        }
    if (left == 0 || o->told[0].value != data + 16)
        world_fail(w, "AML or the host does not find the device's data");
}

void firmware_boot(struct world *w)
{
    struct hf_acpi_options options = {.features = firmware_understands(w->cell.firmware)};

    w->negotiated[0] = w->negotiated[1] = false;
    w->agreed[0] = w->agreed[1] = 0;
    world_reach(w, AT_BEFORE);
    if (w->cell.firmware != FW_NONE) {
        negotiate(w, DRIVER_ACPI);
        world_reach(w, AT_BETWEEN);
        negotiate(w, DRIVER_LIFECYCLE);
        world_reach(w, AT_AFTER);
    }
    read_bundle(w);
    w->unknown_bits |= bits_in_script(w) & ~options.features;
    if (hf_acpi_run(&w->bundle, w->cell.family, &options, w->work, sizeof w->work, &w->outcome, NULL) < 0) {
        world_fail(w, "the script cannot be run");
        return;
    }
    tell(w);
    judge(w);
    if (!w->cell.careless && w->vmm->lazy.features != w->agreed[DRIVER_ACPI])
        world_fail(w, "built with 0x%llx, agreed was 0x%llx", (unsigned long long)w->vmm->lazy.features,
                   (unsigned long long)w->agreed[DRIVER_ACPI]);
    world_reach(w, AT_TABLES);
}

/* S3: the tables are still in memory; what was agreed and told is said again. */
void firmware_resume(struct world *w)
{
    struct hf_fwcfg_negotiate_link link;
    struct hf_negotiate_port port;

    open_client(w);
    for (unsigned i = 0; i < DRIVERS; i++) {
        if (!w->negotiated[i] || w->agreed[i] == 0)
            continue;
        if (hf_fwcfg_negotiate_link(&link, &w->client, &port) < 0 || hf_negotiate_replay(&port, &w->replay[i]) < 0)
            world_fail(w, "driver %u cannot agree again after S3", i);
        if (vmm_locked(w->vmm, i) != w->agreed[i])
            world_fail(w, "driver %u has another agreement after S3", i);
    }
    tell(w);
    judge(w);
}
