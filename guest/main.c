/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast-guest: what the guest's own operating system may ask of the holdfast that runs it. See its man page. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "efivars.h"
#include "exit_status.h"
#include "keys.h"
#include "sha256.h"
#include "telling.h"
#include "window.h"

#define NAP_NS      2000000
#define REPLY_S     10  /* the host looks twice a second */
#define STAGE_S     120 /* and looks into an image, and stores it durably */
#define TIMEOUT_MAX 3600

static const char usage[] =
    "usage: holdfast-guest status | confirm | rollback | update IMAGE | keys [update] [OPTION...]\n"
    "\n"
    "Talks to the holdfast that runs this virtual machine, through its mailbox device.\n"
    "\n"
    "  status               what firmware runs, whether it is on trial, what is staged\n"
    "  confirm              say that the firmware on trial is good\n"
    "  rollback             have the firmware from before back at the next reset\n"
    "  update IMAGE         stage a firmware image that the guest's owner has allowed\n"
    "  keys                 this guest's Secure Boot keys, and whether the host has an update\n"
    "  keys update          have the keys staged that the guest's owner has allowed\n"
    "\n"
    "  --variables WHICH    of a rollback, where they differ: fallback or current\n"
    "  --tpm-aware          of an update: the TPM's measurements may change\n"
    "  --efivars DIRECTORY  of keys: where the variables are (" EFIVARS ")\n"
    "  --device DEVICE      the mailbox: a PCI address or its directory; looked for when not given\n"
    "  --timeout SECONDS    wait that long for a reply (10; 120 for an update)\n"
    "  --json               print the report as JSON\n"
    "  --help               print this help\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 usage, 3 refused by a rule, 4 no mailbox, 5 damaged on the way, 6 in use.\n";

struct request {
    const char *verb, *image, *device, *efivars;
    enum hf_mailbox_command command;
    uint32_t flags;
    unsigned long timeout;
    bool json;
    const char *hint;
};

/* ---- words from the command line ---- */

static const struct {
    const char *name;
    enum hf_mailbox_command command;
    uint32_t flags; /* that it takes */
    unsigned timeout;
    const char *hint;
} verbs[] = {
    {"status", HF_MAILBOX_STATUS, 0, REPLY_S, NULL},
    {"confirm", HF_MAILBOX_CONFIRM, 0, REPLY_S, NULL},
    {"rollback", HF_MAILBOX_ROLLBACK, HF_MAILBOX_VARIABLES_FALLBACK | HF_MAILBOX_VARIABLES_CURRENT, REPLY_S,
     "The previous firmware is restored when this machine reboots."},
    {"update", HF_MAILBOX_BEGIN, HF_MAILBOX_TPM_AWARE, STAGE_S,
     "The new firmware runs when this machine reboots; confirm it then, or it may be rolled back."},
    {"keys", HF_MAILBOX_STATUS, 0, REPLY_S, NULL},
    {"keys update", HF_MAILBOX_KEYS, HF_MAILBOX_TPM_AWARE, REPLY_S, "The keys are added when this machine reboots."},
};

static int choose_verb(const char *name, struct request *q, struct hf_error *err)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(name, verbs[i].name) != 0)
            continue;
        if (q->flags & ~verbs[i].flags)
            return hf_error_set(err, HF_EUSAGE, "%s takes no %s", name,
                                q->flags & HF_MAILBOX_TPM_AWARE ? "--tpm-aware" : "--variables");
        if (q->efivars && strcmp(name, "keys") != 0)
            return hf_error_set(err, HF_EUSAGE, "%s takes no --efivars", name);
        q->verb = verbs[i].name;
        q->command = verbs[i].command;
        q->hint = verbs[i].hint;
        q->timeout = q->timeout ? q->timeout : verbs[i].timeout;
        return 0;
    }
    return hf_error_set(err, HF_EUSAGE, "unknown verb '%.40s'; use status, confirm, rollback, update or keys", name);
}

static int choose_variables(const char *which, struct request *q, struct hf_error *err)
{
    q->flags &= ~(uint32_t)(HF_MAILBOX_VARIABLES_FALLBACK | HF_MAILBOX_VARIABLES_CURRENT);
    if (strcmp(which, "fallback") == 0)
        q->flags |= HF_MAILBOX_VARIABLES_FALLBACK;
    else if (strcmp(which, "current") == 0)
        q->flags |= HF_MAILBOX_VARIABLES_CURRENT;
    else
        return hf_error_set(err, HF_EUSAGE, "--variables '%.40s': invalid; use fallback or current", which);
    return 0;
}

