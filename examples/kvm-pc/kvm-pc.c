/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *     kvm-pc --firmware /usr/share/seabios/bios.bin --acpi 3 --until "No bootable device"
 *
 * Boots a firmware image on the smallest PC and prints its debug console. The guest can be moved at its reset: one
 * process ends with --save FILE, another, with other abilities, begins with --load FILE, and the guest boots there.
 */
#include "pc.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

static const char usage[] =
    "usage: kvm-pc [OPTION...]\n"
    "  --firmware FILE   at most 256 KiB, a multiple of 64 KiB; not with --load, where it comes with the guest\n"
    "  --acpi BITS       extensions of the ACPI loader that this VMM supports (0)\n"
    "  --no-negotiation  be a VMM of before: no files to negotiate with\n"
    "  --always          use the extensions without asking the firmware (wrong; to show what happens)\n"
    "  --until TEXT      end well when the console printed TEXT this many times:\n"
    "  --times N         (1)\n"
    "  --seconds N       end badly after this time (20)\n"
    "  --boot-fail-wait MS  how long SeaBIOS waits before it resets, when nothing boots (60000)\n"
    "  --save FILE       at the end, save the guest\n"
    "  --load FILE       begin with a saved guest, and reset it\n"
    "  --audit           at the end, list on stderr what the guest read and wrote of fw_cfg\n"
    "Exit status: 0 the text was seen; 1 it was not, or something failed; 3 refused; 77 no usable /dev/kvm.\n";

struct options {
    const char *firmware, *until, *save, *load;
    struct abilities able;
    unsigned times, seconds, wait;
    bool audit;
};

struct watch { /* for --until */
    const struct options *o;
    char line[256];
    size_t n;
    unsigned seen;
};

static volatile bool stop;
static bool timed_out;

static void on_alarm(int number)
{
    (void)number;
    timed_out = !stop;
    stop = true;
}

static void print(void *opaque, char c)
{
    struct watch *w = (struct watch *)opaque;

    putchar(c);
    if (c == '\n') {
        fflush(stdout);
        w->n = 0;
        return;
    }
    if (w->n + 1 < sizeof w->line)
        w->line[w->n++] = c;
    w->line[w->n] = '\0';
    if (w->o->until && w->n >= strlen(w->o->until) && strcmp(w->line + w->n - strlen(w->o->until), w->o->until) == 0 &&
        ++w->seen == w->o->times)
        stop = true;
}

static bool parse(int argc, char **argv, struct options *o)
{
    enum { FIRMWARE = 1, ACPI, NO_NEGOTIATION, ALWAYS, UNTIL, TIMES, SECONDS, WAIT, SAVE, LOAD, AUDIT };
    static const struct option table[] = {
        {"firmware", required_argument, NULL, FIRMWARE},
        {"acpi", required_argument, NULL, ACPI},
        {"no-negotiation", no_argument, NULL, NO_NEGOTIATION},
        {"always", no_argument, NULL, ALWAYS},
        {"until", required_argument, NULL, UNTIL},
        {"times", required_argument, NULL, TIMES},
        {"seconds", required_argument, NULL, SECONDS},
        {"boot-fail-wait", required_argument, NULL, WAIT},
        {"save", required_argument, NULL, SAVE},
        {"load", required_argument, NULL, LOAD},
        {"audit", no_argument, NULL, AUDIT},
        {NULL, 0, NULL, 0},
    };
    const char **const texts[] = {[FIRMWARE] = &o->firmware, [UNTIL] = &o->until, [SAVE] = &o->save, [LOAD] = &o->load};
    unsigned *const numbers[] = {[TIMES] = &o->times, [SECONDS] = &o->seconds, [WAIT] = &o->wait};

    for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (c == FIRMWARE || c == UNTIL || c == SAVE || c == LOAD)
            *texts[c] = optarg;
        else if (c == TIMES || c == SECONDS || c == WAIT)
            *numbers[c] = (unsigned)strtoul(optarg, NULL, 0);
        else if (c == ACPI)
            o->able.acpi = strtoull(optarg, NULL, 0);
        else if (c == NO_NEGOTIATION)
            o->able.negotiation = false;
        else if (c == ALWAYS)
            o->able.always = true;
        else if (c == AUDIT)
            o->audit = true;
        else
            return false;
    }
    return optind == argc && !o->firmware != !o->load;
}

