/* SPDX-License-Identifier: BSD-2-Clause */
/* L7: what a committing thread puts into a container is always the guest's view of one moment, in order. */
#include "unit.h"

#include "committer.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#define PAGE      HF_WRITE_QUEUE_PAGE
#define PAGES     64u
#define BANK_SIZE (PAGES * PAGE)

/* A container of memory. Page `p` of the guest's writes carries a number at its start; see write_number(). */
static struct {
    pthread_mutex_t lock;
    uint8_t bytes[BANK_SIZE];
    unsigned commits, failing, direct;
    bool out_of_order;
    unsigned behind, caught_up;
    uint64_t behind_bytes;
} box = {.lock = PTHREAD_MUTEX_INITIALIZER};

static char directory[] = "/tmp/hf-committer-XXXXXX";
static char path[64];
static const struct hf_queue_owner owner = {.id = "test", .place = "/test.hold"};

static uint64_t number_at(const uint8_t *bank, uint32_t page)
{
    uint64_t n;

    memcpy(&n, bank + page * PAGE, sizeof n);
    return n;
}

/* Writes go round over pages 0 to 9 with a growing number. A prefix of them has numbers that, from the page of the
 * highest on, fall by exactly one per step back. */
static bool is_a_prefix(const uint8_t *bank)
{
    uint64_t highest = 0;

    for (uint32_t page = 0; page < 10; page++)
        if (number_at(bank, page) > highest)
            highest = number_at(bank, page);
    for (uint64_t n = highest; n > 0 && n + 10 > highest; n--)
        if (number_at(bank, (uint32_t)(n % 10)) != n)
            return false;
    return true;
}

static int commit(void *opaque, const struct hf_write_queue *q, struct hf_error *err)
{
    const uint8_t *p;
    int r = 0;

    pthread_mutex_lock(&box.lock);
    if (box.failing)
        r = hf_error_set(err, HF_ENOSPC, "the disk is full");
    for (uint32_t page = 0; r == 0 && (p = hf_write_queue_sealed(q, &page)); page++)
        memcpy(box.bytes + page * PAGE, p, PAGE);
    if (r == 0)
        box.commits++;
    if (!is_a_prefix(box.bytes))
        box.out_of_order = true;
    pthread_mutex_unlock(&box.lock);
    return r;
}

static int read_box(void *opaque, uint64_t offset, void *bytes, size_t size, struct hf_error *err)
{
    pthread_mutex_lock(&box.lock);
    memcpy(bytes, box.bytes + offset, size);
    pthread_mutex_unlock(&box.lock);
    return 0;
}

static int load(void *opaque, uint32_t page, uint8_t *bytes, struct hf_error *err)
{
    return read_box(NULL, page * PAGE, bytes, PAGE, err);
}

static int write_box(void *opaque, uint64_t offset, const void *bytes, size_t size, struct hf_error *err)
{
    int r = 0;

    pthread_mutex_lock(&box.lock);
    if (box.failing)
        r = hf_error_set(err, HF_ENOSPC, "the disk is full");
    else
        memcpy(box.bytes + offset, bytes, size);
    box.direct += r == 0;
    pthread_mutex_unlock(&box.lock);
    return r;
}

static void status(void *opaque, const struct hf_nbd_status *s)
{
    pthread_mutex_lock(&box.lock);
    if (s->kind == HF_NBD_BEHIND) {
        box.behind++;
        box.behind_bytes = s->bytes;
        assert_true(s->since > 1000000000);
        assert_string_equal(s->text, "the disk is full");
    } else {
        assert_int_equal(s->kind, HF_NBD_CAUGHT_UP);
        box.caught_up++;
    }
    pthread_mutex_unlock(&box.lock);
}

static const struct hf_committer_ops ops = {.commit = commit, .read = read_box, .write = write_box, .status = status};

struct fixture {
    struct hf_queue_file *file;
    struct hf_committer *committer;
};

static void start(struct fixture *f)
{
    struct hf_error err = {0};

    if (hf_queue_file_open(path, &owner, BANK_SIZE, load, NULL, &f->file, &err) < 0 ||
        hf_committer_start(f->file, &ops, &f->committer, &err) < 0)
        fail_msg("%s", err.text);
}

static int stop_committer(struct fixture *f)
{
    int r = hf_committer_stop(f->committer, NULL);

    hf_queue_file_close(f->file);
    return r;
}

