/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * L7 when the system says no to the store itself, not to SQLite: every open, read, write, sync, rename, removal and lock
 * of a container's making, life, backup, cloning and restoring fails once, and so does every request for memory. The
 * step that met it says so in one line or succeeds; done again it succeeds; what is there in the end is what would be
 * there without the failure, nothing is left beside it, and no descriptor and no memory is lost. Every call with
 * HOLDFAST_LONG=1, otherwise every few.
 */
#include "workload.h"

#include <dirent.h>
#include <errno.h>
#include <time.h>

#include <sqlite3.h>

#include "cleanup.h"
#include "refusal.h"
#include "whole_file.h"

#define ATTEMPTS 4
#define LEFT_MAX 4096

static const char clone_uuid[] = "fedcba98-7654-3210-fedc-ba9876543210";
static const char bytes[] = "what a file may hold";

static int make(struct workload *w, struct hf_error *err)
{
    return hf_container_create(w->path, &ground_guest, NOW, &w->c, err);
}

static int equip(struct workload *w, struct hf_error *err)
{
    static uint8_t code[20000];
    struct hf_slot_info slot = {.since = NOW, .label = "first", .origin = "first.fd"};
    int r = hf_begin(w->c, err);

    ground_bytes(code, sizeof code, 1);
    if (r == 0)
        r = hf_image_add(w->c, HF_IMAGE_CODE, "first", code, sizeof code, NOW, &slot.code, err);
    if (r == 0)
        r = hf_slot_set(w->c, HF_SLOT_ACTIVE, &slot, err);
    if (r == 0)
        r = hf_bank_resize(w->c, HF_BANK_CODE, 32 << 10, err);
    if (r == 0)
        r = hf_bank_resize(w->c, HF_BANK_VARS, BANK_SIZE, err);
    if (r == 0)
        r = hf_commit(w->c, HF_DURABLE, err);
    hf_abort(w->c);
    return r;
}

static int flash(struct workload *w, struct hf_error *err)
{
    return workload_flash(w, 15, err);
}

static int flash_again(struct workload *w, struct hf_error *err)
{
    return workload_flash(w, 63, err);
}

static int reserve(struct workload *w, struct hf_error *err)
{
    return hf_container_reserve(w->c, 100 << 10, err);
}

static int check(struct workload *w, struct hf_error *err)
{
    struct hf_check_report report;
    unsigned findings = 0;
    int r = hf_check(w->path, workload_finding, &findings, &report, err);

    assert_true(r < 0 || findings == 0);
    return r;
}

static int look(struct workload *w, struct hf_error *err)
{
    struct hf_digest result[2];

    return workload_result(w->path, result, err);
}

static int back_up(struct workload *w, struct hf_error *err)
{
    return hf_backup(w->path, workload_backup_path(w->path), NOW, err);
}

static int clone(struct workload *w, struct hf_error *err)
{
    return hf_clone(w->path, ground_path("clone.hold"), clone_uuid, "another", NOW, err);
}

static int restore(struct workload *w, struct hf_error *err)
{
    return hf_restore(workload_backup_path(w->path), ground_path("restored.hold"), NOW, err);
}

static int write_file(struct workload *w, struct hf_error *err)
{
    return hf_file_write_new(ground_path("file"), bytes, 4, 0600, err);
}

static int replace_file(struct workload *w, struct hf_error *err)
{
    return hf_file_replace(ground_path("file"), bytes, sizeof bytes, 0600, NULL, err);
}

static int read_file(struct workload *w, struct hf_error *err)
{
    uint8_t *found = NULL;
    uint64_t size = 0;
    int r = hf_file_read(ground_path("file"), 4096, &found, &size, err);

    assert_true(r < 0 || (size == sizeof bytes && memcmp(found, bytes, sizeof bytes) == 0));
    free(found);
    return r;
}

static const struct {
    const char *name;
    int (*run)(struct workload *w, struct hf_error *err);
    bool open; /* with the container open */
} steps[] = {
    {"create", make, false},
    {"equip", equip, true},
    {"close", workload_close, true},
    {"flash", flash, true},
    {"reserve", reserve, true},
    {"stage", workload_stage, true},
    {"apply", workload_apply, true},
    {"flash again", flash_again, true},
    {"close", workload_close, true},
    {"check", check, false},
    {"back up", back_up, false},
    {"look", look, false},
    {"clone", clone, false},
    {"write a file", write_file, false},
    {"replace a file", replace_file, false},
    {"read a file", read_file, false},
    {"restore", restore, false},
};

/* Done, but for the last sync of its directory: as good as done where no host crashes. */
static bool is_done(int r)
{
    return r >= 0 || r == -HF_EUNSYNCED;
}

static bool may_say(int r)
{
    return r == -HF_EUNSYNCED || r == -HF_EIO || r == -HF_ENOSPC || r == -HF_ENOMEM || r == -HF_ETIMEDOUT;
}

