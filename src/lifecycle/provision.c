/* SPDX-License-Identifier: BSD-2-Clause */
#include "provision.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "banks.h"
#include "cleanup.h"
#include "eventlog.h"
#include "image_facts.h"
#include "images.h"
#include "inspect.h"
#include "secure_boot.h"
#include "secure_boot_record.h"
#include "variables.h"

static int check_code(const struct hf_provision *p, const struct hf_flash_image *code, struct hf_error *err)
{
    const char *origin = p->code_origin ? p->code_origin : "the code image";

    if (p->code_size == 0 || p->code_size > HF_BANK_SIZE_MAX)
        return hf_error_refuse(err, "size", "'%s': invalid size of %zu bytes; a code bank has 1 to %u", origin,
                               p->code_size, HF_BANK_SIZE_MAX);
    if (hf_flash_is_code(code->kind))
        return 0;
    if (code->kind != HF_FLASH_UNKNOWN)
        return hf_error_refuse(err, "image", "'%s': not firmware for a code bank: '%s'%s%s", origin,
                               hf_flash_kind_name(code->kind), code->note[0] ? ": " : "", code->note);
    if (hf_flash_foreign(p->code, p->code_size)) /* whatever the owner allows: a guest cannot run it */
        return hf_error_refuse(err, "image", "'%s': %s", origin, hf_flash_foreign(p->code, p->code_size));
    if (p->allow_unknown)
        return 0;
    return hf_error_refuse(err, "unknown", "'%s': unknown firmware%s%s; to use it unchecked, give --allow-unknown",
                           origin, code->note[0] ? ": " : "", code->note);
}

static int settle_arch(const struct hf_flash_image *code, struct hf_guest *guest, struct hf_error *err)
{
    const char *of_image = code->arch == HF_ARCH_UNKNOWN ? "" : hf_arch_name(code->arch);

    if (!guest->arch[0] && !of_image[0])
        return hf_error_set(err, HF_EUSAGE, "unknown architecture of the image; give it with --arch");
    if (!guest->arch[0])
        /* 32-bit firmware, SeaBIOS among it, runs on a 64-bit machine, and that is what people have. */
        snprintf(guest->arch, sizeof guest->arch, "%s", code->arch == HF_ARCH_I386 ? "x86_64" : of_image);
    return 0;
}

static int check_pair(const struct hf_provision *p, struct hf_provisioned *out, struct hf_error *err)
{
    struct hf_pairing pairing;

    if (p->vars_size == 0 || p->vars_size > HF_BANK_SIZE_MAX)
        return hf_error_refuse(err, "size", "'%s': invalid size of %zu bytes; a bank for variables has 1 to %u",
                               p->vars_origin, p->vars_size, HF_BANK_SIZE_MAX);
    if (hf_flash_foreign(p->vars, p->vars_size))
        return hf_error_refuse(err, "image", "'%s': %s", p->vars_origin, hf_flash_foreign(p->vars, p->vars_size));
    if (out->code.layout == HF_LAYOUT_NONE)
        return hf_error_refuse(err, "kind", "%s firmware keeps no variables; leave out '%s'",
                               hf_flash_kind_name(out->code.kind), p->vars_origin);
    hf_flash_pair(&out->code, &out->vars, &pairing);
    if (pairing.fits == HF_NO)
        return hf_error_refuse(err, "pair", "%s", pairing.why);
    if (pairing.fits == HF_UNKNOWN && !p->allow_unknown)
        return hf_error_refuse(err, "unknown", "%s; to use them unchecked, give --allow-unknown", pairing.why);
    snprintf(out->remark, sizeof out->remark, "%s", pairing.why);
    return 0;
}

/* What the owner let in with --allow-unknown is taken as it is. */
static int check_secure_boot(const struct hf_provision *p, const struct hf_flash_image *code,
                             const struct hf_variables *v, struct hf_error *err)
{
    const struct hf_flash_image before = {.secure_boot = HF_YES, .needs_smm = p->protects_keys ? HF_YES : HF_NO};

    if (p->no_secure_boot || (p->allow_unknown && code->secure_boot == HF_UNKNOWN))
        return 0;
    return hf_secure_boot_keep(&before, code, v, err);
}

/* A guest may live with a store whose end firmware does not read, so that damage is told and not refused. */
static int look_at_store(const struct hf_provision *p, struct hf_provisioned *out, struct hf_error *err)
{
    uint8_t *bytes = malloc(p->vars_size);
    size_t said = strlen(out->remark);
    struct hf_variables v;
    int r;

    if (!bytes)
        return hf_error_set(err, HF_ENOMEM, "%zu bytes of variables: out of memory", p->vars_size);
    memcpy(bytes, p->vars, p->vars_size);
    r = hf_variables_of_bytes(bytes, p->vars_size, &v, err);
    if (r < 0)
        return r;
    if (v.why.code != HF_OK)
        snprintf(out->remark + said, sizeof out->remark - said,
                 "%sthe variables are damaged: %.120s; list what can be read with 'holdfast vars list --salvage'",
                 said ? "; " : "", v.why.text);
    r = check_secure_boot(p, &out->code, &v, err);
    hf_variables_done(&v);
    return r;
}

