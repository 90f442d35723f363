/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailbox_hardware.h"

#include <string.h>

#include "cleanup.h"
#include "eventlog.h"
#include "settings.h"
#include "state.h"

/* These words stand in containers: do not change them. */
#define PRESENT "mailbox.present"
#define ROM     "mailbox.rom"
#define MEMORY  "mailbox.memory-named"

static const char *const mode_names[] = {
    [HF_MAILBOX_OFF] = "off",
    [HF_MAILBOX_ALWAYS] = "always",
    [HF_MAILBOX_BOOT_ONLY] = "boot-only",
};
_Static_assert(HF_ARRAY_SIZE(mode_names) == HF_MAILBOX_MODE_MAX, "one name per mode");

const char *hf_mailbox_mode_name(enum hf_mailbox_mode mode)
{
    return (unsigned)mode < HF_MAILBOX_MODE_MAX ? mode_names[mode] : NULL;
}

int hf_mailbox_mode_parse(const char *text, enum hf_mailbox_mode *mode, struct hf_error *err)
{
    for (unsigned i = 0; i < HF_MAILBOX_MODE_MAX; i++) {
        if (!strcmp(text, mode_names[i])) {
            *mode = (enum hf_mailbox_mode)i;
            return 0;
        }
    }
    return hf_error_set(err, HF_EUSAGE, "mailbox '%.40s': unknown; use off, always or boot-only", text);
}

static int get_flag(struct hf_container *c, const char *name, bool *flag, struct hf_error *err)
{
    int64_t number;
    int r = hf_state_number(c, name, 0, &number, err);

    if (r == 0)
        *flag = number != 0;
    return r;
}

int hf_mailbox_hardware_get(struct hf_container *c, struct hf_mailbox_hardware *hw, struct hf_error *err)
{
    char mode[HF_SETTING_VALUE_SIZE];
    struct hf_mailbox_hardware found;
    int r = hf_setting_get(c, "mailbox", mode, err);

    if (r == 0)
        r = hf_mailbox_mode_parse(mode, &found.mode, err);
    if (r == 0)
        r = get_flag(c, PRESENT, &found.present, err);
    if (r == 0)
        r = get_flag(c, ROM, &found.rom, err);
    if (r == 0)
        r = get_flag(c, MEMORY, &found.memory_named, err);
    if (r == 0)
        *hw = found;
    return r;
}

static bool same(const struct hf_mailbox_hardware *a, const struct hf_mailbox_hardware *b)
{
    return a->mode == b->mode && a->present == b->present && a->rom == b->rom && a->memory_named == b->memory_named;
}

/* In the transaction. */
static int write_down(struct hf_container *c, const struct hf_mailbox_hardware *was,
                      const struct hf_mailbox_hardware *hw, int64_t now, struct hf_error *err)
{
    int r = hf_setting_set(c, "mailbox", mode_names[hw->mode], now, err);

    if (r == 0)
        r = hf_state_set_number(c, PRESENT, hw->present, err);
    if (r == 0)
        r = hf_state_set_number(c, ROM, hw->rom, err);
    if (r == 0)
        r = hf_state_set_number(c, MEMORY, hw->memory_named, err);
    if (r == 0 && hw->present != was->present)
        r = hf_event_append(c, now, "mailbox", err, "the machine %s the mailbox%s", hw->present ? "has" : "is without",
                            hw->present && !hw->rom ? ", without a ROM" : "");
    return r;
}

int hf_mailbox_hardware_set(struct hf_container *c, const struct hf_mailbox_hardware *hw, int64_t now,
                            struct hf_error *err)
{
    struct hf_mailbox_hardware was;
    int r = hf_mailbox_hardware_get(c, &was, err);

    if (r < 0 || same(&was, hw))
        return r;
    r = hf_begin(c, err);
    if (r < 0)
        return r;
    r = write_down(c, &was, hw, now, err);
    if (r == 0)
        return hf_commit(c, HF_DURABLE, err);
    hf_abort(c);
    return r;
}
