/* SPDX-License-Identifier: BSD-2-Clause */
/* A hostile guest at the registers: each 12 bytes are one access; DMA descriptors are whatever the guest put in RAM. */
#include "fuzz.h"

#include "fwcfg_machine.h"

#include <holdfast/fwcfg_negotiate.h>

static struct machine m;
static struct hf_fwcfg_negotiate glue;
static uint8_t guarded[3 * 16], constant[32];
static unsigned selects;

static void resize(void *opaque, struct hf_fwcfg *device)
{
    (void)opaque;
    selects++;
    MUST(hf_fwcfg_update(device, "etc/grows", constant, selects % (sizeof constant + 1), NULL) == 0);
}

static void start(void)
{
    static _Alignas(16) uint8_t memory[4096];
    static const struct hf_negotiate_domain d[] = {{.name = "a", .version = 1, .supported = {{3}}}};
    struct hf_negotiate_domain domains[] = {hf_smi_domain(7), d[0]};
    struct hf_fwcfg_config config = machine_config(&m);
    struct hf_fwcfg_item files[] = {
        {.name = "etc/w", .buffer = guarded + 16, .size = 16, .flags = HF_FWCFG_WRITABLE},
        {.name = "etc/grows", .data = constant, .size = 1, .on_select = resize},
        {.name = "etc/const", .data = constant, .size = sizeof constant},
        {.name = "etc/none"},
    };
    struct hf_negotiate *n;

    memset(guarded, 0xa5, sizeof guarded);
    memset(constant, 0x5a, sizeof constant);
    selects = 0;
    MUST(machine_init(&m, &config, NULL) == 0);
    MUST(hf_negotiate_init(memory, sizeof memory, domains, 2, 1, &n, NULL) == 0);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        MUST(hf_fwcfg_add_file(m.device, &files[i], NULL) == 0);
    MUST(hf_fwcfg_negotiate_attach(&glue, m.device, n, NULL) == 0);
    MUST(hf_fwcfg_negotiate_attach_smi(&glue, m.device, NULL) == 0);
    hf_fwcfg_seal(m.device);
}

static void access_once(const uint8_t *op)
{
    unsigned size = 1u << (op[0] & 3), offset = op[1] % 0x20;
    uint8_t bytes[8];

    memcpy(bytes, op + 4, 8);
    switch (op[0] >> 4) {
    case 0:
        (void)hf_fwcfg_port_read(m.device, offset, bytes, size);
        break;
    case 1:
        (void)hf_fwcfg_mmio_read(m.device, offset, bytes, size);
        break;
    case 2:
        (void)hf_fwcfg_port_write(m.device, offset, bytes, size);
        break;
    case 3:
        (void)hf_fwcfg_mmio_write(m.device, offset, bytes, size);
        break;
    case 4: /* the guest writes its own RAM */
        memcpy(m.ram + (op[1] << 3 & 0x7f8), bytes, 8);
        break;
    case 5: /* a transfer with a descriptor made of the input */
        (void)machine_dma(&m, 0x100, (uint32_t)op[2] << 16 | op[3],
                          hf_le32_get((hf_le32){{op[4], op[5], op[6], op[7]}}), (uint64_t)op[8] << 8 | op[9]);
        break;
    case 6:
        hf_fwcfg_reset(m.device);
        hf_fwcfg_negotiate_reset(&glue);
        break;
    default:
        machine_select(&m, (uint16_t)(op[2] << 8 | op[3]));
    }
}

static void check_state_moves(void)
{
    static uint8_t a[8192], b[8192];
    size_t n = 0, again = 0;

    MUST(hf_fwcfg_save(m.device, a, sizeof a, &n, NULL) == 0);
    MUST(hf_fwcfg_load(m.device, a, n, NULL) == 0);
    MUST(hf_fwcfg_save(m.device, b, sizeof b, &again, NULL) == 0);
    MUST(n == again && memcmp(a, b, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    start();
    for (; size >= 12; bytes += 12, size -= 12)
        access_once(bytes);
    for (size_t i = 0; i < 16; i++)
        MUST(guarded[i] == 0xa5 && guarded[32 + i] == 0xa5);
    for (size_t i = 0; i < sizeof constant; i++)
        MUST(constant[i] == 0x5a);
    check_state_moves();
    machine_done(&m);
    return 0;
}
