/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine of 64 KiB of RAM with a fw_cfg device, for tests. */
#ifndef HF_TEST_MACHINE_H
#define HF_TEST_MACHINE_H

#include <holdfast/fwcfg_client.h>
#include <holdfast/fwcfg_device.h>

#include <stdlib.h>
#include <string.h>

#define RAM_SIZE 0x10000u

struct machine {
    uint8_t ram[RAM_SIZE];
    struct hf_fwcfg *device;
    void *block;
};

static bool ram_ok(uint64_t at, uint64_t size)
{
    return at <= RAM_SIZE && size <= RAM_SIZE - at;
}

static bool ram_read(void *opaque, uint64_t at, void *to, size_t size)
{
    if (ram_ok(at, size))
        memcpy(to, ((struct machine *)opaque)->ram + at, size);
    return ram_ok(at, size);
}

static bool ram_write(void *opaque, uint64_t at, const void *from, size_t size)
{
    if (ram_ok(at, size))
        memcpy(((struct machine *)opaque)->ram + at, from, size);
    return ram_ok(at, size);
}

static inline struct hf_fwcfg_config machine_config(struct machine *m)
{
    return (struct hf_fwcfg_config){.dma = true, .memory = {.read = ram_read, .write = ram_write, .opaque = m}};
}

/* The caller checks the result. */
static inline int machine_init(struct machine *m, const struct hf_fwcfg_config *config, struct hf_error *err)
{
    size_t size = hf_fwcfg_size(config->slots);

    memset(m, 0, sizeof *m);
    m->block = malloc(size);
    return hf_fwcfg_init(m->block, size, config, &m->device, err);
}

static inline void machine_done(struct machine *m)
{
    free(m->block);
}

static inline void machine_select(struct machine *m, uint16_t key)
{
    hf_le16 v = hf_le16_of(key);

    hf_fwcfg_port_write(m->device, HF_FWCFG_PORT_SELECTOR, &v, 2);
}

static inline uint8_t machine_byte(struct machine *m)
{
    uint8_t b = 0;

    hf_fwcfg_port_read(m->device, HF_FWCFG_PORT_DATA, &b, 1);
    return b;
}

/* Runs a transfer whose descriptor lies at `at`; returns the control word that came back. */
static inline uint32_t machine_dma(struct machine *m, uint32_t at, uint32_t control, uint32_t length, uint64_t address)
{
    struct hf_fwcfg_dma d = {hf_be32_of(control), hf_be32_of(length), hf_be64_of(address)};
    hf_be32 low = hf_be32_of(at);

    memcpy(m->ram + at, &d, sizeof d);
    hf_fwcfg_port_write(m->device, HF_FWCFG_PORT_DMA + 4, &low, 4);
    memcpy(&d, m->ram + at, sizeof d);
    return hf_be32_get(d.control);
}

/* A client whose bus is that device; transfers go through the RAM's second half. */
static inline void machine_bus_select(struct hf_fwcfg_client *c, uint16_t key)
{
    machine_select((struct machine *)c->opaque, key);
}

static inline void machine_bus_read(struct hf_fwcfg_client *c, void *to, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)to)[i] = machine_byte((struct machine *)c->opaque);
}

static inline int machine_bus_dma(struct hf_fwcfg_client *c, uint32_t control, void *buffer, uint32_t size)
{
    struct machine *m = (struct machine *)c->opaque;
    uint32_t r;

    if (size > RAM_SIZE / 2)
        return -HF_EREFUSED;
    memcpy(m->ram + RAM_SIZE / 2, buffer, size);
    r = machine_dma(m, 0x100, control, size, RAM_SIZE / 2);
    if (control & HF_FWCFG_DMA_READ)
        memcpy(buffer, m->ram + RAM_SIZE / 2, size);
    return r != 0 ? -HF_EREFUSED : 0;
}

static inline struct hf_fwcfg_client machine_client(struct machine *m)
{
    static const struct hf_fwcfg_bus bus = {machine_bus_select, machine_bus_read, machine_bus_dma};

    return (struct hf_fwcfg_client){.bus = &bus, .opaque = m};
}

#endif
