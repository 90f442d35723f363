/* SPDX-License-Identifier: BSD-2-Clause */
#include "known_certificate.h"

#include <string.h>

#include "certificate_data.h"

const struct hf_guid hf_owner_microsoft = HF_GUID(0x77fa9abd, 0x0359, 0x4d32, 0xbd60, 0x28f4e78f784b);

static const struct hf_known_certificate table[] = {
    {.name = "Microsoft Corporation KEK CA 2011",
     .sha256 = "a1117f516a32cefcba3f2d1ace10a87972fd6bbe8fe0d0b996e09e65d802a503",
     .variable = HF_KEY_KEK,
     .signs = "updates of db and dbx until 2026",
     .file = "ms-kek-2011",
     .microsoft = true,
     .of_2011 = true,
     .successor = "ms-kek-2023"},
    {.name = "Microsoft Windows Production PCA 2011",
     .sha256 = "e8e95f0733a55e8bad7be0a1413ee23c51fcea64b3c8fa6a786935fddcc71961",
     .variable = HF_KEY_DB,
     .signs = "Windows until 2026; the dbx of 2024 revokes it",
     .file = "windows-2011",
     .microsoft = true,
     .of_2011 = true,
     .successor = "windows-2023"},
    {.name = "Microsoft Corporation UEFI CA 2011",
     .sha256 = "48e99b991f57fc52f76149599bff0a58c47154229b9f8d603ac40d3500248507",
     .variable = HF_KEY_DB,
     .signs = "shim and option ROMs until 2026",
     .file = "ms-uefi-2011",
     .microsoft = true,
     .of_2011 = true,
     .successor = "ms-uefi-2023",
     .optional = "ms-uefi-rom-2023"},
    {.name = "Microsoft Corporation KEK 2K CA 2023",
     .sha256 = "3cd3f0309edae228767a976dd40d9f4affc4fbd5218f2e8cc3c9dd97e8ac6f9d",
     .variable = HF_KEY_KEK,
     .signs = "updates of db and dbx",
     .file = "ms-kek-2023",
     .microsoft = true},
    {.name = "Windows UEFI CA 2023",
     .sha256 = "076f1fea90ac29155ebf77c17682f75f1fdd1be196da302dc8461e350a9ae330",
     .variable = HF_KEY_DB,
     .signs = "Windows",
     .file = "windows-2023",
     .microsoft = true},
    {.name = "Microsoft UEFI CA 2023",
     .sha256 = "f6124e34125bee3fe6d79a574eaa7b91c0e7bd9d929c1a321178efd611dad901",
     .variable = HF_KEY_DB,
     .signs = "shim",
     .file = "ms-uefi-2023",
     .microsoft = true},
    {.name = "Microsoft Option ROM UEFI CA 2023",
     .sha256 = "e5be3e64c6e66a281457ecdece0d6d0787577aad2a3a0144262c10c14ba8d8f1",
     .variable = HF_KEY_DB,
     .signs = "option ROMs",
     .file = "ms-uefi-rom-2023",
     .microsoft = true},
    {.name = "Windows OEM Devices PK",
     .sha256 = "2f569e8edaf9657dc4951c29598725255c7f821472db71374211fe44d082546f",
     .variable = HF_KEY_PK,
     .signs = "updates of KEK: a Windows guest with it can update its own KEK",
     .file = "ms-oem-pk-2023",
     .microsoft = true},
    {.name = "Red Hat Secure Boot (PK/KEK key 1)",
     .sha256 = "7f122fab825041c2b0c67696bb151db6f39fed7df2d1104107f5b892b354ef5c",
     .variable = HF_KEY_PK,
     .signs = "updates of KEK; Microsoft publishes one signed with it"},
    {.name = "Debian UEFI Secure Boot (PK/KEK key)",
     .sha256 = "5fb05ed84c5170d542ed6a7b7487dd57b8faedb02f7e107b0409e1d22cac4169",
     .variable = HF_KEY_PK,
     .signs = "updates of KEK; Microsoft publishes none signed with it, so the guest cannot update its own KEK"},
    {.name = "SnakeOil (Debian 12)",
     .sha256 = "282e8130b7070f107aaecc25d3992ca4440270860b09088792a5075fab0d13f8",
     .variable = HF_KEY_PK,
     .signs = "anything: its private key is public",
     .public_key = true},
    {.name = "SnakeOil Test Key for EFI Secure Boot",
     .sha256 = "5e2a886d7d56dc918f16806366d4c2e1c0de23a6f1026ba5df14f0370f0e19a0",
     .variable = HF_KEY_PK,
     .signs = "anything: its private key is public",
     .public_key = true},
    {.name = "Red Hat Test Certifying CA",
     .sha256 = "f9f3c0fd5e666a40a859c276afd4e0756c32f6ea171a75af89dfb87d804ca209",
     .variable = HF_KEY_DB,
     .signs = "anything: its private key is public",
     .public_key = true},
};

const struct hf_key_set hf_key_sets[] = {
    {"microsoft",
     "Microsoft's certificates of 2023: KEK, and db for Windows, shim and option ROMs",
     {"ms-kek-2023", "windows-2023", "ms-uefi-2023", "ms-uefi-rom-2023"}},
    {"microsoft-2011",
     "Microsoft's certificates of 2011, for what they signed before 2026",
     {"ms-kek-2011", "windows-2011", "ms-uefi-2011"}},
    {"windows", "KEK and db of 2023 for Windows only", {"ms-kek-2023", "windows-2023"}},
    {"option-rom", "db of 2023 for option ROMs only", {"ms-uefi-rom-2023"}},
    {"oem-pk", "PK with which Windows guests can update their own KEK", {"ms-oem-pk-2023"}},
    {0},
};

static int digit(uint8_t nibble)
{
    return "0123456789abcdef"[nibble & 15];
}

const struct hf_known_certificate *hf_known_certificate_find(const uint8_t sha256[HF_CERTIFICATE_SHA256])
{
    char text[2 * HF_CERTIFICATE_SHA256 + 1];

    for (size_t i = 0; i < HF_CERTIFICATE_SHA256; i++) {
        text[2 * i] = (char)digit(sha256[i] >> 4);
        text[2 * i + 1] = (char)digit(sha256[i]);
    }
    text[sizeof text - 1] = '\0';
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].sha256, text) == 0)
            return &table[i];
    return NULL;
}

const struct hf_known_certificate *hf_known_certificate_of_file(const char *file)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].file && strcmp(table[i].file, file) == 0)
            return &table[i];
    return NULL;
}

const struct hf_known_certificate *hf_known_certificate_at(size_t n)
{
    return n < sizeof table / sizeof table[0] ? &table[n] : NULL;
}

bool hf_known_certificate_der(const struct hf_known_certificate *known, const uint8_t **der, size_t *size)
{
    for (const struct hf_certificate_file *f = hf_certificate_files; known->file && f->name; f++) {
        if (strcmp(f->name, known->file) != 0)
            continue;
        *der = f->der;
        *size = f->size;
        return true;
    }
    return false;
}

bool hf_certificate_key_is_public(const struct hf_certificate *certificate)
{
    const struct hf_known_certificate *known = hf_known_certificate_find(certificate->sha256);

    return (known && known->public_key) || strstr(certificate->subject, "DO NOT TRUST") ||
           strstr(certificate->subject, "DO NOT SHIP");
}

const struct hf_key_set *hf_key_set_find(const char *name)
{
    for (const struct hf_key_set *s = hf_key_sets; s->name; s++)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}
