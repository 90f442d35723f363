/* SPDX-License-Identifier: BSD-2-Clause */
/* The mailbox as a part of the machine that is about to start: whether it may be there, and its ROM. */
#include "mailbox_watch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "eventlog.h"
#include "image_trust.h"
#include "images.h"
#include "inspect.h"
#include "life_record.h"
#include "option_rom.h"
#include "roms.h"
#include "secure_boot.h"
#include "whole_file.h"

#define ROM_SIZE_MAX (1U << 20)

/* ---- the ROM on this host ---- */

/* BUILD/src/cli/holdfast has the driver in BUILD/efi. */
static bool beside_program(char path[PATH_MAX])
{
    char self[PATH_MAX - 64];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    for (unsigned up = 0; n > 0 && up < 3; up++) {
        const char *slash;

        self[n] = '\0';
        slash = strrchr(self, '/');
        n = slash ? slash - self : 0;
    }
    return n > 0 && snprintf(path, PATH_MAX, "%.*s/efi/" HF_MAILBOX_ROM_NAME, (int)n, self) < PATH_MAX &&
           access(path, R_OK) == 0;
}

/* "": its owner says that the firmware needs no ROM. */
static int find_rom(char path[PATH_MAX], struct hf_error *err)
{
    const char *given = getenv("HOLDFAST_MAILBOX_ROM");

    if (given && strlen(given) < PATH_MAX) {
        (void)snprintf(path, PATH_MAX, "%s", given);
        return 0;
    }
    if (beside_program(path))
        return 0;
    (void)snprintf(path, PATH_MAX, "%s", HF_MAILBOX_ROM_DIR "/" HF_MAILBOX_ROM_NAME);
    if (access(path, R_OK) == 0)
        return 0;
    return hf_error_refuse(err, "mailbox-rom",
                           "%s is not there: the mailbox needs its UEFI driver. Install it, or name it with "
                           "HOLDFAST_MAILBOX_ROM; empty means that the firmware has the driver built in",
                           path);
}

static int read_rom(uint8_t **bytes, uint64_t *size, char path[PATH_MAX], struct hf_option_rom *rom,
                    struct hf_error *err)
{
    int r = find_rom(path, err);

    if (r < 0 || !path[0])
        return r;
    r = hf_file_read(path, ROM_SIZE_MAX, bytes, size, err);
    if (r == 0)
        r = hf_option_rom_inspect(*bytes, (size_t)*size, rom, err);
    return r < 0 ? hf_error_prefix(err, r, "%s: ", path) : 0;
}

/* ---- the ROM in the container ---- */

static const struct hf_rom *rom_of(const struct hf_rom *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(list[i].name, HF_MAILBOX_ROM_NAME))
            return &list[i];
    }
    return NULL;
}

/* Fills *rom from a slot when *there. */
static int rom_in_slot(struct hf_container *c, enum hf_slot slot, struct hf_rom *rom, bool *there, struct hf_error *err)
{
    struct hf_rom list[HF_ROMS_MAX];
    const struct hf_rom *found;
    size_t count = 0;
    int r = hf_rom_list(c, slot, list, &count, err);

    if (r < 0)
        return r;
    found = rom_of(list, count);
    if (found)
        *rom = *found;
    *there = found != NULL;
    return 0;
}

/* In a transaction: out of the active slot. */
static int forget_rom(struct hf_container *c, struct hf_error *err)
{
    struct hf_rom list[HF_ROMS_MAX];
    size_t count = 0;
    int r = hf_rom_list(c, HF_SLOT_ACTIVE, list, &count, err);

    if (r < 0 || !rom_of(list, count))
        return r;
    r = hf_rom_clear(c, HF_SLOT_ACTIVE, err);
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (strcmp(list[i].name, HF_MAILBOX_ROM_NAME) != 0)
            r = hf_rom_set(c, HF_SLOT_ACTIVE, &list[i], err);
    }
    return r;
}

/* In a transaction. */
static int add_rom(struct hf_container *c, struct hf_rom *rom, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    int64_t now = (int64_t)time(NULL);
    struct hf_option_rom facts;
    char path[PATH_MAX];
    uint64_t size;
    int r = read_rom(&bytes, &size, path, &facts, err);

    if (r == 0 && !path[0])
        r = hf_error_refuse(err, "mailbox-rom", "the machine had the mailbox's ROM, and HOLDFAST_MAILBOX_ROM is empty");
    if (r < 0)
        return r;
    r = hf_image_add(c, HF_IMAGE_ROM, HF_MAILBOX_ROM_NAME, bytes, size, now, &rom->image, err);
    if (r < 0)
        return r;
    strcpy(rom->name, HF_MAILBOX_ROM_NAME);
    r = hf_rom_set(c, HF_SLOT_ACTIVE, rom, err);
    return r < 0 ? r : hf_event_append(c, now, "rom", err, "%s recorded from %s", rom->name, path);
}

/* In a transaction; the active slot has it and should not, or the other way round. A slot that came back may have been
 * filled before the mailbox was there. */
static int settle_rom(struct hf_container *c, const struct hf_mailbox_hardware *hw, struct hf_error *err)
{
    struct hf_rom rom = {0};
    bool there = false;
    int r;

    if (!hw->rom)
        return forget_rom(c, err);
    r = rom_in_slot(c, HF_SLOT_FALLBACK, &rom, &there, err);
    if (r < 0)
        return r;
    return there ? hf_rom_set(c, HF_SLOT_ACTIVE, &rom, err) : add_rom(c, &rom, err);
}

