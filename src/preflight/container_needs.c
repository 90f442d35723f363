/* SPDX-License-Identifier: BSD-2-Clause */
#include "container_needs.h"

#include <stdlib.h>
#include <string.h>

#include "agreement.h"
#include "banks.h"
#include "cleanup.h"
#include "images.h"
#include "inspect.h"
#include "life_record.h"
#include "machine_record.h"
#include "mailbox_hardware.h"
#include "roms.h"
#include "settings.h"
#include "slots.h"

struct hf_container_needs {
    struct hf_guest_needs needs;
    struct hf_guest guest;
    struct hf_owner owner;
    struct hf_life_record life;
    char code_digest[HF_DIGEST_TEXT_SIZE];
    struct hf_rom rom[HF_ROMS_MAX];
    char rom_digest[HF_ROMS_MAX][HF_DIGEST_TEXT_SIZE];
    struct hf_rom_need rom_need[HF_ROMS_MAX];
    struct hf_agreement agreement[HF_AGREEMENTS_MAX];
    struct hf_locked_domain locked[HF_AGREEMENTS_MAX];
    struct hf_machine_record machine;
    char staged[HF_DIGEST_TEXT_SIZE], rejected[HF_DIGEST_TEXT_SIZE];
    char firmware[HF_SETTING_VALUE_SIZE];
};

static int read_guest(struct hf_container *c, struct hf_container_needs *n, struct hf_error *err)
{
    char policy[HF_SETTING_VALUE_SIZE];
    struct hf_guest_needs *g = &n->needs;
    int r;

    r = hf_guest_get(c, &n->guest, err);
    if (r >= 0)
        r = hf_owner_get(c, &n->owner, err);
    if (r >= 0)
        r = hf_life_load(c, &n->life, err);
    if (r >= 0)
        r = hf_setting_get(c, "policy", policy, err);
    if (r >= 0)
        r = hf_policy_parse(policy, &g->policy, err);
    if (r < 0)
        return r;
    g->name = n->guest.name;
    g->id = hf_container_id(c);
    g->arch = n->guest.arch;
    g->machine = n->guest.machine;
    g->resolved = n->life.machine;
    g->pinned = n->guest.machine[0] != '\0' && strcmp(n->guest.machine, n->life.machine) == 0;
    g->tpm = n->life.tpm;
    g->owner = n->owner.state;
    g->owner_host = n->owner.host_name;
    g->epoch = n->owner.epoch;
    return n->life.vmm[0] == '\0' ? 0 : hf_vmm_version_parse(n->life.vmm, &g->vmm, err);
}

/* The name under which hosts offer firmware of this kind. */
static const char *offered_as(const struct hf_firmware *fw)
{
    switch (fw->image.kind) {
    case HF_FLASH_OVMF:
        return fw->image.needs_smm == HF_YES ? "ovmf-secboot" : "ovmf";
    case HF_FLASH_AAVMF:
        return "aavmf";
    case HF_FLASH_SEABIOS:
        return "seabios";
    default:
        return "";
    }
}

static void take_image(struct hf_guest_needs *g, const char *kind, uint64_t size, bool needs_smm)
{
    g->kind = kind;
    g->code_size = size;
    g->needs_smm = needs_smm;
}

static bool is_known(const struct hf_known_images *known, const struct hf_digest *digest, struct hf_guest_needs *g)
{
    for (size_t i = 0; known && i < known->count; i++) {
        if (!hf_digest_equal(&known->image[i].digest, digest))
            continue;
        take_image(g, known->image[i].kind, known->image[i].size, known->image[i].needs_smm);
        return true;
    }
    return false;
}

static int read_image(struct hf_container *c, struct hf_known_images *known, struct hf_container_needs *n,
                      struct hf_error *err)
{
    struct hf_slot_info active;
    struct hf_firmware fw;
    int r = hf_slot_get(c, HF_SLOT_ACTIVE, &active, err);

    if (r < 0)
        return r;
    n->needs.code_digest = hf_digest_text(&active.code, n->code_digest);
    if (is_known(known, &active.code, &n->needs))
        return 0;
    r = hf_firmware_of_slot(c, HF_SLOT_ACTIVE, &fw, err);
    if (r < 0)
        return r;
    take_image(&n->needs, offered_as(&fw), fw.image.size, fw.image.needs_smm == HF_YES);
    if (known && known->count < HF_ARRAY_SIZE(known->image)) {
        known->image[known->count].digest = active.code;
        known->image[known->count].kind = n->needs.kind;
        known->image[known->count].size = n->needs.code_size;
        known->image[known->count++].needs_smm = n->needs.needs_smm;
    }
    return 0;
}

static int read_firmware(struct hf_container *c, struct hf_known_images *known, struct hf_container_needs *n,
                         struct hf_error *err)
{
    struct hf_guest_needs *g = &n->needs;
    uint64_t bytes = 0, free_bytes;
    int r = read_image(c, known, n, err);

