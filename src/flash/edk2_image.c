/* SPDX-License-Identifier: BSD-2-Clause */
#include "edk2_image.h"

#include <string.h>

#include "build_version.h"
#include "cursor.h"
#include "format.h"
#include "lzma.h"
#include "volume.h"

#define FOUR_GIB 0x100000000ull

static const struct hf_guid smm_access_pei = HF_GUID(0x6c0e75b4, 0xb0b9, 0x44d1, 0x8210, 0x3377d7b4e066);
static const struct hf_guid security_stub = HF_GUID(0xf80697e9, 0x7fd6, 0x4665, 0x8646, 0x88e33ef71dfc);
static const struct hf_guid table_footer = HF_GUID(0x96b582de, 0x1fb2, 0x45f7, 0xbaea, 0xa366c55a082d);

static bool is_ffs(const struct hf_guid *filesystem)
{
    return hf_guid_equal(filesystem, &hf_guid_ffs2) || hf_guid_equal(filesystem, &hf_guid_ffs3);
}

void hf_edk2_walk(const uint8_t *bytes, size_t size, struct hf_flash_image *image)
{
    uint64_t at = 0;

    while (at < size) {
        struct hf_volume v;

        if (!hf_volume_open(bytes + at, size - (size_t)at, &v)) {
            at += 0x1000;
            continue;
        }
        if (image->volume_count < HF_FLASH_VOLUMES_MAX)
            image->volume[image->volume_count] = (struct hf_flash_volume){.offset = at,
                                                                          .length = v.length,
                                                                          .filesystem = v.filesystem,
                                                                          .name = v.name,
                                                                          .checksum_ok = v.checksum_ok};
        image->volume_count++;
        if (v.length > size - at)
            return;
        at += (v.length + 0xFFF) & ~0xFFFull;
    }
}

static enum hf_arch arch_of(uint16_t machine)
{
    switch (machine) {
    case 0x014C:
        return HF_ARCH_I386;
    case 0x8664:
        return HF_ARCH_X86_64;
    case 0x01C2:
        return HF_ARCH_ARM;
    case 0xAA64:
        return HF_ARCH_AARCH64;
    case 0x5064:
        return HF_ARCH_RISCV64;
    case 0x6264:
        return HF_ARCH_LOONGARCH64;
    default:
        return HF_ARCH_UNKNOWN;
    }
}

/* What was found on the way through the volumes. */
struct finds {
    enum hf_arch reset_arch; /* of the code that runs first */
    enum hf_arch dxe_arch;
    size_t packed_at, packed_size; /* the compressed volume */
    bool smm_access, pei_whole;
    enum hf_answer secure_boot;
};

/* UCS-2, with its NUL: the variable that no module reads but one that judges programs. */
static bool names_dbx(const uint8_t *bytes, size_t size)
{
    static const uint8_t name[] = {'d', 0, 'b', 0, 'x', 0, 0, 0};

    for (size_t i = 0; i + sizeof name <= size; i++)
        if (bytes[i] == name[0] && memcmp(bytes + i, name, sizeof name) == 0)
            return true;
    return false;
}

static void look_at_file(const uint8_t *volume, const struct hf_ffs_file *file, size_t volume_at, struct finds *f)
{
    struct hf_section s;
    size_t at = file->body;

    if (hf_guid_equal(&file->name, &smm_access_pei))
        f->smm_access = true;
    if (hf_guid_equal(&file->name, &security_stub))
        f->secure_boot = names_dbx(volume + file->body, file->end - file->body) ? HF_YES : HF_NO;
    if (file->type == HF_FFS_SEC_CORE && f->reset_arch == HF_ARCH_UNKNOWN)
        f->reset_arch = arch_of(hf_section_machine(volume, file->body, file->end));
    if (file->type == HF_FFS_DXE_CORE)
        f->dxe_arch = arch_of(hf_section_machine(volume, file->body, file->end));
    if (file->type != HF_FFS_VOLUME || f->packed_size)
        return;
    while (hf_section_next(volume, file->body, file->end, &at, &s))
        if (s.type == HF_SECTION_GUIDED && hf_guid_equal(&s.guid, &hf_guid_lzma)) {
            f->packed_at = volume_at + s.body;
            f->packed_size = s.end - s.body;
            return;
        }
}

/* True when the walk saw the whole volume. */
static bool look_at_volume(const uint8_t *bytes, size_t size, size_t at, struct finds *f)
{
    struct hf_ffs_file file;
    struct hf_volume v;
    size_t next;

    if (!hf_volume_open(bytes + at, size - at, &v) || !is_ffs(&v.filesystem))
        return false;
    next = v.files_at;
    while (hf_volume_next(bytes + at, size - at, &v, &next, &file))
        look_at_file(bytes + at, &file, at, f);
    return v.length <= size - at;
}

/* The compressed data are sections; the volumes among them are the PEI volume and, cut short, the DXE volume. */
static void look_inside(const uint8_t *bytes, void *work, size_t work_size, struct finds *f,
                        struct hf_flash_image *image)
{
    uint16_t *probs = (uint16_t *)work;
    uint8_t *out = (uint8_t *)work + HF_LZMA_PROBS * sizeof *probs;
    size_t got, at = 0;
    struct hf_section s;

