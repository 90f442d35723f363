/* SPDX-License-Identifier: BSD-2-Clause */
/* A hostile host under the guest's client: every byte the client reads, and every DMA result, is the input's. */
#include "fuzz.h"

#include <holdfast/fwcfg_negotiate_guest.h>

#include <string.h>

static const uint8_t *input;
static size_t left;

static void take(void *to, size_t size)
{
    size_t n = size < left ? size : left;

    if (size != 0)
        memset(to, 0, size);
    if (n != 0)
        memcpy(to, input, n);
    input += n;
    left -= n;
}

static void select_key(struct hf_fwcfg_client *c, uint16_t key)
{
    (void)c, (void)key;
}

static void read_bytes(struct hf_fwcfg_client *c, void *to, size_t size)
{
    (void)c;
    take(to, size);
}

static int dma(struct hf_fwcfg_client *c, uint32_t control, void *buffer, uint32_t size)
{
    uint8_t result;

    (void)c;
    take(&result, 1);
    if (result == 0xff)
        return -HF_EREFUSED;
    if (result == 0xfe)
        return -HF_ETIMEDOUT;
    if (control & HF_FWCFG_DMA_READ)
        take(buffer, size);
    return 0;
}

static int count(void *opaque, const struct hf_fwcfg_file *file)
{
    MUST(memchr(file->name, '\0', sizeof file->name));
    return ++*(unsigned *)opaque > 100;
}

static void negotiate(struct hf_fwcfg_client *c)
{
    static const struct hf_negotiate_rule rules[] = {{1, 0}, {2, 1}};
    struct hf_negotiate_want want = {"acpi-loader", 1, hf_bits_of(7), rules, 2};
    struct hf_fwcfg_negotiate_link link;
    struct hf_negotiate_port port;
    struct hf_bits agreed;

    if (hf_fwcfg_negotiate_link(&link, c, &port) < 0 || hf_negotiate_guest(&port, &want, &agreed, NULL) < 0)
        return;
    MUST(hf_bits_missing(&agreed, &want.bits) == HF_NEGOTIATE_NO_BIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct hf_fwcfg_bus bus = {select_key, read_bytes, dma};
    struct hf_fwcfg_client c = {.bus = &bus};
    struct hf_fwcfg_file f;
    uint8_t buffer[256];
    unsigned n = 0;

    if (size == 0)
        return 0;
    input = bytes + 1;
    left = size - 1;
    c.dma = bytes[0] & 1; /* as after an open that found, or did not find, DMA */
    if (bytes[0] & 2)
        (void)hf_fwcfg_client_open(&c);
    if (bytes[0] & 4)
        (void)hf_fwcfg_client_list(&c, count, &n);
    if (hf_fwcfg_client_find(&c, "etc/acpi/tables", &f) == 0 &&
        hf_fwcfg_client_read(&c, &f, buffer, sizeof buffer) == 0)
        MUST(f.size <= sizeof buffer);
    negotiate(&c);
    return 0;
}