    if (r >= 0)
        r = hf_container_usage(c, &bytes, &free_bytes, err);
    if (r >= 0)
        r = hf_bank_size(c, HF_BANK_VARS, &g->vars_size, err);
    if (r == -HF_ENOTFOUND) { /* firmware that keeps none */
        g->vars_size = 0;
        r = 0;
    }
    g->bytes = bytes + g->vars_size; /* a rollback keeps the variables that it replaces */
    return r;
}

/* What the next boots make of the slots, and of the host's firmware. */
static int read_outlook(struct hf_container *c, struct hf_container_needs *n, struct hf_error *err)
{
    struct hf_slot_info staged;
    int r = hf_setting_get(c, "firmware", n->firmware, err);

    n->needs.firmware = n->firmware[0] ? n->firmware : n->needs.kind;
    if (r >= 0 && n->life.has_rejected)
        n->needs.rejected = hf_digest_text(&n->life.rejected, n->rejected);
    if (r < 0 || n->life.life != HF_LIFE_STAGED || !n->life.consent)
        return r;
    r = hf_slot_get(c, HF_SLOT_STAGED, &staged, err);
    if (r >= 0)
        n->needs.staged = hf_digest_text(&staged.code, n->staged);
    return r == -HF_ENOTFOUND ? 0 : r;
}

static int read_machine(struct hf_container *c, struct hf_container_needs *n, struct hf_error *err)
{
    int r = hf_machine_record_load(c, &n->machine, err);

    if (r >= 0 && n->machine.devices[0])
        n->needs.devices = n->machine.devices;
    return r;
}

static int read_roms(struct hf_container *c, struct hf_container_needs *n, struct hf_error *err)
{
    char who[HF_SETTING_VALUE_SIZE];
    size_t count = 0;
    int r = hf_setting_get(c, "roms", who, err);

    if (r >= 0)
        r = hf_rom_list(c, HF_SLOT_ACTIVE, n->rom, &count, err);
    n->needs.roms_from_host = r >= 0 && strcmp(who, "host") == 0;

    for (size_t i = 0; r >= 0 && i < count; i++) {
        struct hf_image image;

        r = hf_image_get(c, &n->rom[i].image, &image, err);
        if (r < 0)
            return r;
        n->rom_need[i] = (struct hf_rom_need){
            .name = n->rom[i].name,
            .digest = hf_digest_text(&n->rom[i].image, n->rom_digest[i]),
            .size = image.size,
        };
        n->needs.rom_count = i + 1;
    }
    n->needs.roms = n->rom_need;
    return r;
}

_Static_assert(sizeof(struct hf_domain_bits) == sizeof(struct hf_bits), "one layout of bits");

static int read_contract(struct hf_container *c, struct hf_container_needs *n, struct hf_error *err)
{
    static const struct hf_bits none;
    size_t count;
    int r = hf_agreement_list(c, n->agreement, &count, err);

    for (size_t i = 0; r >= 0 && i < count; i++) {
        struct hf_locked_domain *locked = &n->locked[n->needs.locked_count];

        /* A domain locked to nothing promises nothing. */
        if (!n->agreement[i].locked || hf_bits_equal(&n->agreement[i].agreed, &none))
            continue;
        *locked = (struct hf_locked_domain){.name = n->agreement[i].domain, .version = n->agreement[i].version};
        memcpy(&locked->bits, &n->agreement[i].agreed, sizeof locked->bits);
        n->needs.locked_count++;
    }
    n->needs.locked = n->locked;
    return r;
}

static int read_mailbox(struct hf_container *c, struct hf_container_needs *n, struct hf_error *err)
{
    struct hf_mailbox_hardware hw;
    int r = hf_mailbox_hardware_get(c, &hw, err);

    if (r < 0)
        return r;
    n->needs.mailbox = hw.mode != HF_MAILBOX_OFF || hw.present;
    n->needs.memory_named = hw.memory_named;
    return read_contract(c, n, err);
}

int hf_container_needs_read(struct hf_container *c, struct hf_container_needs **ret, struct hf_error *err)
{
    return hf_container_needs_read_known(c, NULL, ret, err);
}

int hf_container_needs_read_known(struct hf_container *c, struct hf_known_images *known,
                                  struct hf_container_needs **ret, struct hf_error *err)
{
    struct hf_container_needs *n = calloc(1, sizeof *n);
    int r;

    if (!n)
        return hf_error_nomem(err);
    n->needs.format = 1;
    r = read_guest(c, n, err);
    if (r >= 0)
        r = read_firmware(c, known, n, err);
    if (r >= 0)
        r = read_outlook(c, n, err);
    if (r >= 0)
        r = read_machine(c, n, err);
    if (r >= 0)
        r = read_roms(c, n, err);
    if (r >= 0)
        r = read_mailbox(c, n, err);
    if (r < 0) {
        free(n);
        return r;
    }
    *ret = n;
    return 0;
}

void hf_container_needs_free(struct hf_container_needs *needs)
{
    free(needs);
}

const struct hf_guest_needs *hf_container_needs_get(const struct hf_container_needs *needs)
{
    return &needs->needs;
}
