/* SPDX-License-Identifier: BSD-2-Clause */
#include <holdfast/guid.h>

#include "hex.h"

static const struct {
    struct hf_guid guid;
    const char *name;
} known[] = {
    /* variable vendors */
    {HF_GUID(0x8be4df61, 0x93ca, 0x11d2, 0xaa0d, 0x00e098032b8c), "EfiGlobalVariable"},
    {HF_GUID(0xd719b2cb, 0x3d3a, 0x4596, 0xa3bc, 0xdad00e67656f), "EfiImageSecurityDatabase"},
    {HF_GUID(0xf0a30bc7, 0xaf08, 0x4556, 0x99c4, 0x001009c93a44), "EfiSecureBootEnableDisable"},
    {HF_GUID(0xc076ec0c, 0x7028, 0x4399, 0xa072, 0x71ee5c448b9f), "EfiCustomModeEnable"},
    {HF_GUID(0x9073e4e0, 0x60ec, 0x4b6e, 0x9903, 0x4c223c260f3c), "EfiVendorKeysNv"},
    {HF_GUID(0xd9bee56e, 0x75dc, 0x49d9, 0xb4d7, 0xb534210f637a), "EfiCertDb"},
    {HF_GUID(0xeb704011, 0x1402, 0x11d3, 0x8e77, 0x00a0c969723b), "MtcVendor"},
    {HF_GUID(0x4c19049f, 0x4137, 0x4dd3, 0x9c10, 0x8b97a83ffdfa), "EfiMemoryTypeInformation"},
    {HF_GUID(0x04b37fe8, 0xf6ae, 0x480b, 0xbdd5, 0x37d98c5e89aa), "EdkiiVarErrorFlag"},
    {HF_GUID(0x4b47d616, 0xa8d6, 0x4552, 0x9d44, 0xccad2e0f4cf9), "IScsiConfig"},
    {HF_GUID(0x59324945, 0xec44, 0x4c0d, 0xb1cd, 0x9db139df070c), "EfiIScsiInitiatorNameProtocol"},
    {HF_GUID(0x5b446ed1, 0xe30b, 0x4faa, 0x871a, 0x3654eca36080), "EfiIp4Config2Protocol"},
    {HF_GUID(0x937fe521, 0x95ae, 0x4d1a, 0x8929, 0x48bcd90ad31a), "EfiIp6ConfigProtocol"},
    {HF_GUID(0x9fb9a8a1, 0x2f4a, 0x43a6, 0x889c, 0xd0f7b6c47ad5), "EfiDhcp6ServiceBindingProtocol"},
    {HF_GUID(0xfd2340d0, 0x3dab, 0x4349, 0xa6c7, 0x3b4f12b48eae), "EfiTlsCaCertificate"},
    {HF_GUID(0x605dab50, 0xe046, 0x4300, 0xabb6, 0x3dd810dd8b23), "Shim"},
    {HF_GUID(0x4a67b082, 0x0a4c, 0x41cf, 0xb6c7, 0x440b29bb8c4f), "LoaderInfo"},
    {HF_GUID(0x7235c51c, 0x0c80, 0x4cab, 0x87ac, 0x3b084a6304b1), "OvmfPlatformConfig"},
    {HF_GUID(0x158def5a, 0xf656, 0x419c, 0xb027, 0x7a3192c079d2), "ShellVariable"},
    {HF_GUID(0xaf9ffd67, 0xec10, 0x488a, 0x9dfc, 0x6cbf5ee22c2e), "AcpiGlobalVariable"},
    {HF_GUID(0x77fa9abd, 0x0359, 0x4d32, 0xbd60, 0x28f4e78f784b), "MicrosoftVendor"},
    {HF_GUID(0xa0baa8a3, 0x041d, 0x48a8, 0xbc87, 0xc36d121b5e3d), "OvmfEnrollDefaultKeys"},
    /* kinds of signature */
    {HF_GUID(0xa5c059a1, 0x94e4, 0x4aa7, 0x87b5, 0xab155c2bf072), "EfiCertX509"},
    {HF_GUID(0xc1c41626, 0x504c, 0x4092, 0xaca9, 0x41f936934328), "EfiCertSha256"},
    {HF_GUID(0x3c5766e8, 0x269c, 0x4e34, 0xaa14, 0xed776e85b3b6), "EfiCertRsa2048"},
    {HF_GUID(0x3bd2a492, 0x96c0, 0x4079, 0xb420, 0xfcf98ef103ed), "EfiCertX509Sha256"},
    {HF_GUID(0x4aafd29d, 0x68df, 0x49ee, 0x8aa9, 0x347d375665a7), "EfiCertPkcs7"},
    /* volumes and the table below the reset vector */
    {HF_GUID(0x8c8ce578, 0x8a3d, 0x4f1c, 0x9935, 0x896185c32dd3), "Ffs2"},
    {HF_GUID(0x5473c07a, 0x3dcb, 0x4dca, 0xbd6f, 0x1e9689e7349a), "Ffs3"},
    {HF_GUID(0xfff12b8d, 0x7696, 0x4c8b, 0xa985, 0x2747075b4f50), "NvData"},
    {HF_GUID(0x48db5e17, 0x707c, 0x472d, 0x91cd, 0x1613e7ef51b0), "OvmfMainVolume"},
    {HF_GUID(0x763bed0d, 0xde9f, 0x48f5, 0x81f1, 0x3e90e1b1a015), "OvmfSecVolume"},
    {HF_GUID(0x00f771de, 0x1a7e, 0x4fcb, 0x890e, 0x68c77e2fb44e), "SevProcessorReset"},
    {HF_GUID(0x4c2eb361, 0x7d9b, 0x4cc3, 0x8081, 0x127c90d3d294), "SevSecretBlock"},
    {HF_GUID(0x7255371f, 0x3a3b, 0x4b04, 0x927b, 0x1da6efa8d454), "SevHashTableBlock"},
    {HF_GUID(0xdc886566, 0x984a, 0x4798, 0xa75e, 0x5585a7bf67cc), "OvmfSevMetadataOffset"},
    {HF_GUID(0xe47a6535, 0x984a, 0x4798, 0x865e, 0x4685a7bf8ec2), "TdxMetadataOffset"},
};

