/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "banks.h"
#include "container.h"
#include "inspect.h"
#include "machine.h"
#include "mailbox_hardware.h"
#include "output.h"
#include "runtime.h"
#include "verb.h"
#include "words.h"

#define SOCKET_SIZE (PATH_MAX + 16)

static int bank_size(struct hf_container *c, enum hf_bank bank, uint64_t *size, struct hf_error *err)
{
    int r = hf_bank_size(c, bank, size, err);

    if (r != -HF_ENOTFOUND)
        return r;
    *size = 0;
    return 0;
}

static int describe(struct hf_container *c, const struct hf_guest *guest, const char *socket,
                    struct hf_machine *machine, struct hf_error *err)
{
    struct hf_firmware *firmware = malloc(sizeof *firmware);
    int r = firmware ? hf_firmware_of_slot(c, HF_SLOT_ACTIVE, firmware, err) : hf_error_nomem(err);

    *machine = (struct hf_machine){
        .type = guest->machine[0] ? guest->machine : hf_machine_default(guest->arch),
        .uuid = guest->uuid,
        .needs_smm = r == 0 && firmware->image.needs_smm == HF_YES,
        .socket = socket,
    };
    free(firmware);
    if (r == 0)
        r = bank_size(c, HF_BANK_CODE, &machine->code_size, err);
    if (r == 0)
        r = bank_size(c, HF_BANK_VARS, &machine->vars_size, err);
    if (r == 0)
        r = hf_board_check(guest->machine, guest->arch, err);
    return r < 0 ? r : hf_machine_check(machine, err);
}

/* What the container would have and this machine will not. Standard output goes into a command line. */
static int tell_of_mailbox(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    struct hf_mailbox_hardware hw;
    int r = hf_mailbox_hardware_get(c, &hw, err);

    if (r < 0 || hw.mode == HF_MAILBOX_OFF)
        return r;
    hf_tell(inv,
            "mailbox=%s: no effect here: only 'holdfast run' provides a mailbox; turn it off with "
            "'holdfast set G.hold mailbox=off'",
            hf_mailbox_mode_name(hw.mode));
    return 0;
}

/* Words that a shell reads back as they are. */
static void print_quoted(const struct hf_words *words)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.,=:/+@%";

    for (size_t i = 0; i < words->count; i++) {
        const char *word = words->at[i];
        (void)fputs(i == 0 ? "" : word[0] == '-' ? " \\\n    " : " ", stdout);
        if (*word && word[strspn(word, plain)] == '\0') {
            (void)fputs(word, stdout);
            continue;
        }
        (void)fputc('\'', stdout);
        for (; *word; word++)
            (void)fputs(*word == '\'' ? "'\\''" : (char[]){*word, '\0'}, stdout);
        (void)fputc('\'', stdout);
    }
    (void)fputc('\n', stdout);
}

static int print_arguments(struct hf_invocation *inv, const struct hf_machine *machine, struct hf_error *err)
{
    struct hf_words words = {0};
    int r = hf_machine_arguments(machine, &words, err);

    if (r == 0 && inv->json) {
        json_t *list = hf_put_array(inv->report, "arguments");
        for (size_t i = 0; i < words.count; i++)
            hf_append_text(list, words.at[i]);
        hf_put_text(inv->report, "socket", machine->socket);
        hf_put_text(inv->report, "machine", machine->type);
    } else if (r == 0) {
        print_quoted(&words);
    }
    hf_words_done(&words);
    return r;
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    __attribute__((cleanup(hf_container_done))) struct hf_container *c = NULL;
    char dir[PATH_MAX], socket[SOCKET_SIZE];
    struct hf_machine machine;
    struct hf_guest guest;
    int r = hf_container_open(inv->operands[0], HF_OPEN_LOOK, (int64_t)time(NULL), &c, err);

    if (r == 0)
        r = hf_guest_get(c, &guest, err);
    if (r == 0 && !hf_given(inv, "socket"))
        r = hf_runtime_guest_dir(hf_container_id(c), dir, err);
    if (r < 0)
        return r;
    if (hf_given(inv, "socket"))
        (void)snprintf(socket, sizeof socket, "%s", hf_value(inv, "socket"));
    else
        (void)snprintf(socket, sizeof socket, "%s/nbd.sock", dir);
    r = describe(c, &guest, socket, &machine, err);
    if (r == 0)
        r = tell_of_mailbox(inv, c, err);
    return r < 0 ? r : print_arguments(inv, &machine, err);
}

static const struct hf_option options_of_qemu_args[] = {
    {.name = "socket", .arg = "PATH", .help = "where 'holdfast serve' listens; the guest's own place when not given"},
    {.name = NULL},
};

const struct hf_verb hf_verb_qemu_args = {
    .name = "qemu-args",
    .group = HF_GROUP_RUN,
    .flags = HF_VERB_REPORTS,
    .help = "Print the QEMU arguments that attach a guest's flash",
    .synopsis = "G.hold [--socket PATH]",
    .min_operands = 1,
    .max_operands = 1,
    .options = options_of_qemu_args,
    .run = run,
};