static int clean(void **state)
{
    pthread_mutex_lock(&box.lock);
    memset(box.bytes, 0, sizeof box.bytes);
    box.commits = box.failing = box.direct = box.behind = box.caught_up = 0;
    box.out_of_order = false;
    pthread_mutex_unlock(&box.lock);
    unlink(path);
    return 0;
}

static void write_number(struct fixture *f, uint64_t n)
{
    assert_int_equal(hf_committer_write(f->committer, n % 10 * PAGE, &n, sizeof n, NULL), 0);
}

static void set_failing(unsigned failing)
{
    pthread_mutex_lock(&box.lock);
    box.failing = failing;
    pthread_mutex_unlock(&box.lock);
}

static unsigned get(const unsigned *what)
{
    unsigned n;

    pthread_mutex_lock(&box.lock);
    n = *what;
    pthread_mutex_unlock(&box.lock);
    return n;
}

static void await(const unsigned *what, unsigned at_least)
{
    for (unsigned i = 0; i < 60000 && get(what) < at_least; i++)
        usleep(1000);
    assert_true(get(what) >= at_least);
}

static void a_flush_returns_when_everything_before_it_is_in(void **state)
{
    struct fixture f;

    start(&f);
    assert_int_equal(hf_committer_flush(f.committer, NULL), 0);
    assert_int_equal(get(&box.commits), 0);
    for (uint64_t n = 1; n <= 200; n++) {
        write_number(&f, n);
        if (n % 20 == 0) {
            assert_int_equal(hf_committer_flush(f.committer, NULL), 0);
            assert_int_equal(number_at(box.bytes, (uint32_t)(n % 10)), n);
        }
    }
    assert_false(box.out_of_order);
    assert_int_equal(stop_committer(&f), 0);
}

static uint64_t number_in(uint32_t page)
{
    uint64_t n;

    pthread_mutex_lock(&box.lock);
    n = number_at(box.bytes, page);
    pthread_mutex_unlock(&box.lock);
    return n;
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A writer that is kept from the processor for longer than writes wait for each other shows nothing. */
static void writes_come_in_by_themselves_and_together(void **state)
{
    int64_t began = now_ms();
    struct fixture f;

    start(&f);
    for (uint64_t n = 1; n <= 50; n++)
        write_number(&f, n);
    for (unsigned i = 0; i < 60000 && number_in(0) != 50; i++)
        usleep(1000);
    assert_int_equal(number_in(0), 50);
    assert_true(get(&box.commits) < 20 || now_ms() - began > 200);
    assert_int_equal(stop_committer(&f), 0);
}

static void a_failing_commit_keeps_order_answers_and_what_the_guest_sees(void **state)
{
    struct hf_error err;
    struct fixture f;
    uint64_t seen;

    start(&f);
    for (uint64_t n = 1; n <= 7; n++)
        write_number(&f, n);
    assert_int_equal(hf_committer_flush(f.committer, NULL), 0);
    set_failing(1);
    for (uint64_t n = 8; n <= 300; n++) {
        write_number(&f, n);
        assert_int_equal(hf_committer_read(f.committer, n % 10 * PAGE, &seen, sizeof seen, NULL), 0);
        assert_int_equal(seen, n);
        usleep(200);
    }
    await(&box.behind, 1);
    assert_int_equal(hf_committer_flush(f.committer, &err), -HF_ENOSPC);
    assert_string_equal(err.text, "the disk is full");
    assert_true(box.behind_bytes >= PAGE);
    assert_int_equal(number_at(box.bytes, 7), 7);
    assert_int_equal(get(&box.caught_up), 0);
    set_failing(0);
    await(&box.caught_up, 1);
    assert_int_equal(hf_committer_flush(f.committer, &err), 0);
    assert_int_equal(number_at(box.bytes, 0), 300);
    assert_false(box.out_of_order);
    assert_int_equal(get(&box.behind), 1);
    assert_int_equal(stop_committer(&f), 0);
}

static void what_cannot_be_brought_in_at_the_end_waits_for_the_next(void **state)
{
    struct hf_queue_state queue_state;
    struct fixture f;
    uint64_t seen;

    start(&f);
    set_failing(1);
    for (uint64_t n = 1; n <= 25; n++)
        write_number(&f, n);
    assert_int_equal(stop_committer(&f), -HF_ENOSPC);
    assert_int_equal(hf_queue_file_look(path, &owner, &queue_state, NULL), 0);
    assert_int_equal(queue_state.bytes, 10 * PAGE);
    assert_true(queue_state.behind_since > 0);
    set_failing(0);
    start(&f);
    assert_int_equal(hf_committer_read(f.committer, 5 * PAGE, &seen, sizeof seen, NULL), 0);
    assert_int_equal(seen, 25);
    assert_int_equal(hf_committer_flush(f.committer, NULL), 0);
    assert_int_equal(number_at(box.bytes, 5), 25);
    assert_int_equal(number_at(box.bytes, 6), 16);
    assert_int_equal(stop_committer(&f), 0);
    assert_false(box.out_of_order);
}

/* Makes `directory` a file system of its own that holds the queue's head and three pages. */
static bool mount_small(void)
{
    char options[64];

    snprintf(options, sizeof options, "size=%zu", hf_write_queue_head_size(BANK_SIZE) + 3 * PAGE);
    if (unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNS) < 0)
        return false;
    return mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", directory, "tmpfs", MS_NOSUID | MS_NODEV, options) == 0;
}

