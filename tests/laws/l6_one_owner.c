/* SPDX-License-Identifier: BSD-2-Clause */
/* L6: one owner. Only the holder of the current epoch writes, and every commit checks it. Each host remembers the highest
 * epoch it saw of a container, and where it went. */
#include "owned.h"

#include <signal.h>
#include <sys/wait.h>

#include "copy.h"
#include "epochs.h"
#include "eventlog.h"

/* Another process that has a container open until it is told to go on. */
struct other {
    pid_t pid;
    int go[2], ready[2];
};

static bool other_begins(struct other *o)
{
    assert_int_equal(pipe(o->go), 0);
    assert_int_equal(pipe(o->ready), 0);
    fflush(stdout);
    o->pid = fork();
    assert_true(o->pid >= 0);
    if (o->pid > 0) {
        char byte;

        close(o->ready[1]);
        assert_int_equal(read(o->ready[0], &byte, 1), 1);
        return false;
    }
    signal(SIGALRM, SIG_DFL);
    alarm(300);
    return true;
}

/* In the other process: ready, and wait. */
static void other_waits(struct other *o)
{
    char byte;

    close(o->go[1]);
    if (write(o->ready[1], "r", 1) != 1 || read(o->go[0], &byte, 1) < 0)
        _exit(9);
}

static int other_ends(struct other *o)
{
    int status;

    close(o->go[1]);
    assert_int_equal(waitpid(o->pid, &status, 0), o->pid);
    close(o->go[0]);
    close(o->ready[0]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static uint8_t read_byte(struct hf_container *c)
{
    uint8_t byte = 0;

    OK(hf_bank_read(c, HF_BANK_VARS, 20000, &byte, 1, &err));
    return byte;
}

/* What is in the file now, seen by an opening of its own. */
static uint8_t stored_byte(const char *name)
{
    struct hf_container *c;
    uint8_t byte;

    OK(hf_container_open(ground_path(name), HF_OPEN_LOOK, NOW, &c, &err));
    byte = read_byte(c);
    OK(hf_container_close(c, &err));
    return byte;
}

static void a_second_runner_is_refused_and_told_who(void **state)
{
    struct hf_container *c;
    struct hf_runner runner;
    struct hf_error held;
    struct other o;
    char id[HF_ID_TEXT_SIZE], pid[32];

    make("g.hold");
    if (other_begins(&o)) {
        if (hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, NULL) < 0)
            _exit(1);
        other_waits(&o);
        _exit(hf_container_close(c, NULL) < 0);
    }
    assert_int_equal(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &held), -HF_EOWNED);
    snprintf(pid, sizeof pid, "process %ld ", (long)o.pid);
    assert_non_null(strstr(held.text, pid));
    assert_non_null(strstr(held.text, "2023-11-14T22:13:20Z"));
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_EDIT, NOW, &c, &err));
    strcpy(id, hf_container_id(c));
    OK(hf_runner_get(id, &runner, &err));
    assert_int_equal(runner.pid, o.pid);
    OK(write_byte(c, 7, &err));
    OK(hf_container_close(c, &err));
    assert_int_equal(stored_byte("g.hold"), 7);
    assert_int_equal(other_ends(&o), 0);
    assert_int_equal(stored_byte("g.hold"), 7);
    FAILS(HF_ENOTFOUND, hf_runner_get(id, &runner, &err));
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_container_close(c, &err));
}

/* What a server does that was started with the lock's descriptor: this program again, as "server PATH LOCK GO READY". */
static int serve(char **argv)
{
    int go = atoi(argv[4]), ready = atoi(argv[5]);
    struct hf_container *c;
    char byte;

    if (hf_container_open_child(argv[2], atoi(argv[3]), &c, NULL) < 0 || write_byte(c, 3, NULL) < 0)
        return 1;
    if (write(ready, "r", 1) != 1 || read(go, &byte, 1) < 0 || write_byte(c, 4, NULL) < 0)
        return 2;
    return hf_container_close(c, NULL) < 0 ? 3 : 0;
}

