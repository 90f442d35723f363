/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine of 64 KiB of RAM and a fw_cfg device, on standard input and output: the smallest program that
 * holdfast-fwcfg-conformance can be pointed at.
 *
 *     holdfast-fwcfg-conformance --reset line -- pipe-device
 *
 * It shows all that a VMM does to embed the library: memory callbacks, configuration, exits, reset. A VMM with a fw_cfg
 * of its own copies only main() and the commands, and is tested the same way.
 */
#include <holdfast/fwcfg_negotiate.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAM_BASE 0x100000u
#define RAM_SIZE 0x10000u

struct machine {
    uint8_t ram[RAM_SIZE];
    struct hf_fwcfg *fwcfg;
    struct hf_fwcfg_negotiate negotiate;
    hf_le64 note; /* a file that the guest may write */
    uint64_t mmio;
};

/* Guest memory: a guest-physical range is ours to touch only if all of it is RAM. */
static uint8_t *ram_at(struct machine *m, uint64_t address, size_t size)
{
    if (address < RAM_BASE || address - RAM_BASE > RAM_SIZE || size > RAM_SIZE - (address - RAM_BASE))
        return NULL;
    return m->ram + (address - RAM_BASE);
}

static bool read_ram(void *opaque, uint64_t address, void *to, size_t size)
{
    const uint8_t *p = ram_at((struct machine *)opaque, address, size);

    if (p)
        memcpy(to, p, size);
    return p != NULL;
}

static bool write_ram(void *opaque, uint64_t address, const void *from, size_t size)
{
    uint8_t *p = ram_at((struct machine *)opaque, address, size);

    if (p)
        memcpy(p, from, size);
    return p != NULL;
}

/* Everything that the guest will find. */
static int configure(struct machine *m, struct hf_error *err)
{
    static const struct hf_negotiate_rule rules[] = {{1, 0}};
    const struct hf_negotiate_domain domains[] = {
        hf_smi_domain(7),
        {.name = "example", .version = 1, .supported = hf_bits_of(7), .rules = rules, .n_rules = 1},
    };
    const struct hf_fwcfg_config config = {.dma = true, .memory = {.read = read_ram, .write = write_ram, .opaque = m}};
    const struct hf_fwcfg_item note = {
        .name = "etc/note", .buffer = &m->note, .size = sizeof m->note, .flags = HF_FWCFG_WRITABLE};
    const struct hf_fwcfg_item hello = {
        .name = "opt/org.example/hello", .data = "hello", .size = 5, .flags = HF_FWCFG_USER};
    struct hf_negotiate *n;
    size_t size = hf_negotiate_size(2);
    int r = hf_negotiate_init(malloc(size), size, domains, 2, 1, &n, err);

    size = hf_fwcfg_size(0);
    if (r == 0)
        r = hf_fwcfg_init(malloc(size), size, &config, &m->fwcfg, err);
    if (r == 0)
        r = hf_fwcfg_add_u16(m->fwcfg, HF_FWCFG_NB_CPUS, 1, err);
    if (r == 0)
        r = hf_fwcfg_add_file(m->fwcfg, &note, err);
    if (r == 0)
        r = hf_fwcfg_add_file(m->fwcfg, &hello, err);
    if (r == 0)
        r = hf_fwcfg_negotiate_attach(&m->negotiate, m->fwcfg, n, err);
    if (r == 0)
        r = hf_fwcfg_negotiate_attach_smi(&m->negotiate, m->fwcfg, err);
    if (r == 0)
        hf_fwcfg_seal(m->fwcfg);
    return r;
}

static void reset(struct machine *m)
{
    hf_fwcfg_reset(m->fwcfg);
    hf_fwcfg_negotiate_reset(&m->negotiate);
    m->note = hf_le64_of(0);
}

/* in?, out?: the exit of an I/O instruction. */
static unsigned width(char c)
{
    return c == 'b' ? 1 : c == 'w' ? 2 : 4;
}

