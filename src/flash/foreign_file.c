/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include <holdfast/flash_image.h>

#define RAW_BANK "convert it to a raw bank with `qemu-img convert -O raw`"

/* Files in which a bank may lie somewhere, or packed: some of its bytes look like firmware, but a guest that is given
 * the file as it is runs nothing. What distributions ship (qcow2) comes first. */
static const struct foreign {
    const char *magic;
    uint32_t size, at;
    const char *says;
} known[] = {
    {"QFI\xfb", 4, 0, "a qcow2 image; " RAW_BANK},
    {"KDMV", 4, 0, "a VMDK image; " RAW_BANK},
    {"\x7f\x10\xda\xbe", 4, 0x40, "a VDI image; " RAW_BANK},
    {"vhdxfile", 8, 0, "a VHDX image; " RAW_BANK},
    {"conectix", 8, 0, "a VHD image; " RAW_BANK},
    {"\x1f\x8b", 2, 0, "compressed by gzip; unpack it first"},
    {"\xfd"
     "7zXZ",
     6, 0, "compressed by xz; unpack it first"},
    {"\x28\xb5\x2f\xfd", 4, 0, "compressed by zstd; unpack it first"},
    {"\x7f"
     "ELF",
     4, 0, "an ELF file, a program; a bank holds raw firmware"},
    {"SQLite format 3", 16, 0, "an SQLite database, as a container is; `holdfast export` writes its banks as files"},
};

const char *hf_flash_foreign(const void *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].at + known[i].size <= size &&
            memcmp((const uint8_t *)bytes + known[i].at, known[i].magic, known[i].size) == 0)
            return known[i].says;
    return NULL;
}