/* The queue gets no more memory: what waits is brought in to make room, and a write that still finds none goes past. */
static void without_memory_for_the_queue_nothing_is_lost(void **state)
{
    static uint8_t big[20 * PAGE];
    struct fixture f;

    if (!mount_small()) {
        print_message("# no right to mount a small file system here\n");
        skip();
    }
    start(&f);
    for (uint64_t n = 1; n <= 100; n++)
        write_number(&f, n);
    memset(big, 0x33, sizeof big);
    assert_int_equal(hf_committer_write(f.committer, 30 * PAGE, big, sizeof big, NULL), 0);
    assert_true(get(&box.direct) > 0);
    assert_memory_equal(box.bytes + 30 * PAGE, big, sizeof big);
    assert_int_equal(stop_committer(&f), 0);
    assert_false(box.out_of_order);
    assert_int_equal(number_at(box.bytes, 0), 100);
    assert_int_equal(number_at(box.bytes, 9), 99);
    assert_int_equal(umount(directory), 0);
}

static void extents_stop_at_pages_that_wait(void **state)
{
    struct fixture f;

    start(&f);
    set_failing(1);
    assert_int_equal(hf_committer_untouched(f.committer, 0, BANK_SIZE), BANK_SIZE);
    write_number(&f, 4);
    assert_int_equal(hf_committer_untouched(f.committer, 0, BANK_SIZE), 4 * PAGE);
    assert_int_equal(hf_committer_untouched(f.committer, 100, BANK_SIZE - 100), 4 * PAGE - 100);
    assert_int_equal(hf_committer_untouched(f.committer, 4 * PAGE + 5, 100), 0);
    assert_int_equal(hf_committer_untouched(f.committer, 5 * PAGE, PAGE), PAGE);
    set_failing(0);
    assert_int_equal(stop_committer(&f), 0);
}

static void *read_all_the_time(void *opaque)
{
    struct fixture *f = opaque;
    static uint8_t bank[BANK_SIZE];

    for (unsigned i = 0; i < 400; i++) {
        assert_int_equal(hf_committer_read(f->committer, 0, bank, 10 * PAGE, NULL), 0);
        assert_true(is_a_prefix(bank));
    }
    return NULL;
}

static void readers_see_moments_of_the_guest(void **state)
{
    struct fixture f;
    pthread_t reader;

    start(&f);
    assert_int_equal(pthread_create(&reader, NULL, read_all_the_time, &f), 0);
    for (uint64_t n = 1; n <= 20000; n++)
        write_number(&f, n);
    pthread_join(reader, NULL);
    assert_int_equal(stop_committer(&f), 0);
    assert_false(box.out_of_order);
    assert_int_equal(number_at(box.bytes, 0), 20000);
}

static int make_directory(void **state)
{
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/vars.queue", directory);
    return 0;
}

static int remove_directory(void **state)
{
    unlink(path);
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_flush_returns_when_everything_before_it_is_in, clean),
        cmocka_unit_test_setup(writes_come_in_by_themselves_and_together, clean),
        cmocka_unit_test_setup(a_failing_commit_keeps_order_answers_and_what_the_guest_sees, clean),
        cmocka_unit_test_setup(what_cannot_be_brought_in_at_the_end_waits_for_the_next, clean),
        cmocka_unit_test_setup(without_memory_for_the_queue_nothing_is_lost, clean),
        cmocka_unit_test_setup(extents_stop_at_pages_that_wait, clean),
        cmocka_unit_test_setup(readers_see_moments_of_the_guest, clean),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
