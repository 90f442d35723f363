/* SPDX-License-Identifier: BSD-2-Clause */
#include "acpi_loader.h"

#include <string.h>

#include "script_run.h"

#define COPIES 4u /* of the files, when the host makes them anew meanwhile */

/* ---- the firmware, as a script sees it ---- */

struct firmware {
    EFI_BOOT_SERVICES *boot;
    EFI_ACPI_TABLE_PROTOCOL *acpi;
};

static uint64_t pages_of(size_t size)
{
    return (size + EFI_PAGE - 1) / EFI_PAGE;
}

/* The highest place above 4 GiB that the map shows free; 0 when there is none. AllocateAnyPages would rather take what
 * the firmware set aside for this type of memory, which lies below. */
static uint64_t free_above_4g(const uint8_t *map, uint64_t size, uint64_t step, uint64_t pages)
{
    const uint64_t limit = UINT64_C(1) << 32;
    uint64_t best = 0;

    for (uint64_t at = 0; at + sizeof(EFI_MEMORY_DESCRIPTOR) <= size; at += step) {
        EFI_MEMORY_DESCRIPTOR d;
        uint64_t place;

        memcpy(&d, map + at, sizeof d);
        if (d.Type != EfiConventionalMemory || d.NumberOfPages < pages)
            continue;
        place = d.PhysicalStart + (d.NumberOfPages - pages) * EFI_PAGE;
        if (place >= limit && place > best)
            best = place;
    }
    return best;
}

static uint64_t find_above_4g(EFI_BOOT_SERVICES *boot, uint64_t pages)
{
    uint64_t size = 0, key, step = 0, found = 0;
    uint32_t version;
    void *map;

    if (boot->GetMemoryMap(&size, NULL, &key, &step, &version) != EFI_BUFFER_TOO_SMALL ||
        step < sizeof(EFI_MEMORY_DESCRIPTOR))
        return 0;
    size += 8 * step; /* the pool for the map changes the map */
    if (boot->AllocatePool(EfiBootServicesData, size, &map) != EFI_SUCCESS)
        return 0;
    if (boot->GetMemoryMap(&size, map, &key, &step, &version) == EFI_SUCCESS)
        found = free_above_4g(map, size, step, pages);
    (void)boot->FreePool(map);
    return found;
}

static uint64_t take(void *context, size_t size, bool high)
{
    struct firmware *f = context;
    EFI_PHYSICAL_ADDRESS address = high ? find_above_4g(f->boot, pages_of(size)) : 0;

    if (address != 0 &&
        f->boot->AllocatePages(AllocateAddress, EfiACPIMemoryNVS, pages_of(size), &address) == EFI_SUCCESS)
        return address;
    address = UINT32_MAX;
    if (f->boot->AllocatePages(high ? AllocateAnyPages : AllocateMaxAddress, EfiACPIMemoryNVS, pages_of(size),
                               &address) == EFI_SUCCESS)
        return address;
    return 0;
}

static void give_back(void *context, uint64_t address, size_t size)
{
    struct firmware *f = context;

    (void)f->boot->FreePages(address, pages_of(size));
}

static void fill(void *context, uint64_t address, const void *bytes, size_t size)
{
    (void)context;
    memcpy((void *)address, bytes, size);
}

static bool install(void *context, const void *table, uint32_t length, uint64_t *key)
{
    struct firmware *f = context;

    return f->acpi->InstallAcpiTable(f->acpi, table, length, key) == EFI_SUCCESS;
}

static void uninstall(void *context, uint64_t key)
{
    struct firmware *f = context;

    (void)f->acpi->UninstallAcpiTable(f->acpi, key);
}

/* ---- the files, copied before anybody looks at them ---- */

struct files {
    EFI_BOOT_SERVICES *boot;
    struct hf_mailbox_file rows[HF_MAILBOX_FILES_MAX];
    struct hf_acpi_file files[HF_MAILBOX_FILES_MAX];
    struct hf_acpi_bundle bundle;
    uint32_t count; /* of rows */
    size_t size;    /* of all files */
    void *bytes;
};

static void release(struct files *f)
{
    if (f->bytes != NULL)
        (void)f->boot->FreePool(f->bytes);
    f->bytes = NULL;
}

static enum hf_mailbox_loader read_rows(const struct hf_mailbox_port *port, struct files *f)
{
    int r = 0;

