/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "banks.h"
#include "cleanup.h"
#include "containers.h"
#include "images.h"
#include "slots.h"
#include "verbs.h"
#include "whole_file.h"

/* What this export has made so far. Code without its variables is no export: a failure takes all of it back. */
struct export
{
    struct hf_invocation *inv;
    bool made_directory;
    char files[2][PATH_MAX];
    unsigned count;
};

static int make_directory(struct export *x, struct hf_error *err)
{
    const char *path = x->inv->operands[1];

    x->made_directory = mkdir(path, 0700) == 0;
    if (x->made_directory || errno == EEXIST)
        return 0;
    return hf_error_set(err, errno == ENOENT ? HF_ENOTFOUND : HF_EIO, "cannot make directory '%s': %s", path,
                        strerror(errno));
}

static void take_back(struct export *x)
{
    while (x->count)
        (void)unlink(x->files[--x->count]);
    if (x->made_directory)
        (void)rmdir(x->inv->operands[1]);
}

/* One killed between the two files leaves the first; the next one finds its very bytes there. */
static bool is_there(const char *path, const uint8_t *bytes, uint64_t size)
{
    hf_auto(hf_cleanup_free) uint8_t *there = NULL;
    uint64_t found;

    return hf_file_read(path, size, &there, &found, NULL) == 0 && found == size && memcmp(there, bytes, size) == 0;
}

static int write_one(struct export *x, const char *name, const uint8_t *bytes, uint64_t size, struct hf_error *err)
{
    const struct hf_invocation *inv = x->inv;
    struct hf_digest digest = hf_digest_of(bytes, size);
    char path[PATH_MAX], text[HF_DIGEST_TEXT_SIZE];
    json_t *row;
    int r = 0;

    if (snprintf(path, sizeof path, "%s/%s", inv->operands[1], name) >= (int)sizeof path)
        return hf_error_set(err, HF_EUSAGE, "'%s': the path is too long", inv->operands[1]);
    if (is_there(path, bytes, size))
        r = 0;
    else if (inv->dry_run && access(path, F_OK) == 0)
        r = hf_error_refuse(err, "exists", "'%s' exists; it is not overwritten", path);
    else if (!inv->dry_run) {
        r = hf_file_write_new(path, bytes, size, 0600, err);
        if (r == 0)
            memcpy(x->files[x->count++], path, sizeof path);
    }
    if (r < 0)
        return r;
    row = hf_append_object(json_object_get(inv->report, "files"));
    hf_put_text(row, "path", path);
    hf_put_number(row, "size", (int64_t)size);
    hf_put_digest(row, "sha256", &digest);
    hf_say(inv, "%s  %s", hf_digest_text(&digest, text), path);
    return 0;
}

static int export_code(struct export *x, struct hf_container *c, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    struct hf_slot_info active;
    uint64_t size;
    int r = hf_slot_get(c, HF_SLOT_ACTIVE, &active, err);

    if (r == 0)
        r = hf_image_load(c, &active.code, &bytes, &size, err);
    return r < 0 ? r : write_one(x, "code.fd", bytes, size, err);
}

static int export_vars(struct export *x, struct hf_container *c, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    uint64_t size;
    int r = hf_bank_size(c, HF_BANK_VARS, &size, err);

    if (r == -HF_ENOTFOUND)
        return 0;
    if (r < 0)
        return r;
    bytes = malloc(size + 1);
    if (!bytes)
        return hf_error_set(err, HF_ENOMEM, "%llu bytes of variables: out of memory", (unsigned long long)size);
    r = hf_bank_read(c, HF_BANK_VARS, 0, bytes, size, err);
    return r < 0 ? r : write_one(x, "vars.fd", bytes, size, err);
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    struct export x = {.inv = inv};
    struct hf_container *c;
    int r = hf_settle_operand(inv, err);

    if (r == 0)
        r = hf_open_operand(inv, HF_OPEN_LOOK, &c, err);
    if (r < 0)
        return r;
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    hf_put_array(inv->report, "files");
    if (!inv->dry_run)
        r = make_directory(&x, err);
    if (r == 0)
        r = hf_begin(c, err); /* code and variables of one moment */
    if (r == 0)
        r = export_code(&x, c, err);
    if (r == 0)
        r = export_vars(&x, c, err);
    hf_abort(c);
    if (r < 0)
        take_back(&x);
    return hf_close_after(c, r, err);
}

const struct hf_verb hf_verb_export = {
    .name = "export",
    .group = HF_GROUP_GUEST,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,
    .help = "Write code and variables as plain files: DIR/code.fd and DIR/vars.fd",
    .synopsis = "G.hold DIR",
    .min_operands = 2,
    .max_operands = 2,
    .run = run,
};