int hf_mailbox_start_rom(struct hf_mailbox_watch *m, struct hf_error *err)
{
    struct hf_rom rom;
    bool there = false;
    int r = rom_in_slot(m->run->container, HF_SLOT_ACTIVE, &rom, &there, err);

    if (r < 0 || there == m->hw.rom)
        return r;
    r = hf_begin(m->run->container, err);
    if (r == 0)
        r = settle_rom(m->run->container, &m->hw, err);
    if (r == 0)
        return hf_commit(m->run->container, HF_DURABLE, err);
    hf_abort(m->run->container);
    return r;
}

/* ---- rules ---- */

static int check_tpm(const struct hf_mailbox_watch *m, bool tpm, struct hf_error *err)
{
    struct hf_life_record life;
    int r = hf_life_load(m->run->container, &life, err);

    if (r < 0 || m->run->options->tpm_aware || !(life.tpm || tpm))
        return r;
    return hf_error_refuse(err, "tpm-aware",
                           "the guest has a TPM, and the mailbox's ROM changes what it measures (PCR 2; PCR 1 where "
                           "the firmware measures tables): secrets sealed to them ask for a recovery key. "
                           "Suspend disk encryption in the guest first, then give '--tpm-aware'");
}

static const char *machine_of(const struct hf_rom_driver *driver)
{
    return driver->machine == 0x8664 ? "x86-64" : driver->machine == 0xaa64 ? "AArch64" : "another processor";
}

/* Every driver in it, not the guest's processor's alone: a ROM's signature is for all of it. */
static int check_drivers(const struct hf_variables *v, const struct hf_option_rom *rom, struct hf_error *err)
{
    struct hf_trust trust = hf_trust_of(v->store.vars, v->readable ? v->store.count : 0);

    for (size_t i = 0; i < rom->count; i++) {
        const struct hf_rom_driver *driver = &rom->drivers[i];
        int r = driver->packed ? hf_error_refuse(err, "secure-boot", "it is compressed, which cannot be looked into")
                               : hf_image_judge(&trust, driver->bytes, driver->size, NULL, err);

        if (r < 0)
            return hf_error_prefix(err, r, "the driver for %s: ", machine_of(driver));
    }
    return 0;
}

static int check_signature(const struct hf_mailbox_watch *m, struct hf_error *err)
{
    hf_auto(hf_variables_done) struct hf_variables v = {0};
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    struct hf_option_rom rom = {.count = 0};
    struct hf_error why = {0};
    char path[PATH_MAX];
    uint64_t size;
    int r = hf_variables_of_bank(m->run->container, &v, err);

    if (r < 0 || !hf_secure_boot_enforced(&v))
        return r;
    r = read_rom(&bytes, &size, path, &rom, err);
    if (r < 0 || !path[0])
        return r;
    r = check_drivers(&v, &rom, &why);
    if (r != -HF_EREFUSED)
        return r < 0 ? hf_error_set(err, why.code, "%s", why.text) : 0;
    return hf_error_refuse(err, "secure-boot",
                           "%s: %s. The guest's variables enforce Secure Boot: name a ROM signed with a key of its db "
                           "with HOLDFAST_MAILBOX_ROM, or start without the mailbox",
                           path, why.text);
}

static int firmware_runs_drivers(const struct hf_mailbox_watch *m, bool *does, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) struct hf_firmware *firmware = malloc(sizeof *firmware);
    int r;

    if (!firmware)
        return hf_error_nomem(err);
    r = hf_firmware_of_slot(m->run->container, HF_SLOT_ACTIVE, firmware, err);
    if (r == 0)
        *does = firmware->image.kind == HF_FLASH_OVMF || firmware->image.kind == HF_FLASH_AAVMF;
    return r;
}

/* The machine gets what it did not have: everything that this changes is asked before. */
static int check_turning_on(struct hf_mailbox_watch *m, bool tpm, struct hf_mailbox_hardware *hw, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    struct hf_option_rom rom;
    char path[PATH_MAX];
    uint64_t size;
    bool drivers = false;
    int r = firmware_runs_drivers(m, &drivers, err);

    if (r == 0)
        r = check_tpm(m, tpm, err);
    if (r < 0 || !drivers)
        return r;
    r = check_signature(m, err);
    if (r == 0)
        r = read_rom(&bytes, &size, path, &rom, err);
    if (r == 0)
        hw->rom = path[0] != '\0';
    return r;
}

static void use(struct hf_mailbox_watch *m, const struct hf_arguments *arguments, const struct hf_mailbox_hardware *hw)
{
    m->hw = *hw;
    m->machine->memory = hw->memory_named ? NULL : arguments->memory;
    m->machine->mailbox_rom = hw->rom;
}

int hf_mailbox_start_choose(struct hf_mailbox_watch *m, const struct hf_arguments *arguments, bool arrives,
                            struct hf_error *err)
{
    struct hf_mailbox_hardware hw;
    int r = hf_mailbox_hardware_get(m->run->container, &hw, err);

    if (r < 0)
        return r;
    if (arrives) { /* the machine is what it is where the guest comes from */
        use(m, arguments, &hw);
        return 0;
    }
    if (m->run->options->mailbox != HF_MAILBOX_OFF)
        hw.mode = m->run->options->mailbox;
    if (hw.mode == HF_MAILBOX_OFF)
        hw.present = hw.rom = hw.memory_named = false;
    else {
        if (!hw.present)
            r = check_turning_on(m, arguments->tpm, &hw, err);
        hw.present = true;
        hw.memory_named = arguments->memory_named;
    }
    if (r == 0)
        r = hf_mailbox_hardware_set(m->run->container, &hw, (int64_t)time(NULL), err);
    if (r < 0)
        return r;
    use(m, arguments, &hw);
    return 0;
}