const char *hf_guid_name(const struct hf_guid *guid)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (hf_guid_equal(guid, &known[i].guid))
            return known[i].name;
    return NULL;
}

/* Where each byte of the text's hex digits lies in memory. */
static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

static bool dash_before(unsigned byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void hf_guid_format(const struct hf_guid *guid, char text[HF_GUID_TEXT_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    char *p = text;

    for (unsigned i = 0; i < 16; i++) {
        uint8_t b = guid->b[order[i]];

        if (dash_before(i))
            *p++ = '-';
        *p++ = hex[b >> 4];
        *p++ = hex[b & 15];
    }
    *p = '\0';
}

int hf_guid_parse(const char *text, size_t size, struct hf_guid *guid)
{
    struct hf_guid g;
    size_t at = 0;

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (size == strlen(known[i].name) && memcmp(text, known[i].name, size) == 0) {
            *guid = known[i].guid;
            return 0;
        }
    if (size != HF_GUID_TEXT_SIZE - 1)
        return -HF_EUSAGE;
    for (unsigned i = 0; i < 16; i++, at += 2) {
        if (dash_before(i) && text[at++] != '-')
            return -HF_EUSAGE;
        if (hf_hex_digit(text[at]) < 0 || hf_hex_digit(text[at + 1]) < 0)
            return -HF_EUSAGE;
        g.b[order[i]] = (uint8_t)(hf_hex_digit(text[at]) << 4 | hf_hex_digit(text[at + 1]));
    }
    *guid = g;
    return 0;
}
