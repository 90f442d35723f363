/* SPDX-License-Identifier: BSD-2-Clause */
#include "guest_probe.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "arguments.h"
#include "banks.h"
#include "board.h"
#include "cleanup.h"
#include "machine_record.h"
#include "machine_roms.h"
#include "probe_boot.h"
#include "probe_look.h"
#include "recorded_program.h"
#include "scratch.h"
#include "stub_arguments.h"
#include "whole_file.h"

struct side {
    struct hf_probe_seen seen;
    struct hf_error why;
    struct hf_boot_try boot;
    char words[192];
};

struct hf_guest_probe {
    struct hf_container *container;
    const struct hf_guest_needs *needs;
    const struct hf_guest_probe_options *options;
    struct hf_machine_record record;
    struct hf_guest guest;
    struct hf_stub stub;
    struct hf_probe_machine machine;
    char named[HF_GUEST_MACHINE_SIZE]; /* a machine type among the arguments; "": none */
    char source_type[HF_GUEST_MACHINE_SIZE], type[HF_GUEST_MACHINE_SIZE];
    struct hf_scratch scratch;
    char rom_dir[PATH_MAX + 8], code[PATH_MAX + 8], vars[PATH_MAX + 8];
    char source[HF_STATE_VALUE_SIZE];
    bool files; /* the banks are written */
    struct side here, there;
    struct hf_probe probe;
};

static void say(const struct hf_guest_probe *p, const char *fmt, const char *program)
{
    char line[512];

    if (!p->options->say)
        return;
    (void)snprintf(line, sizeof line, "%s %.400s", fmt, program);
    p->options->say(p->options->say_ctx, line);
}

/* ---- what to build ---- */

static int read_arguments(struct hf_guest_probe *p, struct hf_error *err)
{
    struct hf_arguments_guest guest = {.architecture = p->guest.arch, .needs_smm = p->needs->needs_smm};
    struct hf_arguments arguments = {.machine = ""};
    int r;

    if (!p->options->arguments) {
        if (p->record.arguments[0] == '\0')
            return hf_error_refuse(err, "arguments",
                                   "the arguments of the guest's last start are not recorded; give them after '--'");
        return hf_stub_load(p->record.arguments, &p->stub, err);
    }
    r = hf_arguments_read(p->options->argument_count, p->options->arguments, &guest, &arguments, err);
    if (r == 0)
        r = hf_stub_arguments(p->options->argument_count, p->options->arguments, &p->stub, err);
    if (r == 0)
        (void)snprintf(p->named, sizeof p->named, "%s", arguments.machine);
    return r;
}

/* A running guest keeps the machine that it has; one that is off takes what its name means there. */
static void name_machine(struct hf_guest_probe *p)
{
    const struct hf_guest_needs *n = p->needs;
    const char *named = p->named[0] ? p->named : n->machine[0] ? n->machine : hf_machine_default(p->guest.arch);
    const char *resolved = n->resolved[0] && !p->options->arguments ? n->resolved : named;

    (void)snprintf(p->source_type, sizeof p->source_type, "%s", resolved);
    (void)snprintf(p->type, sizeof p->type, "%s", n->running ? resolved : named);
}

static int name_source(struct hf_guest_probe *p, struct hf_error *err)
{
    if (p->options->source)
        (void)snprintf(p->source, sizeof p->source, "%s", p->options->source);
    else if (p->record.program[0]) {
        (void)snprintf(p->source, sizeof p->source, "%s", p->record.program);
        return hf_recorded_program_check(p->source, err);
    } else if (!strcmp(p->guest.arch, "x86_64") || !strcmp(p->guest.arch, "aarch64"))
        (void)snprintf(p->source, sizeof p->source, "qemu-system-%s", p->guest.arch);
    else
        return hf_error_refuse(err, "architecture", "architecture '%s': no known QEMU for it; give --probe-source",
                               p->guest.arch);
    return 0;
}

static int make_dir(struct hf_guest_probe *p, struct hf_error *err)
{
    size_t count;
    int r = hf_scratch_make("probe", &p->scratch, err);

    if (r < 0)
        return r;
    (void)snprintf(p->rom_dir, sizeof p->rom_dir, "%s/roms", p->scratch.path);
    (void)snprintf(p->code, sizeof p->code, "%s/code", p->scratch.path);
    (void)snprintf(p->vars, sizeof p->vars, "%s/vars", p->scratch.path);
    return hf_machine_roms_publish(p->container, p->rom_dir, &count, err);
}

static int bank_size(struct hf_container *c, enum hf_bank bank, uint64_t *size, struct hf_error *err)
{
    int r = hf_bank_size(c, bank, size, err);

    if (r != -HF_ENOTFOUND)
        return r;
    *size = 0;
    return 0;
}

