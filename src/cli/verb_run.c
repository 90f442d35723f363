/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <time.h>

#include "choices.h"
#include "container.h"
#include "output.h"
#include "settings.h"
#include "supervisor.h"
#include "verb.h"
#include "writeback.h"

static void say(void *ctx, const char *line)
{
    (void)fputs("holdfast: ", stderr);
    hf_print_safely(stderr, line);
    (void)fputc('\n', stderr);
}

/* Signal and number of boots are the guest's, recorded where `set` would record them. */
static int record_trial(const struct hf_invocation *inv, struct hf_error *err)
{
    const char *signal = hf_value(inv, "confirm-by"), *boots = hf_value(inv, "trial-boots");
    __attribute__((cleanup(hf_container_done))) struct hf_container *c = NULL;
    int64_t now = (int64_t)time(NULL);
    int r;

    if (!signal && !boots)
        return 0;
    r = hf_guest_open(inv->operands[0], HF_OPEN_EDIT, now, &c, err);
    if (r == 0)
        r = hf_begin(c, err);
    if (r == 0 && signal)
        r = hf_choices_set_signal(c, signal, now, err);
    if (r == 0 && boots)
        r = hf_setting_set(c, "trial-boots", boots, now, err);
    return r < 0 ? r : hf_commit(c, HF_DURABLE, err);
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    static const char *const resets[] = {"warm", "cold", NULL};
    struct hf_run_options options = {
        .container = inv->operands[0],
        .qemu = hf_value(inv, "qemu"),
        .arguments = inv->tail,
        .argument_count = inv->tail_count,
        .continue_without_storage = hf_given(inv, "continue-without-storage"),
        .force_restart = hf_given(inv, "force-restart"),
        .tpm_aware = hf_given(inv, "tpm-aware"),
        .say = say,
    };
    int reset = 0, r = hf_choice(inv, "reset", resets, 0, &reset, err);

    if (r == 0 && hf_given(inv, "mailbox"))
        r = hf_mailbox_mode_parse(hf_value(inv, "mailbox"), &options.mailbox, err);
    if (r == 0 && hf_given(inv, "mailbox") && options.mailbox == HF_MAILBOX_OFF)
        r = hf_error_set(
            err, HF_EUSAGE,
            "--mailbox: invalid; use always or boot-only ('holdfast set G.hold mailbox=off' removes the mailbox)");
    if (r == 0)
        r = record_trial(inv, err);
    if (r < 0)
        return r;
    options.reset = hf_given(inv, "reset") ? resets[reset] : NULL;
    return hf_run(&options, err);
}

static const struct hf_option options_of_run[] = {
    {.name = "reset",
     .arg = "HOW",
     .help = "what a reset of the guest is in this run: warm or cold, a power cycle; default: as set",
     .words = "warm cold"},
    {.name = "qemu", .arg = "PROGRAM", .help = "QEMU to run; qemu-system-ARCHITECTURE when not given"},
    {.name = "confirm-by",
     .arg = "SIGNAL",
     .help = "what ends a trial of new firmware; recorded in the container",
     .words = "manual agent mailbox uptime"},
    {.name = "trial-boots",
     .arg = "N",
     .help = "failed boots that end a trial and bring the fallback back; recorded in the container"},
    {.name = "mailbox",
     .arg = "WHEN",
     .alone = "always",
     .help = "give the machine the mailbox: always, or boot-only; recorded in the container"},
    {.name = "tpm-aware", .help = "with --mailbox: you know that the TPM will measure something else"},
    {.name = "force-restart", .help = "change firmware at a reset even where a restart changes the machine"},
    {.name = "continue-without-storage", .help = "let the guest run on while its flash writes cannot be stored"},
    {.name = NULL},
};

const struct hf_verb hf_verb_run = {
    .name = "run",
    .group = HF_GROUP_RUN,
    .flags = HF_VERB_TAIL,
    .help = "Run a guest in QEMU from its container",
    .synopsis = "G.hold [OPTION...] -- QEMU-ARGUMENT...",
    .min_operands = 1,
    .max_operands = 1,
    .options = options_of_run,
    .run = run,
};
