/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervision.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "host_offer.h"
#include "inspect.h"
#include "noticed.h"
#include "owner.h"
#include "runtime.h"
#include "writeback.h"

#define PREVIOUS_MS 10000

/* The children of a run that was killed need a moment to bring in what they hold; nobody else is waited for. */
static int open_container(struct hf_supervision *s, struct hf_error *err)
{
    int64_t until = hf_loop_now() + PREVIOUS_MS;
    int r;

    for (;;) {
        r = hf_guest_open(s->run.options->container, HF_OPEN_RUN, (int64_t)time(NULL), &s->run.container, err);
        if (r != -HF_EOWNED || hf_loop_now() > until)
            return r;
        struct hf_container *look = NULL;
        struct hf_runner runner = {0};
        bool gone = hf_container_open(s->run.options->container, HF_OPEN_LOOK, (int64_t)time(NULL), &look, NULL) == 0 &&
                    hf_runner_get(hf_container_id(look), &runner, NULL) == 0 && runner.pid > 0 &&
                    kill((pid_t)runner.pid, 0) < 0 && errno == ESRCH;
        hf_container_done(&look);
        if (!gone)
            return r;
        (void)poll(NULL, 0, 50);
    }
}

static int choose_program(struct hf_supervision *s, struct hf_error *err)
{
    int r = hf_board_check("", s->guest.arch, err);

    if (r < 0)
        return r;
    if (s->run.options->qemu)
        (void)snprintf(s->program, sizeof s->program, "%s", s->run.options->qemu);
    else
        (void)snprintf(s->program, sizeof s->program, "qemu-system-%s", s->guest.arch);
    return 0;
}

static int name_places(struct hf_supervision *s, struct hf_error *err)
{
    int r = hf_runtime_guest_dir(hf_container_id(s->run.container), s->run.dir, err);

    if (r < 0)
        return r;
    if ((size_t)snprintf(s->rom_dir, sizeof s->rom_dir, "%s/roms", s->run.dir) >= sizeof s->rom_dir ||
        (size_t)snprintf(s->socket, sizeof s->socket, "%s/nbd.sock", s->run.dir) >= sizeof s->socket)
        return hf_error_set(err, HF_EUSAGE, "%s: the runtime directory's path is too long", s->run.dir);
    hf_noticed_forget(s->run.dir); /* of a supervisor that was killed */
    return hf_boot_id(s->boot_id, err);
}

static int learn_guest(struct hf_supervision *s, struct hf_error *err)
{
    int r = hf_guest_get(s->run.container, &s->guest, err);

    if (r == 0)
        r = choose_program(s, err);
    return r < 0 ? r : name_places(s, err);
}

int hf_prepare_open(struct hf_supervision *s, struct hf_error *err)
{
    int r;

    if (hf_reception_is_wanted(&s->reception)) {
        r = hf_reception_meet(&s->reception, err);
        return r < 0 ? r : learn_guest(s, err);
    }
    r = open_container(s, err);
    if (r == 0)
        r = learn_guest(s, err);
    if (r == 0)
        r = hf_container_reserve(s->run.container, 0, err);
    return r;
}

static int active_needs_smm(struct hf_supervision *s, bool *needs, struct hf_error *err)
{
    struct hf_firmware *firmware = malloc(sizeof *firmware);
    int r;

    if (!firmware)
        return hf_error_nomem(err);
    r = hf_firmware_of_slot(s->run.container, HF_SLOT_ACTIVE, firmware, err);
    if (r == 0) {
        *needs = firmware->image.needs_smm == HF_YES;
        s->looked_at = firmware->digest;
    }
    free(firmware);
    return r;
}

int hf_prepare_arguments(struct hf_supervision *s, struct hf_error *err)
{
    struct hf_arguments_guest guest = {
        .architecture = s->guest.arch, .machine = s->guest.machine, .uuid = s->guest.uuid};
    int r = active_needs_smm(s, &guest.needs_smm, err);

    if (r == 0)
        r = hf_arguments_read(s->run.options->argument_count, s->run.options->arguments, &guest, &s->arguments, err);
    if (r < 0)
        return r;
    const char *type = s->arguments.machine[0] ? s->arguments.machine
                       : s->guest.machine[0]   ? s->guest.machine
                                               : hf_machine_default(s->guest.arch);
    s->machine = (struct hf_machine){
        .type = type,
        .named = s->arguments.machine[0] != '\0',
        .uuid = s->arguments.uuid || !s->guest.uuid[0] ? NULL : s->guest.uuid,
        .needs_smm = guest.needs_smm,
        .socket = s->socket,
        .rom_dir = s->rom_dir,
    };
    return 0;
}

struct hf_boot hf_supervision_boot(const struct hf_supervision *s, enum hf_moment moment)
{
    return (struct hf_boot){
        .moment = moment,
        .now = (int64_t)time(NULL),
        .boot_id = s->boot_id,
        .pinned = hf_machine_is_pinned(s->machine.type),
        .vmm = s->vmm[0] ? s->vmm : NULL,
        .arrives = s->starts == 0 && (s->arguments.incoming || s->arguments.loadvm),
    };
}

struct hf_host_offer_place hf_supervision_place(const struct hf_supervision *s)
{
    return (struct hf_host_offer_place){.architecture = s->guest.arch, .machine = s->machine.type, .qemu = s->program};
}

static int plan_boot(struct hf_supervision *s, enum hf_moment moment, struct hf_error *err)
{
    hf_auto(hf_host_offer_done) struct hf_host_offer offer = {0};
    struct hf_boot boot = hf_supervision_boot(s, moment);
    struct hf_host_offer_place place = hf_supervision_place(s);
    int r = hf_host_offer_find(s->run.container, &place, &boot, &offer, err);

    if (r == 0)
        r = hf_lifecycle_power_on(s->run.container, &boot, &s->plan, err);
    if (r == 0 && s->plan.words[0])
        hf_run_say(&s->run, "%s", s->plan.words);
    return r;
}

int hf_prepare_power_on(struct hf_supervision *s, enum hf_moment moment, struct hf_error *err)
{
    int r = hf_reception_is_open(&s->reception) ? hf_reception_plan(&s->reception, &s->plan, &s->arguments, err)
                                                : plan_boot(s, moment, err);

    if (r < 0)
        return r;
    s->machine.code_size = s->plan.code_size;
    s->machine.vars_size = s->plan.vars_size;
    if (s->starts > 0 || !hf_digest_equal(&s->plan.code, &s->looked_at)) /* else the arguments were read with it */
        r = active_needs_smm(s, &s->machine.needs_smm, err);
    return r < 0 ? r : hf_machine_check(&s->machine, err);
}
