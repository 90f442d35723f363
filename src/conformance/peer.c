/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

_Noreturn void peer_bail(struct peer *p, const char *why)
{
    printf("Bail out! %s\n", why);
    fflush(stdout);
    peer_close(p);
    exit(1);
}

void peer_open(struct peer *p, char *const argv[])
{
    int down[2], up[2];

    if (pipe(down) < 0 || pipe(up) < 0)
        peer_bail(p, "no pipe for the peer");
    p->pid = fork();
    if (p->pid == 0) {
        dup2(down[0], 0);
        dup2(up[1], 1);
        close(down[0]), close(down[1]), close(up[0]), close(up[1]);
        execvp(argv[0], argv);
        fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    close(down[0]), close(up[1]);
    if (p->pid < 0)
        peer_bail(p, "cannot start the peer");
    signal(SIGPIPE, SIG_IGN);
    p->to = down[1];
    p->from = up[0];
    p->held = 0;
}

/* Ends the peer: its input ends, and if that is not enough, it is told to. */
void peer_close(struct peer *p)
{
    if (p->pid <= 0)
        return;
    close(p->to), close(p->from);
    kill(p->pid, SIGTERM);
    waitpid(p->pid, NULL, 0);
    p->pid = 0;
}

static void send_bytes(struct peer *p, const char *text, size_t n)
{
    while (n != 0) {
        ssize_t w = write(p->to, text, n);

        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            peer_bail(p, "the peer does not listen any more");
        text += w;
        n -= (size_t)w;
    }
}

/* The next line into `to`, without its newline. */
static void receive_line(struct peer *p, char *to, size_t size)
{
    for (;;) {
        char *end = memchr(p->line, '\n', p->held);
        size_t n = end ? (size_t)(end - p->line) : 0;
        ssize_t r;

        if (end && n < size) {
            memcpy(to, p->line, n);
            to[n] = '\0';
            p->held -= n + 1;
            memmove(p->line, end + 1, p->held);
            return;
        }
        if (end || p->held == sizeof p->line)
            peer_bail(p, "the peer's answer is too long");
        r = read(p->from, p->line + p->held, sizeof p->line - p->held);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            peer_bail(p, "the peer has ended");
        p->held += (size_t)r;
    }
}

/* Sends a command; the text behind OK, valid until the next one. */
static const char *ask(struct peer *p, const char *command, size_t n)
{
    static char answer[1 << 17];
    char words[256];

    send_bytes(p, command, n);
    do {
        receive_line(p, answer, sizeof answer);
    } while (strncmp(answer, "IRQ", 3) == 0 || answer[0] == '#');
    if (strncmp(answer, "OK", 2) != 0) {
        snprintf(words, sizeof words, "the peer answered '%.80s' to '%.*s'", answer, (int)(n < 80 ? n - 1 : 80),
                 command);
        peer_bail(p, words);
    }
    return answer[2] == ' ' ? answer + 3 : answer + 2;
}

__attribute__((format(printf, 2, 3))) static const char *askf(struct peer *p, const char *format, ...)
{
    char command[128];
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(command, sizeof command, format, ap);
    va_end(ap);
    return ask(p, command, (size_t)n);
}

static char width(unsigned size)
{
    return size == 1 ? 'b' : size == 2 ? 'w' : 'l';
}

uint64_t peer_in(struct peer *p, unsigned port, unsigned size)
{
    return strtoull(askf(p, "in%c 0x%x\n", width(size), port), NULL, 16);
}

void peer_out(struct peer *p, unsigned port, unsigned size, uint64_t value)
{
    askf(p, "out%c 0x%x 0x%llx\n", width(size), port, (unsigned long long)value);
}

void peer_read(struct peer *p, uint64_t address, void *to, size_t size)
{
    const char *hex = askf(p, "read 0x%llx 0x%zx\n", (unsigned long long)address, size);

    if (strlen(hex) != 2 + 2 * size)
        peer_bail(p, "the peer read another number of bytes than it was asked for");
    for (size_t i = 0; i < size; i++) {
        const char digits[3] = {hex[2 + 2 * i], hex[3 + 2 * i], '\0'};

        ((uint8_t *)to)[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
}

void peer_write(struct peer *p, uint64_t address, const void *from, size_t size)
{
    static char command[1 << 17];
    int n = snprintf(command, sizeof command, "write 0x%llx 0x%zx 0x", (unsigned long long)address, size);

    for (size_t i = 0; i < size && (size_t)n + 4 < sizeof command; i++)
        n += snprintf(command + n, 3, "%02x", ((const uint8_t *)from)[i]);
    command[n++] = '\n';
    ask(p, command, (size_t)n);
}

bool peer_reset(struct peer *p)
{
    unsigned port, value;

    if (!p->reset)
        return false;
    if (strcmp(p->reset, "line") == 0) {
        ask(p, "reset\n", 6);
    } else if (sscanf(p->reset, "%x=%x", &port, &value) == 2) {
        peer_out(p, port, 1, value);
        (void)peer_in(p, port, 1); /* by the time of this answer the reset is over */
    }
    return true;
}

void peer_register_read(struct peer *p, unsigned offset, void *bytes, unsigned size)
{
    uint64_t value;

    if (p->mmio) {
        peer_read(p, p->base + offset, bytes, size);
        return;
    }
    value = peer_in(p, (unsigned)p->base + offset, size);
    for (unsigned i = 0; i < size; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)(value >> 8 * i);
}

void peer_register_write(struct peer *p, unsigned offset, const void *bytes, unsigned size)
{
    uint64_t value = 0;

    if (p->mmio) {
        peer_write(p, p->base + offset, bytes, size);
        return;
    }
    for (unsigned i = size; i-- > 0;)
        value = value << 8 | ((const uint8_t *)bytes)[i];
    peer_out(p, (unsigned)p->base + offset, size, value);
}

void peer_select(struct peer *p, uint16_t key)
{
    const uint8_t low = (uint8_t)key, high = (uint8_t)(key >> 8);
    const uint8_t bytes[2] = {p->mmio ? high : low, p->mmio ? low : high};

    peer_register_write(p, p->mmio ? HF_FWCFG_MMIO_SELECTOR : HF_FWCFG_PORT_SELECTOR, bytes, 2);
}

void peer_data(struct peer *p, void *to, size_t size)
{
    for (size_t i = 0; i < size; i++)
        peer_register_read(p, p->mmio ? HF_FWCFG_MMIO_DATA : HF_FWCFG_PORT_DATA, (uint8_t *)to + i, 1);
}

unsigned peer_dma_offset(const struct peer *p)
{
    return p->mmio ? HF_FWCFG_MMIO_DMA : HF_FWCFG_PORT_DMA;
}

void peer_start_dma(struct peer *p, uint32_t at)
{
    hf_be64 address = hf_be64_of(p->memory + at);

    peer_register_write(p, peer_dma_offset(p), address.b, 4);
    peer_register_write(p, peer_dma_offset(p) + 4, address.b + 4, 4);
}

uint32_t peer_dma(struct peer *p, uint32_t control, uint32_t length, uint64_t address)
{
    struct hf_fwcfg_dma d = {hf_be32_of(control), hf_be32_of(length), hf_be64_of(address)};

    peer_write(p, p->memory, &d, sizeof d);
    peer_start_dma(p, 0);
    peer_read(p, p->memory, &d, sizeof d);
    return hf_be32_get(d.control);
}

static void bus_select(struct hf_fwcfg_client *c, uint16_t key)
{
    peer_select((struct peer *)c->opaque, key);
}

static void bus_read(struct hf_fwcfg_client *c, void *to, size_t size)
{
    peer_data((struct peer *)c->opaque, to, size);
}

static int bus_dma(struct hf_fwcfg_client *c, uint32_t control, void *buffer, uint32_t size)
{
    struct peer *p = (struct peer *)c->opaque;
    const uint32_t room = PEER_MEMORY_SIZE / 2;
    uint8_t *at = (uint8_t *)buffer;

    for (uint32_t n; size != 0; at += n, size -= n) {
        n = size < room ? size : room;
        if (control & HF_FWCFG_DMA_WRITE)
            peer_write(p, p->memory + room, at, n);
        if (peer_dma(p, control, n, p->memory + room) != 0)
            return -HF_EREFUSED;
        if (control & HF_FWCFG_DMA_READ)
            peer_read(p, p->memory + room, at, n);
    }
    return 0;
}

struct hf_fwcfg_client peer_client(struct peer *p)
{
    static const struct hf_fwcfg_bus bus = {bus_select, bus_read, bus_dma};

    return (struct hf_fwcfg_client){.bus = &bus, .opaque = p};
}
