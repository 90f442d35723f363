/* SPDX-License-Identifier: BSD-2-Clause */
/* backup, restore, clone: each makes a file that must not exist from one that must. */
#include "boot_edit.h"
#include "containers.h"
#include "copy.h"
#include "output.h"
#include "secure_boot_record.h"
#include "verbs.h"

#include <unistd.h>

static int check_target(const char *path, struct hf_error *err)
{
    if (access(path, F_OK) == 0)
        return hf_error_refuse(err, "exists", "'%s' exists; it is not overwritten", path);
    return 0;
}

/* What a dry run can know: the source opens and the target is free. */
static int rehearse(const struct hf_invocation *inv, struct hf_error *err)
{
    struct hf_container *c;
    int r = hf_open_operand(inv, HF_OPEN_LOOK, &c, err);

    if (r == 0)
        r = hf_container_close(c, err);
    return r < 0 ? r : check_target(inv->operands[1], err);
}

static void report(const struct hf_invocation *inv, const char *did, const char *would)
{
    hf_put_text(inv->report, "from", inv->operands[0]);
    hf_put_text(inv->report, "to", inv->operands[1]);
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    hf_say(inv, "%s '%s' as '%s'", inv->dry_run ? would : did, inv->operands[0], inv->operands[1]);
}

static int run_backup(struct hf_invocation *inv, struct hf_error *err)
{
    int r = inv->dry_run ? rehearse(inv, err) : hf_settle_operand(inv, err);

    if (r == 0 && !inv->dry_run)
        r = hf_backup(inv->operands[0], inv->operands[1], hf_now(), err);
    if (r == 0)
        report(inv, "backed up", "would back up");
    return r;
}

static int set_aside(const struct hf_invocation *inv, struct hf_error *err)
{
    int r = hf_set_writes_aside(inv, inv->operands[1], err);

    return r < 0 ? hf_error_prefix(err, r,
                                   "'%s' is restored; flash writes of a server stay in its queue: ", inv->operands[1])
                 : r;
}

/* Trust does not go backwards in silence: what came later is in no file that is known here. */
static void tell_of_keys(const struct hf_invocation *inv, const char *path)
{
    struct hf_secure_boot_report sb;
    struct hf_container *c;

    if (hf_container_open(path, HF_OPEN_LOOK, hf_now(), &c, NULL) < 0)
        return;
    if (hf_secure_boot_look(c, &sb, NULL) == 0 && sb.mode == HF_SECURE_BOOT_ON)
        hf_tell(inv,
                "Secure Boot is on, with the keys of the backup: what was added to db, KEK and dbx since then is not "
                "there. 'holdfast keys audit %s' says what is missing",
                path);
    hf_container_done(&c);
}

static int run_restore(struct hf_invocation *inv, struct hf_error *err)
{
    int r = inv->dry_run ? rehearse(inv, err) : hf_restore(inv->operands[0], inv->operands[1], hf_now(), err);

    if (r == 0 && !inv->dry_run)
        r = set_aside(inv, err);
    if (r == 0)
        report(inv, "restored", "would restore");
    if (r == 0)
        tell_of_keys(inv, inv->operands[inv->dry_run ? 0 : 1]);
    return r;
}

static int run_clone(struct hf_invocation *inv, struct hf_error *err)
{
    const char *uuid = hf_value(inv, "uuid");
    bool fresh_boot = hf_given(inv, "fresh-boot");
    int r;

    if (!uuid)
        return hf_error_set(err, HF_EUSAGE, "--uuid missing: a clone is another guest and needs its own UUID");
    r = inv->dry_run ? rehearse(inv, err) : hf_settle_operand(inv, err);
    if (r == 0 && fresh_boot) /* what cannot be done is told before there is a clone */
        r = hf_boot_clear_container(inv->operands[0], /* dry_run= */ true, err);
    if (r == 0 && !inv->dry_run)
        r = hf_clone(inv->operands[0], inv->operands[1], uuid, hf_value(inv, "name"), hf_now(), err);
    if (r == 0 && !inv->dry_run && fresh_boot)
        r = hf_boot_clear_container(inv->operands[1], /* dry_run= */ false, err);
    if (r == 0)
        report(inv, "cloned", "would clone");
    return r;
}

static const struct hf_option clone_options[] = {
    {.name = "uuid", .arg = "UUID", .help = "the new guest's UUID"},
    {.name = "name", .arg = "TEXT", .help = "the new guest's name, for people", .max = HF_GUEST_NAME_SIZE - 1},
    {.name = "fresh-boot", .help = "without boot entries: its firmware finds what it can boot"},
    {.name = NULL},
};

const struct hf_verb hf_verb_backup = {
    .name = "backup",
    .group = HF_GROUP_GUEST,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,
    .help = "Copy a container, also while its guest runs",
    .synopsis = "G.hold OUT",
    .min_operands = 2,
    .max_operands = 2,
    .run = run_backup,
};

const struct hf_verb hf_verb_restore = {
    .name = "restore",
    .group = HF_GROUP_GUEST,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,
    .help = "Make a backup the guest's container again, on this host",
    .synopsis = "BACKUP G.hold",
    .min_operands = 2,
    .max_operands = 2,
    .run = run_restore,
};

const struct hf_verb hf_verb_clone = {
    .name = "clone",
    .group = HF_GROUP_GUEST,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,
    .help = "Make another guest with the same firmware and variables",
    .synopsis = "G.hold NEW.hold --uuid UUID",
    .min_operands = 2,
    .max_operands = 2,
    .options = clone_options,
    .run = run_clone,
};
