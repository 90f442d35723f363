/* SPDX-License-Identifier: BSD-2-Clause */
#include "script_run.h"

#include <string.h>

#define INSTALLED_MAX 32u /* tables of one script */

struct run {
    const struct hf_acpi_bundle *bundle;
    const struct hf_efi_firmware *firmware;
    uint64_t agreed;
    bool no_memory;
    struct {
        uint64_t address;
        size_t size;
        bool kept;
    } taken[HF_MAILBOX_FILES_MAX]; /* in the order of the outcome's blobs */
    size_t taken_count;
    uint64_t keys[INSTALLED_MAX];
    size_t installed;
};

static uint8_t zone_of(const struct hf_acpi_cmd *c)
{
    return c->zone & (uint8_t)~HF_ACPI_CONTENT_NOACPI;
}

static bool zone_is_agreed(const struct run *r, const struct hf_acpi_cmd *c)
{
    if (c->zone & HF_ACPI_CONTENT_NOACPI && !(r->agreed & HF_ACPI_FEATURE_NOACPI))
        return false;
    if (zone_of(c) == HF_ACPI_ZONE_64BIT)
        return r->agreed & HF_ACPI_FEATURE_64BIT;
    return zone_of(c) == HF_ACPI_ZONE_HIGH; /* not FSEG: the root is the firmware's */
}

/* Does the script keep to what was agreed on, and to the commands that can be obeyed here? */
static bool is_within_the_agreement(const struct run *r)
{
    for (size_t i = 0; i < hf_acpi_command_count(r->bundle); i++) {
        struct hf_acpi_cmd c = hf_acpi_decode(r->bundle, i);

        if (c.command == HF_ACPI_ALLOCATE && !zone_is_agreed(r, &c))
            return false;
        if (c.command >= HF_ACPI_WRITE_POINTER)
            return false;
    }
    return true;
}

static bool may_be_high(const struct run *r, int32_t file)
{
    for (size_t i = 0; i < hf_acpi_command_count(r->bundle); i++) {
        struct hf_acpi_cmd c = hf_acpi_decode(r->bundle, i);

        if (c.command == HF_ACPI_ALLOCATE && c.dest == file)
            return zone_of(&c) == HF_ACPI_ZONE_64BIT;
    }
    return false;
}

/* For the interpreter: memory for a file. */
static uint64_t where(void *context, const struct hf_acpi_file *file, uint32_t align, enum hf_acpi_place place)
{
    struct run *r = context;
    int32_t index = (int32_t)(file - r->bundle->files);
    uint64_t address = 0;

    (void)align; /* a page is enough: the interpreter refuses more */
    if (r->taken_count < HF_MAILBOX_FILES_MAX)
        address =
            r->firmware->take(r->firmware->context, file->size, place == HF_ACPI_PLACE_ANY && may_be_high(r, index));
    if (address == 0) {
        r->no_memory = true;
        return 0;
    }
    r->taken[r->taken_count].address = address;
    r->taken[r->taken_count++].size = file->size;
    return address;
}

/* The script brings no FADT and no DSDT, which the interpreter misses; nothing else may be wrong. */
static bool has_no_fault(const struct hf_acpi_outcome *o)
{
    for (size_t i = 0; i < o->fault_count; i++)
        if (o->faults[i].reason != HF_ACPI_NO_FADT && o->faults[i].reason != HF_ACPI_NO_DSDT)
            return false;
    return true;
}

static bool only_adds(const struct hf_acpi_outcome *o)
{
    return o->table_count <= INSTALLED_MAX && hf_acpi_outcome_table(o, "FACP", 0) == NULL &&
           hf_acpi_outcome_table(o, "DSDT", 0) == NULL && hf_acpi_outcome_table(o, "FACS", 0) == NULL;
}

static bool install_all(struct run *r, const struct hf_acpi_outcome *o)
{
    for (size_t i = 0; i < o->blob_count; i++)
        if (o->blobs[i].kept) {
            r->firmware->fill(r->firmware->context, o->blobs[i].address, o->blobs[i].bytes, o->blobs[i].file->size);
            r->taken[i].kept = true;
        }
    for (; r->installed < o->table_count; r->installed++)
        if (!r->firmware->install(r->firmware->context, o->tables[r->installed].bytes, o->tables[r->installed].length,
                                  &r->keys[r->installed]))
            return false;
    return true;
}

static void give_back(struct run *r, bool everything)
{
    for (size_t i = r->taken_count; i-- > 0;)
        if (everything || !r->taken[i].kept)
            r->firmware->give_back(r->firmware->context, r->taken[i].address, r->taken[i].size);
}

static enum hf_mailbox_loader execute(struct run *r, void *work, size_t size)
{
    const struct hf_acpi_options options = {
        .features = r->agreed, .where = where, .context = r, .no_s3 = true /* nothing was told to anybody */};
    struct hf_acpi_outcome outcome;

    if (!is_within_the_agreement(r) || hf_acpi_run(r->bundle, HF_ACPI_OVMF, &options, work, size, &outcome, NULL) < 0)
        return HF_MAILBOX_LOADER_BAD_SCRIPT;
    if (r->no_memory)
        return HF_MAILBOX_LOADER_NO_MEMORY;
    if (!has_no_fault(&outcome) || !only_adds(&outcome))
        return HF_MAILBOX_LOADER_BAD_SCRIPT;
    return install_all(r, &outcome) ? HF_MAILBOX_LOADER_INSTALLED : HF_MAILBOX_LOADER_REFUSED;
}

enum hf_mailbox_loader hf_efi_script_run(const struct hf_acpi_bundle *bundle, uint64_t agreed,
                                         const struct hf_efi_firmware *firmware, void *work, size_t size)
{
    struct run r = {.bundle = bundle, .firmware = firmware, .agreed = agreed};
    enum hf_mailbox_loader became = execute(&r, work, size);

    if (became != HF_MAILBOX_LOADER_INSTALLED)
        while (r.installed > 0)
            firmware->uninstall(firmware->context, r.keys[--r.installed]);
    give_back(&r, became != HF_MAILBOX_LOADER_INSTALLED);
    return became;
}
