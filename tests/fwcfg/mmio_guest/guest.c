/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest of a few lines for QEMU's aarch64 `virt`: the client over MMIO, by register and by DMA, read and write. It
 * says what it found on the UART and switches the machine off. The MMU is off, so accesses must be aligned.
 */
#include <holdfast/fwcfg_client.h>

#define UART  0x9000000ul
#define FWCFG 0x9020000ul

void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void guest_main(void);

void *memcpy(void *to, const void *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    return to;
}

void *memset(void *to, int byte, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile uint8_t *)to)[i] = (uint8_t)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((const volatile uint8_t *)a)[i] != ((const volatile uint8_t *)b)[i])
            return 1;
    return 0;
}

static void say(const char *text)
{
    while (*text != '\0')
        *(volatile uint32_t *)UART = (uint8_t)*text++;
}

static void check(const char *what, int fact)
{
    say(fact ? "ok " : "BAD ");
    say(what);
    say("\n");
}

static void read_file(struct hf_fwcfg_client *c, const char *how)
{
    struct hf_fwcfg_file f;
    uint8_t bytes[8] = {0};

    say(how);
    check("found", hf_fwcfg_client_find(c, "opt/org.example/hello", &f) == 0 && f.size == 5);
    check("read",
          hf_fwcfg_client_read(c, &f, bytes, sizeof bytes) == 0 && __builtin_memcmp(bytes, "hello\0\0\0", 8) == 0);
    check("part", hf_fwcfg_client_read_at(c, &f, 3, bytes, 2) == 0 && bytes[0] == 'l' && bytes[1] == 'o');
    check("none", hf_fwcfg_client_find(c, "opt/org.example/none", &f) == -HF_ENOTFOUND);
}

static void write_file(struct hf_fwcfg_client *c)
{
    struct hf_fwcfg_file f;
    uint8_t bytes[16] = {0, 0, 1, 0, 1, 2, 3, 4}, back[16];

    check("writable found", hf_fwcfg_client_find(c, "etc/vmcoreinfo", &f) == 0 && f.size == 16);
    check("written", hf_fwcfg_client_write(c, &f, bytes, sizeof bytes) == 0);
    check("read back", hf_fwcfg_client_read(c, &f, back, sizeof back) == 0 && __builtin_memcmp(back, bytes, 16) == 0);
    check("too long", hf_fwcfg_client_write(c, &f, bytes, 17) == -HF_EUSAGE);
    hf_fwcfg_client_find(c, "opt/org.example/hello", &f);
    check("read only", hf_fwcfg_client_write(c, &f, bytes, 1) == -HF_EREFUSED);
}

void guest_main(void)
{
    static struct hf_fwcfg_client c;

    hf_fwcfg_client_mmio(&c, FWCFG);
    check("open", hf_fwcfg_client_open(&c) == 0 && c.dma);
    read_file(&c, "DMA:\n");
    write_file(&c);
    c.dma = false;
    read_file(&c, "register:\n");
    say("done\n");
}
