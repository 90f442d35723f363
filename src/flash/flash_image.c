/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include <holdfast/flash_image.h>

#include "cursor.h"
#include "edk2_image.h"
#include "format.h"
#include "legacy_image.h"
#include "varstore_header.h"
#include "volume.h"

static bool all_bytes(const uint8_t *bytes, size_t size, uint8_t value)
{
    return size && bytes[0] == value && memcmp(bytes, bytes + 1, size - 1) == 0;
}

static enum hf_layout blank_layout(size_t size)
{
    for (unsigned i = 0; i < HF_LAYOUT_MAX; i++) {
        const struct hf_layout_info *info = hf_layout_info((enum hf_layout)i);

        if (info && (size == info->bank_size || size == info->volume_size))
            return (enum hf_layout)i;
    }
    return HF_LAYOUT_UNKNOWN;
}

/* An erased or zeroed file says nothing but its size; only a variable bank is ever meant to start like that. */
static void identify_blank(struct hf_flash_image *image)
{
    enum hf_layout layout = blank_layout((size_t)image->size);

    if (layout == HF_LAYOUT_UNKNOWN) {
        hf_format(image->note, sizeof image->note, "blank, and no known variable bank has this size");
        return;
    }
    image->kind = HF_FLASH_VARS;
    image->layout = layout;
    image->blank = true;
    image->bank_size = hf_layout_info(layout)->bank_size;
    image->base = hf_layout_info(layout)->base;
}

/* Other machines of QEMU's have AAVMF's volume in flash of another size, and only the padding tells them: their two
 * chips are 32 MiB each at 0x20000000 (hw/riscv/virt.c) and 16 MiB each at 0x1c000000 (hw/loongarch/virt.c). */
static void name_sibling(struct hf_flash_image *image)
{
    static const struct {
        enum hf_arch arch;
        uint64_t bank_size, base;
    } siblings[] = {{HF_ARCH_RISCV64, 32u << 20, 0x22000000}, {HF_ARCH_LOONGARCH64, 16u << 20, 0x1D000000}};

    for (size_t i = 0; i < sizeof siblings / sizeof siblings[0]; i++)
        if (image->layout == HF_LAYOUT_AAVMF && image->size == siblings[i].bank_size) {
            image->arch = siblings[i].arch;
            image->bank_size = siblings[i].bank_size;
            image->base = siblings[i].base;
        }
}

static void identify_vars(const uint8_t *bytes, size_t size, struct hf_flash_image *image)
{
    struct hf_varstore_header h;

    image->kind = HF_FLASH_VARS;
    if (hf_varstore_header_read(bytes, size, &h) < 0)
        hf_format(image->note, sizeof image->note, "%s", h.problem);
    else
        image->header_ok = true;
    image->layout = h.layout;
    image->authenticated = h.authenticated;
    image->pending_write = h.ftw.pending;
    if (h.layout != HF_LAYOUT_UNKNOWN) {
        image->bank_size = hf_layout_info(h.layout)->bank_size;
        image->base = hf_layout_info(h.layout)->base;
        name_sibling(image);
    }
}

void hf_flash_identify(const void *bytes, size_t size, void *work, size_t work_size, struct hf_flash_image *image)
{
    const uint8_t *p = (const uint8_t *)bytes;
    struct hf_volume first;

    memset(image, 0, sizeof *image);
    image->size = size;
    if (size == 0) {
        hf_format(image->note, sizeof image->note, "empty");
        return;
    }
    if (all_bytes(p, size, 0xFF) || all_bytes(p, size, 0x00)) {
        identify_blank(image);
        return;
    }
    if (hf_flash_foreign(p, size)) { /* the firmware volumes in a qcow2 image can be found, and mean nothing */
        hf_format(image->note, sizeof image->note, "%s", hf_flash_foreign(p, size));
        return;
    }
    hf_edk2_walk(p, size, image);
    if (hf_volume_open(p, size, &first) && hf_guid_equal(&first.filesystem, &hf_guid_nvdata)) {
        if (image->volume_count > 1 && hf_range_ok(first.length, 0x1000, size) &&
            !hf_guid_equal(&image->volume[1].filesystem, &hf_guid_nvdata)) {
            image->kind = HF_FLASH_COMBINED;
            hf_format(image->note, sizeof image->note,
                      "variables and code in one file; use the two separate files of the same build");
            return;
        }
        identify_vars(p, size, image);
        return;
    }
    if (hf_varstore_interrupted(p, size)) {
        identify_vars(p, size, image);
        return;
    }
    if (hf_edk2_identify(p, size, work, work_size, image) || hf_legacy_identify(p, size, image))
        return;
    hf_format(image->note, sizeof image->note, "no known firmware volume, reset vector or option ROM");
}
