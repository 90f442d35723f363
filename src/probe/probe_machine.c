/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe_machine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "board.h"
#include "child.h"
#include "cleanup.h"

#define OUTPUT_SIZE 8192

static void add_bank(struct hf_words *w, const char *name, const char *file, uint64_t size, bool writable)
{
    json_t *node =
        file ? json_pack("{s:s, s:s}", "driver", "file", "filename", file)
             : json_pack("{s:s, s:b, s:I}", "driver", "null-co", "read-zeroes", true, "size", (json_int_t)size);

    json_object_set_new(node, "node-name", json_string(name));
    json_object_set_new(node, "read-only", json_boolean(!writable));
    hf_words_add(w, "-blockdev");
    hf_words_add_json(w, node);
}

static void add_all(struct hf_words *w, char *const *words)
{
    for (; words && *words; words++)
        hf_words_add(w, *words);
}

static void build(const struct hf_probe_machine *m, char *const *more, struct hf_words *w)
{
    hf_words_add(w, m->program);
    add_bank(w, "hf-code", m->code_file, m->code_size, false);
    if (m->vars_size)
        add_bank(w, "hf-vars", m->vars_file, m->vars_size, true);
    hf_words_add(w, "-machine");
    hf_words_addf(w, "type=%s,accel=tcg,pflash0=hf-code%s%s", m->type, m->vars_size ? ",pflash1=hf-vars" : "",
                  m->needs_smm ? ",smm=on" : "");
    if (m->needs_smm) {
        hf_words_add(w, "-global");
        hf_words_add(w, "driver=cfi.pflash01,property=secure,value=on");
    }
    if (m->rom_dir) {
        hf_words_add(w, "-L");
        hf_words_add(w, m->rom_dir);
    }
    if (m->uuid && m->uuid[0]) {
        hf_words_add(w, "-uuid");
        hf_words_add(w, m->uuid);
    }
    hf_words_add(w, "-display");
    hf_words_add(w, "none");
    hf_words_add(w, "-monitor");
    hf_words_add(w, "none");
    add_all(w, m->words);
    add_all(w, more);
}

int hf_probe_start(const struct hf_probe_machine *m, char *const *more, const int *keep, size_t keep_count,
                   struct hf_probe_child *ret, struct hf_error *err)
{
    struct hf_child_spec spec = {.keep_count = keep_count, .detached = true};
    enum hf_board board = hf_board_of(m->type);
    hf_auto(hf_words_done) struct hf_words w = {0};
    struct hf_probe_child child;
    int r;

    /* The name may be a container's, and what is no name would be options. */
    if (board == HF_BOARD_NONE || board == HF_BOARD_OTHER)
        return hf_error_refuse(err, "machine", "machine type '%s': unsupported; use pc (i440fx), q35 or virt", m->type);
    child.output = memfd_create("holdfast-probe", MFD_CLOEXEC);
    if (child.output < 0)
        return hf_error_set(err, HF_EIO, "memfd_create: %s", strerror(errno));
    build(m, more, &w);
    memcpy(spec.keep, keep, keep_count * sizeof *keep);
    spec.argv = w.at;
    spec.output = spec.errors = child.output;
    r = w.bad ? hf_error_nomem(err) : hf_child_start(&spec, &child.pid, err);
    if (r < 0)
        (void)close(child.output);
    else
        *ret = child;
    return r;
}

void hf_probe_end(struct hf_probe_child *child)
{
    (void)kill(child->pid, SIGKILL);
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    (void)close(child->output);
}

/* Warnings and a module's troubles stand above what ended it. */
static bool is_idle_talk(const char *line)
{
    return line[0] == '\0' || strstr(line, "warning:") || strstr(line, "Only modules from the same build") ||
           strstr(line, "failed to initialize module");
}

void hf_probe_words(const struct hf_probe_child *child, char *text, size_t size)
{
    char output[OUTPUT_SIZE] = "", *rest = output, *line;
    ssize_t n = pread(child->output, output, sizeof output - 1, 0);

    output[n > 0 ? n : 0] = '\0';
    text[0] = '\0';
    while ((line = strsep(&rest, "\n"))) {
        const char *after = strstr(line, ": ");

        /* "PROGRAM: what", and below it a hint without a program's name. */
        if (!is_idle_talk(line) && (after || text[0] == '\0'))
            (void)snprintf(text, size, "%s", after ? after + 2 : line);
    }
}
