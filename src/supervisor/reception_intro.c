/* SPDX-License-Identifier: BSD-2-Clause */
#include "reception_inside.h"

#include <string.h>

#include "cleanup.h"
#include "peer_probe.h"
#include "tpm_emulator.h"

#define WORDS_MAX 1024

/* ---- what the source says ---- */

static int take_words(struct hf_reception *n, const json_t *live, struct hf_error *err)
{
    const json_t *list = json_object_get(live, "arguments");
    size_t count = json_array_size(list);

    if (n->options.argument_count)
        return 0;
    if (!n->given->take_arguments)
        return hf_error_refuse(err, "arguments",
                               "no QEMU arguments: give them after '--', or accept the source's with "
                               "--take-arguments");
    if (!json_is_array(list) || count > WORDS_MAX)
        return hf_error_set(err, HF_EPROTO, "source's QEMU arguments: must be a list of at most %d", WORDS_MAX);
    n->words = calloc(count + 1, sizeof *n->words);
    for (size_t i = 0; n->words && i < count; i++) {
        const char *word = json_string_value(json_array_get(list, i));

        if (!word)
            return hf_error_set(err, HF_EPROTO, "source's QEMU argument %zu: must be a string", i);
        n->words[i] = strdup(word);
        if (!n->words[i])
            return hf_error_nomem(err);
    }
    n->options.arguments = n->words;
    n->options.argument_count = (int)count;
    return n->words ? 0 : hf_error_nomem(err);
}

/* An alias may mean another machine here than there. */
static int take_machine(struct hf_reception *n, const json_t *live, struct hf_error *err)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    const char *machine = json_string_value(json_object_get(live, "machine"));
    size_t length = machine ? strlen(machine) : 0;

    if (length == 0 || length >= sizeof n->guest.machine || strspn(machine, good) != length)
        return hf_error_set(err, HF_EPROTO, "source's machine type: missing or invalid");
    memcpy(n->guest.machine, machine, length + 1);
    return 0;
}

/* How the guest is reset, where its run was told; otherwise the container says it. */
static int take_reset(struct hf_reception *n, const json_t *live, struct hf_error *err)
{
    const json_t *given = json_object_get(live, "reset");
    const char *how = json_string_value(given);

    if (!given || n->options.reset)
        return 0;
    if (!how || (strcmp(how, "warm") != 0 && strcmp(how, "cold") != 0))
        return hf_error_set(err, HF_EPROTO, "the source's introduction: 'reset' is neither warm nor cold");
    n->options.reset = strcmp(how, "cold") == 0 ? "cold" : "warm";
    return 0;
}

int hf_reception_hear(void *ctx, const struct hf_exchange_peer *peer, struct hf_error *err)
{
    struct hf_reception *n = ctx;
    const json_t *live = json_object_get(peer->extra, "live"), *clock = json_object_get(live, "clock");
    int r;

    (void)snprintf(n->host, sizeof n->host, "%s", peer->host.name);
    if (!json_is_object(live))
        return hf_error_refuse(err, "live",
                               "host '%s' sends a container without a running guest; receive it without "
                               "--run",
                               n->host);
    n->guest.ran = json_is_true(json_object_get(live, "ran"));
    n->guest.alive = json_is_true(json_object_get(live, "alive"));
    n->guest.clock = json_is_integer(clock) ? json_integer_value(clock) : INT64_MAX;
    r = take_machine(n, live, err);
    if (r == 0)
        r = take_reset(n, live, err);
    return r < 0 ? r : take_words(n, live, err);
}

/* ---- what it is told of this host ---- */

/* Whether what QEMU will want here besides its machine is there. */
static int check_beside(const struct hf_reception *n, const struct hf_exchange_peer *source, struct hf_error *err)
{
    const json_t *list = json_object_get(json_object_get(source->extra, "live"), "arguments");
    hf_auto(hf_words_done) struct hf_words words = {0};
    const struct hf_run_options *o = n->run->options;

    if (o->argument_count)
        return hf_tpm_emulators_check(o->arguments, o->argument_count, err);
    for (size_t i = 0; n->given->take_arguments && i < json_array_size(list); i++)
        hf_words_add(&words, json_is_string(json_array_get(list, i)) ? json_string_value(json_array_get(list, i)) : "");
    return words.bad ? hf_error_nomem(err) : hf_tpm_emulators_check(words.at, (int)words.count, err);
}

int hf_reception_describe(void *ctx, const struct hf_exchange_peer *source, char **caps, struct hf_error *err)
{
    const struct hf_reception *n = ctx;
    const struct hf_run_options *o = n->run->options;
    struct hf_peer_probe_host host = {
        .program = o->qemu, .argv = o->argument_count ? o->arguments : NULL, .argc = o->argument_count};
    struct hf_error beside;

    if (check_beside(n, source, &beside) < 0)
        host.fault = beside.text;
    return hf_peer_probe_answer(json_object_get(source->extra, "probe"), &host, caps, err);
}
