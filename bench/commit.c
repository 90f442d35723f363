/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A durable commit of one 4 KiB page against appending 4 KiB to a file and fdatasync, in turn, on the disk of the
 * directory given (default: the present one). And a commit that need only survive its process.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "banks.h"

#define BANK  (528U << 10)
#define PAIRS 2000

static double microseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void must(int r, const struct hf_error *err)
{
    if (r < 0) {
        fprintf(stderr, "bench-commit: %s\n", err->text);
        exit(1);
    }
}

/* Another page, other bytes, every time. */
static double commit(struct hf_container *c, unsigned n, enum hf_durability durability)
{
    uint8_t page[HF_PAGE_SIZE];
    struct hf_error err;
    double start = microseconds();

    memset(page, (int)(n % 251), sizeof page);
    memcpy(page, &n, sizeof n);
    must(hf_begin(c, &err), &err);
    must(hf_bank_write(c, HF_BANK_VARS, (uint64_t)n * 7 % (BANK / HF_PAGE_SIZE) * HF_PAGE_SIZE, page, sizeof page, NULL,
                       &err),
         &err);
    must(hf_commit(c, durability, &err), &err);
    return microseconds() - start;
}

static double append(int fd)
{
    static uint8_t page[HF_PAGE_SIZE];
    double start = microseconds();

    if (write(fd, page, sizeof page) != sizeof page || fdatasync(fd) < 0) {
        perror("bench-commit: append");
        exit(1);
    }
    return microseconds() - start;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double percentile(double *values, unsigned count, double p)
{
    qsort(values, count, sizeof *values, ascending);
    return values[(unsigned)(p * (count - 1))];
}

static void measure(struct hf_container *c, int fd)
{
    static double ours[PAIRS], theirs[PAIRS], ratio[PAIRS], soon[PAIRS];

    for (unsigned n = 0; n < PAIRS; n++) {
        ours[n] = commit(c, 2 * n, HF_DURABLE);
        theirs[n] = append(fd);
        ratio[n] = ours[n] / theirs[n];
        soon[n] = commit(c, 2 * n + 1, HF_SOON);
    }
    printf("durable commit of one page : append 4 KiB + fdatasync: %.2f (median of %d pairs, target 1.3); %.0f us "
           "against %.0f us, "
           "p99 %.0f us against %.0f us\n",
           percentile(ratio, PAIRS, 0.5), PAIRS, percentile(ours, PAIRS, 0.5), percentile(theirs, PAIRS, 0.5),
           percentile(ours, PAIRS, 0.99), percentile(theirs, PAIRS, 0.99));
    printf("commit that survives the process: median %.0f us, p99 %.0f us\n", percentile(soon, PAIRS, 0.5),
           percentile(soon, PAIRS, 0.99));
}

int main(int argc, char **argv)
{
    const struct hf_guest guest = {.uuid = "01234567-89ab-cdef-0123-456789abcdef", .arch = "x86_64"};
    char dir[] = "bench-commit-XXXXXX", path[64], command[96];
    struct hf_container *c;
    struct hf_error err;
    int fd;

    if ((argc > 1 && chdir(argv[1]) < 0) || !mkdtemp(dir)) {
        perror("bench-commit");
        return 1;
    }
    setenv("HOLDFAST_RUNTIME_DIR", realpath(dir, NULL), 1);
    setenv("HOLDFAST_STATE_DIR", realpath(dir, NULL), 1);
    snprintf(path, sizeof path, "%s/append", dir);
    fd = open(path, O_CREAT | O_WRONLY | O_APPEND, 0600);
    snprintf(path, sizeof path, "%s/g.hold", dir);
    must(hf_container_create(path, &guest, 0, &c, &err), &err);
    must(hf_begin(c, &err), &err);
    must(hf_bank_resize(c, HF_BANK_VARS, BANK, &err), &err);
    must(hf_commit(c, HF_DURABLE, &err), &err);
    must(hf_container_reserve(c, BANK, &err), &err);
    measure(c, fd);
    must(hf_container_close(c, &err), &err);
    close(fd);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) != 0;
}
