/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench-flash [HOLDFAST]: lists a full 4M store in process (target: at most 1 ms); with the program's path also
 * converts 2M to 4M, whole process (at most 20 ms), each beside the plainest thing that reads or writes the same bytes.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <holdfast/var_decode.h>

enum { MAX = 8192, ROUNDS = 101 };

static struct hf_var vars[MAX];

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, by_value);
    return values[n / 2];
}

/* A store with as many variables as fit, of the size that boot entries have. */
static size_t fill(uint8_t *bank, size_t size, uint32_t data_size)
{
    uint8_t name[16], data[2048] = {1, 0, 0, 0};
    struct hf_varstore s;
    struct hf_var v = {.guid = HF_GUID(0x8be4df61, 0x93ca, 0x11d2, 0xaa0d, 0x00e098032b8c),
                       .attributes = 7,
                       .name = name,
                       .data = data,
                       .data_size = data_size};
    char text[8];

    if (hf_varstore_format(bank, size, size == 0x20000 ? HF_LAYOUT_2M : HF_LAYOUT_4M, NULL) < 0 ||
        hf_varstore_open(bank, size, HF_VARSTORE_STRICT, vars, MAX, NULL, NULL, &s, NULL) < 0)
        exit(1);
    for (unsigned i = 0; i < 65536; i++) {
        (void)snprintf(text, sizeof text, "V%04X", i);
        v.name_size = 0;
        for (const char *p = text; v.name_size == 0 || p[-1]; p++) {
            name[v.name_size++] = (uint8_t)*p;
            name[v.name_size++] = 0;
        }
        if (hf_varstore_set(bank, &s, &v, 0, NULL) < 0)
            break;
    }
    return s.count;
}

static void list_once(const uint8_t *bank, size_t size)
{
    struct hf_varstore s;
    char text[256];

    if (hf_varstore_open(bank, size, HF_VARSTORE_STRICT, vars, MAX, NULL, NULL, &s, NULL) < 0)
        exit(1);
    for (size_t i = 0; i < s.count; i++)
        (void)hf_var_describe(&s.vars[i], text, sizeof text);
}

static void bench_list(uint32_t data_size)
{
    static uint8_t bank[0x84000], copy[0x84000];
    size_t count = fill(bank, sizeof bank, data_size);
    double ours[ROUNDS], theirs[ROUNDS];

    for (size_t i = 0; i < ROUNDS; i++) {
        double t = now();

        list_once(bank, sizeof bank);
        ours[i] = now() - t;
        t = now();
        memcpy(copy, bank, sizeof copy);
        __asm__ volatile("" : : "r"(copy) : "memory");
        theirs[i] = now() - t;
    }
    printf(
        "list a full 4M store, %zu variables of %u bytes: %.3f ms (median of %d; target 1 ms); copying it: %.3f ms\n",
        count, data_size, median(ours, ROUNDS), ROUNDS, median(theirs, ROUNDS));
}

static double run(char *const argv[])
{
    double t = now();
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

        if (null < 0 || dup2(null, 1) < 0)
            _exit(1);
        execv(argv[0], argv);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
        exit(1);
    return now() - t;
}

static void bench_convert(char *program)
{
    static uint8_t bank[0x20000];
    char in[] = "/tmp/bench-flash-in", out[] = "/tmp/bench-flash-out";
    char *convert[] = {program, "image", "convert", in, out, "--layout", "4m", NULL};
    char *copy[] = {
        "/bin/dd", "if=/dev/zero", "of=/tmp/bench-flash-out", "bs=540672", "count=1", "conv=fsync", "status=none",
        NULL};
    size_t count = fill(bank, sizeof bank, 100);
    double ours[ROUNDS], theirs[ROUNDS];
    FILE *f = fopen(in, "wb");

    if (!f || fwrite(bank, 1, sizeof bank, f) != sizeof bank || fclose(f))
        exit(1);
    for (size_t i = 0; i < ROUNDS; i++) {
        (void)unlink(out);
        ours[i] = run(convert);
        (void)unlink(out);
        theirs[i] = run(copy);
    }
    (void)unlink(in);
    (void)unlink(out);
    printf("convert 2M to 4M, whole process, %zu variables: %.2f ms (median of %d; target 20 ms); dd with fsync: %.2f "
           "ms\n",
           count, median(ours, ROUNDS), ROUNDS, median(theirs, ROUNDS));
}

int main(int argc, char **argv)
{
    bench_list(100);
    bench_list(1);
    if (argc > 1)
        bench_convert(argv[1]);
    return 0;
}
