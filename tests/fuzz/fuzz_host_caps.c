/* SPDX-License-Identifier: BSD-2-Clause */
/* What another host says of itself: read or refused, and whatever was read can be asked about. */
#include "fuzz.h"

#include "preflight.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct hf_locked_domain locked = {"acpi-loader", 1, {{3}}};
    static const struct hf_rom_need rom = {"efi-e1000.rom", "", 160768};
    struct hf_guest_needs guest = {.name = "vm",
                                   .id = "feed",
                                   .format = 1,
                                   .bytes = 1 << 20,
                                   .owner = HF_OWNER_HELD,
                                   .owner_host = "alpha",
                                   .epoch = 7,
                                   .arch = "x86_64",
                                   .machine = "q35",
                                   .resolved = "pc-q35-7.2",
                                   .code_digest = "",
                                   .kind = "ovmf",
                                   .firmware = "ovmf",
                                   .roms = &rom,
                                   .rom_count = 1,
                                   .locked = &locked,
                                   .locked_count = 1,
                                   .tpm = true,
                                   .mailbox = true,
                                   .needs_smm = true,
                                   .roms_from_host = true};
    json_t *json = json_loadb((const char *)bytes, size, JSON_REJECT_DUPLICATES, NULL);
    struct hf_host_caps *caps = NULL;
    struct hf_verdict verdict;

    for (int i = 0; json && i < 6; i++) {
        if (!caps && hf_host_caps_read(json, &caps, NULL) < 0)
            break;
        guest.policy = (enum hf_policy)(i % HF_POLICY_MAX);
        guest.running = i >= 3;
        hf_preflight(&guest, caps, &verdict);
        MUST(verdict.count <= HF_FINDINGS_MAX && verdict.firmware_why[0] != '\0');
        for (size_t f = 0; f < verdict.count; f++)
            MUST(verdict.finding[f].text[0] && strlen(verdict.finding[f].remedy) < HF_FINDING_TEXT_MAX);
    }
    hf_host_caps_free(caps);
    json_decref(json);
    return 0;
}
