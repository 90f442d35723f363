/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "banks.h"
#include "board.h"
#include "cleanup.h"
#include "machine_record.h"
#include "probe_look.h"
#include "probe_told.h"
#include "recorded_program.h"
#include "roms.h"
#include "scratch.h"
#include "stub_arguments.h"

#define SCHEMA       1
#define BANK_MAX     (64U << 20)
#define ROM_SIZE_MAX (16U << 20)
#define WORDS_MAX    16384 /* an introduction has room for them */

/* ---- what is asked ---- */

static int bank_size(struct hf_container *c, enum hf_bank bank, uint64_t *size, struct hf_error *err)
{
    int r = hf_bank_size(c, bank, size, err);

    if (r != -HF_ENOTFOUND)
        return r;
    *size = 0;
    return 0;
}

/* The words of a stub, and of what was left out of it. */
static int read_words(struct hf_container *c, char *const *argv, int argc, char **text, struct hf_error *err)
{
    struct hf_machine_record record;
    struct hf_stub stub = {0};
    int r;

    if (!argv) {
        r = hf_machine_record_load(c, &record, err);
        if (r == 0 && !record.arguments[0])
            r = hf_error_refuse(err, "arguments", "the arguments of the guest's last start are not recorded");
        if (r == 0)
            *text = strdup(record.arguments);
    } else {
        r = hf_stub_arguments(argc, argv, &stub, err);
        if (r == 0)
            *text = hf_stub_dump(&stub);
        hf_stub_done(&stub);
    }
    if (r == 0 && !*text)
        r = hf_error_nomem(err);
    if (r == 0 && strlen(*text) > WORDS_MAX)
        r = hf_error_refuse(err, "arguments", "arguments too long: %zu bytes; the limit is %d", strlen(*text),
                            WORDS_MAX);
    return r;
}

static json_t *roms_of(const struct hf_guest_needs *needs)
{
    json_t *roms = json_array();

    for (size_t i = 0; i < needs->rom_count && !needs->roms_from_host; i++)
        (void)json_array_append_new(
            roms, json_pack("{s:s, s:I}", "name", needs->roms[i].name, "size", (json_int_t)needs->roms[i].size));
    return roms;
}

/* A running guest keeps the machine that it has; one that is off takes what its name means there. */
static const char *machine_of(const struct hf_guest_needs *n, bool there)
{
    const char *named = n->machine[0] ? n->machine : hf_machine_default(n->arch);

    return n->resolved[0] && (n->running || !there) ? n->resolved : named;
}

static int request_of(struct hf_container *c, const struct hf_guest_needs *needs, char *const *argv, int argc,
                      json_t **ret, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *words = NULL;
    uint64_t code = 0, vars = 0;
    struct hf_guest guest;
    int r = hf_guest_get(c, &guest, err);

    if (r == 0)
        r = bank_size(c, HF_BANK_CODE, &code, err);
    if (r == 0)
        r = bank_size(c, HF_BANK_VARS, &vars, err);
    if (r == 0)
        r = read_words(c, argv, argc, &words, err);
    if (r < 0)
        return r;
    *ret = json_pack("{s:i, s:s, s:s, s:s, s:b, s:I, s:I, s:o, s:s}", "schema", SCHEMA, "arch", needs->arch, "machine",
                     machine_of(needs, true), "uuid", guest.uuid, "smm", needs->needs_smm, "code", (json_int_t)code,
                     "vars", (json_int_t)vars, "roms", roms_of(needs), "words", words);
    return *ret ? 0 : hf_error_nomem(err);
}

/* ---- looking ---- */

struct looking {
    struct hf_stub stub;
    struct hf_probe_machine machine;
    struct hf_scratch scratch;
    const char *arch;
};

static void done(struct looking *l)
{
    hf_scratch_remove(&l->scratch);
    hf_stub_done(&l->stub);
}

static int wrong(const char *what, struct hf_error *err)
{
    return hf_error_set(err, HF_EPROTO, "probe request of the source: invalid '%s'", what);
}