static int settle_vars(const struct hf_provision *p, struct hf_provisioned *out, struct hf_error *err)
{
    const struct hf_layout_info *layout = hf_layout_info(out->code.layout);
    int r;

    if (p->vars) {
        r = hf_image_identify(p->vars, p->vars_size, &out->vars, err);
        if (r == 0)
            r = check_pair(p, out, err);
        if (r == 0 && out->vars.kind == HF_FLASH_VARS)
            r = look_at_store(p, out, err);
        if (r < 0)
            return r;
        out->has_vars = true;
        out->vars_bank = (p->vars_size + HF_PAGE_SIZE - 1) / HF_PAGE_SIZE * HF_PAGE_SIZE;
        if (out->vars.bank_size > out->vars_bank && out->vars.bank_size <= HF_BANK_SIZE_MAX)
            out->vars_bank = out->vars.bank_size;
    } else if (layout) {
        out->has_vars = out->blank = true;
        out->vars_bank = layout->bank_size;
        snprintf(out->remark, sizeof out->remark,
                 "no variables were given: they start erased, and the firmware formats them at its first start");
    }
    return 0;
}

static int settle_uuid(struct hf_guest *guest, struct hf_error *err)
{
    uint8_t b[16];

    if (guest->uuid[0])
        return 0;
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        return hf_error_set(err, HF_EIO, "UUID: getrandom failed: %s", strerror(errno));
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    snprintf(guest->uuid, sizeof guest->uuid, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
    return 0;
}

static void settle_label(const struct hf_provision *p, struct hf_provisioned *out)
{
    if (p->label && p->label[0])
        snprintf(out->label, sizeof out->label, "%s", p->label);
    else
        hf_firmware_describe(&out->code, out->label);
}

int hf_provision_check(const struct hf_provision *p, struct hf_provisioned *ret, struct hf_error *err)
{
    struct hf_provisioned out = {.guest = p->guest, .code_digest = hf_digest_of(p->code, p->code_size)};
    int r = hf_image_facts(&out.code_digest, p->code, p->code_size, &out.code, err);

    if (r == 0)
        r = check_code(p, &out.code, err);
    if (r == 0)
        r = settle_arch(&out.code, &out.guest, err);
    if (r == 0)
        r = hf_image_suits(&out.guest, &out.code, err);
    if (r == 0)
        r = settle_vars(p, &out, err);
    if (r == 0)
        r = settle_uuid(&out.guest, err);
    if (r < 0)
        return r;
    out.code_bank = hf_code_bank_size(&out.code, out.guest.arch);
    settle_label(p, &out);
    *ret = out;
    return 0;
}

static const char *base_name(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;

    return slash ? slash + 1 : path ? path : "";
}

static int put_banks(struct hf_container *c, const struct hf_provision *p, struct hf_provisioned *out,
                     struct hf_error *err)
{
    int r = hf_bank_resize(c, HF_BANK_CODE, out->code_bank, err);

    if (r == 0 && p->vars)
        r = hf_bank_replace(c, HF_BANK_VARS, p->vars, p->vars_size, err);
    if (r == 0 && out->has_vars)
        r = hf_bank_resize(c, HF_BANK_VARS, out->vars_bank, err);
    if (r == 0 && out->has_vars)
        r = hf_bank_digest(c, HF_BANK_VARS, &out->vars_digest, err);
    return r;
}

static int put_slot(struct hf_container *c, const struct hf_provision *p, const struct hf_provisioned *out,
                    struct hf_error *err)
{
    struct hf_slot_info slot = {.since = p->now};
    int r = hf_image_add(c, HF_IMAGE_CODE, base_name(p->code_origin), p->code, p->code_size, p->now, &slot.code, err);

    if (r == 0 && p->vars) {
        r = hf_image_add(c, HF_IMAGE_VARS, base_name(p->vars_origin), p->vars, p->vars_size, p->now, &slot.vars, err);
        slot.has_vars = true;
    }
    snprintf(slot.label, sizeof slot.label, "%s", out->label);
    snprintf(slot.origin, sizeof slot.origin, "%s", p->code_origin ? p->code_origin : "");
    return r < 0 ? r : hf_slot_set(c, HF_SLOT_ACTIVE, &slot, err);
}

static int fill(struct hf_container *c, const struct hf_provision *p, struct hf_provisioned *out, struct hf_error *err)
{
    char text[HF_DIGEST_TEXT_SIZE];
    int r = hf_begin(c, err);

    if (r == 0)
        r = put_slot(c, p, out, err);
    if (r == 0)
        r = put_banks(c, p, out, err);
    if (r == 0)
        r = hf_event_append(c, p->now, "provision", err, "firmware %s (%.12s) from '%s', variables %s%s%s%s",
                            out->label, hf_digest_text(&out->code_digest, text), p->code_origin ? p->code_origin : "",
                            p->vars         ? "from '"
                            : out->has_vars ? "erased"
                                            : "none",
                            p->vars ? p->vars_origin : "", p->vars ? "'" : "",
                            p->no_secure_boot ? "; Secure Boot given up by the operator (--no-secure-boot)" : "");
    if (r == 0)
        r = hf_secure_boot_remember(c, &out->code_digest, &out->code, err);
    if (r == 0)
        r = hf_secure_boot_note(c, p->now, err);
    if (r == 0)
        return hf_commit(c, HF_DURABLE, err);
    hf_abort(c);
    return r;
}

int hf_provision_create(const char *path, const struct hf_provision *p, struct hf_provisioned *ret,
                        struct hf_container **out, struct hf_error *err)
{
    struct hf_provisioned made;
    struct hf_container *c;
    int r = hf_provision_check(p, &made, err);

    if (r == 0)
        r = hf_container_begin(path, &made.guest, p->now, &c, err);
    if (r < 0)
        return r;
    r = fill(c, p, &made, err);
    if (r < 0) {
        hf_container_done(&c);
        return r;
    }
    *out = c;
    *ret = made;
    return 0;
}
