/* SPDX-License-Identifier: BSD-2-Clause */
/* A driver in an option ROM that says how many ticks the processor has counted since power-on, in decimal on the debug
 * port (0x402), and ends QEMU (isa-debug-exit at 0x501). With -icount a tick is a nanosecond of the guest's time. */
#include "uefi.h"

static void out(uint16_t port, uint8_t byte)
{
    __asm__ volatile("outb %0, %1" : : "a"(byte), "d"(port));
}

EFI_STATUS EfiMain(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

/* Makes the linker write relocations: firmware does not load an image without. */
static EFI_STATUS (*volatile const entry)(EFI_HANDLE, EFI_SYSTEM_TABLE *) = EfiMain;

EFI_STATUS EfiMain(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    uint64_t ticks = __builtin_ia32_rdtsc();
    uint8_t digits[20];
    int n = 0;

    (void)image;
    (void)system;
    (void)entry;
    do {
        digits[n++] = (uint8_t)('0' + ticks % 10);
        ticks /= 10;
    } while (ticks > 0);
    while (n > 0)
        out(0x402, digits[--n]);
    out(0x402, '\n');
    out(0x501, 0);
    return EFI_SUCCESS;
}
