/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "boots.h"
#include "cleanup.h"
#include "containers.h"
#include "loop.h"
#include "nbd_server.h"
#include "output.h"
#include "runtime.h"
#include "signals.h"
#include "verb.h"
#include "writeback.h"

/* QEMU waits while there is no server, so a new one starts at once; but not for ever one that dies each time. */
#define DEATHS_MAX     100
#define HEALTHY_MS     10000
#define RETRY_FIRST_MS 100
#define RETRY_LAST_MS  5000

struct serving {
    const struct hf_invocation *inv;
    struct hf_container *container;
    struct hf_nbd_server *server;
    unsigned deaths;    /* in a row, each soon after a start */
    int64_t revived_ms; /* when the present server started */
    int64_t delay_ms;   /* before the next start */
    int signals;        /* a signalfd */
    char boot_id[HF_UUID_TEXT_SIZE];
};

/* "USER", "USER:GROUP" or numbers. */
static int parse_owner(const char *text, uid_t *uid, gid_t *gid, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *user = strdup(text);
    char *group = user ? strchr(user, ':') : NULL;
    const struct passwd *pw;
    const struct group *gr;
    char *end;

    if (!user)
        return hf_error_nomem(err);
    if (group)
        *group++ = '\0';
    pw = getpwnam(user);
    *uid = pw ? pw->pw_uid : (uid_t)strtoul(user, &end, 10);
    if (!pw && (*user == '\0' || *end))
        return hf_error_set(err, HF_ENOTFOUND, "--socket-owner '%s': user '%s' not found", text, user);
    *gid = pw ? pw->pw_gid : (gid_t)-1;
    if (!group)
        return 0;
    gr = getgrnam(group);
    *gid = gr ? gr->gr_gid : (gid_t)strtoul(group, &end, 10);
    if (!gr && (*group == '\0' || *end))
        return hf_error_set(err, HF_ENOTFOUND, "--socket-owner '%s': group '%s' not found", text, group);
    return 0;
}

/* Starting to serve is a start: what waits is applied before anybody can read a bank. The boot is open when a client
 * reads the code; until then all of it is taken back when we end. */
static int power_on(struct serving *s, struct hf_boot_plan *plan, struct hf_error *err)
{
    struct hf_boot boot = {.moment = HF_MOMENT_POWER_ON, .now = hf_now(), .boot_id = s->boot_id, .unwatched = true};
    bool wants;
    int r = hf_boot_id(s->boot_id, err);

    if (r == 0)
        r = hf_lifecycle_wants_offer(s->container, &boot, &wants, err);
    if (r == 0 && wants)
        boot.no_offer = "serve does not use the host's firmware; take it with 'holdfast stage'";
    return r < 0 ? r : hf_lifecycle_power_on(s->container, &boot, plan, err);
}

static int configure(const struct hf_invocation *inv, struct hf_nbd_server_config *config, char socket[PATH_MAX],
                     struct hf_error *err)
{
    const char *given = hf_value(inv, "socket");
    char cwd[PATH_MAX];

    if (!given)
        return hf_error_set(err, HF_EUSAGE, "--socket missing: give the path where QEMU finds the banks");
    /* Clients may stand elsewhere; the URIs we print name the socket for all of them. */
    if (given[0] == '/')
        (void)snprintf(socket, PATH_MAX, "%s", given);
    else if (!getcwd(cwd, sizeof cwd) || snprintf(socket, PATH_MAX, "%s/%s", cwd, given) >= PATH_MAX)
        return hf_error_set(err, HF_EUSAGE, "--socket '%s': not a usable path", given);
    *config = (struct hf_nbd_server_config){
        .container = inv->operands[0],
        .socket = socket,
        .socket_uid = (uid_t)-1,
        .socket_gid = (gid_t)-1,
        .user = hf_value(inv, "user"),
        .group = hf_value(inv, "group"),
        .selinux_label = hf_value(inv, "selinux-label"),
    };
    if (!hf_given(inv, "socket-owner"))
        return 0;
    return parse_owner(hf_value(inv, "socket-owner"), &config->socket_uid, &config->socket_gid, err);
}

/* Printed at once: the caller waits for it. */
static int announce(const struct serving *s, const struct hf_boot_plan *plan, struct hf_error *err)
{
    const char *socket = hf_nbd_server_socket(s->server);
    char code[PATH_MAX + 64], vars[PATH_MAX + 64], digest[HF_DIGEST_TEXT_SIZE];

    hf_nbd_server_uri(socket, "code", code, sizeof code);
    hf_nbd_server_uri(socket, "vars", vars, sizeof vars);
    if (s->inv->json) {
        hf_put_text(s->inv->report, "code", code);
        hf_put_text(s->inv->report, "vars", plan->vars_size ? vars : NULL);
        hf_put_text(s->inv->report, "digest", hf_digest_text(&plan->code, digest));
        hf_put_text(s->inv->report, "words", plan->words);
        hf_put_number(s->inv->report, "pid", hf_nbd_server_pid(s->server));
    } else {
        if (plan->words[0])
            hf_say(s->inv, "%s", plan->words);
        hf_say(s->inv, "%s", code);
        if (plan->vars_size)
            hf_say(s->inv, "%s", vars);
    }
    return hf_output_finish(s->inv, err);
}

