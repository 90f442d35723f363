/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the fw_cfg device and a negotiation cost a VMM, in process:
 *   - a port read of one byte;
 *   - a DMA read of 64 KiB, beside memcpy of the same bytes, in pairs;
 *   - a negotiation: request record in, answer out, with a reset in between so that each one locks.
 * Each figure is the median of 21 rounds.
 */
#include <holdfast/fwcfg_device.h>
#include <holdfast/negotiate_guest.h>
#include <holdfast/negotiate_host.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS   21
#define BLOB     65536u
#define RAM_SIZE (4u * BLOB)

static uint8_t ram[RAM_SIZE], blob[BLOB];

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    const double *x = (const double *)a, *y = (const double *)b;

    return (*x > *y) - (*x < *y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof *values, by_size);
    return values[ROUNDS / 2];
}

static bool read_ram(void *opaque, uint64_t at, void *to, size_t size)
{
    (void)opaque;
    if (at > RAM_SIZE || size > RAM_SIZE - at)
        return false;
    memcpy(to, ram + at, size);
    return true;
}

static bool write_ram(void *opaque, uint64_t at, const void *from, size_t size)
{
    (void)opaque;
    if (at > RAM_SIZE || size > RAM_SIZE - at)
        return false;
    memcpy(ram + at, from, size);
    return true;
}

static struct hf_fwcfg *make_device(void)
{
    static _Alignas(16) uint8_t memory[65536];
    const struct hf_fwcfg_config config = {.dma = true, .memory = {.read = read_ram, .write = write_ram}};
    const struct hf_fwcfg_item item = {.name = "etc/blob", .data = blob, .size = BLOB};
    struct hf_fwcfg *d;

    if (hf_fwcfg_init(memory, sizeof memory, &config, &d, NULL) < 0 || hf_fwcfg_add_file(d, &item, NULL) < 0)
        abort();
    hf_fwcfg_seal(d);
    return d;
}

static void select_blob(struct hf_fwcfg *d)
{
    const hf_le16 key = hf_le16_of(HF_FWCFG_FILE_FIRST);

    (void)hf_fwcfg_port_write(d, HF_FWCFG_PORT_SELECTOR, &key, sizeof key);
}

static double port_reads(struct hf_fwcfg *d)
{
    double start = now();
    unsigned sum = 0;

    select_blob(d);
    for (uint32_t i = 0; i < BLOB; i++) {
        uint8_t byte;

        (void)hf_fwcfg_port_read(d, HF_FWCFG_PORT_DATA, &byte, 1);
        sum += byte;
    }
    if (sum != BLOB)
        abort();
    return (now() - start) / BLOB;
}

#define TRANSFERS 200

static double dma_reads(struct hf_fwcfg *d)
{
    const struct hf_fwcfg_dma descriptor = {
        hf_be32_of(HF_FWCFG_FILE_FIRST << 16 | HF_FWCFG_DMA_SELECT | HF_FWCFG_DMA_READ), hf_be32_of(BLOB),
        hf_be64_of(BLOB)};
    const hf_be32 low = hf_be32_of(0);
    double start = now();

    for (int i = 0; i < TRANSFERS; i++) {
        memcpy(ram, &descriptor, sizeof descriptor);
        (void)hf_fwcfg_port_write(d, HF_FWCFG_PORT_DMA + 4, &low, sizeof low);
    }
    return now() - start;
}

static double copies(void)
{
    double start = now();

    for (int i = 0; i < TRANSFERS; i++) {
        memcpy(ram + 2 * BLOB, blob, BLOB);
        __asm__ volatile("" : : "r"(ram) : "memory");
    }
    return now() - start;
}

#define REQUESTS 20000

static double negotiations(void)
{
    static _Alignas(16) uint8_t memory[8192];
    static const struct hf_negotiate_rule rules[] = {{1, 0}, {2, 1}, {200, 100}};
    struct hf_negotiate_domain domains[8];
    const struct hf_bits wanted = hf_bits_of(7);
    struct hf_negotiate_request q;
    struct hf_negotiate_answer a;
    struct hf_negotiate *n;
    char names[8][16];
    double start;

    for (int i = 0; i < 8; i++) {
        snprintf(names[i], sizeof names[i], "d%d", i);
        domains[i] = (struct hf_negotiate_domain){
            .name = names[i], .version = 1, .supported = hf_bits_of(7), .rules = rules, .n_rules = 3};
    }
    if (hf_negotiate_init(memory, sizeof memory, domains, 8, 1, &n, NULL) < 0 ||
        hf_negotiate_request_fill(&q, "d7", 1, &wanted) < 0)
        abort();
    start = now();
    for (int i = 0; i < REQUESTS; i++) {
        if (hf_negotiate_request(n, &q, sizeof q, &a) != HF_NEGOTIATE_ACCEPTED)
            abort();
        hf_negotiate_reset(n);
    }
    return (now() - start) / REQUESTS;
}

int main(void)
{
    struct hf_fwcfg *d = make_device();
    double port[ROUNDS], ratio[ROUNDS], request[ROUNDS];

    memset(blob, 1, sizeof blob);
    (void)port_reads(d), (void)dma_reads(d), (void)copies(), (void)negotiations();
    for (int i = 0; i < ROUNDS; i++) {
        double by_dma = dma_reads(d);

        ratio[i] = copies() / by_dma;
        port[i] = port_reads(d);
        request[i] = negotiations();
    }
    printf("fw_cfg port read: %.1f ns (target: at most 10)\n", median(port));
    printf("fw_cfg DMA read of 64 KiB : memcpy: %.2f (target: at least 0.8)\n", median(ratio));
    printf("negotiation, one of 8 domains, with reset: %.2f us (target: at most 1)\n", median(request) / 1e3);
    return 0;
}
