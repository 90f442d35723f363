/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU has built the machine and runs nothing yet: is it what the container's guest needs, and what did it load? */
#include "supervision.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "host_caps.h"
#include "machine_devices.h"
#include "machine_record.h"
#include "machine_roms.h"
#include "stub_arguments.h"

static void json_drop(json_t **json)
{
    json_decref(*json);
}

static int check_version(const struct hf_supervision *s, struct hf_error *err)
{
    struct hf_qmp_version v = hf_monitor_version(s->run.monitor);

    if (v.major > HF_QEMU_OLDEST_MAJOR || (v.major == HF_QEMU_OLDEST_MAJOR && v.minor >= HF_QEMU_OLDEST_MINOR))
        return 0;
    return hf_error_refuse(err, "version", "%s is QEMU %d.%d; holdfast needs %d.%d or later", s->program, v.major,
                           v.minor, HF_QEMU_OLDEST_MAJOR, HF_QEMU_OLDEST_MINOR);
}

static int check_architecture(const struct hf_supervision *s, struct hf_error *err)
{
    hf_auto(json_drop) json_t *target = NULL;
    const char *arch;
    int r = hf_monitor_execute(s->run.monitor, "query-target", NULL, &target, err);

    if (r < 0)
        return r;
    arch = json_string_value(json_object_get(target, "arch"));
    if (!arch)
        return hf_error_set(err, HF_EPROTO, "QMP query-target: no architecture in the answer");
    if (strcmp(arch, s->guest.arch) != 0)
        return hf_error_refuse(err, "architecture", "%s emulates %.20s; this guest is %s", s->program, arch,
                               s->guest.arch);
    return 0;
}

/* What the machine type resolved to: "pc-q35-7.2" of the type "pc-q35-7.2-machine". */
static int resolve_machine(const struct hf_supervision *s, char *name, size_t size, struct hf_error *err)
{
    hf_auto(json_drop) json_t *type = NULL;
    const char *text, *end;
    int r = hf_monitor_execute(s->run.monitor, "qom-get",
                               json_pack("{s:s, s:s}", "path", "/machine", "property", "type"), &type, err);

    if (r < 0)
        return r;
    text = json_string_value(type);
    end = text ? strstr(text, "-machine") : NULL;
    if (!end || (size_t)(end - text) >= size)
        return hf_error_set(err, HF_EPROTO, "QMP qom-get /machine type: not a machine type");
    (void)snprintf(name, size, "%.*s", (int)(end - text), text);
    if (hf_board_of(name) != hf_board_of(s->machine.type))
        return hf_error_refuse(err, "machine", "%s started a '%s', not a '%s'", s->program, name, s->machine.type);
    return 0;
}

/* The name of where it came from is the machine that the state is of. */
static int check_pin(const struct hf_supervision *s, const char *name, struct hf_error *err)
{
    if (!s->reception.guest.machine[0] || !strcmp(s->reception.guest.machine, name))
        return 0;
    return hf_error_refuse(err, "machine", "%s made a '%s' of '%s'", s->program, name, s->reception.guest.machine);
}

static int record_roms(struct hf_supervision *s, int64_t now, struct hf_error *err)
{
    struct hf_rom_search search = {.qemu = s->program, .argv = s->words.at, .started = s->qemu_started, .now = now};
    struct hf_rom_names names;
    size_t added = 0;
    int r = hf_machine_roms_loaded(s->run.monitor, &names, err);

    if (r == 0)
        r = hf_machine_roms_record(s->run.container, &names, &search, &added, err);
    if (r == 0 && added)
        hf_run_say(&s->run, "recorded %zu ROM%s of this machine in the container", added, added == 1 ? "" : "s");
    return r;
}

/* What builds a machine of this shape elsewhere, for preflight; nothing when it cannot be told. */
static void arguments_text(const struct hf_supervision *s, char *text, size_t size)
{
    hf_auto(hf_stub_done) struct hf_stub stub = {0};
    hf_auto(hf_cleanup_free) char *dumped = NULL;

    if (hf_stub_arguments(s->run.options->argument_count, s->run.options->arguments, &stub, NULL) == 0)
        dumped = hf_stub_dump(&stub);
    if (dumped && strlen(dumped) < size)
        (void)snprintf(text, size, "%s", dumped);
}

int hf_record_machine(struct hf_supervision *s, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) struct hf_machine_record *record = calloc(1, sizeof *record);
    int r;

    if (!record)
        return hf_error_nomem(err);
    (void)snprintf(record->program, sizeof record->program, "%.*s", (int)sizeof record->program - 1, s->program);
    arguments_text(s, record->arguments, sizeof record->arguments);
    r = hf_machine_devices(s->run.monitor, record->devices, sizeof record->devices, err);
    return r < 0 ? r : hf_machine_record_save(s->run.container, record, err);
}

/* Only a QEMU that started says which version it is, and a policy may want other firmware under this one. Nothing has
 * run yet: it is ended and started with what the policy wants. */
static int ask_policy(struct hf_supervision *s, bool known, struct hf_error *err)
{
    struct hf_boot now = hf_supervision_boot(s, HF_MOMENT_POWER_ON), before = now;
    bool wants = false, wanted = false;
    int r;

    before.vmm = NULL;
    if (known || s->arguments.incoming || s->arguments.loadvm)
        return 0;
    r = hf_lifecycle_wants_offer(s->run.container, &before, &wanted, err);
    if (r == 0)
        r = hf_lifecycle_wants_offer(s->run.container, &now, &wants, err);
    s->run.restart = wants && !wanted;
    return r;
}

int hf_first_look(struct hf_supervision *s, struct hf_error *err)
{
    bool known = s->vmm[0] != '\0';
    int64_t now = (int64_t)time(NULL);
    struct hf_qmp_version v = hf_monitor_version(s->run.monitor);
    int r = check_version(s, err);

    if (r == 0)
        r = check_architecture(s, err);
    if (r == 0)
        r = resolve_machine(s, s->resolved, sizeof s->resolved, err);
    if (r == 0 && hf_reception_is_open(&s->reception))
        r = check_pin(s, s->resolved, err);
    else if (r == 0)
        r = record_roms(s, now, err);
    if (r == 0 && !hf_reception_is_open(&s->reception))
        r = hf_record_machine(s, err);
    if (r < 0)
        return r;
    (void)snprintf(s->vmm, sizeof s->vmm, "%d.%d", v.major, v.minor);
    if (hf_reception_is_open(&s->reception))
        return 0; /* no start: what the last one was is still true, and nothing may be written yet */
    r = ask_policy(s, known, err);
    if (r < 0 || s->run.restart)
        return r;
    return hf_lifecycle_started(s->run.container, s->vmm, s->resolved, s->arguments.tpm, now, err);
}
