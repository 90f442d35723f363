/* SPDX-License-Identifier: BSD-2-Clause */
#include "board.h"

#include <stddef.h>
#include <string.h>

#include "cleanup.h"

static const struct {
    const char *alias, *prefix;
    enum hf_board board;
} names[] = {
    {"pc", "pc-i440fx-", HF_BOARD_PC},
    {"q35", "pc-q35-", HF_BOARD_Q35},
    {"virt", "virt-", HF_BOARD_VIRT},
};

enum hf_board hf_board_of(const char *machine)
{
    if (!machine || !machine[0])
        return HF_BOARD_NONE;
    if (machine[strspn(machine, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_+")])
        return HF_BOARD_OTHER; /* not a name: it could smuggle properties into -machine */
    for (size_t i = 0; i < HF_ARRAY_SIZE(names); i++) {
        if (!strcmp(machine, names[i].alias) || !strncmp(machine, names[i].prefix, strlen(names[i].prefix)))
            return names[i].board;
    }
    return HF_BOARD_OTHER;
}

bool hf_machine_is_pinned(const char *machine)
{
    for (size_t i = 0; machine && i < HF_ARRAY_SIZE(names); i++) {
        if (!strncmp(machine, names[i].prefix, strlen(names[i].prefix)))
            return true;
    }
    return false;
}

int hf_board_check(const char *machine, const char *architecture, struct hf_error *err)
{
    bool arm = !strcmp(architecture, "aarch64");
    enum hf_board board = hf_board_of(machine[0] ? machine : hf_machine_default(architecture));

    if (!arm && strcmp(architecture, "x86_64") != 0 && strcmp(architecture, "i386") != 0)
        return hf_error_refuse(err, "architecture", "architecture '%.60s': unsupported; use x86_64, i386 or aarch64",
                               architecture);
    if (arm ? board == HF_BOARD_VIRT : board == HF_BOARD_PC || board == HF_BOARD_Q35)
        return 0;
    return hf_error_refuse(err, "machine", "machine type '%.200s': unsupported; for an %s guest use %s", machine,
                           architecture, arm ? "virt" : "pc (i440fx) or q35");
}

const char *hf_machine_default(const char *architecture)
{
    return !strcmp(architecture, "aarch64") ? "virt" : "q35";
}