    if (!work || work_size <= HF_LZMA_PROBS * sizeof *probs || (uintptr_t)work % sizeof *probs)
        return;
    got = hf_lzma_prefix(bytes + f->packed_at, f->packed_size, probs, out, work_size - HF_LZMA_PROBS * sizeof *probs);
    while (hf_section_next(out, 0, got, &at, &s)) {
        if (s.type != HF_SECTION_VOLUME)
            continue;
        if (look_at_volume(out, s.end, s.body, f) && !f->pei_whole)
            f->pei_whole = true;
    }
    if (image->version[0] == '\0')
        hf_build_version(out, got, image->version, sizeof image->version);
}

static void read_entries(const uint8_t *bytes, size_t size, struct hf_flash_image *image)
{
    size_t end, start, total;

    if (size < 0x32 + 16 || memcmp(bytes + size - 0x30, &table_footer, sizeof table_footer) != 0)
        return;
    end = size - 0x32; /* the footer's own length field */
    total = (size_t)(bytes[end] | bytes[end + 1] << 8);
    if (total < 18 || total > size - 0x20)
        return;
    start = size - 0x20 - total;
    while (end - start >= 18 && image->entry_count < HF_FLASH_ENTRIES_MAX) {
        struct hf_flash_entry *e = &image->entry[image->entry_count];
        size_t length = (size_t)(bytes[end - 18] | bytes[end - 17] << 8);

        if (length < 18 || length > end - start)
            return;
        memcpy(&e->guid, bytes + end - 16, sizeof e->guid);
        e->size = (uint16_t)(length - 18);
        image->entry_count++;
        end -= length;
    }
}

static void place_ovmf(struct hf_flash_image *image)
{
    image->kind = HF_FLASH_OVMF;
    image->bank_size = image->size;
    image->base = FOUR_GIB - image->size;
    for (unsigned i = 0; i < HF_LAYOUT_MAX; i++) {
        const struct hf_layout_info *info = hf_layout_info((enum hf_layout)i);

        /* The variables end where the code begins: the only place firmware of this build looks for them. */
        if (info && info->base + info->bank_size == image->base)
            image->layout = (enum hf_layout)i;
    }
    if (image->size == 0xE0000) /* the 1 MB build: another base, the 2 MB build's store */
        image->layout = HF_LAYOUT_2M;
    if (image->layout == HF_LAYOUT_UNKNOWN)
        hf_format(image->note, sizeof image->note, "code bank of unknown size 0x%llx; the build may keep no variables",
                  (unsigned long long)image->size);
}

static void place_virt(struct hf_flash_image *image)
{
    image->kind = HF_FLASH_AAVMF;
    image->layout = HF_LAYOUT_AAVMF;
    image->needs_smm = HF_NO; /* there is no such mode */
    image->bank_size = hf_layout_info(HF_LAYOUT_AAVMF)->bank_size;
    image->base = 0;
}

static void conclude(const struct finds *f, struct hf_flash_image *image)
{
    image->secure_boot = f->secure_boot;
    image->arch = f->dxe_arch != HF_ARCH_UNKNOWN ? f->dxe_arch : f->reset_arch;
    if (f->reset_arch == HF_ARCH_I386 || f->reset_arch == HF_ARCH_X86_64) {
        place_ovmf(image);
        if (f->dxe_arch == HF_ARCH_UNKNOWN && f->reset_arch == HF_ARCH_I386)
            image->arch = HF_ARCH_UNKNOWN; /* 32-bit reset code in front of either kind */
        image->needs_smm = f->smm_access ? HF_YES : f->pei_whole ? HF_NO : HF_UNKNOWN;
        if (image->needs_smm == HF_UNKNOWN)
            hf_format(image->note, sizeof image->note,
                      "the compressed volume could not be read: SMM and "
                      "architecture are unknown");
    } else if (f->reset_arch == HF_ARCH_AARCH64 || f->reset_arch == HF_ARCH_ARM) {
        place_virt(image);
    } else {
        hf_format(image->note, sizeof image->note, "firmware volumes for unknown architecture %s",
                  hf_arch_name(f->reset_arch));
    }
}

bool hf_edk2_identify(const uint8_t *bytes, size_t size, void *work, size_t work_size, struct hf_flash_image *image)
{
    unsigned listed = image->volume_count < HF_FLASH_VOLUMES_MAX ? image->volume_count : HF_FLASH_VOLUMES_MAX;
    struct finds f = {0};
    bool any = false;

    for (unsigned i = 0; i < listed; i++)
        if (is_ffs(&image->volume[i].filesystem)) {
            (void)look_at_volume(bytes, size, (size_t)image->volume[i].offset, &f);
            any = true;
        }
    if (!any)
        return false;
    hf_build_version(bytes, size < 0x400000 ? size : 0x400000, image->version, sizeof image->version);
    if (f.packed_size)
        look_inside(bytes, work, work_size, &f, image);
    conclude(&f, image);
    if (image->kind == HF_FLASH_OVMF)
        read_entries(bytes, size, image);
    return true;
}
