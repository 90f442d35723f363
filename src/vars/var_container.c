/* SPDX-License-Identifier: BSD-2-Clause */
#include "var_container.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "banks.h"
#include "cleanup.h"
#include "container.h"
#include "eventlog.h"
#include "owner.h"
#include "secure_boot_record.h"
#include "snapshots.h"
#include "tpm.h"
#include "writeback.h"

int hf_var_container_read(const char *path, uint8_t **bytes, uint64_t *size, enum hf_answer *secure_boot,
                          struct hf_error *err)
{
    hf_auto(hf_container_done) struct hf_container *c = NULL;
    hf_auto(hf_cleanup_free) uint8_t *bank = NULL;
    enum hf_answer has, protects;
    uint64_t n;
    int r;

    r = hf_container_open_quiet(path, time(NULL), &c, err);
    if (r < 0)
        return r;
    r = hf_begin(c, err); /* one moment, however long the reading takes */
    if (r == 0)
        r = hf_bank_size(c, HF_BANK_VARS, &n, err);
    if (r == 0)
        r = hf_secure_boot_image(c, &has, &protects, err);
    if (r < 0)
        return r;
    bank = (uint8_t *)malloc(n ? n : 1);
    if (!bank)
        return hf_error_set(err, HF_ENOMEM, "bank of %llu bytes: out of memory", (unsigned long long)n);
    r = hf_bank_read(c, HF_BANK_VARS, 0, bank, n, err);
    hf_abort(c);
    if (r < 0)
        return r;
    *bytes = hf_take_ptr(bank);
    *size = n;
    *secure_boot = has;
    return 0;
}

/* In the transaction that changes it. */
static int check_unchanged(struct hf_container *c, const char *path, const struct hf_digest *was, struct hf_error *err)
{
    struct hf_digest is;
    int r = hf_bank_digest(c, HF_BANK_VARS, &is, err);

    if (r < 0 || hf_digest_equal(&is, was))
        return r;
    return hf_error_refuse(err, "changed", "%s: the variables were changed while this change was prepared; do it again",
                           path);
}

int hf_var_container_write(const char *path, const struct hf_digest *was, const uint8_t *bytes, uint64_t size,
                           const struct hf_var_note *note, struct hf_error *err)
{
    hf_auto(hf_container_done) struct hf_container *c = NULL;
    struct hf_runner runner;
    int64_t now = time(NULL), snapshot;
    int r;

    r = hf_writeback_check(path, now, err);
    if (r == 0)
        r = hf_container_open(path, HF_OPEN_EDIT, now, &c, err);
    if (r < 0)
        return r;
    r = hf_runner_get(hf_container_id(c), &runner, NULL);
    if (r == 0)
        return hf_error_set(err, HF_EOWNED,
                            "the guest runs (process %lld): its firmware owns the variables until it "
                            "ends; change them from inside, or shut it off",
                            (long long)runner.pid);
    if (r != -HF_ENOTFOUND)
        return hf_error_set(err, HF_EIO, "cannot tell whether the guest runs");
    r = hf_writeback_drain(c, now, NULL, err);
    if (r == 0)
        r = hf_begin(c, err);
    if (r == 0)
        r = check_unchanged(c, path, was, err);
    if (r == 0 && note->snapshot)
        r = hf_snapshot_take(c, note->snapshot, now, &snapshot, err);
    if (r == 0)
        r = hf_bank_replace(c, HF_BANK_VARS, bytes, size, err);
    if (r == 0)
        r = hf_event_append(c, now, note->kind, err, "%s", note->text);
    if (r == 0)
        r = hf_secure_boot_note(c, now, err);
    if (r == 0)
        r = hf_commit(c, HF_DURABLE, err);
    hf_abort(c);
    return hf_close_after(hf_take_ptr(c), r, err);
}

static int ask(struct hf_container *c, const struct hf_variables *then, bool tpm_aware, struct hf_error *err)
{
    struct hf_life_record record;
    struct hf_variables now;
    int r = hf_life_load(c, &record, err);

    if (r < 0 || !record.tpm || tpm_aware)
        return r;
    r = hf_variables_of_bank(c, &now, err);
    if (r < 0)
        return r;
    if (hf_tpm_measures_change(&now, then))
        r = hf_tpm_ask(true, false, HF_TPM_KEYS, err);
    hf_variables_done(&now);
    return r;
}

int hf_var_container_ask(const char *path, const uint8_t *bytes, uint64_t size, bool tpm_aware, struct hf_error *err)
{
    hf_auto(hf_container_done) struct hf_container *c = NULL;
    uint8_t *copy = malloc(size ? size : 1);
    struct hf_variables then;
    int r;

    if (!copy)
        return hf_error_set(err, HF_ENOMEM, "bank of %llu bytes: out of memory", (unsigned long long)size);
    memcpy(copy, bytes, size);
    r = hf_variables_of_bytes(copy, size, &then, err);
    if (r < 0)
        return r;
    r = hf_container_open_rehearsal(path, time(NULL), &c, err);
    if (r == 0)
        r = hf_begin(c, err);
    if (r == 0) {
        r = ask(c, &then, tpm_aware, err);
        hf_abort(c);
    }
    hf_variables_done(&then);
    return r;
}
