/* SPDX-License-Identifier: BSD-2-Clause */
#include "arguments.h"

#include <string.h>

#include "argument_options.h"
#include "cleanup.h"

/* Options with which QEMU lists what there is and ends, when their whole argument is "help". */
static bool answers_help(const char *name)
{
    static const char *const names[] = {"machine", "M",       "cpu", "device", "object",  "L",
                                        "accel",   "chardev", "d",   "trace",  "display", "vga"};

    for (size_t i = 0; i < HF_ARRAY_SIZE(names); i++) {
        if (!strcmp(names[i], name))
            return true;
    }
    return false;
}

/* Reads the option at argv[*at] and moves past it. */
static int read_one(struct hf_argument_reading *r, int argc, char *const *argv, int *at, struct hf_error *err)
{
    const char *word = argv[(*at)++];
    struct hf_argument_option option;

    if (word[0] != '-' || word[1] == '\0')
        return 0; /* a disk image */
    r->option = word + (word[1] == '-' ? 2 : 1);
    if (!hf_argument_option(r->option, &option)) {
        if (*at < argc && argv[*at][0] != '-')
            (*at)++;
        return 0;
    }
    if (option.argument && *at == argc)
        return hf_error_set(err, HF_EUSAGE, "-%s: argument missing", r->option);
    const char *text = option.argument ? argv[(*at)++] : NULL;
    if (text && !strcmp(text, "help") && answers_help(r->option))
        r->args.only_asks = true;
    return option.read ? option.read(r, text, err) : 0;
}

static int check_machine(const struct hf_argument_reading *r, struct hf_error *err)
{
    const char *named = r->args.machine, *own = r->guest->machine ? r->guest->machine : "";
    const char *effective = named[0] ? named : own[0] ? own : hf_machine_default(r->guest->architecture);

    if (r->args.only_asks)
        return 0;
    if (hf_board_check(effective, r->guest->architecture, err) < 0)
        return -HF_EREFUSED;
    if (named[0] && own[0] && hf_board_of(named) != hf_board_of(own))
        return hf_error_refuse(err, "machine", "machine type '%s', but the container's guest is a '%s'", named, own);
    if (hf_machine_is_pinned(named) && hf_machine_is_pinned(own) && strcmp(named, own) != 0)
        return hf_error_refuse(
            err, "machine",
            "machine type '%s', but the container is pinned to '%s'; change it first with 'holdfast set'", named, own);
    if (r->guest->needs_smm && hf_board_of(effective) != HF_BOARD_Q35)
        return hf_error_refuse(err, "smm", "machine type '%s': this firmware's Secure Boot needs SMM; use q35",
                               effective);
    if (r->guest->needs_smm && r->args.smm == HF_SWITCH_OFF)
        return hf_error_refuse(err, "smm", "-machine smm=off: this firmware's Secure Boot needs SMM");
    return 0;
}

int hf_arguments_read(int argc, char *const *argv, const struct hf_arguments_guest *guest, struct hf_arguments *out,
                      struct hf_error *err)
{
    struct hf_argument_reading r = {.guest = guest};

    for (int at = 0; at < argc;) {
        int s = read_one(&r, argc, argv, &at, err);
        if (s < 0)
            return s;
    }
    int s = check_machine(&r, err);
    if (s < 0)
        return s;
    *out = r.args;
    return 0;
}
