/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver in the mailbox's option ROM. The device has one driver binding: UEFI lets one driver alone open a device
 * (10.3.1, BY_DRIVER), so the domains cannot each bind to it. They are rows of a table instead; each has its own
 * negotiation, its own time and its own outcome, and none sees another's.
 */
#include "acpi_loader.h"
#include "lifecycle.h"
#include "window.h"

#include <string.h>

static const EFI_GUID pci_io = {0x4cf5b200, 0x68b8, 0x4ca5, {0x9e, 0xec, 0xb2, 0x3e, 0x3f, 0x50, 0x02, 0x9a}};
static const EFI_GUID driver_binding = {0x18a031ab, 0xb443, 0x4d1a, {0xa5, 0xc0, 0x0c, 0x09, 0x26, 0x1e, 0x9f, 0x71}};
static const EFI_GUID loaded_image = {0x5b1b31a1, 0x9562, 0x11d2, {0x8e, 0x3f, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b}};

static void (*const domains[])(struct hf_efi_window *w) = {hf_efi_lifecycle_start, hf_efi_acpi_loader_start};

/* There is one mailbox in a machine, and what is agreed on holds until reset: started once, it stays started. */
static struct hf_efi_window window;
static bool started;

static EFI_STATUS open_device(EFI_DRIVER_BINDING_PROTOCOL *self, EFI_HANDLE controller, EFI_PCI_IO_PROTOCOL **pci)
{
    return window.boot->OpenProtocol(controller, &pci_io, (void **)pci, self->DriverBindingHandle, controller,
                                     EFI_OPEN_PROTOCOL_BY_DRIVER);
}

static void close_device(EFI_DRIVER_BINDING_PROTOCOL *self, EFI_HANDLE controller)
{
    (void)window.boot->CloseProtocol(controller, &pci_io, self->DriverBindingHandle, controller);
}

static EFI_STATUS supported(EFI_DRIVER_BINDING_PROTOCOL *self, EFI_HANDLE controller, void *remaining)
{
    EFI_PCI_IO_PROTOCOL *pci;
    uint32_t id = 0;
    EFI_STATUS s;

    (void)remaining;
    if (started)
        return EFI_UNSUPPORTED;
    s = open_device(self, controller, &pci);
    if (s != EFI_SUCCESS)
        return s;
    s = pci->PciRead(pci, EfiPciIoWidthUint32, 0, 1, &id);
    close_device(self, controller);
    return s == EFI_SUCCESS && id != (HF_EFI_PCI_DEVICE << 16 | HF_EFI_PCI_VENDOR) ? EFI_UNSUPPORTED : s;
}

static EFI_STATUS start(EFI_DRIVER_BINDING_PROTOCOL *self, EFI_HANDLE controller, void *remaining)
{
    EFI_PCI_IO_PROTOCOL *pci;
    EFI_STATUS s;

    (void)remaining;
    s = open_device(self, controller, &pci);
    if (s != EFI_SUCCESS)
        return s;
    s = hf_efi_window_open(&window, pci);
    if (s != EFI_SUCCESS) {
        close_device(self, controller);
        return s;
    }
    started = true;
    for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++) {
        hf_efi_window_turn(&window);
        domains[i](&window);
    }
    return EFI_SUCCESS;
}

static EFI_STATUS stop(EFI_DRIVER_BINDING_PROTOCOL *self, EFI_HANDLE controller, uint64_t children,
                       EFI_HANDLE *child_handles)
{
    (void)self;
    (void)controller;
    (void)children;
    (void)child_handles;
    return EFI_UNSUPPORTED; /* an agreement cannot be taken back before the next reset */
}

static EFI_DRIVER_BINDING_PROTOCOL binding = {.Supported = supported, .Start = start, .Stop = stop, .Version = 0x10};

/* Firmware connects the devices that it boots from, and others only perhaps; this one is nothing to boot from. So the
 * driver connects the device that it came from itself. Where that fails, the firmware may still do it. */
static void connect_own_device(EFI_HANDLE image)
{
    EFI_HANDLE drivers[] = {image, NULL};
    EFI_LOADED_IMAGE_PROTOCOL *loaded;

    if (window.boot->OpenProtocol(image, &loaded_image, (void **)&loaded, image, NULL,
                                  EFI_OPEN_PROTOCOL_GET_PROTOCOL) == EFI_SUCCESS &&
        loaded->DeviceHandle != NULL)
        (void)window.boot->ConnectController(loaded->DeviceHandle, drivers, NULL, false);
}

EFI_STATUS EfiMain(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

EFI_STATUS EfiMain(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    EFI_STATUS s;

    window.system = system;
    window.boot = system->BootServices;
    binding.ImageHandle = image;
    binding.DriverBindingHandle = image;
    s = window.boot->InstallProtocolInterface(&image, &driver_binding, 0, &binding);
    if (s == EFI_SUCCESS)
        connect_own_device(image);
    return s;
}
