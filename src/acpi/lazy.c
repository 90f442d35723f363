/* SPDX-License-Identifier: BSD-2-Clause */
#include <holdfast/acpi_build.h>

#include <string.h>

/* The saved state. Version 1; a reader refuses what asks for a later one. */
struct saved {
    uint8_t magic[4]; /* "HFAL" */
    uint8_t version, minimum_reader, built, zero;
    hf_le64 features;
};
_Static_assert(sizeof(struct saved) == HF_ACPI_LAZY_SIZE, "the saved state is 16 bytes");
_Static_assert(offsetof(struct saved, features) == 8, "features are last");

bool hf_acpi_lazy_select(struct hf_acpi_lazy *l, uint64_t agreed)
{
    if (l->built)
        return false;
    l->built = true;
    l->features = agreed;
    return true;
}

void hf_acpi_lazy_reset(struct hf_acpi_lazy *l)
{
    *l = (struct hf_acpi_lazy){.built = false};
}

void hf_acpi_lazy_save(const struct hf_acpi_lazy *l, uint8_t bytes[HF_ACPI_LAZY_SIZE])
{
    struct saved s = {.magic = {'H', 'F', 'A', 'L'}, .version = 1, .minimum_reader = 1, .built = l->built};

    s.features = hf_le64_of(l->features);
    memcpy(bytes, &s, sizeof s);
}

int hf_acpi_lazy_load(struct hf_acpi_lazy *l, const uint8_t bytes[HF_ACPI_LAZY_SIZE], struct hf_error *err)
{
    struct saved s;
    uint64_t features;

    memcpy(&s, bytes, sizeof s);
    features = hf_le64_get(s.features);
    if (memcmp(s.magic, "HFAL", 4) != 0 || s.built > 1 || s.zero != 0)
        return hf_error_set(err, HF_EPROTO, "saved state of the ACPI files: invalid magic, flag or padding");
    if (s.minimum_reader > 1)
        return hf_error_set(
            err, HF_EVERSION,
            "saved state of the ACPI files: unsupported version: it needs a reader of version %u; this is 1",
            s.minimum_reader);
    if (features & ~HF_ACPI_FEATURES)
        return hf_error_refuse(err, "feature",
                               "saved state of the ACPI files: unsupported features 0x%llx; supported are 0x%llx",
                               (unsigned long long)features, (unsigned long long)HF_ACPI_FEATURES);
    *l = (struct hf_acpi_lazy){.built = s.built, .features = features};
    return 0;
}
