/* SPDX-License-Identifier: BSD-2-Clause */
#include "guest_bank.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "banks.h"
#include "cleanup.h"
#include "eventlog.h"
#include "replaced.h"
#include "whole_file.h"

#define COMPARE_SIZE (1U << 20)

static void json_drop(json_t **json)
{
    json_decref(*json);
}

/* `info mtree` shows a chip in its array mode as "romd", in the middle of a command as "i/o". */
static int check_array_mode(struct hf_monitor *m, const char *chip, struct hf_error *err)
{
    hf_auto(json_drop) json_t *answer = NULL;
    const char *text, *at;
    int r = hf_monitor_execute(m, "human-monitor-command", json_pack("{s:s}", "command-line", "info mtree -f"), &answer,
                               err);

    if (r < 0)
        return r;
    text = json_string_value(answer);
    at = text ? strstr(text, chip) : NULL;
    if (!at)
        return hf_error_set(err, HF_EPROTO, "QEMU's memory map has no '%s'", chip + 2);
    if (at - text >= 5 && !strncmp(at - 5, "romd)", 5))
        return 0;
    return hf_error_set(err, HF_ECANCELED, "flash: the guest is in the middle of a flash command");
}

static int read_chip(struct hf_monitor *m, const char *chip, uint64_t address, uint64_t want, const char *dir,
                     uint8_t **bytes, struct hf_error *err)
{
    char path[PATH_MAX];
    uint8_t *read = NULL;
    uint64_t size;
    int r;

    if ((size_t)snprintf(path, sizeof path, "%s/bank", dir) >= sizeof path)
        return hf_error_set(err, HF_EUSAGE, "%s: the path is too long", dir);
    r = check_array_mode(m, chip, err);
    if (r == 0)
        r = hf_monitor_execute(
            m, "pmemsave",
            json_pack("{s:I, s:I, s:s}", "val", (json_int_t)address, "size", (json_int_t)want, "filename", path), NULL,
            err);
    if (r == 0)
        r = hf_file_read(path, want, &read, &size, err);
    (void)unlink(path);
    if (r < 0)
        return r;
    if (size != want) {
        free(read);
        return hf_error_set(err, HF_EPROTO, "QMP pmemsave: wrote %llu bytes, not %llu", (unsigned long long)size,
                            (unsigned long long)want);
    }
    *bytes = read;
    return 0;
}

int hf_guest_bank_read(struct hf_monitor *m, const struct hf_machine *machine, const char *dir, uint8_t **bytes,
                       struct hf_error *err)
{
    const char *chip = hf_board_of(machine->type) == HF_BOARD_VIRT ? ": virt.flash1" : ": system.flash1";

    return read_chip(m, chip, hf_machine_vars_address(machine), machine->vars_size, dir, bytes, err);
}

int hf_guest_bank_read_code(struct hf_monitor *m, const struct hf_machine *machine, const char *dir, uint8_t **bytes,
                            struct hf_error *err)
{
    const char *chip = hf_board_of(machine->type) == HF_BOARD_VIRT ? ": virt.flash0" : ": system.flash0";

    return read_chip(m, chip, hf_machine_code_address(machine), machine->code_size, dir, bytes, err);
}

int hf_guest_bank_equals(struct hf_container *c, const uint8_t *bytes, uint64_t size, bool *equal, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *stored = malloc(COMPARE_SIZE);
    bool same = true;

    if (!stored)
        return hf_error_nomem(err);
    for (uint64_t at = 0; same && at < size; at += COMPARE_SIZE) {
        size_t part = size - at < COMPARE_SIZE ? (size_t)(size - at) : COMPARE_SIZE;
        int r = hf_bank_read(c, HF_BANK_VARS, at, stored, part, err);
        if (r < 0)
            return r;
        same = memcmp(stored, bytes + at, part) == 0;
    }
    *equal = same;
    return 0;
}

static int store(struct hf_container *c, const uint8_t *bytes, uint64_t size, int64_t now, struct hf_error *err)
{
    size_t changed = 0;
    int r = hf_begin(c, err);

    if (r == 0)
        r = hf_bank_write(c, HF_BANK_VARS, 0, bytes, (size_t)size, &changed, err);
    if (r == 0)
        r = hf_event_append(c, now, "bank-copied", err,
                            "variables read from the paused guest's memory: %zu pages had not been stored", changed);
    if (r < 0) {
        hf_abort(c);
        return r;
    }
    return hf_commit(c, HF_DURABLE, err);
}

int hf_guest_bank_store(struct hf_container *c, const uint8_t *bytes, uint64_t size, int64_t now,
                        struct hf_error *alarm, struct hf_error *err)
{
    struct hf_replaced before = {.was_store = false};
    enum hf_bank_contents contents;
    struct hf_error why;
    int r = hf_bank_look(bytes, (size_t)size, &contents, &why);

    alarm->text[0] = '\0';
    if (r < 0 && err)
        *err = why;
    if (r == 0 && contents != HF_BANK_STORE)
        r = hf_replaced_begin(c, "the guest's memory", now, &before, err);
    if (r == 0)
        r = store(c, bytes, size, now, err);
    if (r == 0)
        (void)hf_replaced_end(c, &before, bytes, (size_t)size, now, alarm);
    return r;
}
