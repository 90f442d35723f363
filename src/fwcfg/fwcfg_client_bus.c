/* SPDX-License-Identifier: BSD-2-Clause */
/* The two ways real machines reach the registers. Freestanding. */
#include <holdfast/fwcfg_client.h>

/* The descriptor is the host's to read and write while a transfer runs. */
static void prepare(struct hf_fwcfg_client *c, uint32_t control, const void *buffer, uint32_t size)
{
    c->descriptor.control = hf_be32_of(control);
    c->descriptor.length = hf_be32_of(size);
    c->descriptor.address = hf_be64_of((uint64_t)(uintptr_t)buffer);
    __sync_synchronize();
}

static int wait_for_end(struct hf_fwcfg_client *c)
{
    volatile const uint8_t *control = c->descriptor.control.b;

    for (uint32_t i = 0; i < HF_FWCFG_CLIENT_POLLS; i++) {
        hf_be32 now = {{control[0], control[1], control[2], control[3]}};

        if (hf_be32_get(now) == 0) {
            __sync_synchronize();
            return 0;
        }
        if (hf_be32_get(now) & HF_FWCFG_DMA_ERROR)
            return -HF_EREFUSED;
    }
    return -HF_ETIMEDOUT;
}

#if defined(__i386__) || defined(__x86_64__)
static void port_select(struct hf_fwcfg_client *c, uint16_t key)
{
    __asm__ volatile("outw %0, %1" : : "a"(key), "Nd"((uint16_t)c->base) : "memory");
}

static void port_read(struct hf_fwcfg_client *c, void *to, size_t size)
{
    uint8_t *p = (uint8_t *)to;

    for (; size != 0; size--, p++)
        __asm__ volatile("inb %1, %0" : "=a"(*p) : "Nd"((uint16_t)(c->base + HF_FWCFG_PORT_DATA)) : "memory");
}

static void port_write32(uint16_t port, uint32_t big_endian)
{
    __asm__ volatile("outl %0, %1" : : "a"(__builtin_bswap32(big_endian)), "Nd"(port) : "memory");
}

static int port_dma(struct hf_fwcfg_client *c, uint32_t control, void *buffer, uint32_t size)
{
    uint64_t at = (uint64_t)(uintptr_t)&c->descriptor;

    prepare(c, control, buffer, size);
    port_write32((uint16_t)(c->base + HF_FWCFG_PORT_DMA), (uint32_t)(at >> 32));
    port_write32((uint16_t)(c->base + HF_FWCFG_PORT_DMA + 4), (uint32_t)at);
    return wait_for_end(c);
}

void hf_fwcfg_client_ports(struct hf_fwcfg_client *c, uint16_t base)
{
    static const struct hf_fwcfg_bus bus = {port_select, port_read, port_dma};

    *c = (struct hf_fwcfg_client){.bus = &bus, .base = base};
}
#endif

/* Registers are big endian whatever the CPU is; a value goes to the bus as these bytes. */
static uint16_t as_bytes16(uint16_t v)
{
    const hf_be16 b = hf_be16_of(v);
    uint16_t bus;

    __builtin_memcpy(&bus, &b, sizeof bus);
    return bus;
}

static uint32_t as_bytes32(uint32_t v)
{
    const hf_be32 b = hf_be32_of(v);
    uint32_t bus;

    __builtin_memcpy(&bus, &b, sizeof bus);
    return bus;
}

static void mmio_select(struct hf_fwcfg_client *c, uint16_t key)
{
    *(volatile uint16_t *)(c->base + HF_FWCFG_MMIO_SELECTOR) = as_bytes16(key);
    __sync_synchronize();
}

static void mmio_read(struct hf_fwcfg_client *c, void *to, size_t size)
{
    volatile const uint8_t *data = (volatile const uint8_t *)(c->base + HF_FWCFG_MMIO_DATA);
    uint8_t *p = (uint8_t *)to;

    for (; size != 0; size--)
        *p++ = *data;
}

static int mmio_dma(struct hf_fwcfg_client *c, uint32_t control, void *buffer, uint32_t size)
{
    uint64_t at = (uint64_t)(uintptr_t)&c->descriptor;

    prepare(c, control, buffer, size);
    *(volatile uint32_t *)(c->base + HF_FWCFG_MMIO_DMA) = as_bytes32((uint32_t)(at >> 32));
    *(volatile uint32_t *)(c->base + HF_FWCFG_MMIO_DMA + 4) = as_bytes32((uint32_t)at);
    return wait_for_end(c);
}

void hf_fwcfg_client_mmio(struct hf_fwcfg_client *c, uintptr_t base)
{
    static const struct hf_fwcfg_bus bus = {mmio_select, mmio_read, mmio_dma};

    *c = (struct hf_fwcfg_client){.bus = &bus, .base = base};
}
