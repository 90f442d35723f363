/* SPDX-License-Identifier: BSD-2-Clause */
#include "containers.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "noticed.h"
#include "owner.h"
#include "runtime.h"
#include "writeback.h"

#define NOTICE_MS 2000

int64_t hf_now(void)
{
    return (int64_t)time(NULL);
}

int hf_settle_operand(const struct hf_invocation *inv, struct hf_error *err)
{
    return inv->dry_run ? 0 : hf_writeback_settle(inv->operands[0], hf_now(), err);
}

int hf_open_operand(const struct hf_invocation *inv, enum hf_open_mode mode, struct hf_container **out,
                    struct hf_error *err)
{
    int r;

    if (mode == HF_OPEN_LOOK)
        return hf_container_open_quiet(inv->operands[0], hf_now(), out, err);
    if (inv->dry_run && mode == HF_OPEN_EDIT) {
        r = hf_writeback_check(inv->operands[0], hf_now(), err);
        return r < 0 ? r : hf_container_open_rehearsal(inv->operands[0], hf_now(), out, err);
    }
    return hf_guest_open(inv->operands[0], mode, hf_now(), out, err);
}

int hf_set_writes_aside(const struct hf_invocation *inv, const char *path, struct hf_error *err)
{
    struct hf_container *c;
    char where[PATH_MAX];
    int r = hf_container_open(path, HF_OPEN_LOOK, hf_now(), &c, err);

    if (r < 0)
        return r;
    r = hf_writeback_set_aside(c, where, err);
    hf_container_done(&c);
    if (r < 0)
        return r;
    hf_put_text(inv->report, "writes_set_aside", where[0] ? where : NULL);
    if (where[0])
        hf_say(inv, "flash writes that a server had left were not applied; they are in '%s'", where);
    return 0;
}

static void wait_for_notice(const char *id, uint64_t commits)
{
    const struct timespec moment = {.tv_nsec = 5000000};
    struct hf_runner runner;
    char dir[PATH_MAX];

    hf_runtime_guest_path(id, dir);
    for (unsigned i = 0; i < NOTICE_MS / 5 && !hf_noticed(dir, commits); i++) {
        if (hf_runner_get(id, &runner, NULL) < 0) /* a file that a killed supervisor left */
            return;
        (void)nanosleep(&moment, NULL);
    }
}

int hf_close_noticed(const struct hf_invocation *inv, struct hf_container *c, int r, struct hf_error *err)
{
    uint64_t commits = 0;
    char id[HF_ID_TEXT_SIZE];

    (void)snprintf(id, sizeof id, "%s", hf_container_id(c));
    if (r == 0 && !inv->dry_run)
        (void)hf_container_commits(c, &commits, NULL);
    r = hf_close_after(c, r, err);
    if (r == 0 && commits != 0)
        wait_for_notice(id, commits);
    return r;
}

int hf_change(struct hf_container *c, int (*change)(struct hf_container *c, void *ctx, struct hf_error *err), void *ctx,
              struct hf_error *err)
{
    int r = hf_begin(c, err);

    if (r < 0)
        return r;
    r = change(c, ctx, err);
    if (r < 0) {
        hf_abort(c);
        return r;
    }
    return hf_commit(c, HF_DURABLE, err);
}

const char *hf_digest_short(const struct hf_digest *digest, char text[HF_DIGEST_SHORT_SIZE])
{
    char whole[HF_DIGEST_TEXT_SIZE];

    snprintf(text, HF_DIGEST_SHORT_SIZE, "%.12s", hf_digest_text(digest, whole));
    return text;
}

void hf_put_digest(json_t *object, const char *key, const struct hf_digest *digest)
{
    char text[HF_DIGEST_TEXT_SIZE];

    hf_put_text(object, key, hf_digest_text(digest, text));
}

void hf_put_guest(json_t *object, const struct hf_guest *guest)
{
    json_t *g = hf_put_object(object, "guest");

    hf_put_text(g, "uuid", guest->uuid);
    hf_put_text(g, "name", guest->name);
    hf_put_text(g, "arch", guest->arch);
    hf_put_text(g, "machine", guest->machine);
}
