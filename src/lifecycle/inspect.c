/* SPDX-License-Identifier: BSD-2-Clause */
#include "inspect.h"

#include <stdio.h>
#include <string.h>

#include "banks.h"
#include "cleanup.h"
#include "image_facts.h"
#include "images.h"
#include "variables.h"

int hf_image_identify(const void *bytes, size_t size, struct hf_flash_image *image, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) void *work = malloc(HF_FLASH_WORK_SIZE);

    if (work == NULL)
        return hf_error_set(err, HF_ENOMEM, "identifying firmware: out of memory for %u bytes", HF_FLASH_WORK_SIZE);
    hf_flash_identify(bytes, size, work, HF_FLASH_WORK_SIZE, image);
    return 0;
}

uint64_t hf_code_bank_size(const struct hf_flash_image *image, const char *arch)
{
    uint64_t size = image->bank_size;

    if (size == 0 && strcmp(arch, hf_arch_name(HF_ARCH_AARCH64)) == 0)
        size = hf_layout_info(HF_LAYOUT_AAVMF)->bank_size;
    if (size < image->size || size > HF_BANK_SIZE_MAX)
        size = image->size;
    return (size + HF_PAGE_SIZE - 1) / HF_PAGE_SIZE * HF_PAGE_SIZE;
}

void hf_firmware_describe(const struct hf_flash_image *image, char label[HF_SLOT_LABEL_SIZE])
{
    bool x86 = image->layout == HF_LAYOUT_2M || image->layout == HF_LAYOUT_4M;

    snprintf(label, HF_SLOT_LABEL_SIZE, "%s%s%s%s%s%s", hf_flash_kind_name(image->kind), x86 ? " " : "",
             x86 ? hf_layout_name(image->layout) : "", image->needs_smm == HF_YES ? " smm" : "",
             image->version[0] ? " " : "", image->version);
}

static void put_label(struct hf_firmware *fw, const char *label)
{
    if (label != NULL && label[0] != '\0')
        snprintf(fw->label, sizeof fw->label, "%s", label);
    else
        hf_firmware_describe(&fw->image, fw->label);
}

static int look_at(const void *bytes, size_t size, const struct hf_digest *digest, const char *label,
                   struct hf_firmware *fw, struct hf_error *err)
{
    struct hf_firmware found = {.digest = *digest};
    int r = hf_image_facts(digest, bytes, size, &found.image, err);

    if (r < 0)
        return r;
    put_label(&found, label);
    *fw = found;
    return 0;
}

int hf_firmware_inspect(const void *bytes, size_t size, const char *label, struct hf_firmware *fw, struct hf_error *err)
{
    struct hf_digest digest = hf_digest_of(bytes, size);
    struct hf_firmware found;
    int r = look_at(bytes, size, &digest, label, &found, err);

    if (r < 0)
        return r;
    if (!hf_flash_is_code(found.image.kind))
        return hf_error_refuse(err, "image", "not firmware for a code bank: '%s', %zu bytes%s%s",
                               hf_flash_kind_name(found.image.kind), size, found.image.note[0] ? ": " : "",
                               found.image.note);
    *fw = found;
    return 0;
}

/* Its bytes are compared with the digest either way: a container may give any bytes a name that is known. */
int hf_firmware_of_image(struct hf_container *c, const struct hf_digest *code, const char *label,
                         struct hf_firmware *fw, struct hf_error *err)
{
    struct hf_firmware known = {.digest = *code};
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    struct hf_image image;
    uint64_t size;
    int r = hf_image_get(c, code, &image, err);

    if (r == 0 && hf_image_facts_known(code, image.size, &known.image)) {
        r = hf_image_verify(c, code, err);
        if (r < 0)
            return r;
        put_label(&known, label);
        *fw = known;
        return 0;
    }
    if (r == 0)
        r = hf_image_load(c, code, &bytes, &size, err);
    return r < 0 ? r : look_at(bytes, (size_t)size, code, label, fw, err);
}

int hf_firmware_of_slot(struct hf_container *c, enum hf_slot slot, struct hf_firmware *fw, struct hf_error *err)
{
    struct hf_slot_info info;
    int r = hf_slot_get(c, slot, &info, err);

    return r < 0 ? r : hf_firmware_of_image(c, &info.code, info.label, fw, err);
}

int hf_variables_inspect(struct hf_container *c, struct hf_flash_image *vars, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    uint64_t size;
    int r = hf_bank_size(c, HF_BANK_VARS, &size, NULL);

    if (r == -HF_ENOTFOUND) {
        memset(vars, 0, sizeof *vars);
        return 0;
    }
    if (r < 0)
        return hf_bank_size(c, HF_BANK_VARS, &size, err);
    bytes = malloc(size ? size : 1);
    if (bytes == NULL)
        return hf_error_set(err, HF_ENOMEM, "reading the variables: out of memory for %llu bytes",
                            (unsigned long long)size);
    r = hf_bank_read(c, HF_BANK_VARS, 0, bytes, size, err);
    return r < 0 ? r : hf_image_identify(bytes, size, vars, err);
}

