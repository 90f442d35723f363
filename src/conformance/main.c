/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast-fwcfg-conformance: is that machine's fw_cfg what firmware expects? See its man page. */
#include "checks.h"
#include "signals.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage[] =
    "usage: holdfast-fwcfg-conformance [OPTION...] -- COMMAND [ARGUMENT...]\n"
    "\n"
    "Starts COMMAND, a machine that takes qtest commands on its standard input, and checks its fw_cfg.\n"
    "\n"
    "  --port PORT          I/O port of the selector (0x510)\n"
    "  --mmio ADDRESS       address of the MMIO block, instead of ports\n"
    "  --memory ADDRESS     64 KiB of RAM to use (0x100000)\n"
    "  --slots N            directory rows of this machine type (32)\n"
    "  --reset HOW          'PORT=VALUE' to write, both hexadecimal (cf9=6), 'line' for the command, or 'none'\n"
    "  --operations N       random operations in lock step with this library's device (2000)\n"
    "  --seed N             their seed (from the clock)\n"
    "  --help\n"
    "\n"
    "Prints TAP. Exit status: 0 all checks passed, 1 some failed, 2 wrong usage.\n"
    "\n"
    "  holdfast-fwcfg-conformance -- qemu-system-x86_64 -M q35 -S -nodefaults -display none \\\n"
    "      -qtest stdio -qtest-log /dev/null\n";

struct options {
    unsigned slots;
    uint64_t seed;
    unsigned long operations;
};

static bool HF_PRINTF(1, 2) wrong(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fputs("holdfast-fwcfg-conformance: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputs("; try --help\n", stderr);
    va_end(ap);
    return false;
}

/* False on wrong usage, which was said; *done when there is nothing left to do. */
static bool parse(int argc, char **argv, struct peer *p, struct options *o, bool *done)
{
    enum { PORT = 1, MMIO, MEMORY, SLOTS, RESET, OPERATIONS, SEED, HELP };
    static const struct option table[] = {
        {"port", required_argument, NULL, PORT},
        {"mmio", required_argument, NULL, MMIO},
        {"memory", required_argument, NULL, MEMORY},
        {"slots", required_argument, NULL, SLOTS},
        {"reset", required_argument, NULL, RESET},
        {"operations", required_argument, NULL, OPERATIONS},
        {"seed", required_argument, NULL, SEED},
        {"help", no_argument, NULL, HELP},
        {NULL, 0, NULL, 0},
    };

    opterr = 0;
    for (int c, at; (c = getopt_long(argc, argv, "+:", table, &at)) != -1;) {
        char *end = NULL;
        unsigned long long n = optarg ? strtoull(optarg, &end, 0) : 0;

        if (c == HELP) {
            *done = true;
            return true;
        }
        if (c == '?' || c == ':')
            return wrong("%s: %s", argv[optind - 1],
                         c == ':' ? "value missing" : "unknown option, or one that takes no value");
        if (c == RESET) {
            p->reset = strcmp(optarg, "none") == 0 ? NULL : optarg;
            continue;
        }
        if (!end || end == optarg || *end != '\0')
            return wrong("--%s '%s': not a number", table[at].name, optarg);
        if (c == PORT || c == MMIO)
            p->machine.base = n;
        p->machine.mmio = p->machine.mmio || c == MMIO;
        if (c == MEMORY)
            p->machine.memory = n;
        if (c == SLOTS)
            o->slots = (unsigned)n;
        if (c == OPERATIONS)
            o->operations = (unsigned long)n;
        if (c == SEED)
            o->seed = n;
    }
    if (o->slots < HF_FWCFG_SLOTS_MIN || o->slots > 0x400)
        return wrong("--slots %u: out of range; use %u to %u", o->slots, HF_FWCFG_SLOTS_MIN, 0x400);
    return optind < argc || wrong("COMMAND missing after '--': the machine to check");
}

int main(int argc, char **argv)
{
    static struct peer p = {.machine = {.base = HF_FWCFG_PORT_BASE, .memory = 0x100000}, .reset = "cf9=6"};
    struct options o = {.slots = HF_FWCFG_SLOTS_DEFAULT, .operations = 2000, .seed = (uint64_t)time(NULL)};
    struct report r = {0};
    bool done = false;

    hf_signals_init();
    if (!parse(argc, argv, &p, &o, &done))
        return 2;
    if (done) {
        fputs(usage, stdout);
        return 0;
    }
    if (p.machine.mmio && p.reset && strcmp(p.reset, "line") != 0)
        p.reset = NULL;
    peer_open(&p, argv + optind);
    check_device(&p.machine, &r, o.slots);
    check_smi(&p.machine, &r);
    check_negotiation(&p.machine, &r);
    check_lockstep(&p.machine, &r, o.slots, o.seed, o.operations);
    peer_close(&p);
    printf("1..%u\n", r.done);
    report_note("%u checks, %u failed, %u skipped", r.done, r.failed, r.skipped);
    return r.failed != 0;
}