static void fell_behind(const struct serving *s, const struct hf_nbd_status *st)
{
    char since[HF_TIME_TEXT_MAX];

    hf_tell(s->inv, "flash writes: behind since %s, %llu bytes: %.400s", hf_time_text(st->since, since),
            (unsigned long long)st->bytes, st->text);
}

static void choose_delay(struct serving *s, bool started)
{
    if (started)
        s->delay_ms = s->deaths < DEATHS_MAX ? 0 : RETRY_LAST_MS;
    else
        s->delay_ms = s->delay_ms ? s->delay_ms * 2 : RETRY_FIRST_MS;
    if (s->delay_ms > RETRY_LAST_MS)
        s->delay_ms = RETRY_LAST_MS;
}

static void revive(struct serving *s)
{
    struct hf_error err;
    int r = hf_nbd_server_restart(s->server, &err);

    hf_tell(s->inv, "%s", r == 0 ? "the server was started again" : err.text);
    s->deaths = hf_loop_now() - s->revived_ms < HEALTHY_MS ? s->deaths + 1 : 0;
    s->revived_ms = hf_loop_now();
    choose_delay(s, r == 0);
}

static void handle_status(struct serving *s)
{
    struct hf_nbd_status st;
    struct hf_error err;
    int r;

    while ((r = hf_nbd_server_next(s->server, &st, &err)) > 0) {
        if (st.kind == HF_NBD_BEHIND)
            fell_behind(s, &st);
        else if (st.kind == HF_NBD_CAUGHT_UP)
            hf_tell(s->inv, "flash writes: caught up: all are in the container");
        else if (st.kind == HF_NBD_DIED || st.kind == HF_NBD_ALARM)
            hf_tell(s->inv, "%s", st.text);
    }
    if (r < 0)
        hf_tell(s->inv, "%s", err.text);
}

/* False: asked to end. */
static bool handle_signal(const struct serving *s)
{
    struct signalfd_siginfo info;

    if (read(s->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return true;
    return false;
}

static void serve_until_told(struct serving *s)
{
    s->revived_ms = hf_loop_now();
    for (;;) {
        bool dead = hf_nbd_server_pid(s->server) < 0;
        struct pollfd p[] = {{.fd = s->signals, .events = POLLIN},
                             {.fd = hf_nbd_server_fd(s->server), .events = POLLIN}};
        int n = poll(p, dead ? 1 : 2, dead ? (int)s->delay_ms : -1);

        if (n < 0 && errno != EINTR)
            return;
        if ((p[0].revents & POLLIN) && !handle_signal(s))
            return;
        if (dead && n == 0)
            revive(s);
        else if (!dead && p[1].revents)
            handle_status(s);
    }
}

static int serve_guest(struct serving *s, struct hf_nbd_server_config *config, struct hf_error *err)
{
    struct hf_boot_plan plan;
    int r = power_on(s, &plan, err);

    if (r == 0)
        r = hf_signals_watch(NULL, 0, &s->signals, err);
    config->lock_fd = hf_container_lock_fd(s->container);
    config->boot_id = s->boot_id;
    if (r == 0)
        r = hf_nbd_server_start(config, &s->server, err);
    if (r == 0)
        r = announce(s, &plan, err);
    if (r == 0)
        serve_until_told(s);
    hf_nbd_server_free(s->server);
    return r;
}

/* Brings in what the guest left, and ends its boot, or the start that no boot followed. */
static int settle(struct serving *s, struct hf_error *err)
{
    char words[HF_BOOT_WORDS_SIZE];
    int r = hf_writeback_drain(s->container, hf_now(), NULL, err);

    if (r == 0)
        r = hf_lifecycle_ended(s->container, HF_ENDING_UNSEEN, hf_now(), words, err);
    if (r == 0 && words[0])
        hf_tell(s->inv, "%s", words);
    return r;
}

static int serve(struct serving *s, struct hf_nbd_server_config *config, struct hf_error *err)
{
    struct hf_error second;
    int r = serve_guest(s, config, err), settled = settle(s, &second);

    if (r == 0 && settled < 0 && err)
        *err = second;
    return r < 0 ? r : settled;
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    struct serving s = {.inv = inv, .signals = -1};
    struct hf_nbd_server_config config;
    char socket[PATH_MAX];
    int r = configure(inv, &config, socket, err);

    if (r == 0)
        r = hf_open_operand(inv, HF_OPEN_RUN, &s.container, err);
    if (r < 0)
        return r;
    r = hf_close_after(s.container, serve(&s, &config, err), err);
    if (s.signals >= 0)
        close(s.signals);
    inv->json = inv->json && r < 0; /* the report went out when it was true */
    return r;
}

static const struct hf_option options[] = {
    {.name = "socket", .arg = "PATH", .help = "where to listen"},
    {.name = "socket-owner", .arg = "USER[:GROUP]", .help = "owner of the socket; default: you"},
    {.name = "user", .arg = "USER", .help = "user that the server runs as; default: the container's owner"},
    {.name = "group", .arg = "GROUP", .help = "group that the server runs as"},
    {.name = "selinux-label", .arg = "LABEL", .help = "SELinux label of the socket"},
    {.name = NULL},
};

const struct hf_verb hf_verb_serve = {
    .name = "serve",
    .group = HF_GROUP_RUN,
    .flags = HF_VERB_REPORTS,
    .help = "Serve a guest's firmware and variables to QEMU over NBD",
    .synopsis = "G.hold --socket PATH",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .run = run,
};
