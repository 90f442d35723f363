/* SPDX-License-Identifier: BSD-2-Clause */
/* A UEFI program that says on the machine's serial port that it runs, and stays there. */
#include "uefi.h"

#ifdef __aarch64__

#define PL011 0x09000000UL /* of QEMU's virt machine: data, and flags at 0x18, of which bit 5 says that it is full */

static void say(char c)
{
    while (*(volatile uint32_t *)(PL011 + 0x18) & 1U << 5)
        continue;
    *(volatile uint32_t *)PL011 = (uint8_t)c;
}

static void stay(void)
{
    __asm__ volatile("wfi");
}

#else

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

static void say(char c)
{
    while (!(in(0x3FD) & 0x20)) /* until the port takes a byte */
        continue;
    out(0x3F8, (uint8_t)c);
}

static void stay(void)
{
    __asm__ volatile("hlt");
}

#endif

EFI_STATUS EfiMain(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

/* Makes the linker write relocations: firmware does not load an image without. */
static EFI_STATUS (*volatile const entry)(EFI_HANDLE, EFI_SYSTEM_TABLE *) = EfiMain;

EFI_STATUS EfiMain(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    static const char text[] = "\r\nthe program of the test runs\r\n";

    (void)image;
    (void)system;
    (void)entry;
    for (const char *at = text; *at; at++)
        say(*at);
    for (;;)
        stay();
}
