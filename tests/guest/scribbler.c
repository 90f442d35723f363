/* SPDX-License-Identifier: BSD-2-Clause */
/* scribbler DEVICE SECONDS SEED: a hostile guest's mailbox, written to everywhere at any time. Half of the writes hit the
 * words that the host looks at, with values that it might act upon. Prints how many there were. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SIZE (1U << 20)

static uint64_t state;

static uint32_t roll(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

/* Numbers, commands, stages, sizes: small ones, limits, and anything. */
static uint32_t value(volatile uint32_t *window)
{
    static const uint32_t edges[] = {0, 1, 0xffffffffU, 0x7fffffffU, 0x80000000U, SIZE, 64U << 20, 256U << 10, 4096};

    switch (roll() % 4) {
    case 0:
        return roll() % 10;
    case 1:
        return edges[roll() % (sizeof edges / sizeof edges[0])];
    case 2:
        return window[4096 / 4 + 2]; /* the generation, so that what is asked is looked at */
    default:
        return roll();
    }
}

/* The magic, the version and the name of a domain stand or nothing would be looked at. */
static void greet(volatile uint32_t *window)
{
    uint32_t words[2];

    memcpy(words, "HFMG", 4);
    window[0] = words[0];
    window[1] = 1;
    window[3] = window[4096 / 4 + 2];
    window[512 / 4 + 1] = window[4096 / 4 + 2];
}

int main(int argc, char **argv)
{
    volatile uint32_t *window;
    unsigned long count = 0;
    char path[512];
    time_t until;
    int fd;

    if (argc != 4)
        return 2;
    (void)snprintf(path, sizeof path, "%s/resource2", argv[1]);
    fd = open(path, O_RDWR | O_CLOEXEC);
    window = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (window == MAP_FAILED) {
        perror(path);
        return 1;
    }
    state = strtoull(argv[3], NULL, 10) | 1;
    until = time(NULL) + atol(argv[2]);
    for (; time(NULL) < until; count += 64) {
        greet(window);
        for (unsigned i = 0; i < 64; i++) {
            if (roll() % 2)
                window[(roll() % 2 ? 0 : 512 / 4) + roll() % 48] = value(window);
            else
                window[roll() % (SIZE / 4)] = value(window);
        }
    }
    (void)printf("%lu words\n", count);
    return 0;
}
