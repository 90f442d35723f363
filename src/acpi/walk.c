/* SPDX-License-Identifier: BSD-2-Clause */
/* The operating system's view: from the RSDP to every table. */
#include "interpreter.h"

#include "acpi_table.h"

enum { FADT_FACS = 36, FADT_DSDT = 40, FADT_X_FACS = 132, FADT_X_DSDT = 140, FADT_X_END = 148 };
enum { ENTRIES_MAX = 1024 };

bool hf_acpi_is_rsdp(const uint8_t *p, size_t left)
{
    uint32_t length = HF_ACPI_RSDP_SIZE;

    if (left < HF_ACPI_RSDP_SIZE || memcmp(p, "RSD PTR ", 8) != 0)
        return false;
    if (p[15] > 1) {
        if (left < 36)
            return false;
        length = hf_acpi_get32(p + 20);
    }
    return length >= HF_ACPI_RSDP_SIZE && length <= left && hf_acpi_sum(p, length) == 0;
}

/* The table at an address, listed when it is one; NULL and a fault when not. */
static const uint8_t *visit(struct hf_acpi_machine *m, uint64_t address, bool facs)
{
    size_t left;
    const uint8_t *p = hf_acpi_at(m, address, &left);
    uint32_t length;
    bool sound;

    if (!p || left < HF_ACPI_TABLE_HEADER || !hf_acpi_may_be_table(p, left)) {
        hf_acpi_fault_add(m, HF_ACPI_AT_END, HF_ACPI_TABLE_UNSOUND);
        return NULL;
    }
    length = hf_acpi_get32(p + 4);
    sound = facs ? memcmp(p, "FACS", 4) == 0 : hf_acpi_sum(p, length) == 0;
    if (!sound)
        hf_acpi_fault_add(m, HF_ACPI_AT_END, HF_ACPI_TABLE_UNSOUND);
    hf_acpi_table_add(m, address, p, length, sound);
    return p;
}

/* The 64-bit field wins where the FADT has one that is not zero. */
static uint64_t fadt_field(const uint8_t *fadt, unsigned narrow, unsigned wide)
{
    uint32_t length = hf_acpi_get32(fadt + 4);
    uint64_t address = 0;

    if (length >= FADT_X_END)
        address = hf_acpi_get(fadt + wide, 8);
    if (address == 0 && length >= narrow + 4)
        address = hf_acpi_get(fadt + narrow, 4);
    return address;
}

static void visit_fadt(struct hf_acpi_machine *m, const uint8_t *fadt)
{
    uint64_t facs = fadt_field(fadt, FADT_FACS, FADT_X_FACS), dsdt = fadt_field(fadt, FADT_DSDT, FADT_X_DSDT);

    if (facs)
        (void)visit(m, facs, /* facs= */ true);
    if (dsdt)
        (void)visit(m, dsdt, /* facs= */ false);
}

static void visit_entries(struct hf_acpi_machine *m, const uint8_t *sdt, unsigned width)
{
    uint32_t length = hf_acpi_get32(sdt + 4), most = HF_ACPI_TABLE_HEADER + ENTRIES_MAX * width;

    if (length > most)
        length = most;
    for (uint32_t at = HF_ACPI_TABLE_HEADER; length - at >= width && m->table_count < HF_ACPI_TABLES_MAX; at += width) {
        uint64_t address = hf_acpi_get(sdt + at, width);
        const uint8_t *table = address ? visit(m, address, /* facs= */ false) : NULL;

        if (table && memcmp(table, "FACP", 4) == 0)
            visit_fadt(m, table);
    }
}

static bool listed(const struct hf_acpi_machine *m, const char *signature)
{
    for (size_t i = 0; i < m->table_count; i++)
        if (memcmp(m->tables[i].bytes, signature, 4) == 0)
            return true;
    return false;
}

enum hf_acpi_verdict hf_acpi_judge(struct hf_acpi_machine *m)
{
    if (!listed(m, "FACP"))
        hf_acpi_fault_add(m, HF_ACPI_AT_END, HF_ACPI_NO_FADT);
    if (!listed(m, "DSDT"))
        hf_acpi_fault_add(m, HF_ACPI_AT_END, HF_ACPI_NO_DSDT);
    if (m->table_count == 0)
        return HF_ACPI_NONE;
    return m->fault_count ? HF_ACPI_DAMAGED : HF_ACPI_COMPLETE;
}

enum hf_acpi_verdict hf_acpi_walk(struct hf_acpi_machine *m)
{
    size_t left = 0;
    const uint8_t *rsdp = hf_acpi_at(m, m->root, &left), *sdt;
    bool wide = rsdp[15] > 1 && hf_acpi_get(rsdp + 24, 8) != 0;
    uint64_t address = wide ? hf_acpi_get(rsdp + 24, 8) : hf_acpi_get(rsdp + 16, 4);

    sdt = visit(m, address, /* facs= */ false);
    if (sdt && memcmp(sdt, wide ? "XSDT" : "RSDT", 4) == 0)
        visit_entries(m, sdt, wide ? 8 : 4);
    return hf_acpi_judge(m);
}