    f->count = 0;
    f->size = 0;
    while (f->count < HF_MAILBOX_FILES_MAX && (r = hf_mailbox_guest_file(port, f->count, &f->rows[f->count])) == 0)
        f->size += hf_le32_get(f->rows[f->count++].size);
    if ((f->count < HF_MAILBOX_FILES_MAX && r != -HF_ENOTFOUND) || f->size == 0 || f->size > HF_MAILBOX_SIZE)
        return HF_MAILBOX_LOADER_BAD_FILES;
    return f->boot->AllocatePool(EfiBootServicesData, f->size, &f->bytes) == EFI_SUCCESS ? HF_MAILBOX_LOADER_INSTALLED
                                                                                         : HF_MAILBOX_LOADER_NO_MEMORY;
}

static enum hf_mailbox_loader read_files(const struct hf_mailbox_port *port, struct files *f)
{
    uint8_t *to = f->bytes;

    f->bundle = (struct hf_acpi_bundle){.files = f->files};
    for (uint32_t i = 0; i < f->count; i++) {
        const char *name = f->rows[i].name;
        size_t size = hf_le32_get(f->rows[i].size);

        if (hf_mailbox_guest_read(port, &f->rows[i], to, size) < 0)
            return HF_MAILBOX_LOADER_BAD_FILES;
        if (strlen(name) == strlen(HF_ACPI_SCRIPT_FILE) && memcmp(name, HF_ACPI_SCRIPT_FILE, strlen(name)) == 0) {
            f->bundle.script = to;
            f->bundle.script_size = size;
        } else {
            f->files[f->bundle.count++] = (struct hf_acpi_file){.name = name, .bytes = to, .size = size};
        }
        to += size;
    }
    return f->bundle.script != NULL ? HF_MAILBOX_LOADER_INSTALLED : HF_MAILBOX_LOADER_BAD_FILES;
}

static enum hf_mailbox_loader receive(struct hf_mailbox_port *port, struct files *f)
{
    for (unsigned i = 0; i < COPIES; i++) {
        enum hf_mailbox_loader became;
        uint32_t generation;

        release(f);
        if (hf_mailbox_guest_wait_files(port, &generation) < 0)
            return HF_MAILBOX_LOADER_NO_FILES;
        became = read_rows(port, f);
        if (became == HF_MAILBOX_LOADER_INSTALLED)
            became = read_files(port, f);
        if (hf_mailbox_guest_generation(port) == generation)
            return became;
    }
    return HF_MAILBOX_LOADER_BAD_FILES;
}

/* ---- the domain ---- */

static enum hf_mailbox_loader run_script(struct hf_efi_window *w, struct files *f, uint64_t agreed)
{
    static const EFI_GUID acpi_table = {0xffe06bdd, 0x6107, 0x46a6, {0x7b, 0xb2, 0x5a, 0x9c, 0x7e, 0xc5, 0x27, 0x5c}};
    struct firmware context = {.boot = w->boot};
    const struct hf_efi_firmware firmware = {&context, take, give_back, fill, install, uninstall};
    size_t room = hf_acpi_run_room(&f->bundle);
    enum hf_mailbox_loader became;
    void *work;

    if (w->boot->LocateProtocol(&acpi_table, NULL, (void **)&context.acpi) != EFI_SUCCESS)
        return HF_MAILBOX_LOADER_REFUSED;
    if (w->boot->AllocatePool(EfiBootServicesData, room, &work) != EFI_SUCCESS)
        return HF_MAILBOX_LOADER_NO_MEMORY;
    became = hf_efi_script_run(&f->bundle, agreed, &firmware, work, room);
    (void)w->boot->FreePool(work);
    return became;
}

static enum hf_mailbox_loader receive_and_run(struct hf_efi_window *w, uint64_t agreed)
{
    enum hf_mailbox_loader became;
    struct files *f;
    void *memory;

    if (w->boot->AllocatePool(EfiBootServicesData, sizeof *f, &memory) != EFI_SUCCESS)
        return HF_MAILBOX_LOADER_NO_MEMORY;
    f = memory;
    f->boot = w->boot;
    f->bytes = NULL;
    became = receive(&w->port, f);
    if (became == HF_MAILBOX_LOADER_INSTALLED)
        became = run_script(w, f, agreed);
    release(f);
    (void)w->boot->FreePool(memory);
    return became;
}

void hf_efi_acpi_loader_start(struct hf_efi_window *w)
{
    struct hf_bits agreed;
    hf_le64 low;

    if (hf_efi_agree(w, HF_ACPI_DOMAIN, HF_ACPI_DOMAIN_VERSION, HF_ACPI_FEATURES, &agreed) < 0)
        return;
    memcpy(&low, agreed.byte, sizeof low);
    hf_mailbox_guest_loaded(&w->port, receive_and_run(w, hf_le64_get(low)));
}
