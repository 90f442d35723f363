/* SPDX-License-Identifier: BSD-2-Clause */
/* The ports: debug console, CMOS, a host bridge in configuration space, three ways to reset, and fw_cfg. */
#include "pc.h"

#include <string.h>

static void debug_console(struct pc *pc, unsigned offset, bool out, uint8_t *bytes, unsigned size)
{
    (void)offset;
    for (unsigned i = 0; i < size; i++)
        if (out)
            pc->print(pc->print_opaque, (char)bytes[i]);
        else
            bytes[i] = 0xe9; /* "there is one" */
}

static void cmos(struct pc *pc, unsigned offset, bool out, uint8_t *bytes, unsigned size)
{
    (void)size;
    if (offset == 0 && out)
        pc->cmos_at = bytes[0] & 0x7f;
    else if (offset == 1 && out)
        pc->cmos[pc->cmos_at] = bytes[0];
    else if (offset == 1)
        bytes[0] = pc->cmos[pc->cmos_at];
}

static void pci_address(struct pc *pc, unsigned offset, bool out, uint8_t *bytes, unsigned size)
{
    if (offset == 1 && size == 1) { /* 0xcf9, inside: the reset register */
        pc->reset_asked = out && bytes[0] & 4;
        bytes[0] = 0;
    } else if (offset == 0 && size == 4 && out) {
        memcpy(&pc->pci_at, bytes, 4);
    } else if (offset == 0 && size == 4) {
        memcpy(bytes, &pc->pci_at, 4);
    }
}

/* Only bus 0, device 0, function 0 is there: an i440FX. */
static void pci_data(struct pc *pc, unsigned offset, bool out, uint8_t *bytes, unsigned size)
{
    unsigned at = (pc->pci_at & 0xfc) + offset;

    if ((pc->pci_at & 0x80ffff00) != 0x80000000 || at + size > sizeof pc->host_bridge)
        return;
    if (!out)
        memcpy(bytes, pc->host_bridge + at, size);
    else if (at >= 0x40)
        memcpy(pc->host_bridge + at, bytes, size);
}

static void keyboard_controller(struct pc *pc, unsigned offset, bool out, uint8_t *bytes, unsigned size)
{
    (void)offset, (void)size;
    pc->reset_asked = out && bytes[0] == 0xfe;
}

static void fwcfg(struct pc *pc, unsigned offset, bool out, uint8_t *bytes, unsigned size)
{
    if (out)
        (void)hf_fwcfg_port_write(pc->platform.fwcfg, offset, bytes, size);
    else
        (void)hf_fwcfg_port_read(pc->platform.fwcfg, offset, bytes, size);
}

void pc_port(struct pc *pc, unsigned port, bool out, uint8_t *bytes, unsigned size)
{
    static const struct {
        unsigned first, last;
        void (*access)(struct pc *pc, unsigned offset, bool out, uint8_t *bytes, unsigned size);
    } ports[] = {
        {0x64, 0x64, keyboard_controller}, {0x70, 0x71, cmos},
        {0x402, 0x402, debug_console},     {HF_FWCFG_PORT_BASE, HF_FWCFG_PORT_BASE + HF_FWCFG_PORT_SIZE - 1, fwcfg},
        {0xcf8, 0xcfb, pci_address},       {0xcfc, 0xcff, pci_data},
    };

    if (!out)
        memset(bytes, 0xff, size);
    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++)
        if (port >= ports[i].first && port <= ports[i].last)
            ports[i].access(pc, port - ports[i].first, out, bytes, size);
}

void pc_devices_reset(struct pc *pc)
{
    static const uint8_t i440fx[] = {0x86, 0x80, 0x37, 0x12, 0, 0, 0, 0, 2, 0, 0, 6};
    static const uint8_t by_qemu[] = {0xf4, 0x1a, 0x00, 0x11}; /* what tells SeaBIOS that fw_cfg is here */

    pc->reset_asked = false;
    pc->pci_at = 0;
    memset(pc->host_bridge, 0, sizeof pc->host_bridge);
    memcpy(pc->host_bridge, i440fx, sizeof i440fx);
    memcpy(pc->host_bridge + 0x2c, by_qemu, sizeof by_qemu);
    memset(pc->cmos, 0, sizeof pc->cmos);
    pc->cmos[0x0a] = 0x26;
    pc->cmos[0x0b] = 0x02;
    pc->cmos[0x0d] = 0x80;
}
