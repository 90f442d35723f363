/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * As much of UEFI as the driver uses. Names are the specification's, layouts follow UEFI 2.10 and PI 1.7; the sections
 * stand beside each. What the driver never calls is a `void *` that keeps its place.
 *
 * For 64-bit targets whose compiler uses UEFI's calling convention by itself: clang --target=*-unknown-windows.
 */
#ifndef HF_EFI_UEFI_H
#define HF_EFI_UEFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t EFI_STATUS;
typedef void *EFI_HANDLE, *EFI_EVENT;
typedef uint64_t EFI_PHYSICAL_ADDRESS;

/* Appendix D */
#define EFI_SUCCESS          UINT64_C(0)
#define EFI_ERROR_BIT        (UINT64_C(1) << 63)
#define EFI_UNSUPPORTED      (EFI_ERROR_BIT | 3)
#define EFI_BUFFER_TOO_SMALL (EFI_ERROR_BIT | 5)
#define EFI_DEVICE_ERROR     (EFI_ERROR_BIT | 7)
#define EFI_OUT_OF_RESOURCES (EFI_ERROR_BIT | 9)
#define EFI_NOT_FOUND        (EFI_ERROR_BIT | 14)

typedef struct {
    uint32_t a;
    uint16_t b, c;
    uint8_t d[8];
} EFI_GUID;

/* 4.2 */
typedef struct {
    uint64_t Signature;
    uint32_t Revision, HeaderSize, CRC32, Reserved;
} EFI_TABLE_HEADER;
_Static_assert(sizeof(EFI_TABLE_HEADER) == 24, "a table's header is 24 bytes");

/* 7.2 */
typedef enum { AllocateAnyPages, AllocateMaxAddress, AllocateAddress } EFI_ALLOCATE_TYPE;
typedef enum { EfiBootServicesData = 4, EfiConventionalMemory = 7, EfiACPIMemoryNVS = 10 } EFI_MEMORY_TYPE;

typedef struct {
    uint32_t Type;
    EFI_PHYSICAL_ADDRESS PhysicalStart;
    uint64_t VirtualStart, NumberOfPages, Attribute;
} EFI_MEMORY_DESCRIPTOR;

#define EFI_MEMORY_CACHE_MASK UINT64_C(0x1f) /* UC, WC, WT, WB, UCE */
#define EFI_MEMORY_WB         UINT64_C(0x8)
#define EFI_PAGE              UINT64_C(4096)

/* 7.1: events */
#define EVT_NOTIFY_SIGNAL             0x00000200u
#define EVT_SIGNAL_EXIT_BOOT_SERVICES 0x00000201u
#define TPL_CALLBACK                  8u
#define TPL_NOTIFY                    16u
typedef void EFI_EVENT_NOTIFY(EFI_EVENT event, void *context);

/* 7.3 */
#define EFI_OPEN_PROTOCOL_GET_PROTOCOL 0x02u
#define EFI_OPEN_PROTOCOL_BY_DRIVER    0x10u