static bool is_made_of(const char *text, const char *good, size_t max)
{
    return text && strlen(text) <= max && strspn(text, good) == strlen(text);
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static int make_rom(const struct looking *l, const json_t *rom, struct hf_error *err)
{
    const char *name = json_string_value(json_object_get(rom, "name"));
    json_int_t size = json_integer_value(json_object_get(rom, "size"));
    char path[sizeof l->scratch.path + HF_ROM_NAME_SIZE + 2];
    hf_auto(hf_cleanup_close) int fd = -1;

    if (!is_made_of(name, LETTERS "._-", HF_ROM_NAME_SIZE - 1) || !name[0] || name[0] == '.' || size < 1 ||
        size > ROM_SIZE_MAX)
        return wrong("roms", err);
    (void)snprintf(path, sizeof path, "%s/%s", l->scratch.path, name);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
        return hf_error_set(err, HF_EIO, "%s: %s", path, strerror(errno));
    return 0;
}

static int make_roms(struct looking *l, const json_t *roms, struct hf_error *err)
{
    int r = json_array_size(roms) > HF_ROMS_MAX ? wrong("roms", err) : hf_scratch_make("move-probe", &l->scratch, err);
    const json_t *rom;
    size_t i;

    json_array_foreach(roms, i, rom) {
        r = r < 0 ? r : make_rom(l, rom, err);
    }
    l->machine.rom_dir = l->scratch.path;
    return r;
}

static int take_words(struct looking *l, const json_t *request, const struct hf_peer_probe_host *host,
                      struct hf_error *err)
{
    const char *words = json_string_value(json_object_get(request, "words"));
    int r;

    if (host->argv)
        return hf_stub_arguments(host->argc, host->argv, &l->stub, err);
    r = words ? hf_stub_load(words, &l->stub, err) : wrong("words", err);
    return r == -HF_EDAMAGED ? wrong("words", err) : r;
}

static int take_request(struct looking *l, const json_t *request, const struct hf_peer_probe_host *host,
                        struct hf_error *err)
{
    const char *machine = json_string_value(json_object_get(request, "machine"));
    const char *uuid = json_string_value(json_object_get(request, "uuid"));
    json_int_t code = json_integer_value(json_object_get(request, "code")),
               vars = json_integer_value(json_object_get(request, "vars"));
    int r;

    l->arch = json_string_value(json_object_get(request, "arch"));
    if (json_integer_value(json_object_get(request, "schema")) != SCHEMA)
        return wrong("schema", err);
    if (!is_made_of(machine, LETTERS "._-", HF_GUEST_MACHINE_SIZE - 1))
        return wrong("machine", err);
    if (!is_made_of(uuid, "0123456789abcdef-", HF_UUID_TEXT_SIZE - 1))
        return wrong("uuid", err);
    if (code < 1 || code > BANK_MAX || vars < 0 || vars > BANK_MAX)
        return wrong("code", err);
    if (!l->arch || hf_board_check("", l->arch, NULL) < 0)
        return wrong("arch", err);
    l->machine.type = machine;
    l->machine.uuid = uuid;
    l->machine.needs_smm = json_is_true(json_object_get(request, "smm"));
    l->machine.code_size = (uint64_t)code;
    l->machine.vars_size = (uint64_t)vars;
    r = take_words(l, request, host, err);
    if (r == 0)
        r = make_roms(l, json_object_get(request, "roms"), err);
    l->machine.words = l->stub.words.at;
    return r;
}

/* `machine`: instead of the one asked for, or NULL. `seen`'s view is only for the while. */
static int look(const json_t *request, const struct hf_peer_probe_host *host, const char *machine,
                struct hf_probe_seen *seen, json_t **ret, struct hf_error *err)
{
    struct looking l = {.machine = {.type = NULL}};
    struct hf_error why = {.code = HF_OK};
    char usual[64];
    int r = take_request(&l, request, host, err);

    if (r == 0) {
        (void)snprintf(usual, sizeof usual, "qemu-system-%s", l.arch);
        l.machine.program = host->program ? host->program : usual;
        if (machine)
            l.machine.type = machine;
        if (host->fault)
            (void)hf_error_set(&why, HF_ENOTFOUND, "%s", host->fault);
        else if (hf_probe_look(&l.machine, seen, &why) < 0)
            seen->view = NULL;
        *ret = hf_probe_told_write(&(const struct hf_probe_side){
            .program = l.machine.program, .version = seen->version, .view = seen->view, .why = why.text});
        if (!*ret)
            r = hf_error_nomem(err);
    }
    hf_fwcfg_view_free(hf_take_ptr(seen->view));
    done(&l);
    return r;
}

/* ---- the two sides ---- */

static int look_here(struct hf_container *c, const struct hf_guest_needs *needs, const char *program,
                     struct hf_peer_probe *p, struct hf_error *err)
{
    struct hf_peer_probe_host host = {.program = program};
    struct hf_probe_seen seen = {.roms = &p->roms};
    struct hf_machine_record record;
    int r = hf_machine_record_load(c, &record, err);

    if (r == 0 && !program && record.program[0]) {
        r = hf_recorded_program_check(record.program, err);
        host.program = record.program;
    }
    if (r == 0)
        r = look(p->request, &host, machine_of(needs, false), &seen, &p->here, err);
    p->version = seen.version;
    memcpy(p->devices, seen.devices, sizeof p->devices);
    return r;
}

int hf_peer_probe_prepare(struct hf_container *c, const struct hf_guest_needs *needs,
                          const struct hf_peer_probe_source *source, struct hf_peer_probe *ret, struct hf_error *err)
{
    struct hf_peer_probe p = {.request = NULL};
    struct hf_error why;
    int r = request_of(c, needs, source->argv, source->argc, &p.request, &why);

    if (r == 0)
        r = look_here(c, needs, source->program, &p, &why);
    if (r < 0 && r != -HF_ENOMEM) {
        hf_peer_probe_done(&p);
        (void)snprintf(p.why, sizeof p.why, "%.500s", why.text);
        r = 0;
    }
    if (r < 0) {
        hf_peer_probe_done(&p);
        if (err)
            *err = why;
        return r;
    }
    *ret = p;
    return 0;
}

void hf_peer_probe_done(struct hf_peer_probe *p)
{
    json_decref(p->request);
    json_decref(p->here);
    *p = (struct hf_peer_probe){.request = NULL};
}

int hf_peer_probe_answer(const json_t *request, const struct hf_peer_probe_host *host, char **caps,
                         struct hf_error *err)
{
    struct hf_probe_seen seen = {.view = NULL};
    json_t *all, *told = NULL;
    char *text = NULL;
    int r;

    if (!request)
        return 0;
    all = json_loads(*caps, JSON_REJECT_DUPLICATES, NULL);
    r = json_is_object(all) ? look(request, host, NULL, &seen, &told, err)
                            : hf_error_set(err, HF_EUSAGE, "host capabilities: not a JSON object");
    if (r == 0) {
        (void)json_object_set_new(all, "probe", told);
        text = json_dumps(all, JSON_COMPACT);
        r = text ? 0 : hf_error_nomem(err);
    }
    json_decref(all);
    if (r == 0) {
        free(*caps);
        *caps = text;
    }
    return r;
}
