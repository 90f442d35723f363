/* SPDX-License-Identifier: BSD-2-Clause */
#include "qtest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hex.h"

static void fail(struct hf_qtest *q, const char *format, ...) HF_PRINTF(2, 3);

static void fail(struct hf_qtest *q, const char *format, ...)
{
    char text[HF_ERROR_TEXT_MAX];
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (q->fault.code == HF_OK)
        (void)hf_error_set(&q->fault, HF_EPROTO, "qtest: %s", text);
    if (q->failed)
        q->failed(q->ctx, &q->fault);
}

/* Sends q->line; the text behind OK, valid until the next command. "" once something failed. */
static const char *ask(struct hf_qtest *q, size_t size)
{
    char command[64];

    if (q->fault.code != HF_OK)
        return "";
    snprintf(command, sizeof command, "%.*s", (int)(size < 60 ? size - 1 : 60), q->line);
    if (q->exchange(q->ctx, q->line, size, q->line, sizeof q->line, &q->fault) < 0) {
        if (q->failed)
            q->failed(q->ctx, &q->fault);
        return "";
    }
    if (strncmp(q->line, "OK", 2) != 0) {
        fail(q, "unexpected reply '%.80s' to '%s'", q->line, command);
        return "";
    }
    return q->line[2] == ' ' ? q->line + 3 : q->line + 2;
}

static const char *askf(struct hf_qtest *q, const char *format, ...) HF_PRINTF(2, 3);

static const char *askf(struct hf_qtest *q, const char *format, ...)
{
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(q->line, sizeof q->line, format, ap);
    va_end(ap);
    return ask(q, (size_t)n);
}

static char width(unsigned size)
{
    return size == 1 ? 'b' : size == 2 ? 'w' : 'l';
}

uint64_t hf_qtest_in(struct hf_qtest *q, unsigned port, unsigned size)
{
    return strtoull(askf(q, "in%c 0x%x\n", width(size), port), NULL, 16);
}

void hf_qtest_out(struct hf_qtest *q, unsigned port, unsigned size, uint64_t value)
{
    (void)askf(q, "out%c 0x%x 0x%llx\n", width(size), port, (unsigned long long)value);
}

void hf_qtest_tell(struct hf_qtest *q, const char *command)
{
    (void)askf(q, "%s\n", command);
}

void hf_qtest_read(struct hf_qtest *q, uint64_t address, void *to, size_t size)
{
    const char *hex = askf(q, "read 0x%llx 0x%zx\n", (unsigned long long)address, size);
    uint8_t *bytes = to;

    memset(to, 0, size);
    if (q->fault.code == HF_OK && (strlen(hex) != 2 + 2 * size || strncmp(hex, "0x", 2) != 0))
        fail(q, "reply to a read of %zu bytes: wrong length", size);
    for (size_t i = 0; q->fault.code == HF_OK && i < size; i++) {
        int high = hf_hex_digit(hex[2 + 2 * i]), low = hf_hex_digit(hex[3 + 2 * i]);

        if (high < 0 || low < 0)
            fail(q, "reply to a read: not hexadecimal");
        else
            bytes[i] = (uint8_t)(high << 4 | low);
    }
}

void hf_qtest_write(struct hf_qtest *q, uint64_t address, const void *from, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = from;
    int n = snprintf(q->line, sizeof q->line, "write 0x%llx 0x%zx 0x", (unsigned long long)address, size);

    for (size_t i = 0; i < size && (size_t)n + 4 < sizeof q->line; i++) {
        q->line[n++] = digits[bytes[i] >> 4];
        q->line[n++] = digits[bytes[i] & 15];
    }
    q->line[n++] = '\n';
    q->line[n] = '\0';
    (void)ask(q, (size_t)n);
}

void hf_qtest_register_read(struct hf_qtest *q, unsigned offset, void *bytes, unsigned size)
{
    uint64_t value;

    if (q->mmio) {
        hf_qtest_read(q, q->base + offset, bytes, size);
        return;
    }
    value = hf_qtest_in(q, (unsigned)q->base + offset, size);
    for (unsigned i = 0; i < size; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)(value >> 8 * i);
}

void hf_qtest_register_write(struct hf_qtest *q, unsigned offset, const void *bytes, unsigned size)
{
    uint64_t value = 0;

    if (q->mmio) {
        hf_qtest_write(q, q->base + offset, bytes, size);
        return;
    }
    for (unsigned i = size; i-- > 0;)
        value = value << 8 | ((const uint8_t *)bytes)[i];
    hf_qtest_out(q, (unsigned)q->base + offset, size, value);
}

void hf_qtest_select(struct hf_qtest *q, uint16_t key)
{
    const uint8_t low = (uint8_t)key, high = (uint8_t)(key >> 8);
    const uint8_t bytes[2] = {q->mmio ? high : low, q->mmio ? low : high};

    hf_qtest_register_write(q, q->mmio ? HF_FWCFG_MMIO_SELECTOR : HF_FWCFG_PORT_SELECTOR, bytes, 2);
}

void hf_qtest_data(struct hf_qtest *q, void *to, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hf_qtest_register_read(q, q->mmio ? HF_FWCFG_MMIO_DATA : HF_FWCFG_PORT_DATA, (uint8_t *)to + i, 1);
}

unsigned hf_qtest_dma_offset(const struct hf_qtest *q)
{
    return q->mmio ? HF_FWCFG_MMIO_DMA : HF_FWCFG_PORT_DMA;
}

void hf_qtest_start_dma(struct hf_qtest *q, uint32_t at)
{
    hf_be64 address = hf_be64_of(q->memory + at);

    hf_qtest_register_write(q, hf_qtest_dma_offset(q), address.b, 4);
    hf_qtest_register_write(q, hf_qtest_dma_offset(q) + 4, address.b + 4, 4);
}

uint32_t hf_qtest_dma(struct hf_qtest *q, uint32_t control, uint32_t length, uint64_t address)
{
    struct hf_fwcfg_dma d = {hf_be32_of(control), hf_be32_of(length), hf_be64_of(address)};

    hf_qtest_write(q, q->memory, &d, sizeof d);
    hf_qtest_start_dma(q, 0);
    hf_qtest_read(q, q->memory, &d, sizeof d);
    return hf_be32_get(d.control);
}

static void bus_select(struct hf_fwcfg_client *c, uint16_t key)
{
    hf_qtest_select(c->opaque, key);
}

static void bus_read(struct hf_fwcfg_client *c, void *to, size_t size)
{
    hf_qtest_data(c->opaque, to, size);
}

static int bus_dma(struct hf_fwcfg_client *c, uint32_t control, void *buffer, uint32_t size)
{
    struct hf_qtest *q = c->opaque;
    const uint32_t room = HF_QTEST_MEMORY_SIZE / 2;
    uint8_t *at = buffer;

    for (uint32_t n; size != 0; at += n, size -= n) {
        n = size < room ? size : room;
        if (control & HF_FWCFG_DMA_WRITE)
            hf_qtest_write(q, q->memory + room, at, n);
        if (hf_qtest_dma(q, control, n, q->memory + room) != 0)
            return -HF_EREFUSED;
        if (control & HF_FWCFG_DMA_READ)
            hf_qtest_read(q, q->memory + room, at, n);
        if (q->fault.code != HF_OK)
            return -HF_EREFUSED;
    }
    return 0;
}

struct hf_fwcfg_client hf_qtest_client(struct hf_qtest *q)
{
    static const struct hf_fwcfg_bus bus = {bus_select, bus_read, bus_dma};

    return (struct hf_fwcfg_client){.bus = &bus, .opaque = q};
}
