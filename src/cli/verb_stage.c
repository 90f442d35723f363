/* SPDX-License-Identifier: BSD-2-Clause */
/* stage, unstage: what waits for the next boot. */
#include "stage.h"

#include <unistd.h>

#include "banks.h"
#include "cleanup.h"
#include "containers.h"
#include "descriptors.h"
#include "verbs.h"
#include "qcow2.h"

static const struct hf_option options[] = {
    {.name = "label",
     .arg = "TEXT",
     .help = "name of the image (otherwise derived from its bytes)",
     .max = HF_SLOT_LABEL_SIZE - 1},
    {.name = "no-secure-boot", .help = "take it although Secure Boot, or the protection of its keys, ends with it"},
    {.name = "tpm-aware", .help = "apply it although the guest's TPM will measure something else"},
    {.name = NULL},
};

/* A file of that name, or what `create --firmware` would find. */
static int read_image(const char *word, const struct hf_guest *guest, uint8_t **bytes, uint64_t *size,
                      struct hf_error *err)
{
    hf_auto(hf_host_firmware_done) struct hf_host_firmware found = {0};
    struct hf_host_firmware_query query = {.name = word, .architecture = guest->arch, .machine = NULL};
    int r;

    if (access(word, F_OK) == 0)
        return hf_bank_file_read(word, HF_BANK_SIZE_MAX, bytes, size, NULL, err);
    if (guest->machine[0])
        query.machine = guest->machine;
    r = hf_host_firmware_find(&query, NULL, &found, err);
    return r < 0 ? r : hf_host_firmware_read(&found, false, HF_BANK_SIZE_MAX, bytes, size, err);
}

static void report_stage(const struct hf_invocation *inv, const struct hf_stage_report *done, bool watched)
{
    char digest[HF_DIGEST_SHORT_SIZE], size[HF_SIZE_TEXT_MAX];
    json_t *image = hf_put_object(inv->report, "image");

    hf_put_text(image, "label", done->firmware.label);
    hf_put_digest(image, "sha256", &done->firmware.digest);
    hf_put_text(image, "kind", hf_flash_kind_name(done->firmware.image.kind));
    hf_put_text(image, "layout", hf_layout_name(done->firmware.image.layout));
    hf_put_bool(inv->report, "converts", done->converts);
    hf_put_bool(inv->report, "replaced", done->replaced);
    hf_put_number(inv->report, "reserved", (int64_t)done->reserved);
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    hf_put_bool(inv->report, "watched", watched);
    hf_say(inv, "%s '%s' (%s); it is applied at the guest's next %s", inv->dry_run ? "would stage" : "staged",
           done->firmware.label, hf_digest_short(&done->firmware.digest, digest),
           watched ? "power-on or reset" : "power-on");
    if (!watched)
        hf_field(inv, "Trial",
                 "its boots are not watched under 'serve': end it with 'holdfast confirm' or 'holdfast "
                 "rollback'");
    if (done->converts)
        hf_field(inv, "Variables", "converted to %s when it is applied", hf_layout_name(done->firmware.image.layout));
    if (done->replaced)
        hf_field(inv, "Note", "it replaces the image that was staged before");
    if (done->reserved)
        hf_field(inv, "Room", "%s kept for snapshot and rollback", hf_size_text(done->reserved, size));
}

static int stage(struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    struct hf_stage_request request = {
        .label = hf_value(inv, "label"),
        .origin = inv->operands[1],
        .tpm_aware = hf_given(inv, "tpm-aware"),
        .no_secure_boot = hf_given(inv, "no-secure-boot"),
        .dry_run = inv->dry_run,
        .now = hf_now(),
    };
    hf_auto(hf_cleanup_free) struct hf_stage_report *done = calloc(1, sizeof *done);
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    struct hf_life_record life = {.unwatched = false};
    struct hf_guest guest;
    uint64_t size = 0;
    int r = done ? hf_guest_get(c, &guest, err) : hf_error_nomem(err);

    if (r == 0 && inv->operands[1])
        r = read_image(inv->operands[1], &guest, &bytes, &size, err);
    request.bytes = bytes;
    request.size = (size_t)size;
    if (r == 0)
        r = hf_life_load(c, &life, err);
    if (r == 0)
        r = hf_stage(c, &request, done, err);
    if (r == 0)
        report_stage(inv, done, !life.unwatched);
    return r;
}

static int run_stage(struct hf_invocation *inv, struct hf_error *err)
{
    struct hf_container *c;
    int r;

    if (inv->operand_count < 2 && !hf_given(inv, "tpm-aware") && !hf_given(inv, "no-secure-boot"))
        return hf_error_set(err, HF_EUSAGE, "image missing: 'holdfast stage G.hold IMAGE'");
    r = hf_open_operand(inv, HF_OPEN_EDIT, &c, err);
    return r < 0 ? r : hf_close_noticed(inv, c, stage(inv, c, err), err);
}

static int run_unstage(struct hf_invocation *inv, struct hf_error *err)
{
    struct hf_container *c;
    int r = hf_open_operand(inv, HF_OPEN_EDIT, &c, err);

    if (r < 0)
        return r;
    r = hf_close_noticed(inv, c, hf_unstage(c, hf_now(), inv->dry_run, err), err);
    if (r < 0)
        return r;
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    hf_say(inv, "%s the staged image; the guest keeps what it has", inv->dry_run ? "would remove" : "removed");
    return 0;
}

const struct hf_verb hf_verb_stage = {
    .name = "stage",
    .group = HF_GROUP_UPGRADE,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES | HF_VERB_EACH,
    .help = "Stage a firmware image for the guest's next power-on or reset",
    .synopsis = "G.hold|--all|--match GLOB [IMAGE] [--label TEXT] [--tpm-aware] [--no-secure-boot]",
    .min_operands = 1,
    .max_operands = 2,
    .options = options,
    .run = run_stage,
};

const struct hf_verb hf_verb_unstage = {
    .name = "unstage",
    .group = HF_GROUP_UPGRADE,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES | HF_VERB_EACH,
    .help = "Remove the staged image before it is applied",
    .synopsis = "G.hold|--all|--match GLOB",
    .min_operands = 1,
    .max_operands = 1,
    .run = run_unstage,
};