static int describe(struct hf_guest_probe *p, struct hf_error *err)
{
    int r = bank_size(p->container, HF_BANK_CODE, &p->machine.code_size, err);

    if (r == 0)
        r = bank_size(p->container, HF_BANK_VARS, &p->machine.vars_size, err);
    p->machine.uuid = p->guest.uuid;
    p->machine.rom_dir = p->rom_dir;
    p->machine.needs_smm = p->needs->needs_smm;
    p->machine.words = p->stub.words.at;
    if (p->stub.left_out.count)
        p->probe.left_out = p->stub.left_out.at;
    return r;
}

/* ---- one side ---- */

static void look(struct hf_guest_probe *p, const char *program, const char *type, struct side *side,
                 struct hf_probe_side *ret)
{
    p->machine.program = program;
    p->machine.type = type;
    say(p, "looking at", program);
    if (hf_probe_look(&p->machine, &side->seen, &side->why) < 0)
        side->seen.view = NULL;
    *ret = (struct hf_probe_side){
        .program = program,
        .version = side->seen.version,
        .view = side->seen.view,
        .why = side->why.text,
        .devices = side->seen.view && side->seen.devices[0] ? side->seen.devices : NULL,
    };
}

static int write_bank(struct hf_guest_probe *p, enum hf_bank bank, uint64_t size, const char *path,
                      struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = malloc(size + 1);
    int r = bytes ? hf_bank_read(p->container, bank, 0, bytes, size, err) : hf_error_nomem(err);

    return r < 0 ? r : hf_file_replace(path, bytes, size, 0600, NULL, err);
}

/* Each boot begins with the variables that the guest has now. */
static int boot(struct hf_guest_probe *p, const char *program, const char *type, unsigned limit, struct side *side,
                struct hf_error *err)
{
    struct hf_probe_machine m = p->machine;
    int r = p->files ? 0 : write_bank(p, HF_BANK_CODE, m.code_size, p->code, err);

    p->files = r == 0;
    if (r == 0 && m.vars_size)
        r = write_bank(p, HF_BANK_VARS, m.vars_size, p->vars, err);
    if (r < 0)
        return r;
    m.program = program;
    m.type = type;
    m.code_file = p->code;
    m.vars_file = p->vars;
    say(p, "booting the guest's firmware under", program);
    return hf_probe_boot(&m, limit, &side->boot, side->words, err);
}

static int look_at_source(struct hf_guest_probe *p, struct hf_error *err)
{
    int r = 0;

    look(p, p->source, p->source_type, &p->here, &p->probe.source);
    if (p->options->boot && p->here.seen.view) {
        r = boot(p, p->source, p->source_type, HF_PROBE_BOOT_MS, &p->here, err);
        p->probe.source_boot = &p->here.boot;
    }
    return r;
}

int hf_guest_probe_open(struct hf_container *c, const struct hf_guest_needs *needs,
                        const struct hf_guest_probe_options *options, struct hf_guest_probe **ret, struct hf_error *err)
{
    struct hf_guest_probe *p = calloc(1, sizeof *p);
    int r;

    if (!p)
        return hf_error_nomem(err);
    p->container = c;
    p->needs = needs;
    p->options = options;
    r = hf_guest_get(c, &p->guest, err);
    if (r == 0)
        r = hf_machine_record_load(c, &p->record, err);
    if (r == 0)
        r = read_arguments(p, err);
    if (r == 0)
        r = name_source(p, err);
    if (r == 0)
        r = make_dir(p, err);
    if (r == 0)
        r = describe(p, err);
    if (r == 0) {
        name_machine(p);
        r = look_at_source(p, err);
    }
    if (r < 0)
        hf_guest_probe_close(p);
    else
        *ret = p;
    return r;
}

const struct hf_probe_side *hf_guest_probe_source(const struct hf_guest_probe *p)
{
    return &p->probe.source;
}

int hf_guest_probe_ask(struct hf_guest_probe *p, const char *qemu, const struct hf_probe **ret, struct hf_error *err)
{
    int r = 0;

    hf_fwcfg_view_free(p->there.seen.view);
    memset(&p->there, 0, sizeof p->there);
    p->probe.destination_boot = NULL;
    look(p, qemu, p->type, &p->there, &p->probe.destination);
    if (p->there.seen.view && p->probe.source_boot && p->probe.source_boot->booted) {
        r = boot(p, qemu, p->type, hf_probe_boot_limit(p->probe.source_boot->milliseconds), &p->there, err);
        p->probe.destination_boot = &p->there.boot;
    }
    if (r == 0)
        *ret = &p->probe;
    return r;
}

void hf_guest_probe_close(struct hf_guest_probe *p)
{
    if (!p)
        return;
    hf_scratch_remove(&p->scratch);
    hf_fwcfg_view_free(p->here.seen.view);
    hf_fwcfg_view_free(p->there.seen.view);
    hf_stub_done(&p->stub);
    free(p);
}
