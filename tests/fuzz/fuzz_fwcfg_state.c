/* SPDX-License-Identifier: BSD-2-Clause */
/* A saved state from a stranger. The checksum is put right, so that what lies behind it is reached. */
#include "fuzz.h"

#include "crc32.h"
#include "fwcfg_machine.h"

#define CRC_AT 28

static struct machine m;
static uint8_t w[16], tables[32];

static void start(void)
{
    struct hf_fwcfg_config config = machine_config(&m);
    struct hf_fwcfg_item files[] = {
        {.name = "etc/w", .buffer = w, .size = 16, .flags = HF_FWCFG_WRITABLE},
        {.name = "etc/tables", .buffer = tables, .size = 8, .capacity = 32, .flags = HF_FWCFG_TRAVELS},
        {.name = "etc/fixed", .data = "abcdef", .size = 6, .key = 0x1f},
    };

    memset(w, 0x77, sizeof w);
    MUST(machine_init(&m, &config, NULL) == 0);
    for (size_t i = 0; i < 3; i++)
        MUST(hf_fwcfg_add_file(m.device, &files[i], NULL) == 0);
    hf_fwcfg_seal(m.device);
}

static void use(void)
{
    for (uint16_t key = 0; key < 0x30; key++) {
        for (int i = 0; i < 40; i++)
            (void)machine_byte(&m);
        (void)machine_dma(&m, 0x100, 0x02, 100, 0x200);
        machine_select(&m, key);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size + 1);

    MUST(copy);
    if (size != 0)
        memcpy(copy, bytes, size);
    if (size >= CRC_AT + 4) {
        hf_le32 crc = {{0}};

        memcpy(copy + CRC_AT, &crc, 4);
        crc = hf_le32_of(hf_crc32(0, copy, size));
        memcpy(copy + CRC_AT, &crc, 4);
    }
    start();
    if (hf_fwcfg_load(m.device, copy, size, NULL) < 0)
        for (size_t i = 0; i < sizeof w; i++)
            MUST(w[i] == 0x77);
    use();
    machine_done(&m);
    free(copy);
    return 0;
}
