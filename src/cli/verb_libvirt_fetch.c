/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of a migration that libvirt does alone: for the hook, the guard and the destination, and for nobody else.
 */
#include <errno.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "fetch.h"
#include "give.h"
#include "origin.h"
#include "peer_timeout.h"
#include "verb.h"

static const struct hf_option fetch_options[] = {
    {.name = "origin", .arg = "HOST", .help = "the source"},
    {.name = NULL},
};

static const struct hf_option give_options[] = {
    HF_PEER_TIMEOUT_OPTION,
    {.name = NULL},
};

/* The standard error of the hook's and the guard's processes is /dev/null. */
static int logged(const struct hf_invocation *inv, int r, const struct hf_error *err)
{
    if (r < 0)
        syslog(LOG_DAEMON | LOG_ERR, "holdfast %s %s: %s", inv->verb->name, inv->operands[0], err->text);
    return r;
}

static int fetch_request(const struct hf_invocation *inv, struct hf_fetch_request *q, struct hf_error *err)
{
    *q = (struct hf_fetch_request){
        .uuid = inv->operands[0],
        .origin = hf_value(inv, "origin"),
        .version = HOLDFAST_VERSION,
        .timeout_s = HF_PEER_TIMEOUT,
    };
    return q->origin ? 0 : hf_error_set(err, HF_EUSAGE, "--origin is missing");
}

static int run_fetch(struct hf_invocation *inv, struct hf_error *err)
{
    struct hf_fetch_request q;
    int answer, r = fetch_request(inv, &q, err);

    if (r < 0)
        return r;
    answer = dup(STDOUT_FILENO);
    if (answer < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return hf_error_set(err, HF_EIO, "status pipe to the hook: %s", strerror(errno));
    return logged(inv, hf_libvirt_fetch(&q, answer, err), err);
}

static int run_abandon(struct hf_invocation *inv, struct hf_error *err)
{
    struct hf_fetch_request q;
    int r = fetch_request(inv, &q, err);

    return r < 0 ? r : logged(inv, hf_libvirt_abandon(&q, err), err);
}

static int run_note(struct hf_invocation *inv, struct hf_error *err)
{
    return logged(inv, hf_origin_note(inv->operands[0], err), err);
}

static int run_give(struct hf_invocation *inv, struct hf_error *err)
{
    struct hf_give_request q = {.in = STDIN_FILENO, .out = STDOUT_FILENO, .pause_limit_s = HF_PAUSE_LIMIT};
    int r = hf_peer_timeout(inv, &q.timeout_s, err);

    return r < 0 ? r : hf_libvirt_give(&q, err);
}

const struct hf_verb hf_verb_libvirt_fetch = {
    .name = "libvirt fetch",
    .group = HF_GROUP_MOVE,
    .flags = HF_VERB_HIDDEN,
    .help = "What the hook starts for a domain that libvirt migrates to this host",
    .synopsis = "UUID --origin HOST",
    .min_operands = 1,
    .max_operands = 1,
    .options = fetch_options,
    .run = run_fetch,
};

const struct hf_verb hf_verb_libvirt_abandon = {
    .name = "libvirt abandon",
    .group = HF_GROUP_MOVE,
    .flags = HF_VERB_HIDDEN,
    .help = "What the guard starts when a fetch has died",
    .synopsis = "UUID --origin HOST",
    .min_operands = 1,
    .max_operands = 1,
    .options = fetch_options,
    .run = run_abandon,
};

const struct hf_verb hf_verb_libvirt_give = {
    .name = "libvirt give",
    .group = HF_GROUP_MOVE,
    .flags = HF_VERB_HIDDEN,
    .help = "The source's part of fetch",
    .synopsis = "[UUID] <INPUT >OUTPUT",
    .options = give_options,
    .max_operands = 1, /* for who looks at a list of processes: the input says it */
    .run = run_give,
};

const struct hf_verb hf_verb_libvirt_note = {
    .name = "libvirt note",
    .group = HF_GROUP_MOVE,
    .flags = HF_VERB_HIDDEN,
    .help = "What the guard calls to write this host's name into the running domain",
    .synopsis = "UUID",
    .min_operands = 1,
    .max_operands = 1,
    .run = run_note,
};