static int check_arch(const struct hf_guest *guest, const struct hf_flash_image *image, struct hf_error *err)
{
    if (image->arch == HF_ARCH_UNKNOWN || strcmp(hf_arch_name(image->arch), guest->arch) == 0)
        return 0;
    /* Some x86-64 builds begin in 32 bits, and 32-bit firmware runs on a 64-bit machine. */
    if (image->arch == HF_ARCH_I386 && strcmp(guest->arch, "x86_64") == 0)
        return 0;
    return hf_error_refuse(err, "architecture", "the image is for %s, the guest is %s", hf_arch_name(image->arch),
                           guest->arch);
}

static bool machine_may_have_smm(const char *machine)
{
    return machine[0] == '\0' || strcmp(machine, "q35") == 0 || strncmp(machine, "pc-q35-", 7) == 0;
}

static int check_smm(const struct hf_guest *guest, const struct hf_flash_image *image, struct hf_error *err)
{
    if (image->needs_smm != HF_YES || machine_may_have_smm(guest->machine))
        return 0;
    return hf_error_refuse(err, "smm", "the image needs System Management Mode; machine type '%s' has none: use q35",
                           guest->machine);
}

int hf_image_suits(const struct hf_guest *guest, const struct hf_flash_image *image, struct hf_error *err)
{
    int r = check_arch(guest, image, err);

    return r < 0 ? r : check_smm(guest, image, err);
}

static bool keeps_variables(enum hf_flash_kind kind)
{
    return kind == HF_FLASH_OVMF || kind == HF_FLASH_AAVMF;
}

/* Whether the variables can be had in the layout that the image was built for. */
static int check_conversion(struct hf_container *c, const struct hf_flash_image *image, struct hf_error *err)
{
    struct hf_variables now, then;
    int r = hf_variables_of_bank(c, &now, err);

    if (r < 0)
        return r;
    r = hf_variables_convert(&now, image->layout, &then, err);
    hf_variables_done(&now);
    if (r == 0)
        hf_variables_done(&then);
    return r;
}

/* Whether nothing can be told of what the guest has now: its owner let that in, and may replace it by its like. */
static bool runs_unknown_pair(struct hf_container *c, const struct hf_flash_image *vars)
{
    struct hf_pairing pairing;
    struct hf_firmware now;

    if (hf_firmware_of_slot(c, HF_SLOT_ACTIVE, &now, NULL) < 0)
        return false;
    hf_flash_pair(&now.image, vars, &pairing);
    return pairing.fits == HF_UNKNOWN;
}

static int check_variables(struct hf_container *c, const struct hf_flash_image *image, bool *convert,
                           struct hf_error *err)
{
    struct hf_flash_image vars;
    struct hf_pairing pairing;
    int r = hf_variables_inspect(c, &vars, err);

    if (r < 0)
        return r;
    if (keeps_variables(image->kind) != (vars.size != 0))
        return hf_error_refuse(err, "kind", "the image is %s, which keeps %s variables, and the guest has %s",
                               hf_flash_kind_name(image->kind), vars.size ? "no" : "its own",
                               vars.size ? "some" : "no bank for them");
    *convert = vars.size != 0 && hf_layout_info(image->layout) != NULL && hf_layout_info(vars.layout) != NULL &&
               image->layout != vars.layout;
    if (*convert)
        return check_conversion(c, image, err);
    if (vars.size == 0)
        return 0;
    hf_flash_pair(image, &vars, &pairing);
    if (pairing.fits == HF_YES || (pairing.fits == HF_UNKNOWN && runs_unknown_pair(c, &vars)))
        return 0;
    return hf_error_refuse(err, "pair", "%s", pairing.why);
}

int hf_firmware_fits(struct hf_container *c, const struct hf_firmware *fw, bool *convert, struct hf_error *err)
{
    char text[HF_DIGEST_TEXT_SIZE];
    struct hf_slot_info active;
    struct hf_guest guest;
    int r = hf_guest_get(c, &guest, err);

    if (r == 0)
        r = hf_slot_get(c, HF_SLOT_ACTIVE, &active, err);
    if (r < 0)
        return r;
    if (hf_digest_equal(&active.code, &fw->digest))
        return hf_error_refuse(err, "same-image", "the guest runs this image already (%.12s)",
                               hf_digest_text(&fw->digest, text));
    r = hf_image_suits(&guest, &fw->image, err);
    return r < 0 ? r : check_variables(c, &fw->image, convert, err);
}
