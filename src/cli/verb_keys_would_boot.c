/* SPDX-License-Identifier: BSD-2-Clause */
/* keys would-boot: whether a guest's firmware would run a program, or those of a disk, and which entry of its keys
 * decides. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cleanup.h"
#include "disk_file.h"
#include "exit_status.h"
#include "image_trust.h"
#include "key_report.h"
#include "verbs.h"
#include "whole_file.h"

#define PROGRAM_MAX (256u << 20) /* a unified kernel image is the largest */

struct judgement {
    struct hf_invocation *inv;
    struct hf_trust trust;
    enum hf_key_mode mode;
    bool enforced;
    /* Of a disk: */
    const struct hf_fat *fat;
    uint32_t partition;
    json_t *programs;
    size_t count, run;
};

/* 0, or what is no verdict. *allowed; `by` and `why` say by what. */
static int judge(const struct judgement *j, const uint8_t *program, size_t size, bool *allowed,
                 char by[HF_IMAGE_ENTRY_SIZE], struct hf_error *why, struct hf_error *err)
{
    int r;

    by[0] = '\0';
    r = hf_image_judge(&j->trust, program, size, by, why);
    if (r == -HF_ENOMEM)
        return hf_error_nomem(err);
    *allowed = r == 0;
    return 0;
}

static void put_verdict(const struct judgement *j, json_t *o, bool allowed, const char *by, const char *why)
{
    hf_put_bool(o, "allowed", allowed);
    hf_put_text(o, "by", allowed ? by : NULL);
    hf_put_text(o, "why_not", allowed ? NULL : why);
    hf_put_bool(o, "runs", allowed || !j->enforced);
}

static int judge_file(struct judgement *j, const char *path, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *program = NULL;
    char by[HF_IMAGE_ENTRY_SIZE];
    struct hf_error why = {0};
    uint64_t size;
    bool allowed = false;
    int r = hf_file_read(path, PROGRAM_MAX, &program, &size, err);

    if (r == 0)
        r = judge(j, program, (size_t)size, &allowed, by, &why, err);
    if (r < 0)
        return r;
    put_verdict(j, j->inv->report, allowed, by, why.text);
    if (allowed)
        hf_say(j->inv, "it runs: the guest's db has %s", by);
    else if (j->enforced)
        hf_say(j->inv, "it does not run: %s", why.text);
    else
        hf_say(j->inv, "it runs, because Secure Boot is not enforced (%s); else it would not: %s",
               hf_key_mode_text(j->mode), why.text);
    return allowed || !j->enforced ? 0 : hf_exit_status(HF_EREFUSED);
}

static bool is_program(const struct hf_fat_file *file)
{
    size_t length = strlen(file->path);

    return !file->directory && strncasecmp(file->path, "/EFI/", 5) == 0 && length > 4 &&
           strcasecmp(file->path + length - 4, ".efi") == 0;
}

static int judge_on_disk(void *ctx, const struct hf_fat_file *file, struct hf_error *err)
{
    struct judgement *j = (struct judgement *)ctx;
    hf_auto(hf_cleanup_free) uint8_t *program = NULL;
    char by[HF_IMAGE_ENTRY_SIZE];
    struct hf_error why = {0};
    bool allowed = false;
    json_t *o;
    int r;

    if (!is_program(file))
        return 0;
    r = hf_fat_read(j->fat, file, PROGRAM_MAX, &program, err);
    if (r == 0)
        r = judge(j, program, file->size, &allowed, by, &why, err);
    if (r < 0)
        return r;
    o = hf_append_object(j->programs);
    hf_put_number(o, "partition", j->partition);
    hf_put_text(o, "path", file->path);
    put_verdict(j, o, allowed, by, why.text);
    j->count++;
    j->run += allowed || !j->enforced;
    hf_say(j->inv, "%s: %s: %s%s", file->path, allowed || !j->enforced ? "runs" : "does not run",
           allowed ? "the guest's db has " : "", allowed ? by : why.text);
    return 0;
}

/* Every EFI System Partition of it. */
static int judge_disk(struct judgement *j, struct hf_disk_file *disk, const char *path, struct hf_error *err)
{
    struct hf_gpt_partition p;
    struct hf_fat fat;
    int r = 0;

    j->fat = &fat;
    j->programs = hf_put_array(j->inv->report, "programs");
    for (uint32_t at = 0; r == 0 && hf_gpt_next(&disk->gpt, &at, &p);) {
        if (!hf_guid_equal(&p.type, &hf_gpt_esp))
            continue;
        j->partition = p.number;
        r = hf_fat_open(&disk->disk, p.first * disk->gpt.sector_size, p.sectors * disk->gpt.sector_size, &fat, err);
        if (r == 0)
            r = hf_fat_walk(&fat, judge_on_disk, j, err);
        if (r < 0)
            r = hf_error_prefix(err, r, "%s, partition %u: ", path, p.number);
    }
    if (r < 0)
        return r;
    if (j->count == 0)
        return hf_error_set(err, HF_ENOTFOUND, "%s: no program in /EFI of an EFI System Partition", path);
    hf_put_bool(j->inv->report, "runs", j->run > 0);
    if (!j->enforced)
        hf_say(j->inv, "Secure Boot is not enforced (%s): all of them run", hf_key_mode_text(j->mode));
    return j->run ? 0 : hf_exit_status(HF_EREFUSED);
}

static int run_with(struct hf_invocation *inv, const struct hf_var_source *source, enum hf_key_mode mode,
                    struct hf_error *err)
{
    const char *path = inv->operands[0];
    struct judgement j = {.inv = inv, .mode = mode, .enforced = mode == HF_KEYS_USER || mode == HF_KEYS_CUSTOM};
    struct hf_disk_file disk;
    size_t count;
    const struct hf_var *vars = hf_var_source_vars(source, &count);
    int r;

    j.trust = hf_trust_of(vars, count);
    hf_put_bool(inv->report, "enforced", j.enforced);
    if (!hf_disk_file_is(path))
        return judge_file(&j, path, err);
    r = hf_disk_file_open(path, &disk, err);
    if (r < 0)
        return r;
    r = judge_disk(&j, &disk, path, err);
    hf_disk_file_done(&disk);
    return r;
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(hf_var_source_done) struct hf_var_source source = {0};
    struct hf_key_state state;
    int r = hf_var_source_open(inv->operands[1], NULL, NULL, &source, err);

    if (r == 0)
        r = hf_key_state_of_source(&source, &state, err);
    if (r < 0)
        return r;
    r = run_with(inv, &source, state.mode, err);
    hf_key_state_done(&state);
    return r;
}

const struct hf_verb hf_verb_keys_would_boot = {
    .name = "keys would-boot",
    .group = HF_GROUP_FIRMWARE,
    .flags = HF_VERB_REPORTS,
    .help = "Tell whether a guest's Secure Boot lets a UEFI program or a disk's run",
    .synopsis = "FILE.efi|DISK G.hold|FILE",
    .min_operands = 2,
    .max_operands = 2,
    .run = run,
};