static int attempt(struct workload *w, size_t n, struct hf_error *err)
{
    int r = steps[n].open && !w->c ? workload_open(w, err) : 0;

    return r < 0 ? r : steps[n].run(w, err);
}

static void run_step(struct workload *w, size_t n, unsigned point)
{
    struct hf_error e = {0};
    int r = -1;

    for (unsigned i = 0; i < ATTEMPTS && !is_done(r); i++) {
        r = attempt(w, n, &e);
        if (r < 0 && (!may_say(r) || !e.text[0] || strchr(e.text, '\n')))
            fail_msg("call %u (%s): '%s' says %d: '%s'", point, refusal_happened(), steps[n].name, r, e.text);
    }
    if (!is_done(r))
        fail_msg("call %u (%s): '%s' does not recover: %s", point, refusal_happened(), steps[n].name, e.text);
}

static unsigned descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((const char *)a, (const char *)b);
}

/* The names in the ground, one after the other. */
static void list_ground(char left[LEFT_MAX])
{
    char names[32][64];
    DIR *d = opendir(ground_dir);
    struct dirent *e;
    size_t n = 0, at = 0;

    assert_non_null(d);
    while ((e = readdir(d)))
        if (e->d_name[0] != '.' && n < 32)
            snprintf(names[n++], sizeof names[0], "%.63s", e->d_name);
    closedir(d);
    qsort(names, n, sizeof names[0], by_name);
    left[0] = '\0';
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(left + at, LEFT_MAX - at, "%s ", names[i]);
}

struct end {
    struct hf_digest of[3][2]; /* container, backup, clone */
    struct hf_digest restored[2];
    char left[LEFT_MAX];
};

static unsigned live(enum refusal_kind kind, unsigned nth, int code, struct end *end)
{
    struct workload w = {.c = NULL};
    unsigned calls, before = descriptors();

    ground_teardown(NULL);
    ground_setup(NULL);
    snprintf(w.path, sizeof w.path, "%s", ground_path("g.hold"));
    refusal_begin(kind, nth, code);
    for (size_t n = 0; n < HF_ARRAY_SIZE(steps); n++)
        run_step(&w, n, nth);
    calls = refusal_end();
    if (descriptors() != before || sqlite3_memory_used() != 0)
        fail_msg("call %u (%s): %u descriptors and %lld bytes of SQLite's are lost", nth, refusal_happened(),
                 descriptors() - before, (long long)sqlite3_memory_used());
    memset(end, 0, sizeof *end);
    OK(workload_result(w.path, end->of[0], &err));
    OK(workload_result(workload_backup_path(w.path), end->of[1], &err));
    OK(workload_result(ground_path("clone.hold"), end->of[2], &err));
    OK(workload_result(ground_path("restored.hold"), end->restored, &err));
    assert_int_equal(workload_findings(w.path) + workload_findings(workload_backup_path(w.path)) +
                         workload_findings(ground_path("clone.hold")) + workload_findings(ground_path("restored.hold")),
                     0);
    list_ground(end->left);
    return calls;
}

/* What could not be removed stays, and so does a lock that could not be told from another's. */
static bool may_leave(const char *refused, const char *left)
{
    return refused && (strcmp(refused, "unlink") == 0 || (strstr(refused, "stat64") && strstr(left, "g.hold-owner ")));
}

static void refuse_each(enum refusal_kind kind, int code, unsigned samples)
{
    static struct end want, got;
    unsigned calls = live(kind, 0, 0, &want), tried = 0;
    struct unit_points points = unit_points(calls, samples);

    for (unsigned n = points.first; n <= calls; n += points.step, tried++) {
        live(kind, n, code, &got);
        if (may_leave(refusal_happened(), got.left))
            memcpy(got.left, want.left, sizeof got.left);
        if (strcmp(want.left, got.left) != 0)
            fail_msg("call %u (%s): left are %s, not %s", n, refusal_happened(), got.left, want.left);
        if (memcmp(&want, &got, sizeof want) != 0)
            fail_msg("call %u (%s): another result", n, refusal_happened());
    }
    unit_points_tried(&points, tried, "calls that fail");
}

static void a_system_call_fails_with_an_io_error(void **state)
{
    refuse_each(REFUSE_SYSTEM, EIO, 120);
}

static void a_system_call_fails_for_want_of_room(void **state)
{
    refuse_each(REFUSE_SYSTEM, ENOSPC, 120);
}

static void memory_is_refused(void **state)
{
    refuse_each(REFUSE_MEMORY, 0, 160);
}

#define IN_GROUND(test) cmocka_unit_test_setup_teardown(test, ground_setup, ground_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUND(a_system_call_fails_with_an_io_error),
        IN_GROUND(a_system_call_fails_for_want_of_room),
        IN_GROUND(memory_is_refused),
    };

    refusal_init();
    (void)flash_trace_bank(0); /* its files are no part of a container's life */
    return cmocka_run_group_tests_name("law-l7-refused-calls", tests, NULL, NULL);
}
