/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervision.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "child.h"
#include "cleanup.h"

/* What was for the first start only: a saved state, a migration, a machine that waits for its owner. */
static bool only_for_the_first_start(const char *option)
{
    static const char *const options[] = {"incoming", "loadvm", "S"};

    for (size_t i = 0; i < HF_ARRAY_SIZE(options); i++) {
        if (!strcmp(option, options[i]))
            return true;
    }
    return false;
}

static void add_owners_words(const struct hf_supervision *s, struct hf_words *w)
{
    char *const *words = s->run.options->arguments;

    for (int i = 0; i < s->run.options->argument_count; i++) {
        const char *option = words[i] + strspn(words[i], "-");
        bool is_option = words[i][0] == '-' && words[i][1] != '\0', takes = false;
        int last = i;

        if (is_option && hf_arguments_knows(option, &takes) && takes && i + 1 < s->run.options->argument_count)
            last = i + 1;
        if ((s->starts > 0 || hf_reception_is_wanted(&s->reception)) && is_option && only_for_the_first_start(option)) {
            i = last;
            continue;
        }
        for (; i < last; i++)
            hf_words_add(w, words[i]);
        hf_words_add(w, words[i]);
    }
}

/* A guest that came stays on the machine that it brought, whatever the owner's alias means here, until a power cycle.
 */
static void add_pin(struct hf_supervision *s, struct hf_words *w)
{
    if (!s->reception.guest.machine[0] || s->run.restart_moment == HF_MOMENT_COLD_RESET)
        return;
    hf_words_add(w, "-machine");
    hf_words_addf(w, "type=%s", s->reception.guest.machine);
}

static int build_words(struct hf_supervision *s, int monitor_fd, struct hf_error *err)
{
    struct hf_words *w = &s->words;
    char base[HF_CLOCK_BASE_SIZE];
    int r;

    hf_words_add(w, s->program);
    r = hf_machine_arguments(&s->machine, w, err);
    if (r < 0)
        return r;
    hf_words_add(w, "-chardev");
    hf_words_addf(w, "socket,id=hf-qmp,fd=%d", monitor_fd);
    hf_words_add(w, "-qmp"); /* QEMU 11.1 warns of -mon */
    hf_words_add(w, "chardev:hf-qmp");
    hf_words_add(w, "-S");
    add_owners_words(s, w);
    add_pin(s, w);
    if (s->starts > 0 && hf_guest_clock_base(&s->clock, time(NULL), base)) {
        hf_words_add(w, "-rtc");
        hf_words_addf(w, "base=%s", base);
    }
    r = hf_machine_last_arguments(&s->machine, w, err);
    if (r < 0)
        return r;
    return w->bad ? hf_error_nomem(err) : 0;
}

int hf_start_qemu(struct hf_supervision *s, struct hf_error *err)
{
    hf_auto(hf_cleanup_close) int theirs = -1, state = -1;
    struct hf_child_spec spec = {.keep_count = 1};
    int pair[2], r;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return hf_error_set(err, HF_EIO, "socketpair: %s", strerror(errno));
    theirs = pair[1];
    r = hf_monitor_new(pair[0], &s->run.loop, &s->run.monitor, err);
    if (r == 0)
        r = build_words(s, theirs, err);
    if (r == 0 && hf_reception_is_open(&s->reception))
        r = hf_reception_add_words(&s->reception, &s->words, &state, err);
    if (r < 0)
        return r;
    spec.argv = s->words.at;
    spec.keep[0] = theirs;
    if (state >= 0)
        spec.keep[spec.keep_count++] = state;
    (void)clock_gettime(CLOCK_REALTIME, &s->qemu_started);
    if (s->starts == 0)
        hf_guest_clock_init(&s->clock, s->arguments.clock, s->qemu_started.tv_sec);
    else
        hf_guest_clock_restarted(&s->clock);
    return hf_child_start(&spec, &s->qemu, err);
}
