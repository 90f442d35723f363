/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * L7: what was acknowledged as durable survives any crash; what follows is a prefix of the guest's own writes. The power
 * goes at every moment of a container's life, with the last write torn and what was not synced lost or scattered; every
 * such disk is laid out and opened. All moments with HOLDFAST_LONG=1, otherwise every few, from a printed seed.
 */
#include "workload.h"

#include <sys/stat.h>
#include <time.h>

#include "disk_vfs.h"

#define COMMITS_MAX 4096

/* The view after each commit, by the container's own count. */
static struct {
    struct hf_digest view[COMMITS_MAX];
    bool known[COMMITS_MAX];
} history;

static void remember(struct workload *w, bool durable)
{
    uint64_t commits;

    OK(hf_container_commits(w->c, &commits, &err));
    assert_true(commits < COMMITS_MAX);
    OK(view_of(w->c, &history.view[commits], &err));
    history.known[commits] = true;
    disk_note(commits, durable);
}

/* The store's own commits change no value: the last known one counts. */
static const struct hf_digest *view_after(uint64_t commits)
{
    while (commits > 0 && !history.known[commits])
        commits--;
    return &history.view[commits];
}

static uint8_t *base;
static size_t base_size;

static void load_base(const char *path)
{
    FILE *f = fopen(path, "rb");

    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    base_size = (size_t)ftell(f);
    rewind(f);
    free(base);
    base = (uint8_t *)malloc(base_size);
    assert_int_equal(fread(base, 1, base_size, f), base_size);
    fclose(f);
}

static void live(void)
{
    struct workload w = {.committed = remember};
    struct hf_container *c = view_container("g.hold", 20000);
    uint64_t commits;

    memset(&history, 0, sizeof history);
    OK(hf_container_commits(c, &commits, &err));
    OK(view_of(c, &history.view[commits], &err));
    history.known[commits] = true;
    OK(hf_container_close(c, &err));
    snprintf(w.path, sizeof w.path, "%s", ground_path("g.hold"));
    load_base(w.path);
    disk_begin(w.path);
    disk_note(commits, true);
    for (unsigned n = 0; n < WORKLOAD_STEPS; n++)
        OK(workload_step(&w, n, &err));
    disk_end();
}

/* The last commit acknowledged as durable within the first `count` events. */
static uint64_t durable_until(size_t count)
{
    const struct disk_event *events;
    uint64_t commits = 0;

    disk_events(&events);
    for (size_t i = 0; i < count; i++)
        if (events[i].kind == DISK_NOTE && events[i].durable)
            commits = events[i].at;
    return commits;
}

static void look_after(size_t count, enum disk_layout layout, uint32_t seed)
{
    uint64_t durable = durable_until(count), commits = 0;
    struct hf_container *c = NULL;
    struct hf_error e = {0};
    struct hf_digest view;
    int r = hf_container_open(ground_path("x.hold"), HF_OPEN_LOOK, NOW, &c, &e);

    if (r == 0)
        r = hf_container_commits(c, &commits, &e);
    if (r == 0)
        r = view_of(c, &view, &e);
    hf_container_done(&c);
    if (r < 0)
        fail_msg("power cut after event %zu, layout %d, seed %u: %s", count, layout, seed, e.text);
    if (commits < durable)
        fail_msg("power cut after event %zu, layout %d, seed %u: %llu commits there, %llu were durable", count, layout,
                 seed, (unsigned long long)commits, (unsigned long long)durable);
    if (!hf_digest_equal(&view, view_after(commits)))
        fail_msg("power cut after event %zu, layout %d, seed %u: not what commit %llu left", count, layout, seed,
                 (unsigned long long)commits);
}

/* And it can be backed up as it is, and written again. */
static void go_on_after(size_t count, enum disk_layout layout, uint32_t seed)
{
    const char *backup = workload_backup_path(ground_path("x.hold"));
    struct hf_digest have[2], saved[2];
    struct hf_error e = {0};
    uint64_t epoch;

    (void)unlink(backup);
    OK(workload_result(ground_path("x.hold"), have, &err));
    if (hf_backup(ground_path("x.hold"), backup, NOW, &e) < 0)
        fail_msg("power cut after event %zu, layout %d, seed %u: no backup: %s", count, layout, seed, e.text);
    OK(workload_result(backup, saved, &err));
    assert_memory_equal(have, saved, sizeof have);

    if (hf_owner_take(ground_path("x.hold"), "test", NOW, &epoch, &e) < 0)
        fail_msg("power cut after event %zu, layout %d, seed %u: cannot go on: %s", count, layout, seed, e.text);
    if (access(ground_path("x.hold-wal"), F_OK) == 0)
        fail_msg("power cut after event %zu: the log stays", count);
}

static void the_power_goes(void **state)
{
    const struct disk_event *events;
    struct unit_points points;
    unsigned tried = 0;
    size_t count;

    live();
    count = disk_events(&events);
    points = unit_points((unsigned)count, 80);
    setenv("HOLDFAST_BOOT_ID", "after-the-power-cut", 1);
    for (size_t i = points.first; i <= count; i += points.step)
        for (unsigned layout = DISK_ALL; layout <= DISK_SCATTERED + 2; layout++) {
            enum disk_layout how = layout < DISK_SCATTERED ? (enum disk_layout)layout : DISK_SCATTERED;

            disk_lay_out(ground_path("x.hold"), base, base_size, i, how, points.seed + layout);
            look_after(i, how, points.seed + layout);
            if (tried % 16 == 0)
                go_on_after(i, how, points.seed + layout);
            tried++;
        }
    unsetenv("HOLDFAST_BOOT_ID");
    unit_points_tried(&points, tried, "power cuts");
}

static void the_power_goes_with_a_rollback_journal(void **state)
{
    setenv("HOLDFAST_ROLLBACK_JOURNAL", "1", 1);
    the_power_goes(state);
    unsetenv("HOLDFAST_ROLLBACK_JOURNAL");
}

#define IN_GROUND(test) cmocka_unit_test_setup_teardown(test, ground_setup, ground_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUND(the_power_goes),
        IN_GROUND(the_power_goes_with_a_rollback_journal),
    };

    return cmocka_run_group_tests_name("law-l7-power-cut", tests, NULL, NULL);
}
