/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest that goes on from a saved state: managed save, `virsh restore`, a snapshot with memory. QEMU has the state's
 * own firmware in memory then, whatever was published, and writes the state's variables before the guest runs. */
#include "guard_inside.h"

#include <signal.h>
#include <syslog.h>

#include "banks.h"
#include "code_in_memory.h"
#include "eventlog.h"

static int look(struct hf_guard *g, int64_t pid, enum hf_code_found *found, struct hf_digest *active,
                struct hf_digest *has, struct hf_error *err)
{
    uint64_t size;
    int r = hf_bank_size(g->container, HF_BANK_CODE, &size, err);

    if (r == 0)
        r = hf_bank_digest(g->container, HF_BANK_CODE, active, err);
    return r < 0 ? r : hf_code_in_memory(pid, size, active, found, has, err);
}

void hf_guard_log(struct hf_guard *g, const char *kind, const char *text)
{
    struct hf_error err;
    int r = hf_begin(g->container, &err);

    if (r == 0)
        r = hf_event_append(g->container, hf_guard_now(), kind, &err, "%s", text);
    if (r == 0)
        r = hf_commit(g->container, HF_DURABLE, &err);
    hf_abort(g->container);
    if (r < 0)
        syslog(LOG_ERR, "%s: not logged: %s: %s", g->adoption.name, text, err.text);
}

/* Ended before it is answered, so that it never runs. */
static bool refuse(struct hf_guard *g, int64_t pid, const struct hf_digest *active, const struct hf_digest *has)
{
    char a[HF_DIGEST_TEXT_SIZE], b[HF_DIGEST_TEXT_SIZE];
    struct hf_error text;

    (void)hf_error_refuse(
        &text, "suspended",
        "a saved state that was loaded runs firmware %.12s, the container has %.12s: the guest was ended "
        "before it ran, its variables are as they were. Start it without the saved state, or 'holdfast "
        "rollback' or 'holdfast revert' to that firmware first",
        hf_digest_text(has, a), hf_digest_text(active, b));
    (void)kill((pid_t)pid, SIGKILL);
    syslog(LOG_ALERT, "%s: %s", g->adoption.name, text.text);
    hf_guard_log(g, "resume-refused", text.text);
    return false;
}

bool hf_guard_judge(struct hf_guard *g, int64_t pid)
{
    enum hf_code_found found = HF_CODE_UNSEEN;
    struct hf_digest active, has;
    struct hf_error err;

    if (look(g, pid, &found, &active, &has, &err) < 0)
        syslog(LOG_WARNING, "%s: %s", g->adoption.name, err.text);
    if (found == HF_CODE_OTHER)
        return refuse(g, pid, &active, &has);
    hf_guard_log(g, "resume",
                 found == HF_CODE_SAME ? "the guest continues from a saved state"
                                       : "the guest continues from a saved state whose firmware could not be seen");
    return true;
}
