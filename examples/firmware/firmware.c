/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A firmware of one page: finds fw_cfg, negotiates the domain "acpi-loader" with the guest's half of the library, and
 * loads the ACPI tables. It shows the order that matters:
 *
 *     open the client -> negotiate -> read etc/table-loader (now the host builds it) -> do what the script says
 *
 * What it does is told on the debug console, port 0x402, one line each.
 */
#include "console.h"
#include "loader.h"

#include <holdfast/fwcfg_negotiate_guest.h>

/* What a driver asks for: its domain, the version it knows, the bits it understands. */
static int negotiate(struct hf_fwcfg_client *client, struct hf_bits *agreed)
{
    const struct hf_negotiate_want want = {
        .domain = LOADER_DOMAIN,
        .version = LOADER_DOMAIN_VERSION,
        .bits = hf_bits_of(LOADER_FEATURES),
    };
    struct hf_fwcfg_negotiate_link link;
    struct hf_negotiate_port port;
    int r = hf_fwcfg_negotiate_link(&link, client, &port);

    if (r == 0)
        r = hf_negotiate_guest(&port, &want, agreed, NULL);
    return r;
}

/* The F segment, where the RSDP goes, is ROM until the host bridge is told otherwise (its PAM0 register). */
static uint32_t pci_read(uint32_t offset)
{
    uint32_t value;

    __asm__ volatile("outl %0, %1" : : "a"(0x80000000u | offset), "Nd"((uint16_t)0xcf8));
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"((uint16_t)0xcfc));
    return value;
}

static void make_f_segment_writable(void)
{
    uint16_t device = (uint16_t)(pci_read(0) >> 16), pam0 = device == 0x1237 ? 0x59 : device == 0x29c0 ? 0x90 : 0;
    uint8_t ram = 0x30;

    if (pam0 == 0)
        return;
    (void)pci_read(pam0 & ~3u);
    __asm__ volatile("outb %0, %1" : : "a"(ram), "Nd"((uint16_t)(0xcfc + (pam0 & 3))));
}

void firmware_main(void);

void firmware_main(void)
{
    static struct hf_fwcfg_client client; /* holds the DMA descriptor, so it lies in RAM at a known address */
    struct hf_bits agreed = hf_bits_of(0);
    int r;

    make_f_segment_writable();
    hf_fwcfg_client_ports(&client, HF_FWCFG_PORT_BASE);
    if (hf_fwcfg_client_open(&client) < 0) {
        say("no fw_cfg\n");
        return;
    }
    say("fw_cfg found, DMA %s\n", client.dma ? "yes" : "no");
    r = negotiate(&client, &agreed);
    if (r < 0)
        say("no agreement (%d): baseline\n", (unsigned)-r);
    else
        say("agreed 0x%x\n", agreed.byte[0]);
    r = load_tables(&client);
    if (r < 0)
        say("no tables: error %d\n", (unsigned)-r);
    say("firmware done\n");
}