static int choose_timeout(const char *text, struct request *q, struct hf_error *err)
{
    char *end;

    errno = 0;
    q->timeout = strtoul(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-' || q->timeout < 1 || q->timeout > TIMEOUT_MAX)
        return hf_error_set(err, HF_EUSAGE, "--timeout '%.40s': invalid; use 1 to %d seconds", text, TIMEOUT_MAX);
    return 0;
}

/* What getopt_long() stopped at. */
static int wrong_option(int c, const char *word, struct hf_error *err)
{
    static const char try[] = "try 'holdfast-guest --help'";

    if (c == ':')
        return hf_error_set(err, HF_EUSAGE, "option '%.40s': value missing; %s", word, try);
    if (optopt && strchr(word, '='))
        return hf_error_set(err, HF_EUSAGE, "option '%.40s': takes no value; %s", word, try);
    return hf_error_set(err, HF_EUSAGE, "unknown option '%.40s'; %s", word, try);
}

static int read_options(int argc, char **argv, struct request *q, struct hf_error *err)
{
    enum { VARIABLES = 1, TPM_AWARE, DEVICE, EFIVARS_AT, TIMEOUT, JSON, HELP };
    static const struct option table[] = {
        {"variables", required_argument, NULL, VARIABLES},
        {"tpm-aware", no_argument, NULL, TPM_AWARE},
        {"device", required_argument, NULL, DEVICE},
        {"efivars", required_argument, NULL, EFIVARS_AT},
        {"timeout", required_argument, NULL, TIMEOUT},
        {"json", no_argument, NULL, JSON},
        {"help", no_argument, NULL, HELP},
        {NULL, 0, NULL, 0},
    };
    int r = 0;

    opterr = 0;
    for (int c; r == 0 && (c = getopt_long(argc, argv, ":", table, NULL)) != -1;) {
        if (c == VARIABLES)
            r = choose_variables(optarg, q, err);
        else if (c == TPM_AWARE)
            q->flags |= HF_MAILBOX_TPM_AWARE;
        else if (c == DEVICE)
            q->device = optarg;
        else if (c == EFIVARS_AT)
            q->efivars = optarg;
        else if (c == TIMEOUT)
            r = choose_timeout(optarg, q, err);
        else if (c == JSON)
            q->json = true;
        else if (c == HELP)
            q->verb = "help";
        else
            r = wrong_option(c, argv[optind - 1], err);
    }
    for (int i = 1; r < 0 && i < argc; i++) /* --help after a mistake is answered, too */
        q->json = q->json || strcmp(argv[i], "--json") == 0;
    return r;
}

static int read_words(int argc, char **argv, struct request *q, struct hf_error *err)
{
    int r = read_options(argc, argv, q, err);
    const char *verb;
    bool update;

    if (r < 0 || q->verb)
        return r;
    if (optind >= argc)
        return hf_error_set(err, HF_EUSAGE, "verb missing; try 'holdfast-guest --help'");
    verb = argv[optind++];
    if (strcmp(verb, "keys") == 0 && optind < argc && strcmp(argv[optind], "update") == 0) {
        verb = "keys update";
        optind++;
    }
    r = choose_verb(verb, q, err);
    if (r < 0)
        return r;
    update = q->command == HF_MAILBOX_BEGIN;
    if (argc - optind != (update ? 1 : 0))
        return hf_error_set(err, HF_EUSAGE, update ? "%s takes one image" : "%s takes no operand", q->verb);
    q->image = update ? argv[optind] : NULL;
    return 0;
}

/* ---- the mailbox ---- */

struct patience {
    struct timespec until;
};

static struct timespec now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t;
}

static bool wait_a_little(void *opaque, uint32_t waited)
{
    const struct patience *p = opaque;
    struct timespec t = now(), nap = {.tv_nsec = NAP_NS};

    if (t.tv_sec > p->until.tv_sec || (t.tv_sec == p->until.tv_sec && t.tv_nsec > p->until.tv_nsec))
        return false;
    (void)nanosleep(&nap, NULL);
    return true;
}

static void on_progress(void *opaque, size_t sent)
{
    const struct hf_mailbox_update *u = opaque;

    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r%zu of %zu KiB%s", sent >> 10, u->size >> 10, sent == u->size ? "\n" : "");
}