static int read_firmware(struct pc *pc, const char *path, struct hf_error *err)
{
    FILE *f = fopen(path, "rb");

    if (!f)
        return hf_error_set(err, HF_ENOTFOUND, "%s: %s", path, strerror(errno));
    pc->rom_size = fread(pc->rom, 1, ROM_MAX, f);
    if (fgetc(f) != EOF || pc->rom_size == 0 || pc->rom_size % 0x10000 != 0)
        pc->rom_size = 0;
    fclose(f);
    return pc->rom_size != 0
               ? 0
               : hf_error_set(err, HF_EREFUSED, "%s: not 64 to %u KiB in steps of 64", path, ROM_MAX >> 10);
}

static int make(struct pc *pc, const struct options *o, struct hf_error *err)
{
    int r;

    pc->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pc->rom = mmap(NULL, ROM_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pc->ram == MAP_FAILED || pc->rom == MAP_FAILED)
        return hf_error_set(err, HF_ENOMEM, "no memory for the guest");
    pc->platform.wait = hf_le32_of(o->wait);
    r = platform_init(pc, &o->able, err);
    if (r == 0)
        r = o->load ? state_load(pc, o->load, err) : read_firmware(pc, o->firmware, err);
    return r;
}

static int run(struct pc *pc, struct hf_error *err)
{
    while (!stop) {
        int r;
        enum pc_stop why;

        pc_devices_reset(pc);
        platform_reset(pc);
        r = pc_power(pc, err);
        if (r < 0)
            return r;
        why = pc_run(pc, &stop, err);
        pc_unpower(pc);
        if (why == PC_FAILED)
            return -HF_EIO;
    }
    return timed_out ? hf_error_set(err, HF_ETIMEDOUT, "the console did not print what was waited for") : 0;
}

static void print_audit(const struct pc *pc)
{
    struct hf_fwcfg_audit a;

    for (unsigned i = 0; hf_fwcfg_audit(pc->platform.fwcfg, i, &a) == 0; i++)
        fprintf(stderr, "%04x %-28s %6u bytes: %llu selects, %llu read, %llu written, %llu writes refused\n", a.key,
                a.name ? a.name : "", a.size, (unsigned long long)a.selects, (unsigned long long)a.bytes_read,
                (unsigned long long)a.bytes_written, (unsigned long long)a.writes_refused);
    fprintf(stderr, "etc/example_addr: 0x%llx\n", (unsigned long long)hf_le64_get(pc->platform.told));
}

/* A script can tell why: 2 usage, 3 the state was refused, 5 the state is damaged, 1 anything else. */
static int exit_status(int r)
{
    switch (-r) {
    case HF_OK:
        return 0;
    case HF_EUSAGE:
        return 2;
    case HF_EREFUSED:
        return 3;
    case HF_EDAMAGED:
        return 5;
    default:
        return 1;
    }
}

int main(int argc, char **argv)
{
    static struct pc pc;
    struct options o = {.able = {.negotiation = true}, .times = 1, .seconds = 20, .wait = 60000};
    struct watch watch = {.o = &o};
    struct sigaction alarm_action = {.sa_handler = on_alarm};
    struct itimerval limit = {.it_interval = {.tv_usec = 100000}}; /* again, should one arrive between two looks */
    struct hf_error err;
    int r;

    if (!parse(argc, argv, &o)) {
        fputs(usage, stderr);
        return 2;
    }
    pc.print = print;
    pc.print_opaque = &watch;
    pc.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (pc.kvm < 0) {
        fprintf(stderr, "kvm-pc: /dev/kvm: %s\n", strerror(errno));
        return 77;
    }
    sigaction(SIGALRM, &alarm_action, NULL);
    limit.it_value.tv_sec = o.seconds;
    setitimer(ITIMER_REAL, &limit, NULL);
    r = make(&pc, &o, &err);
    if (r == 0)
        r = run(&pc, &err);
    if (r == 0 && o.save)
        r = state_save(&pc, o.save, &err);
    if (o.audit && pc.platform.fwcfg)
        print_audit(&pc);
    if (r < 0)
        fprintf(stderr, "kvm-pc: %s\n", err.text);
    return exit_status(r);
}
