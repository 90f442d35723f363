/* SPDX-License-Identifier: BSD-2-Clause */
/* A UEFI program that says on the first serial port that it runs, and stays there. */
#include "uefi.h"

static void out(uint16_t port, uint8_t byte)
{
    __asm__ volatile("outb %0, %1" : : "a"(byte), "d"(port));
}

static uint8_t in(uint16_t port)
{
    uint8_t byte;

    __asm__ volatile("inb %1, %0" : "=a"(byte) : "d"(port));
    return byte;
}

EFI_STATUS EfiMain(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

/* Makes the linker write relocations: firmware does not load an image without. */
static EFI_STATUS (*volatile const entry)(EFI_HANDLE, EFI_SYSTEM_TABLE *) = EfiMain;

EFI_STATUS EfiMain(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    static const char text[] = "\r\nthe program of the test runs\r\n";

    (void)image;
    (void)system;
    (void)entry;
    for (const char *at = text; *at; at++) {
        while (!(in(0x3FD) & 0x20)) /* until the port takes a byte */
            continue;
        out(0x3F8, (uint8_t)*at);
    }
    for (;;)
        __asm__ volatile("hlt");
}
