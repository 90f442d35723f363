/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eventlog.h"
#include "inside.h"
#include "setting_lists.h"

#define CHOICE(choices)  HF_SETTING_CHOICE, choices, 0, 0
#define NUMBER(min, max) HF_SETTING_NUMBER, NULL, min, max
#define TEXT             HF_SETTING_TEXT, NULL, 0, 0
#define LIST(type)       type, NULL, 0, 0

static const struct hf_setting table[] = {
    {"policy", CHOICE("guest|versioned|host"), "guest", "what decides the guest's firmware"},
    {"reset", CHOICE("warm|cold"), "warm",
     "what a reset of the guest is under 'run': cold ends QEMU and starts it again, as a power cycle"},
    {"upgrade-at", CHOICE("reboot|power-on"), "reboot",
     "when a staged image is applied: at the guest's next reset or power-on, or at a power-on alone"},
    {"confirm-by", CHOICE("manual|uptime|agent|mailbox"), "uptime", "the sign that an upgrade works"},
    {"confirm-uptime", NUMBER(1, 604800), "300", "seconds without a reset after a sign of life that confirm a trial"},
    {"trial-boots", NUMBER(-1, 1000), "-1",
     "failed boots before an upgrade is rolled back; 0: never automatically; -1: 3, but 0 with confirm-by=manual"},
    {"trial-timeout", NUMBER(0, 86400), "300",
     "seconds without a sign of life after which a boot has failed; 0: never"},
    {"snapshots", NUMBER(1, 8), "8", "snapshots that are kept"},
    {"mailbox", CHOICE("off|always|boot-only"), "off",
     "the window shared with the guest's firmware: a PCI device with a ROM; from the next power-on"},
    {"mask", LIST(HF_SETTING_BITS), "", "features that are not offered from the next reset on: DOMAIN.BIT,..."},
    {"guest-confirm", CHOICE("off|on"), "off", "with confirm-by=manual: whether the guest may confirm a trial itself"},
    {"guest-update", LIST(HF_SETTING_DIGESTS), "",
     "images that the guest itself may stage through the mailbox: SHA256,... (three at most)"},
    {"guest-keys", CHOICE("off|microsoft|windows|option-rom"), "off",
     "Secure Boot certificates that the guest itself may have staged through the mailbox: a set of 'keys update'"},
    {"firmware", TEXT, "", "where policy host and versioned look for firmware: a name or a path; empty: as created"},
    {"roms", CHOICE("guest|host"), "guest", "who decides the option ROMs"},
    {NULL, TEXT, NULL, NULL},
};

const struct hf_setting *hf_settings(void)
{
    return table;
}

const struct hf_setting *hf_setting_find(const char *key)
{
    for (const struct hf_setting *s = table; s->key; s++)
        if (strcmp(s->key, key) == 0)
            return s;
    return NULL;
}

static int unknown(const char *key, struct hf_error *err)
{
    char keys[HF_ERROR_TEXT_MAX] = "";

    for (const struct hf_setting *s = table; s->key; s++)
        snprintf(keys + strlen(keys), sizeof keys - strlen(keys), "%s%s", s == table ? "" : ", ", s->key);
    return hf_error_set(err, HF_ENOTFOUND, "unknown setting '%s'; use one of: %s", key, keys);
}

static bool is_choice(const char *choices, const char *value)
{
    size_t n = strlen(value);

    for (const char *at = choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        if (strncmp(at, value, n) == 0 && (at[n] == '|' || at[n] == '\0') && n > 0)
            return true;
    return false;
}

static int check_number(const struct hf_setting *s, const char *value, struct hf_error *err)
{
    char *end;
    int64_t n;

    errno = 0;
    n = strtoll(value, &end, 10);
    if (errno || end == value || *end || n < s->min || n > s->max)
        return hf_error_set(err, HF_EUSAGE, "%s: '%s' is not a number from %lld to %lld", s->key, value,
                            (long long)s->min, (long long)s->max);
    return 0;
}

static int check_text(const struct hf_setting *s, const char *value, struct hf_error *err)
{
    for (const char *p = value; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return hf_error_set(err, HF_EUSAGE, "%s: invalid control character 0x%02x", s->key, (unsigned char)*p);
    return 0;
}

int hf_setting_check(const char *key, const char *value, struct hf_error *err)
{
    const struct hf_setting *s = hf_setting_find(key);

    if (!s)
        return unknown(key, err);
    if (strlen(value) >= HF_SETTING_VALUE_SIZE)
        return hf_error_set(err, HF_EUSAGE, "%s: value too long: %zu bytes; the limit is %d", key, strlen(value),
                            HF_SETTING_VALUE_SIZE - 1);
    if (s->type == HF_SETTING_NUMBER)
        return check_number(s, value, err);
    if (s->type == HF_SETTING_CHOICE && !is_choice(s->choices, value))
        return hf_error_set(err, HF_EUSAGE, "%s: invalid value '%s'; use one of %s", key, value, s->choices);
    if (s->type == HF_SETTING_BITS || s->type == HF_SETTING_DIGESTS)
        return hf_setting_list_check(s, value, err);
    return check_text(s, value, err);
}

int hf_setting_get(struct hf_container *c, const char *key, char value[HF_SETTING_VALUE_SIZE], struct hf_error *err)
{
    const struct hf_setting *s = hf_setting_find(key);
    char found[HF_SETTING_VALUE_SIZE];
    int r;

    if (!s)
        return unknown(key, err);
    r = hf_named_get(c, HF_T_SETTING, key, found, sizeof found, err);
    if (r < 0)
        return r;
    if (r > 0 && hf_setting_check(key, found, NULL) < 0)
        return hf_damaged(c, err, "setting '%s': invalid value '%s'", key, found);
    snprintf(value, HF_SETTING_VALUE_SIZE, "%s", r > 0 ? found : s->initial);
    return 0;
}

int hf_setting_number(struct hf_container *c, const char *key, int64_t *value, struct hf_error *err)
{
    const struct hf_setting *s = hf_setting_find(key);
    char text[HF_SETTING_VALUE_SIZE];
    int r;

    if (s && s->type != HF_SETTING_NUMBER)
        return hf_error_set(err, HF_EUSAGE, "setting '%s': not a number", key);
    r = hf_setting_get(c, key, text, err);
    if (r == 0)
        *value = strtoll(text, NULL, 10);
    return r;
}

int hf_setting_is_set(struct hf_container *c, const char *key, bool *set, struct hf_error *err)
{
    char value[HF_SETTING_VALUE_SIZE];
    int r = hf_named_get(c, HF_T_SETTING, key, value, sizeof value, err);

    if (r < 0)
        return r;
    *set = r > 0;
    return 0;
}

int hf_setting_set(struct hf_container *c, const char *key, const char *value, int64_t now, struct hf_error *err)
{
    char before[HF_SETTING_VALUE_SIZE];
    int r = hf_may_change(c, err);

    if (r == 0)
        r = hf_setting_check(key, value, err);
    if (r == 0)
        r = hf_setting_get(c, key, before, err);
    if (r < 0 || strcmp(before, value) == 0)
        return r;
    r = hf_named_set(c, HF_T_SETTING, key, value, err);
    return r < 0 ? r : hf_event_append(c, now, "set", err, "%s=%s (was %s)", key, value, before);
}
