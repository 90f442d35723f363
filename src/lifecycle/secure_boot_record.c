/* SPDX-License-Identifier: BSD-2-Clause */
#include "secure_boot_record.h"

#include <stdio.h>
#include <string.h>

#include "eventlog.h"
#include "slots.h"
#include "state.h"

/* "secure-boot.image": the image's digest, has Secure Boot, needs SMM. */
struct known {
    struct hf_digest code;
    enum hf_answer secure_boot, smm;
};

static enum hf_answer answer_of(char letter)
{
    return letter == 'y' ? HF_YES : letter == 'n' ? HF_NO : HF_UNKNOWN;
}

static char letter_of(enum hf_answer answer)
{
    return answer == HF_YES ? 'y' : answer == HF_NO ? 'n' : 'u';
}

/* False: not recorded, or of another image. */
static bool recall(struct hf_container *c, const struct hf_digest *code, struct known *ret)
{
    char value[HF_STATE_VALUE_SIZE], digest[HF_DIGEST_TEXT_SIZE];
    size_t n = strlen(hf_digest_text(code, digest));

    if (hf_state_text(c, "secure-boot.image", value, NULL) < 0 || strlen(value) != n + 3 ||
        memcmp(value, digest, n) != 0)
        return false;
    *ret = (struct known){*code, answer_of(value[n + 1]), answer_of(value[n + 2])};
    return true;
}

static int remember(struct hf_container *c, const struct known *k, struct hf_error *err)
{
    char value[HF_DIGEST_TEXT_SIZE + 4], digest[HF_DIGEST_TEXT_SIZE];
    struct known old;

    if (recall(c, &k->code, &old))
        return 0;
    snprintf(value, sizeof value, "%s %c%c", hf_digest_text(&k->code, digest), letter_of(k->secure_boot),
             letter_of(k->smm));
    return hf_state_set_text(c, "secure-boot.image", value, err);
}

static int know_image(struct hf_container *c, struct known *ret, struct hf_error *err)
{
    struct hf_slot_info active;
    struct hf_firmware fw;
    int r = hf_slot_get(c, HF_SLOT_ACTIVE, &active, err);

    if (r < 0 || recall(c, &active.code, ret))
        return r;
    *ret = (struct known){.code = active.code};
    if (hf_firmware_of_slot(c, HF_SLOT_ACTIVE, &fw, NULL) == 0) {
        ret->secure_boot = fw.image.secure_boot;
        ret->smm = fw.image.needs_smm;
    }
    return 0;
}

int hf_secure_boot_image(struct hf_container *c, enum hf_answer *has, enum hf_answer *protects, struct hf_error *err)
{
    struct known k;
    int r = know_image(c, &k, err);

    if (r < 0)
        return r;
    *has = k.secure_boot;
    *protects = k.smm;
    return 0;
}

static enum hf_secure_boot_mode mode_now(struct hf_container *c, const struct known *k)
{
    enum hf_secure_boot_mode mode;
    struct hf_variables v;

    if (k->secure_boot == HF_NO)
        return HF_SECURE_BOOT_NONE;
    if (hf_variables_of_bank(c, &v, NULL) < 0)
        return HF_SECURE_BOOT_UNKNOWN;
    mode = hf_secure_boot_mode(k->secure_boot, &v);
    hf_variables_done(&v);
    return mode;
}

int hf_secure_boot_look(struct hf_container *c, struct hf_secure_boot_report *report, struct hf_error *err)
{
    struct hf_secure_boot_report found = {.mode = HF_SECURE_BOOT_UNKNOWN};
    char mode[HF_STATE_VALUE_SIZE];
    struct known k;
    int r = know_image(c, &k, err);

    if (r == 0)
        r = hf_state_text(c, "secure-boot.mode", mode, err);
    if (r == 0)
        r = hf_state_number(c, "secure-boot.since", 0, &found.since, err);
    if (r < 0)
        return r;
    found.mode = mode_now(c, &k);
    found.image = k.secure_boot;
    found.keys_protected = k.smm;
    found.changed = mode[0] != '\0' && strcmp(mode, hf_secure_boot_mode_name(found.mode)) != 0;
    *report = found;
    return 0;
}

int hf_secure_boot_remember(struct hf_container *c, const struct hf_digest *code, const struct hf_flash_image *image,
                            struct hf_error *err)
{
    const struct known k = {*code, image->secure_boot, image->needs_smm};

    return remember(c, &k, err);
}

int hf_secure_boot_note(struct hf_container *c, int64_t now, struct hf_error *err)
{
    char was[HF_STATE_VALUE_SIZE];
    const char *is;
    struct known k;
    int r = know_image(c, &k, err);

    if (r == 0)
        r = remember(c, &k, err);
    if (r == 0)
        r = hf_state_text(c, "secure-boot.mode", was, err);
    if (r < 0)
        return r;
    is = hf_secure_boot_mode_name(mode_now(c, &k));
    if (strcmp(was, is) == 0)
        return 0;
    r = hf_state_set_text(c, "secure-boot.mode", is, err);
    if (r == 0)
        r = hf_state_set_number(c, "secure-boot.since", now, err);
    if (r < 0 || was[0] == '\0')
        return r;
    return hf_event_append(c, now, "secure-boot", err, "Secure Boot is %s; before it was %s", is, was);
}

int hf_secure_boot_allows(struct hf_container *c, const struct hf_firmware *next, struct hf_error *err)
{
    struct hf_flash_image now = {.size = 0};
    struct hf_variables v;
    int r = hf_variables_of_bank(c, &v, err);

    if (r < 0)
        return r;
    if (hf_secure_boot_enforced(&v)) { /* looking at an image takes longer */
        struct hf_firmware active;

        /* By its bytes: what the container says of it may be a stranger's word. */
        if (hf_firmware_of_slot(c, HF_SLOT_ACTIVE, &active, NULL) == 0)
            now = active.image;
    }
    r = hf_secure_boot_keep(&now, &next->image, &v, err);
    hf_variables_done(&v);
    return r;
}

int hf_secure_boot_ask(struct hf_container *c, const struct hf_firmware *next, bool no_secure_boot, int64_t now,
                       struct hf_error *err)
{
    struct hf_error why;
    int r = hf_secure_boot_allows(c, next, &why);

    if (r == -HF_EREFUSED && no_secure_boot)
        return hf_event_append(c, now, "secure-boot", err,
                               "Secure Boot given up by the operator for '%s' (--no-secure-boot)", next->label);
    if (r < 0 && err)
        *err = why;
    return r == -HF_EREFUSED ? hf_error_prefix(err, r, "'%s': ", next->label) : r;
}
