/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * L7 when the system says no: every open, write, truncation, sync and removal of a container's life fails once, with an
 * I/O error and with a full disk. The step that met it says so or succeeds; done again it succeeds; and what is there in
 * the end is what would be there without the failure. Every call with HOLDFAST_LONG=1, otherwise every few.
 */
#include "workload.h"

#include <sqlite3.h>
#include <time.h>

#include "disk_vfs.h"

#define ATTEMPTS 4

static bool may_say(int r)
{
    return r == -HF_EIO || r == -HF_ENOSPC || r == -HF_ETIMEDOUT || r == -HF_EREFUSED;
}

/* A life in which each step is repeated until it succeeds. */
static unsigned live(unsigned fail_at, int code, struct hf_digest result[4])
{
    struct workload w = {.c = NULL};
    struct hf_container *c = view_container("g.hold", 20000);
    unsigned calls;

    OK(hf_container_close(c, &err));
    snprintf(w.path, sizeof w.path, "%s", ground_path("g.hold"));
    disk_begin(w.path);
    disk_fail(fail_at, code);
    for (unsigned n = 0; n < WORKLOAD_STEPS; n++) {
        struct hf_error e = {0};
        int r = -1;

        for (unsigned attempt = 0; attempt < ATTEMPTS && r < 0; attempt++) {
            r = workload_step(&w, n, &e);
            if (r < 0 && (!may_say(r) || !e.text[0]))
                fail_msg("call %u failing with %d: step %u says %d '%s'", fail_at, code, n, r, e.text);
        }
        if (r < 0)
            fail_msg("call %u failing with %d: step %u does not recover: %s", fail_at, code, n, e.text);
    }
    calls = disk_calls();
    disk_end();
    OK(hf_container_close(w.c, &err));
    OK(workload_result(ground_path("g.hold"), result, &err));
    OK(workload_result(workload_backup_path(w.path), result + 2, &err));
    assert_int_equal(workload_findings(w.path) + workload_findings(workload_backup_path(w.path)), 0);
    return calls;
}

static void fail_each(void)
{
    static const int codes[] = {SQLITE_IOERR, SQLITE_FULL};
    struct hf_digest want[4], got[4];
    unsigned calls = live(0, 0, want), tried = 0;
    struct unit_points points = unit_points(calls, 30);

    for (unsigned n = points.first; n <= calls; n += points.step)
        for (size_t i = 0; i < 2; i++) {
            ground_teardown(NULL);
            ground_setup(NULL);
            live(n, codes[i], got);
            if (memcmp(want, got, sizeof want) != 0)
                fail_msg("call %u failing with %d: another result", n, codes[i]);
            tried++;
        }
    unit_points_tried(&points, tried, "calls that fail");
}

static void each_call_fails_once(void **state)
{
    fail_each();
}

static void each_call_fails_once_with_a_rollback_journal(void **state)
{
    setenv("HOLDFAST_ROLLBACK_JOURNAL", "1", 1);
    fail_each();
    unsetenv("HOLDFAST_ROLLBACK_JOURNAL");
}

#define IN_GROUND(test) cmocka_unit_test_setup_teardown(test, ground_setup, ground_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUND(each_call_fails_once),
        IN_GROUND(each_call_fails_once_with_a_rollback_journal),
    };

    return cmocka_run_group_tests_name("law-l7-failures", tests, NULL, NULL);
}
