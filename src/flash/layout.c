/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include <holdfast/flash_image.h>

static const struct hf_layout_info layouts[HF_LAYOUT_MAX] = {
    [HF_LAYOUT_2M] = {.name = "2m",
                      .volume_size = 0x20000,
                      .block_size = 0x1000,
                      .vars_size = 0xE000,
                      .work_at = 0xF000,
                      .work_size = 0x1000,
                      .spare_at = 0x10000,
                      .spare_size = 0x10000,
                      .bank_size = 0x20000,
                      .base = 0xFFE00000,
                      .variable_max = 0x2000,
                      .authenticated_max = 0x2800},
    [HF_LAYOUT_4M] = {.name = "4m",
                      .volume_size = 0x84000,
                      .block_size = 0x1000,
                      .vars_size = 0x40000,
                      .work_at = 0x41000,
                      .work_size = 0x1000,
                      .spare_at = 0x42000,
                      .spare_size = 0x42000,
                      .bank_size = 0x84000,
                      .base = 0xFFC00000,
                      .variable_max = 0x8400,
                      .authenticated_max = 0x8400},
    [HF_LAYOUT_AAVMF] = {.name = "aavmf",
                         .volume_size = 0xC0000,
                         .block_size = 0x40000,
                         .vars_size = 0x40000,
                         .work_at = 0x40000,
                         .work_size = 0x40000,
                         .spare_at = 0x80000,
                         .spare_size = 0x40000,
                         .bank_size = 0x4000000,
                         .base = 0x4000000,
                         .variable_max = 0x2000,
                         .authenticated_max = 0x2800},
};

const struct hf_layout_info *hf_layout_info(enum hf_layout layout)
{
    return (unsigned)layout < HF_LAYOUT_MAX && layouts[layout].name ? &layouts[layout] : NULL;
}

static bool same_word(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if ((*a | 0x20) != (*b | 0x20))
            return false;
    return *a == *b;
}

enum hf_layout hf_layout_named(const char *name)
{
    for (unsigned i = 0; i < HF_LAYOUT_MAX; i++)
        if (layouts[i].name && same_word(layouts[i].name, name))
            return (enum hf_layout)i;
    return HF_LAYOUT_UNKNOWN;
}

const char *hf_layout_name(enum hf_layout layout)
{
    const struct hf_layout_info *info = hf_layout_info(layout);

    return info ? info->name : layout == HF_LAYOUT_NONE ? "none" : "unknown";
}

const char *hf_flash_kind_name(enum hf_flash_kind kind)
{
    static const char *const names[HF_FLASH_KIND_MAX] = {
        [HF_FLASH_UNKNOWN] = "unknown",   [HF_FLASH_OVMF] = "ovmf",   [HF_FLASH_AAVMF] = "aavmf",
        [HF_FLASH_SEABIOS] = "seabios",   [HF_FLASH_QBOOT] = "qboot", [HF_FLASH_VARS] = "vars",
        [HF_FLASH_COMBINED] = "combined", [HF_FLASH_ROM] = "rom",
    };

    return (unsigned)kind < HF_FLASH_KIND_MAX ? names[kind] : "unknown";
}

const char *hf_arch_name(enum hf_arch arch)
{
    static const char *const names[HF_ARCH_MAX] = {
        [HF_ARCH_UNKNOWN] = "unknown",         [HF_ARCH_I386] = "i386",
        [HF_ARCH_X86_64] = "x86_64",           [HF_ARCH_ARM] = "arm",
        [HF_ARCH_AARCH64] = "aarch64",         [HF_ARCH_RISCV64] = "riscv64",
        [HF_ARCH_LOONGARCH64] = "loongarch64",
    };

    return (unsigned)arch < HF_ARCH_MAX ? names[arch] : "unknown";
}

const char *hf_answer_name(enum hf_answer answer)
{
    return answer == HF_YES ? "yes" : answer == HF_NO ? "no" : "unknown";
}

bool hf_flash_is_code(enum hf_flash_kind kind)
{
    return kind == HF_FLASH_OVMF || kind == HF_FLASH_AAVMF || kind == HF_FLASH_SEABIOS || kind == HF_FLASH_QBOOT;
}
