/* SPDX-License-Identifier: BSD-2-Clause */
#include "window.h"

#include <string.h>

static bool wait_a_little(void *opaque, uint32_t waited)
{
    struct hf_efi_window *w = opaque;

    (void)waited;
    if (w->left == 0)
        return false;
    w->left--;
    (void)w->boot->Stall(1000);
    return true;
}

/* The address of BAR 2 as the processor sees it; 0 when there is no such BAR or it is too small. */
static uint64_t bar_address(struct hf_efi_window *w, EFI_PCI_IO_PROTOCOL *pci)
{
    EFI_ACPI_ADDRESS_SPACE_DESCRIPTOR bar;
    hf_le64 min, length;
    void *resources = NULL;

    if (pci->GetBarAttributes(pci, 2, NULL, &resources) != EFI_SUCCESS || resources == NULL)
        return 0;
    memcpy(&bar, resources, sizeof bar);
    (void)w->boot->FreePool(resources);
    memcpy(&min, bar.AddrRangeMin, sizeof min);
    memcpy(&length, bar.AddrLen, sizeof length);
    if (bar.Desc != 0x8a || bar.ResType != 0 || hf_le64_get(length) < HF_MAILBOX_SIZE ||
        hf_le64_get(min) % HF_MAILBOX_PAGE != 0)
        return 0;
    return hf_le64_get(min);
}

#ifdef __aarch64__
/* A BAR is mapped as a device's registers, which caches do not see; behind this one is ordinary, cached
 * memory of the host. The global coherency domain remaps it, once it was told that this memory can be cached. */
static EFI_STATUS map_write_back(struct hf_efi_window *w, uint64_t address)
{
    static const EFI_GUID dxe_services = {0x05ad34ba, 0x6f02, 0x4214, {0x95, 0x2e, 0x4d, 0xa0, 0x39, 0x8e, 0x2b, 0xb9}};
    EFI_GCD_MEMORY_SPACE_DESCRIPTOR space;
    EFI_DXE_SERVICES *dxe = NULL;
    uint64_t attributes;
    EFI_STATUS s;

    for (uint64_t i = 0; i < w->system->NumberOfTableEntries; i++)
        if (memcmp(&w->system->ConfigurationTable[i].VendorGuid, &dxe_services, sizeof dxe_services) == 0)
            dxe = w->system->ConfigurationTable[i].VendorTable;
    if (dxe == NULL)
        return EFI_UNSUPPORTED;
    s = dxe->GetMemorySpaceDescriptor(address, &space);
    if (s != EFI_SUCCESS)
        return s;
    attributes = (space.Attributes & ~EFI_MEMORY_CACHE_MASK) | EFI_MEMORY_WB;
    s = dxe->SetMemorySpaceCapabilities(address, HF_MAILBOX_SIZE, space.Capabilities | attributes);
    if (s != EFI_SUCCESS)
        return s;
    return dxe->SetMemorySpaceAttributes(address, HF_MAILBOX_SIZE, attributes);
}
#else
static EFI_STATUS map_write_back(struct hf_efi_window *w, uint64_t address)
{
    (void)w;
    (void)address;
    return EFI_SUCCESS; /* x86 keeps its caches coherent, however the BAR is mapped */
}
#endif

EFI_STATUS hf_efi_window_open(struct hf_efi_window *w, EFI_PCI_IO_PROTOCOL *pci)
{
    uint64_t address;
    EFI_STATUS s = pci->Attributes(pci, EfiPciIoAttributeOperationEnable, EFI_PCI_IO_ATTRIBUTE_MEMORY, NULL);

    if (s != EFI_SUCCESS)
        return s;
    address = bar_address(w, pci);
    if (address == 0)
        return EFI_UNSUPPORTED;
    s = map_write_back(w, address);
    if (s != EFI_SUCCESS)
        return s;
    w->port = (struct hf_mailbox_port){.window = (volatile uint32_t *)address, .wait = wait_a_little, .opaque = w};
    return hf_mailbox_guest_start(&w->port) < 0 ? EFI_NOT_FOUND : EFI_SUCCESS;
}

void hf_efi_window_turn(struct hf_efi_window *w)
{
    w->left = HF_EFI_WAIT_MS;
}

int hf_efi_agree(struct hf_efi_window *w, const char *domain, uint32_t version, uint64_t wanted, struct hf_bits *agreed)
{
    struct hf_negotiate_want want = {.domain = domain, .version = version, .bits = hf_bits_of(wanted)};
    struct hf_negotiate_port port;

    hf_mailbox_guest_negotiate_port(&w->port, &port);
    return hf_negotiate_guest(&port, &want, agreed, NULL);
}
