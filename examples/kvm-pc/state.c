/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * State of a machine that is about to be reset: RAM, the ROM (a guest's firmware moves with it), and three pieces of
 * the library: fw_cfg, what was agreed, whether the tables were built. Registers of the CPU are not in it: the guest
 * is reset where it arrives, which is the case that this example is about.
 */
#include "pc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "KVM-PC 1"

struct head {
    char magic[8];
    hf_le32 rom, fwcfg, negotiate, lazy;
};

static int write_all(FILE *f, const struct pc *pc, const uint8_t *pieces, const struct head *h)
{
    size_t library = hf_le32_get(h->fwcfg) + hf_le32_get(h->negotiate) + hf_le32_get(h->lazy);

    return fwrite(h, sizeof *h, 1, f) == 1 && fwrite(pc->ram, RAM_SIZE, 1, f) == 1 &&
                   fwrite(pc->rom, pc->rom_size, 1, f) == 1 && fwrite(pieces, library, 1, f) == 1
               ? 0
               : -1;
}

int state_save(struct pc *pc, const char *path, struct hf_error *err)
{
    struct platform *p = &pc->platform;
    size_t room = hf_fwcfg_state_size(p->fwcfg) + hf_negotiate_state_size(p->negotiate) + HF_ACPI_LAZY_SIZE;
    uint8_t *pieces = malloc(room);
    size_t fwcfg = 0, negotiate = 0;
    struct head h = {.magic = MAGIC};
    FILE *f = fopen(path, "wb");
    int r = pieces && f ? 0 : hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));

    if (r == 0)
        r = hf_fwcfg_save(p->fwcfg, pieces, room, &fwcfg, err);
    if (r == 0)
        r = hf_negotiate_save(p->negotiate, pieces + fwcfg, room - fwcfg, &negotiate, err);
    if (r == 0) {
        hf_acpi_lazy_save(&p->lazy, pieces + fwcfg + negotiate);
        h.rom = hf_le32_of((uint32_t)pc->rom_size);
        h.fwcfg = hf_le32_of((uint32_t)fwcfg);
        h.negotiate = hf_le32_of((uint32_t)negotiate);
        h.lazy = hf_le32_of(HF_ACPI_LAZY_SIZE);
        r = write_all(f, pc, pieces, &h);
    }
    if (f && fclose(f) != 0)
        r = -1;
    free(pieces);
    return r == -1 ? hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno)) : r;
}

/* What was agreed first: it is the check that may refuse. */
static int load_library(struct pc *pc, const uint8_t *pieces, const struct head *h, struct hf_error *err)
{
    struct platform *p = &pc->platform;
    size_t fwcfg = hf_le32_get(h->fwcfg), negotiate = hf_le32_get(h->negotiate);
    int r = hf_negotiate_load(p->negotiate, pieces + fwcfg, negotiate, err);

    if (r == 0)
        r = hf_fwcfg_load(p->fwcfg, pieces, fwcfg, err);
    if (r == 0)
        r = hf_acpi_lazy_load(&p->lazy, pieces + fwcfg + negotiate, err);
    if (r == 0 && p->able.negotiation)
        hf_fwcfg_negotiate_loaded(&p->glue);
    return r;
}

int state_load(struct pc *pc, const char *path, struct hf_error *err)
{
    FILE *f = fopen(path, "rb");
    struct head h = {.magic = ""};
    uint8_t *pieces = NULL;
    size_t library = 0;
    int r = f ? 0 : hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));

    if (r == 0 && (fread(&h, sizeof h, 1, f) != 1 || memcmp(h.magic, MAGIC, sizeof h.magic) != 0 ||
                   hf_le32_get(h.rom) > ROM_MAX || hf_le32_get(h.fwcfg) > 1u << 20 ||
                   hf_le32_get(h.negotiate) > 1u << 20 || hf_le32_get(h.lazy) != HF_ACPI_LAZY_SIZE))
        r = hf_error_set(err, HF_EDAMAGED, "%s: not a state of this machine", path);
    if (r == 0) {
        library = hf_le32_get(h.fwcfg) + hf_le32_get(h.negotiate) + hf_le32_get(h.lazy);
        pc->rom_size = hf_le32_get(h.rom);
        pieces = malloc(library);
        if (!pieces || fread(pc->ram, RAM_SIZE, 1, f) != 1 || fread(pc->rom, pc->rom_size, 1, f) != 1 ||
            fread(pieces, library, 1, f) != 1)
            r = hf_error_set(err, HF_EDAMAGED, "%s: it is cut short", path);
    }
    if (r == 0)
        r = load_library(pc, pieces, &h, err);
    free(pieces);
    if (f)
        fclose(f);
    return r;
}
