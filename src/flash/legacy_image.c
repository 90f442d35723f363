/* SPDX-License-Identifier: BSD-2-Clause */
#include "legacy_image.h"

#include <string.h>

#include "cursor.h"

#define FOUR_GIB 0x100000000ull

static const uint8_t *find(const uint8_t *bytes, size_t size, const char *what)
{
    size_t n = strlen(what);
    const uint8_t *end = bytes + size;

    if (size < n)
        return NULL;
    for (const uint8_t *p = bytes; p <= end - n; p++)
        if (*p == (uint8_t)what[0] && memcmp(p, what, n) == 0)
            return p;
    return NULL;
}

static bool version_char(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' ||
           c == '_' || c == '+' || c == '~';
}

/* How long a string like 1.16.2-debian-1.16.2-1 or rel-1.16.3-0-ga6ed6b7 is here; 0 when it is none. */
static size_t version_length(const uint8_t *p, size_t left)
{
    size_t n = 0, dots = 0;
    size_t digits_at = left > 4 && memcmp(p, "rel-", 4) == 0 ? 4 : 0;

    if (p[digits_at] < '0' || p[digits_at] > '9')
        return 0;
    while (n < left && version_char(p[n])) {
        if (p[n] == '.')
            dots++;
        if (dots < 2 && n >= digits_at && p[n] != '.' && (p[n] < '0' || p[n] > '9'))
            return 0;
        n++;
    }
    return n < left && p[n] == 0 && dots >= 2 ? n : 0;
}

static void seabios_version(const uint8_t *bytes, size_t size, struct hf_flash_image *image)
{
    for (size_t i = 1; i + 5 < size; i++) {
        bool begins = bytes[i - 1] < 0x20 || bytes[i - 1] >= 0x7F; /* the compiler pads with NULs or with nops */
        size_t n = begins ? version_length(bytes + i, size - i) : 0;

        if (n >= 5 && n < sizeof image->version) {
            memcpy(image->version, bytes + i, n);
            image->version[n] = '\0';
            return;
        }
    }
}

static void x86_bank(struct hf_flash_image *image, enum hf_flash_kind kind)
{
    image->kind = kind;
    image->arch = HF_ARCH_I386; /* starts in 16 bits; runs on either QEMU */
    image->layout = HF_LAYOUT_NONE;
    image->needs_smm = image->secure_boot = HF_NO;
    image->bank_size = image->size;
    image->base = FOUR_GIB - image->size;
}

static bool option_rom(const uint8_t *bytes, size_t size)
{
    struct hf_cursor c = hf_cursor_of(bytes, size);
    uint16_t at;

    if (hf_cursor_le16(&c) != 0xAA55)
        return false;
    hf_cursor_seek(&c, 0x18);
    at = hf_cursor_le16(&c);
    hf_cursor_seek(&c, at);
    return hf_cursor_le32(&c) == 0x52494350; /* "PCIR" */
}

bool hf_legacy_identify(const uint8_t *bytes, size_t size, struct hf_flash_image *image)
{
    static const uint8_t to_post[5] = {0xEA, 0x5B, 0xE0, 0x00, 0xF0}; /* ljmp f000:e05b, where a PC BIOS starts */
    bool whole = size >= 0x10000 && size <= 0x1000000 && size % 0x10000 == 0;

    if (option_rom(bytes, size)) {
        image->kind = HF_FLASH_ROM;
        return true;
    }
    if (!whole)
        return false;
    if (memcmp(bytes + size - 16, to_post, sizeof to_post) == 0 && find(bytes, size, "SeaBIOS (version ")) {
        x86_bank(image, HF_FLASH_SEABIOS);
        seabios_version(bytes, size, image);
        return true;
    }
    if (bytes[size - 16] == 0xE9 && find(bytes, size, "qboot") && find(bytes, size, "etc/table-loader")) {
        x86_bank(image, HF_FLASH_QBOOT);
        return true;
    }
    return false;
}