static int map_image(const char *path, void **bytes, size_t *size, struct hf_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;
    void *at = MAP_FAILED;
    int r = 0;

    if (fd < 0 || fstat(fd, &st) < 0)
        r = hf_error_set(err, errno == ENOENT ? HF_ENOTFOUND : HF_EIO, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        r = hf_error_set(err, HF_EUSAGE, "%s: not a regular file", path);
    else if (st.st_size == 0 || st.st_size > HF_MAILBOX_IMAGE_MAX)
        r = hf_error_refuse(err, "size", "%s: %lld bytes; a firmware image has 1 to %u", path, (long long)st.st_size,
                            HF_MAILBOX_IMAGE_MAX);
    else if ((at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED)
        r = hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    if (r < 0)
        return r;
    *bytes = at;
    *size = (size_t)st.st_size;
    return 0;
}

static int update(struct window *w, const struct request *q, struct hf_mailbox_reply *reply, struct hf_error *err)
{
    struct hf_mailbox_update u = {.flags = q->flags, .progress = on_progress, .opaque = &u};
    void *bytes;
    int r = map_image(q->image, &bytes, &u.size, err);

    if (r < 0)
        return r;
    u.image = bytes;
    hf_sha256(bytes, u.size, u.digest);
    r = hf_mailbox_guest_update(&w->port, &u, reply);
    (void)munmap(bytes, u.size);
    return r < 0 ? hf_error_set(err, (enum hf_code) - r, "%s", "") : 0;
}

static int give(struct window *w, const struct request *q, struct hf_mailbox_reply *reply, struct hf_error *err)
{
    struct hf_mailbox_order order = {.command = hf_le32_of(q->command), .flags = hf_le32_of(q->flags)};
    int r = hf_mailbox_guest_order(&w->port, &order, reply);

    return r < 0 ? hf_error_set(err, (enum hf_code) - r, "%s", "") : 0;
}

/* The library has codes, no words. */
static int explain(const struct window *w, const struct request *q, int r, struct hf_error *err)
{
    if (r == 0 || err->text[0])
        return r;
    if (r == -HF_ETIMEDOUT)
        return hf_error_set(err, HF_ETIMEDOUT,
                            "%s: timed out after %lu s: no reply from the host; check on the host whether anything "
                            "changed: 'holdfast show G.hold'",
                            w->device, q->timeout);
    return hf_error_set(err, HF_EPROTO, "%s: invalid reply from the host", w->device);
}

/* Asks the host, through the mailbox. */
static int ask(const struct request *q, struct hf_mailbox_reply *ret, struct hf_error *err)
{
    struct patience patience = {.until = now()};
    struct window w = {.port = {.wait = wait_a_little, .opaque = &patience}};
    struct hf_mailbox_reply reply;
    int r = window_open(q->device, &w, err);

    if (r < 0)
        return r;
    patience.until.tv_sec += (time_t)q->timeout;
    r = q->image ? update(&w, q, &reply, err) : give(&w, q, &reply, err);
    r = explain(&w, q, r, err);
    window_close(&w);
    if (r == 0)
        r = telling_check(&reply, err);
    if (r == 0)
        *ret = reply;
    return r;
}

/* The keys are shown also where the host cannot be asked: without the mailbox, under lockdown, without root. */
static int show_keys(const struct request *q, struct hf_error *err)
{
    struct hf_mailbox_reply reply;
    struct hf_error why;
    struct keys keys;
    int r = keys_read(q->efivars ? q->efivars : EFIVARS, &keys, err);

    if (r < 0)
        return r;
    r = ask(q, &reply, &why);
    keys_print(&keys, r == 0 ? &reply : NULL, &why, q->json);
    keys_done(&keys);
    return 0;
}

static int run(const struct request *q, struct hf_error *err)
{
    struct hf_mailbox_reply reply;
    const char *hint = q->hint;
    int r;

    if (strcmp(q->verb, "keys") == 0)
        return show_keys(q, err);
    r = ask(q, &reply, err);
    if (r < 0)
        return r;
    if (q->command == HF_MAILBOX_KEYS && !(hf_le32_get(reply.keys) & HF_MAILBOX_KEYS_STAGED))
        hint = "Nothing was staged: this guest has all of the keys that its owner allows.";
    telling_print(q->verb, &reply, hint, q->json);
    return 0;
}

int main(int argc, char **argv)
{
    struct request q = {.verb = NULL};
    struct hf_error err = {.code = HF_OK};
    int r = read_words(argc, argv, &q, &err);

    if (r == 0 && strcmp(q.verb, "help") == 0) {
        (void)fputs(usage, stdout);
        return 0;
    }
    if (r == 0)
        r = run(&q, &err);
    if (r < 0) {
        if (q.json)
            telling_error(q.verb ? q.verb : "", &err);
        (void)fprintf(stderr, "holdfast-guest%s%s: %s%s%s%s\n", q.verb ? " " : "", q.verb ? q.verb : "", err.text,
                      err.rule[0] ? " (rule '" : "", err.rule, err.rule[0] ? "')" : "");
        return hf_exit_status(r);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
