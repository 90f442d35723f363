/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "board.h"
#include "cleanup.h"
#include "containers.h"
#include "domains.h"
#include "eventlog.h"
#include "inspect.h"
#include "settings.h"
#include "verbs.h"

/* Two keys are the guest's identity and not settings: what people call it, and the machine type its owner names. */
static char *guest_field(struct hf_guest *guest, const char *key, size_t *size)
{
    if (!strcmp(key, "name")) {
        *size = sizeof guest->name;
        return guest->name;
    }
    if (!strcmp(key, "machine")) {
        *size = sizeof guest->machine;
        return guest->machine;
    }
    return NULL;
}

static int split(const char *word, char key[64], const char **value, struct hf_error *err)
{
    const char *equals = strchr(word, '=');

    if (!equals || equals == word || (size_t)(equals - word) >= 64)
        return hf_error_set(err, HF_EUSAGE, "'%s': not KEY=VALUE; 'holdfast show' lists the keys", word);
    snprintf(key, 64, "%.*s", (int)(equals - word), word);
    *value = equals + 1;
    return 0;
}

static int check_one(const char *word, struct hf_error *err)
{
    struct hf_guest guest;
    const char *value;
    char key[64];
    size_t size;
    int r = split(word, key, &value, err);

    if (r < 0)
        return r;
    if (!guest_field(&guest, key, &size)) {
        r = hf_setting_check(key, value, err);
        return r == 0 && !strcmp(key, "mask") ? hf_domains_check_mask(value, err) : r;
    }
    if (strlen(value) < size)
        return 0;
    return hf_error_set(err, HF_EUSAGE, "%s: too long: %zu bytes; the limit is %zu", key, strlen(value), size - 1);
}

static int set_guest(struct hf_container *c, const char *key, const char *value, struct hf_error *err)
{
    struct hf_guest guest;
    size_t size;
    char *field;
    int r = hf_guest_get(c, &guest, err);

    if (r < 0)
        return r;
    field = guest_field(&guest, key, &size);
    snprintf(field, size, "%s", value);
    r = hf_guest_set(c, &guest, err);
    return r < 0 ? r : hf_event_append(c, hf_now(), "set", err, "%s = %s", key, value);
}

/* A machine type that no start would take. */
static int check_machine(struct hf_container *c, const char *machine, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) struct hf_firmware *firmware = calloc(1, sizeof *firmware);
    struct hf_guest guest;
    int r = firmware ? hf_guest_get(c, &guest, err) : hf_error_nomem(err);

    if (r < 0)
        return r;
    snprintf(guest.machine, sizeof guest.machine, "%s", machine);
    r = hf_board_check(guest.machine, guest.arch, err);
    if (r == 0)
        r = hf_firmware_of_slot(c, HF_SLOT_ACTIVE, firmware, err);
    return r < 0 ? r : hf_image_suits(&guest, &firmware->image, err);
}

static int check_in(struct hf_container *c, const struct hf_invocation *inv, struct hf_error *err)
{
    int r = 0;

    for (int i = 1; r == 0 && i < inv->operand_count; i++) {
        if (!strncmp(inv->operands[i], "machine=", 8))
            r = check_machine(c, inv->operands[i] + 8, err);
    }
    return r;
}

static int set_all(struct hf_container *c, void *ctx, struct hf_error *err)
{
    const struct hf_invocation *inv = ctx;
    int r = 0;

    for (int i = 1; r == 0 && i < inv->operand_count; i++) {
        struct hf_guest guest;
        const char *value;
        char key[64];
        size_t size;

        r = split(inv->operands[i], key, &value, err);
        if (r == 0)
            r = guest_field(&guest, key, &size) ? set_guest(c, key, value, err)
                                                : hf_setting_set(c, key, value, hf_now(), err);
    }
    return r;
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    struct hf_container *c;
    json_t *set;
    int r = 0;

    for (int i = 1; r == 0 && i < inv->operand_count; i++)
        r = check_one(inv->operands[i], err);
    if (r == 0)
        r = hf_open_operand(inv, HF_OPEN_EDIT, &c, err);
    if (r < 0)
        return r;
    r = check_in(c, inv, err);
    if (r == 0 && !inv->dry_run)
        r = hf_change(c, set_all, inv, err);
    r = hf_close_noticed(inv, c, r, err);
    if (r < 0)
        return r;
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    set = hf_put_array(inv->report, "set");
    for (int i = 1; i < inv->operand_count; i++) {
        hf_append_text(set, inv->operands[i]);
        hf_say(inv, "%s%s", inv->dry_run ? "would set " : "", inv->operands[i]);
    }
    return 0;
}

const struct hf_verb hf_verb_set = {
    .name = "set",
    .group = HF_GROUP_GUEST,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,
    .help = "Change a guest's settings; 'show' lists them",
    .synopsis = "G.hold KEY=VALUE...",
    .min_operands = 2,
    .max_operands = -1,
    .run = run,
};