static void port_in(struct machine *m, unsigned port, unsigned size)
{
    uint8_t bytes[4] = {0xff, 0xff, 0xff, 0xff};
    unsigned long value = 0;

    if (port >= HF_FWCFG_PORT_BASE && port - HF_FWCFG_PORT_BASE < HF_FWCFG_PORT_SIZE)
        (void)hf_fwcfg_port_read(m->fwcfg, port - HF_FWCFG_PORT_BASE, bytes, size);
    for (unsigned i = size; i-- > 0;)
        value = value << 8 | bytes[i];
    printf("OK 0x%lx\n", value);
}

static void port_out(struct machine *m, unsigned port, unsigned size, unsigned long value)
{
    uint8_t bytes[4];

    for (unsigned i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
    if (port >= HF_FWCFG_PORT_BASE && port - HF_FWCFG_PORT_BASE < HF_FWCFG_PORT_SIZE)
        (void)hf_fwcfg_port_write(m->fwcfg, port - HF_FWCFG_PORT_BASE, bytes, size);
    puts("OK");
}

/* read, write: to RAM, or with --mmio one access to the block of registers. */
static bool in_block(const struct machine *m, uint64_t address)
{
    return m->mmio != 0 && address >= m->mmio && address - m->mmio < HF_FWCFG_MMIO_SIZE;
}

static void memory_read(struct machine *m, uint64_t address, size_t size)
{
    static uint8_t bytes[RAM_SIZE];

    memset(bytes, 0, size);
    if (in_block(m, address) && size <= 8)
        (void)hf_fwcfg_mmio_read(m->fwcfg, (unsigned)(address - m->mmio), bytes, (unsigned)size);
    else
        (void)read_ram(m, address, bytes, size);
    printf("OK 0x");
    for (size_t i = 0; i < size; i++)
        printf("%02x", bytes[i]);
    puts("");
}

static void memory_write(struct machine *m, uint64_t address, size_t size, const char *hex)
{
    static uint8_t bytes[RAM_SIZE];

    for (size_t i = 0; i < size && hex[2 * i] != '\0' && hex[2 * i + 1] != '\0'; i++) {
        const char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    if (in_block(m, address) && size <= 8)
        (void)hf_fwcfg_mmio_write(m->fwcfg, (unsigned)(address - m->mmio), bytes, (unsigned)size);
    else
        (void)write_ram(m, address, bytes, size);
    puts("OK");
}

static void obey(struct machine *m, const char *line)
{
    unsigned long long address, size;
    unsigned long port, value;
    int at = 0;
    char w;

    if (sscanf(line, "in%c %li", &w, (long *)&port) == 2)
        port_in(m, (unsigned)port, width(w));
    else if (sscanf(line, "out%c %li %li", &w, (long *)&port, (long *)&value) == 3)
        port_out(m, (unsigned)port, width(w), value);
    else if (sscanf(line, "read %lli %lli", (long long *)&address, (long long *)&size) == 2 && size <= RAM_SIZE)
        memory_read(m, address, size);
    else if (sscanf(line, "write %lli %lli 0x%n", (long long *)&address, (long long *)&size, &at) == 2 && at != 0 &&
             size <= RAM_SIZE)
        memory_write(m, address, size, line + at);
    else if (strncmp(line, "reset", 5) == 0)
        reset(m), puts("OK");
    else
        puts("FAIL unknown command");
}

int main(int argc, char **argv)
{
    static char line[2 * RAM_SIZE + 128];
    static struct machine m;
    struct hf_error err;

    if (argc == 3 && strcmp(argv[1], "--mmio") == 0)
        m.mmio = strtoull(argv[2], NULL, 0);
    if (configure(&m, &err) < 0) {
        fprintf(stderr, "pipe-device: %s\n", err.text);
        return 1;
    }
    setvbuf(stdout, NULL, _IOFBF, 1 << 18);
    while (fgets(line, sizeof line, stdin)) {
        obey(&m, line);
        fflush(stdout);
    }
    return 0;
}