/* 4.4 and chapter 7 */
typedef struct {
    EFI_TABLE_HEADER Hdr;
    void *RaiseTPL, *RestoreTPL;
    EFI_STATUS(*AllocatePages)
    (EFI_ALLOCATE_TYPE type, EFI_MEMORY_TYPE memory, uint64_t pages, EFI_PHYSICAL_ADDRESS *address);
    EFI_STATUS (*FreePages)(EFI_PHYSICAL_ADDRESS address, uint64_t pages);
    EFI_STATUS(*GetMemoryMap)
    (uint64_t *size, void *map, uint64_t *key, uint64_t *descriptor_size, uint32_t *descriptor_version);
    EFI_STATUS (*AllocatePool)(EFI_MEMORY_TYPE type, uint64_t size, void **buffer);
    EFI_STATUS (*FreePool)(void *buffer);
    void *CreateEvent_, *SetTimer, *WaitForEvent, *SignalEvent;
    EFI_STATUS (*CloseEvent)(EFI_EVENT event);
    void *CheckEvent;
    EFI_STATUS (*InstallProtocolInterface)(EFI_HANDLE *handle, const EFI_GUID *protocol, int type, void *interface);
    void *ReinstallProtocolInterface, *UninstallProtocolInterface, *HandleProtocol, *Reserved, *RegisterProtocolNotify,
        *LocateHandle, *LocateDevicePath, *InstallConfigurationTable;
    void *LoadImage, *StartImage, *Exit, *UnloadImage, *ExitBootServices;
    void *GetNextMonotonicCount;
    EFI_STATUS (*Stall)(uint64_t microseconds);
    void *SetWatchdogTimer;
    EFI_STATUS (*ConnectController)(EFI_HANDLE controller, EFI_HANDLE *drivers, void *remaining, uint8_t recursive);
    void *DisconnectController;
    EFI_STATUS(*OpenProtocol)
    (EFI_HANDLE handle, const EFI_GUID *protocol, void **interface, EFI_HANDLE agent, EFI_HANDLE controller,
     uint32_t attributes);
    EFI_STATUS (*CloseProtocol)(EFI_HANDLE handle, const EFI_GUID *protocol, EFI_HANDLE agent, EFI_HANDLE controller);
    void *OpenProtocolInformation, *ProtocolsPerHandle, *LocateHandleBuffer;
    EFI_STATUS (*LocateProtocol)(const EFI_GUID *protocol, void *registration, void **interface);
    void *InstallMultipleProtocolInterfaces, *UninstallMultipleProtocolInterfaces, *CalculateCrc32, *CopyMem, *SetMem;
    EFI_STATUS(*CreateEventEx)
    (uint32_t type, uint64_t tpl, EFI_EVENT_NOTIFY *notify, const void *context, const EFI_GUID *group,
     EFI_EVENT *event);
} EFI_BOOT_SERVICES;
_Static_assert(offsetof(EFI_BOOT_SERVICES, Stall) == 24 + 8 * 28, "Stall is the 29th service");
_Static_assert(offsetof(EFI_BOOT_SERVICES, CreateEventEx) == 24 + 8 * 43, "CreateEventEx is the 44th service");

/* 4.6 */
typedef struct {
    EFI_GUID VendorGuid;
    void *VendorTable;
} EFI_CONFIGURATION_TABLE;

/* 4.3 */
typedef struct {
    EFI_TABLE_HEADER Hdr;
    void *FirmwareVendor;
    uint32_t FirmwareRevision;
    EFI_HANDLE ConsoleInHandle;
    void *ConIn;
    EFI_HANDLE ConsoleOutHandle;
    void *ConOut;
    EFI_HANDLE StandardErrorHandle;
    void *StdErr, *RuntimeServices;
    EFI_BOOT_SERVICES *BootServices;
    uint64_t NumberOfTableEntries;
    EFI_CONFIGURATION_TABLE *ConfigurationTable;
} EFI_SYSTEM_TABLE;
_Static_assert(offsetof(EFI_SYSTEM_TABLE, BootServices) == 96, "boot services are at 96");

/* 9.1 */
typedef struct {
    uint32_t Revision;
    EFI_HANDLE ParentHandle;
    EFI_SYSTEM_TABLE *SystemTable;
    EFI_HANDLE DeviceHandle; /* of an option ROM: its PCI device */
} EFI_LOADED_IMAGE_PROTOCOL;

/* 11.1 */
typedef struct EFI_DRIVER_BINDING_PROTOCOL EFI_DRIVER_BINDING_PROTOCOL;
struct EFI_DRIVER_BINDING_PROTOCOL {
    EFI_STATUS (*Supported)(EFI_DRIVER_BINDING_PROTOCOL *self, EFI_HANDLE controller, void *remaining);
    EFI_STATUS (*Start)(EFI_DRIVER_BINDING_PROTOCOL *self, EFI_HANDLE controller, void *remaining);
    EFI_STATUS(*Stop)
    (EFI_DRIVER_BINDING_PROTOCOL *self, EFI_HANDLE controller, uint64_t children, EFI_HANDLE *child_handles);
    uint32_t Version;
    EFI_HANDLE ImageHandle, DriverBindingHandle;
};

/* 14.4 */
typedef enum { EfiPciIoWidthUint8, EfiPciIoWidthUint16, EfiPciIoWidthUint32 } EFI_PCI_IO_WIDTH;
typedef enum { EfiPciIoAttributeOperationEnable = 2 } EFI_PCI_IO_ATTRIBUTE_OPERATION;
#define EFI_PCI_IO_ATTRIBUTE_MEMORY UINT64_C(0x200)

