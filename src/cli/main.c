/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "domain_operands.h"
#include "each_domain.h"
#include "environment.h"
#include "exit_status.h"
#include "help.h"
#include "line.h"
#include "options.h"
#include "output.h"
#include "signals.h"
#include "verbs.h"

/* A file that we open must never become descriptor 0, 1 or 2: a message would be written into it. */
static bool standard_descriptors_are_open(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            return false;
    return true;
}

/* On a terminal only, for what takes longer than a second. */
static void say_waiting(const char *path, unsigned seconds, bool over)
{
    static bool said;

    if (said && over)
        fputs("\r\x1b[K", stderr);
    said = !over && seconds >= 1 && isatty(STDERR_FILENO);
    if (said) {
        fputc('\r', stderr);
        hf_print_safely(stderr, path);
        fprintf(stderr, ": waiting for another change to end: %u s\x1b[K", seconds);
    }
}

static int fail(bool json, const char *verb, const struct hf_error *err, int r)
{
    int status = hf_exit_status(r);

    (void)fflush(stdout);
    hf_output_error(verb, err, status);
    if (json)
        hf_output_error_json(err, status);
    return status;
}

static int run_verb(struct hf_invocation *inv)
{
    struct hf_error err = {.code = HF_OK};
    int r, finished;

    if (inv->want_help) {
        hf_help_verb(inv->verb);
        inv->json = false;
        r = 0;
    } else {
        r = hf_environment_check(&err);
        if (r == 0)
            r = hf_domain_operands(inv, &err);
        if (r == 0)
            r = hf_is_for_each(inv) ? hf_each_domain(inv, &err) : inv->verb->run(inv, &err);
    }
    if (r < 0)
        return fail(inv->json, inv->verb->name, &err, r);
    finished = hf_output_finish(inv, &err);
    if (finished < 0)
        return fail(false, inv->verb->name, &err, finished);
    return r;
}

int main(int argc, char **argv)
{
    struct hf_error err = {.code = HF_OK};
    struct hf_invocation inv;
    const struct hf_verb *verb;
    int used, r, status;

    hf_signals_init();
    hf_line_notice(say_waiting);
    if (!standard_descriptors_are_open())
        return 1;
    if (argc < 2) {
        hf_help_all();
        return hf_exit_status(HF_EUSAGE);
    }
    if (!strcmp(argv[1], "--version")) {
        printf("holdfast %s\n", HOLDFAST_VERSION);
        return fflush(stdout) ? 1 : 0;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        hf_help_all();
        return fflush(stdout) ? 1 : 0;
    }
    if (argc == 3 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h")) && hf_help_family(argv[1]))
        return 0;
    r = hf_find_verb(hf_verbs, argc - 1, argv + 1, &verb, &used, &err);
    if (r < 0)
        return fail(hf_asks_for_json(argc - 1, argv + 1), NULL, &err, r);
    r = hf_parse(verb, argc - 1 - used, argv + 1 + used, &inv, &err);
    status = r < 0 ? fail(inv.json, verb->name, &err, r) : run_verb(&inv);
    hf_invocation_done(&inv);
    return status;
}