/* The supervisor ends; its server, which has the lock's descriptor, still holds it and goes on writing. */
static void a_surviving_server_still_holds_the_lock(void **state)
{
    struct hf_container *c;
    struct other o;
    char lock[16], go[16], ready[16];
    int fd;

    make("g.hold");
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    fd = dup(hf_container_lock_fd(c));
    if (other_begins(&o)) {
        close(o.go[1]);
        snprintf(lock, sizeof lock, "%d", fd);
        snprintf(go, sizeof go, "%d", o.go[0]);
        snprintf(ready, sizeof ready, "%d", o.ready[1]);
        execl("/proc/self/exe", "law-l6", "server", ground_path("g.hold"), lock, go, ready, NULL);
        _exit(127);
    }
    close(fd);
    assert_int_equal(read_byte(c), 3);
    OK(hf_container_close(c, &err));
    FAILS(HF_EOWNED, hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    assert_int_equal(other_ends(&o), 0);
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    assert_int_equal(read_byte(c), 4);
    OK(hf_container_close(c, &err));
}

/* The other process: opens the container, and writes when it is too late. */
_Noreturn static void comes_late(struct other *o, enum hf_open_mode mode, const char *rule)
{
    struct hf_container *late;
    struct hf_error err;
    int r;

    if (hf_container_open(ground_path("g.hold"), mode, NOW, &late, NULL) < 0)
        _exit(1);
    other_waits(o);
    r = write_byte(late, 9, &err);
    printf("# who comes late is told: %s\n", err.text);
    fflush(stdout);
    _exit(r != -HF_EREFUSED || strcmp(err.rule, rule) != 0 || hf_container_close(late, NULL) < 0);
}

/* The check inside the transaction: what was true at opening is not at the commit. */
static void a_handle_from_before_a_start_changes_nothing(void **state)
{
    struct other o;
    struct hf_container *c;

    make("g.hold");
    if (other_begins(&o))
        comes_late(&o, HF_OPEN_EDIT, "epoch");
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(write_byte(c, 1, &err));
    assert_int_equal(other_ends(&o), 0);
    assert_int_equal(read_byte(c), 1);
    OK(write_byte(c, 2, &err));
    OK(hf_container_close(c, &err));
    assert_int_equal(stored_byte("g.hold"), 2);
}

static void copy_file(const char *from, const char *to)
{
    char command[2 * PATH_MAX + 200];

    snprintf(command, sizeof command, "cp -p '%s' '%s'", ground_path(from), ground_path(to));
    assert_int_equal(system(command), 0);
}

static void of_two_copies_the_one_that_ran_is_the_container(void **state)
{
    struct hf_container *c;
    struct hf_owner owner;
    uint64_t epoch;

    make("g.hold");
    copy_file("g.hold", "copy.hold");
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    FAILS(HF_EOWNED, hf_container_open(ground_path("copy.hold"), HF_OPEN_EDIT, NOW, &c, &err));
    FAILS(HF_EOWNED, hf_owner_take(ground_path("copy.hold"), "I want it", NOW, &epoch, &err));
    OK(hf_container_close(c, &err));
    REFUSED("epoch", hf_container_open(ground_path("copy.hold"), HF_OPEN_RUN, NOW, &c, &err));
    REFUSED("epoch", hf_container_open(ground_path("copy.hold"), HF_OPEN_EDIT, NOW, &c, &err));
    FAILS(HF_EUSAGE, hf_owner_take(ground_path("copy.hold"), "", NOW, &epoch, &err));
    OK(hf_owner_take(ground_path("copy.hold"), "the other was a mistake", NOW, &epoch, &err));
    assert_int_equal(epoch, 3);
    REFUSED("epoch", hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_container_open(ground_path("copy.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_owner_get(c, &owner, &err));
    assert_int_equal(owner.epoch, 4);
    OK(hf_container_close(c, &err));
}

static void another_host_owns_nothing_until_it_takes_it(void **state)
{
    struct hf_container *c;
    uint64_t epoch;

    make("g.hold");
    ground_host("b");
    FAILS(HF_EOWNED, hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    FAILS(HF_EOWNED, hf_container_open(ground_path("g.hold"), HF_OPEN_EDIT, NOW, &c, &err));
    assert_int_equal(stored_byte("g.hold"), 0xff);
    OK(hf_owner_take(ground_path("g.hold"), "host a burnt down", NOW, &epoch, &err));
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_container_close(c, &err));
    ground_host("a");
    FAILS(HF_EOWNED, hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
}

static void a_hand_over_moves_the_epoch(void **state)
{
    struct hf_container *c;
    struct hf_epoch seen;
    struct hf_owner owner;
    char id[HF_ID_TEXT_SIZE];

    make("g.hold");
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(write_byte(c, 5, &err));
    OK(hf_container_close(c, &err));
    ground_host("b");
    ground_receive("g.hold", "moved.hold");
    ground_host("a");
    OK(hf_container_open_giving(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    strcpy(id, hf_container_id(c));
    grant(c);
    REFUSED("granted", write_byte(c, 6, &err));
    OK(hf_owner_depart(c, &host_b, NOW, &err));
    FAILS(HF_EOWNED, write_byte(c, 6, &err));
    OK(hf_container_close(c, &err));
    REFUSED("departed", hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_epoch_get(id, &seen, &err));
    assert_true(seen.departed && !seen.granted);
    assert_int_equal(seen.epoch, 3);

    ground_host("b");
    REFUSED("incoming", hf_container_open(ground_path("moved.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_container_open_incoming(ground_path("moved.hold"), NOW, &c, &err));
    assert_int_equal(read_byte(c), 5);
    REFUSED("incoming", write_byte(c, 8, &err));
    REFUSED("epoch", hf_begin_claim(c, 1, 2, NOW, &err));
    REFUSED("incoming", hf_begin_claim(c, 2, 3, NOW, &err));
    OK(hf_begin_claim(c, 1, 3, NOW, &err));
    hf_abort(c);
    REFUSED("incoming", write_byte(c, 8, &err));
    OK(hf_begin_claim(c, 1, 3, NOW, &err));
    OK(hf_bank_write(c, HF_BANK_VARS, 20000, "\x0a", 1, NULL, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
    assert_int_equal(read_byte(c), 10);
    OK(write_byte(c, 11, &err));
    OK(hf_owner_get(c, &owner, &err));
    assert_int_equal(owner.state, HF_OWNER_HELD);
    assert_int_equal(owner.epoch, 3);
    OK(hf_container_close(c, &err));
    OK(hf_container_open(ground_path("moved.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_container_close(c, &err));
}

/* A server that has slept through the grant wakes up and has something to write. */
static void a_writer_that_slept_through_the_grant_changes_nothing(void **state)
{
    struct hf_container *c;
    struct other o;

    make("g.hold");
    if (other_begins(&o))
        comes_late(&o, HF_OPEN_RUN, "granted");
    OK(hf_container_open_giving(ground_path("g.hold"), HF_OPEN_EDIT, NOW, &c, &err));
    OK(write_byte(c, 1, &err));
    grant(c);
    assert_int_equal(other_ends(&o), 0);
    OK(hf_container_close(c, &err));
    assert_int_equal(stored_byte("g.hold"), 1);
}

static void what_was_written_after_the_offer_is_not_granted_away(void **state)
{
    struct hf_digest offered;
    struct hf_container *c;
    uint32_t attempt;

    make("g.hold");
    OK(hf_container_open_giving(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_owner_offer(c, 0, &attempt, &err));
    OK(hf_transfer_digest(c, &offered, &err));
    OK(write_byte(c, 1, &err));
    REFUSED("changed", hf_owner_grant(c, attempt, &offered, &host_b, NOW, &err));
    OK(write_byte(c, 2, &err));
    OK(hf_container_close(c, &err));
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_container_close(c, &err));
}

static void a_granted_container_waits_for_the_other_sides_word(void **state)
{
    struct hf_container *c;
    struct hf_owner owner;

    make("g.hold");
    copy_file("g.hold", "before.hold");
    OK(hf_container_open_giving(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    grant(c);
    OK(hf_container_close(c, &err));
    REFUSED("granted", hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    REFUSED("granted", hf_container_open(ground_path("g.hold"), HF_OPEN_EDIT, NOW, &c, &err));
    REFUSED("granted", hf_container_open(ground_path("before.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_container_open_giving(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_owner_resume(c, &host_b, NOW, &err));
    OK(write_byte(c, 3, &err));
    OK(hf_owner_get(c, &owner, &err));
    assert_int_equal(owner.epoch, 3);
    REFUSED("step", hf_owner_resume(c, &host_b, NOW, &err));
    REFUSED("step", hf_owner_depart(c, &host_b, NOW, &err));
    OK(hf_container_close(c, &err));
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_container_close(c, &err));
    REFUSED("epoch", hf_container_open(ground_path("before.hold"), HF_OPEN_RUN, NOW, &c, &err));
}

/* The register is written before the container: what a crash in between leaves is asked about, not run. */
static void a_grant_that_was_cut_short_is_a_grant(void **state)
{
    struct hf_container *c;
    struct hf_owner owner;

    make("g.hold");
    copy_file("g.hold", "before.hold");
    OK(hf_container_open_giving(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    grant(c);
    OK(hf_container_close(c, &err));
    copy_file("before.hold", "g.hold"); /* as if its own commit had not come */
    REFUSED("granted", hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_container_open_giving(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_owner_standing(c, &owner, &err));
    assert_int_equal(owner.state, HF_OWNER_GRANTED);
    OK(hf_owner_resume(c, &host_b, NOW, &err));
    OK(hf_container_close(c, &err));
}

static void what_was_promised_away_is_never_claimed(void **state)
{
    static const struct hf_host host_a = {.id = "a", .name = "host a"};
    struct hf_container *c;
    char id[HF_ID_TEXT_SIZE];

    make("g.hold");
    ground_host("b");
    ground_receive("g.hold", "moved.hold");
    copy_file("moved.hold", "copy.hold");
    OK(hf_container_open_received(ground_path("copy.hold"), HF_OPEN_EDIT, NOW, &c, &err));
    REFUSED("copy", hf_begin_claim(c, 1, 2, NOW, &err)); /* another file than the one that was received */
    OK(hf_container_close(c, &err));
    OK(hf_container_open_incoming(ground_path("moved.hold"), NOW, &c, &err));
    strcpy(id, hf_container_id(c));
    OK(hf_owner_refuse(c, id, 1, 1, &host_a, NOW, &err));
    REFUSED("incoming", hf_begin_claim(c, 1, 2, NOW, &err));
    OK(hf_container_close(c, &err));
    copy_file("copy.hold", "moved.hold"); /* the copy's own promise is undone; the host's is not */
    OK(hf_container_open_incoming(ground_path("moved.hold"), NOW, &c, &err));
    REFUSED("incoming", hf_begin_claim(c, 1, 2, NOW, &err));
    OK(hf_container_close(c, &err));
}

/* The other host burned down. What the refusal says helps; nothing is taken before somebody said so. */
static void take_as_told(const char *name, const char *rule)
{
    struct hf_error why = {.code = HF_OK};
    struct hf_container *c;
    uint64_t epoch;

    assert_int_equal(hf_container_open(ground_path(name), HF_OPEN_RUN, NOW, &c, &why), -HF_EREFUSED);
    assert_string_equal(why.rule, rule);
    assert_non_null(strstr(why.text, "lost"));
    assert_non_null(strstr(why.text, "'holdfast owner --take --because TEXT'"));
    OK(hf_owner_take(ground_path(name), "it burned down", NOW, &epoch, &err));
    OK(hf_container_open(ground_path(name), HF_OPEN_RUN, NOW, &c, &err));
    OK(write_byte(c, 9, &err));
    OK(hf_container_close(c, &err));
}

static void when_the_other_host_is_gone_every_copy_says_what_to_do(void **state)
{
    static const struct hf_host host_a = {.id = "a", .name = "host a"};
    struct hf_container *c;
    char id[HF_ID_TEXT_SIZE];

    make("g.hold");
    ground_host("b");
    ground_receive("g.hold", "moved.hold");
    take_as_told("moved.hold", "incoming");
    ground_host("c");
    ground_receive("g.hold", "revoked.hold");
    OK(hf_container_open_incoming(ground_path("revoked.hold"), NOW, &c, &err));
    strcpy(id, hf_container_id(c));
    OK(hf_owner_refuse(c, id, 1, 1, &host_a, NOW, &err));
    OK(hf_container_close(c, &err));
    take_as_told("revoked.hold", "incoming");
    ground_host("a");
    OK(hf_container_open_giving(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    grant(c);
    OK(hf_container_close(c, &err));
    take_as_told("g.hold", "granted");
}

static void a_departed_container_can_be_taken_back(void **state)
{
    struct hf_container *c;

    make("g.hold");
    OK(hf_container_open_giving(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    grant(c);
    OK(hf_owner_depart(c, &host_b, NOW, &err));
    OK(hf_container_close(c, &err));
    take_as_told("g.hold", "departed");
}

static void a_departed_copy_is_refused_even_when_it_looks_owned(void **state)
{
    struct hf_container *c;

    make("g.hold");
    copy_file("g.hold", "copy.hold");
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_EDIT, NOW, &c, &err));
    grant(c);
    OK(hf_owner_depart(c, &host_b, NOW, &err));
    OK(hf_container_close(c, &err));
    REFUSED("departed", hf_container_open(ground_path("copy.hold"), HF_OPEN_RUN, NOW, &c, &err));
}

static void one_uuid_runs_once(void **state)
{
    struct hf_container *a, *b;

    make("g.hold");
    make("h.hold");
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &a, &err));
    FAILS(HF_EOWNED, hf_container_open(ground_path("h.hold"), HF_OPEN_RUN, NOW, &b, &err));
    OK(hf_container_close(a, &err));
    OK(hf_container_open(ground_path("h.hold"), HF_OPEN_RUN, NOW, &b, &err));
    OK(hf_container_close(b, &err));
}

/* Another host that was installed from a copy of this one's disk: the same identity, and a register and locks of its own. */
static void become_the_image_of_this_host(void)
{
    char from[PATH_MAX], command[3 * PATH_MAX];

    snprintf(from, sizeof from, "%s", getenv("HOLDFAST_STATE_DIR"));
    ground_host("image");
    snprintf(command, sizeof command, "mkdir -p -m 700 '%s' && cp '%s/host-id' '%s/'", getenv("HOLDFAST_STATE_DIR"),
             from, getenv("HOLDFAST_STATE_DIR"));
    assert_int_equal(system(command), 0);
}

static void a_file_that_two_hosts_see_runs_on_one(void **state)
{
    struct hf_container *c;
    struct hf_runner runner;
    struct hf_error held;
    uint64_t epoch;
    struct other o;
    char pid[40];

    make("g.hold");
    if (other_begins(&o)) {
        if (hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, NULL) < 0)
            _exit(1);
        other_waits(&o);
        _exit(write_byte(c, 9, NULL) == -HF_EREFUSED ? 0 : 2);
    }
    become_the_image_of_this_host();
    for (int mode = HF_OPEN_EDIT; mode <= HF_OPEN_RUN; mode++) {
        assert_int_equal(hf_container_open(ground_path("g.hold"), (enum hf_open_mode)mode, NOW, &c, &held), -HF_EOWNED);
        snprintf(pid, sizeof pid, "process %ld there", (long)o.pid);
        assert_non_null(strstr(held.text, pid));
        assert_non_null(strstr(held.text, "running since 2023-11-14T22:13:20Z"));
        assert_non_null(strstr(held.text, "owner --take"));
    }
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_LOOK, NOW, &c, &err));
    OK(hf_runner_elsewhere(c, &runner, &err));
    assert_int_equal(runner.pid, o.pid);
    OK(hf_container_close(c, &err));

    OK(hf_owner_take(ground_path("g.hold"), "that host is unplugged", NOW, &epoch, &err));
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(write_byte(c, 7, &err));
    assert_int_equal(other_ends(&o), 0); /* it wrote nothing more, and what it ended is not ours */
    assert_int_equal(access(ground_path("g.hold-owner"), F_OK), 0);
    OK(hf_container_close(c, &err));
    assert_int_equal(access(ground_path("g.hold-owner"), F_OK), -1);
    assert_int_equal(stored_byte("g.hold"), 7);
}

static void what_a_crash_leaves_beside_the_file_is_in_nobodys_way(void **state)
{
    struct hf_container *c;
    struct other o;

    make("g.hold");
    if (other_begins(&o)) {
        if (hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, NULL) < 0)
            _exit(1);
        other_waits(&o);
        _exit(0); /* nothing is closed, nothing removed */
    }
    assert_int_equal(other_ends(&o), 0);
    assert_int_equal(access(ground_path("g.hold-owner"), F_OK), 0);
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_EDIT, NOW, &c, &err));
    OK(hf_container_close(c, &err));
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    OK(hf_container_close(c, &err));
    assert_int_equal(access(ground_path("g.hold-owner"), F_OK), -1);
}

#define IN_GROUND(test) cmocka_unit_test_setup_teardown(test, ground_setup, ground_teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        IN_GROUND(a_second_runner_is_refused_and_told_who),
        IN_GROUND(a_surviving_server_still_holds_the_lock),
        IN_GROUND(a_handle_from_before_a_start_changes_nothing),
        IN_GROUND(of_two_copies_the_one_that_ran_is_the_container),
        IN_GROUND(another_host_owns_nothing_until_it_takes_it),
        IN_GROUND(a_hand_over_moves_the_epoch),
        IN_GROUND(a_writer_that_slept_through_the_grant_changes_nothing),
        IN_GROUND(what_was_written_after_the_offer_is_not_granted_away),
        IN_GROUND(a_granted_container_waits_for_the_other_sides_word),
        IN_GROUND(a_grant_that_was_cut_short_is_a_grant),
        IN_GROUND(what_was_promised_away_is_never_claimed),
        IN_GROUND(when_the_other_host_is_gone_every_copy_says_what_to_do),
        IN_GROUND(a_departed_container_can_be_taken_back),
        IN_GROUND(a_departed_copy_is_refused_even_when_it_looks_owned),
        IN_GROUND(a_file_that_two_hosts_see_runs_on_one),
        IN_GROUND(what_a_crash_leaves_beside_the_file_is_in_nobodys_way),
        IN_GROUND(one_uuid_runs_once),
    };

    if (argc == 6 && strcmp(argv[1], "server") == 0)
        return serve(argv);
    return cmocka_run_group_tests_name("law-l6", tests, NULL, NULL);
}