typedef struct EFI_PCI_IO_PROTOCOL EFI_PCI_IO_PROTOCOL;
struct EFI_PCI_IO_PROTOCOL {
    void *PollMem, *PollIo, *MemRead, *MemWrite, *IoRead, *IoWrite;
    EFI_STATUS(*PciRead)
    (EFI_PCI_IO_PROTOCOL *self, EFI_PCI_IO_WIDTH width, uint32_t offset, uint64_t count, void *buffer);
    void *PciWrite, *CopyMem, *Map, *Unmap, *AllocateBuffer, *FreeBuffer, *Flush, *GetLocation;
    EFI_STATUS(*Attributes)
    (EFI_PCI_IO_PROTOCOL *self, EFI_PCI_IO_ATTRIBUTE_OPERATION operation, uint64_t attributes, uint64_t *result);
    EFI_STATUS (*GetBarAttributes)(EFI_PCI_IO_PROTOCOL *self, uint8_t bar, uint64_t *supports, void **resources);
};
_Static_assert(offsetof(EFI_PCI_IO_PROTOCOL, GetBarAttributes) == 8 * 16, "GetBarAttributes is the 17th member");

/* What GetBarAttributes gives: a QWORD address space descriptor (ACPI 6.4, 6.4.3.5.1), unaligned fields. */
typedef struct {
    uint8_t Desc; /* 0x8a */
    uint8_t Len[2];
    uint8_t ResType; /* 0: memory */
    uint8_t GenFlag, SpecificFlag;
    uint8_t AddrSpaceGranularity[8], AddrRangeMin[8], AddrRangeMax[8], AddrTranslationOffset[8], AddrLen[8];
} EFI_ACPI_ADDRESS_SPACE_DESCRIPTOR;
_Static_assert(sizeof(EFI_ACPI_ADDRESS_SPACE_DESCRIPTOR) == 46, "a QWORD descriptor is 46 bytes");

/* 20.2 */
typedef struct EFI_ACPI_TABLE_PROTOCOL EFI_ACPI_TABLE_PROTOCOL;
struct EFI_ACPI_TABLE_PROTOCOL {
    EFI_STATUS (*InstallAcpiTable)(EFI_ACPI_TABLE_PROTOCOL *self, const void *table, uint64_t size, uint64_t *key);
    EFI_STATUS (*UninstallAcpiTable)(EFI_ACPI_TABLE_PROTOCOL *self, uint64_t key);
};

/* PI volume 2, 7.2: the global coherency domain, which says how memory is mapped. */
typedef struct {
    EFI_PHYSICAL_ADDRESS BaseAddress;
    uint64_t Length, Capabilities, Attributes;
    int GcdMemoryType;
    EFI_HANDLE ImageHandle, DeviceHandle;
} EFI_GCD_MEMORY_SPACE_DESCRIPTOR;

typedef struct {
    EFI_TABLE_HEADER Hdr;
    void *AddMemorySpace, *AllocateMemorySpace, *FreeMemorySpace, *RemoveMemorySpace;
    EFI_STATUS (*GetMemorySpaceDescriptor)(EFI_PHYSICAL_ADDRESS base, EFI_GCD_MEMORY_SPACE_DESCRIPTOR *descriptor);
    EFI_STATUS (*SetMemorySpaceAttributes)(EFI_PHYSICAL_ADDRESS base, uint64_t length, uint64_t attributes);
    void *GetMemorySpaceMap, *AddIoSpace, *AllocateIoSpace, *FreeIoSpace, *RemoveIoSpace, *GetIoSpaceDescriptor,
        *GetIoSpaceMap, *Dispatch, *Schedule, *Trust, *ProcessFirmwareVolume;
    EFI_STATUS (*SetMemorySpaceCapabilities)(EFI_PHYSICAL_ADDRESS base, uint64_t length, uint64_t capabilities);
} EFI_DXE_SERVICES;
_Static_assert(offsetof(EFI_DXE_SERVICES, SetMemorySpaceCapabilities) == 24 + 8 * 17, "the 18th DXE service");

#endif
