/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "write_queue.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE      HF_WRITE_QUEUE_PAGE
#define BANK_SIZE (40u * PAGE + 512u) /* the last page is cut short */
#define PAGES     41u

/* A container's bank and everything the queue may ask for. */
struct bank {
    uint8_t bytes[PAGES * PAGE];
    bool load_fails;
    int reserve_fails_after; /* -1: never */
    uint32_t reserves;
};

static struct bank bank;
static const uint8_t key[HF_WRITE_QUEUE_KEY_SIZE] = "whose";

static int load(void *opaque, uint32_t page, uint8_t *bytes, struct hf_error *err)
{
    struct bank *b = opaque;

    assert_true(page < PAGES);
    if (b->load_fails)
        return hf_error_set(err, HF_EIO, "page %u cannot be read", page);
    memcpy(bytes, b->bytes + page * PAGE, PAGE);
    return 0;
}

static int reserve(void *opaque, size_t offset, size_t size, struct hf_error *err)
{
    struct bank *b = opaque;

    assert_int_equal(offset % PAGE, 0);
    assert_true(offset + size <= hf_write_queue_memory_size(BANK_SIZE));
    if (b->reserve_fails_after == 0)
        return hf_error_set(err, HF_ENOSPC, "no memory for the queue");
    if (b->reserve_fails_after > 0)
        b->reserve_fails_after--;
    b->reserves++;
    return 0;
}

static const struct hf_write_queue_ops ops = {.load = load, .reserve = reserve, .opaque = &bank};
static uint64_t seed;

static uint32_t rnd(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 11) % below);
}

static void pick_seed(void)
{
    const char *given = getenv("HOLDFAST_SEED");

    seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 2654435761u + (uint64_t)getpid();
    print_message("# HOLDFAST_SEED=%llu\n", (unsigned long long)seed);
}

static void *new_memory(void)
{
    void *m =
        mmap(NULL, hf_write_queue_memory_size(BANK_SIZE), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(m != MAP_FAILED);
    return m;
}

static void free_memory(void *m)
{
    munmap(m, hf_write_queue_memory_size(BANK_SIZE));
}

static int new_bank(void **state)
{
    memset(&bank, 0, sizeof bank);
    memset(bank.bytes, 0xFF, sizeof bank.bytes);
    bank.reserve_fails_after = -1;
    return 0;
}

static void view(const struct hf_write_queue *q, uint8_t *out)
{
    for (uint32_t page = 0; page < PAGES; page++) {
        const uint8_t *p = hf_write_queue_page(q, page);

        memcpy(out + page * PAGE, p ? p : bank.bytes + page * PAGE, PAGE);
    }
}

static void commit(struct hf_write_queue *q)
{
    uint32_t page = 0;
    const uint8_t *p;

    while ((p = hf_write_queue_sealed(q, &page))) {
        memcpy(bank.bytes + page * PAGE, p, PAGE);
        page++;
    }
    hf_write_queue_committed(q);
}

static void a_write_is_seen_before_and_after_its_commit(void **state)
{
    struct hf_write_queue q;
    void *m = new_memory();

    hf_write_queue_init(&q, m, BANK_SIZE, key, &ops);
    assert_false(hf_write_queue_seal(&q));
    assert_int_equal(hf_write_queue_write(&q, PAGE - 2, "abcd", 4, NULL), 1);
    assert_int_equal(hf_write_queue_waiting(&q), 2);
    assert_memory_equal(hf_write_queue_page(&q, 0) + PAGE - 2, "ab", 2);
    assert_memory_equal(hf_write_queue_page(&q, 1), "cd\xFF", 3);
    assert_true(hf_write_queue_seal(&q));
    assert_int_equal(hf_write_queue_write(&q, PAGE, "X", 1, NULL), 1);
    assert_memory_equal(hf_write_queue_page(&q, 1), "Xd\xFF", 3);
    commit(&q);
    assert_memory_equal(bank.bytes + PAGE - 2, "abcd", 4);
    assert_memory_equal(hf_write_queue_page(&q, 1), "Xd\xFF", 3);
    assert_int_equal(hf_write_queue_waiting(&q), 1);
    free_memory(m);
}

static void bytes_that_are_there_already_are_dropped(void **state)
{
    struct hf_write_queue q;
    uint8_t erased[2 * PAGE];
    void *m = new_memory();

    memset(erased, 0xFF, sizeof erased);
    hf_write_queue_init(&q, m, BANK_SIZE, key, &ops);
    for (uint32_t page = 0; page + 1 < PAGES - 1; page += 2)
        assert_int_equal(hf_write_queue_write(&q, page * PAGE, erased, sizeof erased, NULL), 0);
    assert_int_equal(hf_write_queue_waiting(&q), 0);
    assert_int_equal(bank.reserves, 0);
    erased[PAGE] = 0;
    assert_int_equal(hf_write_queue_write(&q, 0, erased, sizeof erased, NULL), 1);
    assert_int_equal(hf_write_queue_waiting(&q), 1);
    assert_int_equal(bank.reserves, 1);
    free_memory(m);
}

static void a_failing_callback_changes_nothing(void **state)
{
    struct hf_write_queue q;
    struct hf_error err;
    uint8_t before[PAGES * PAGE], after[PAGES * PAGE], bytes[3 * PAGE];
    void *m = new_memory();

    memset(bytes, 0x5A, sizeof bytes);
    hf_write_queue_init(&q, m, BANK_SIZE, key, &ops);
    assert_int_equal(hf_write_queue_write(&q, 0, "kept", 4, NULL), 1);
    view(&q, before);
    bank.reserve_fails_after = 1;
    assert_int_equal(hf_write_queue_write(&q, 0, bytes, sizeof bytes, &err), -HF_ENOSPC);
    bank.reserve_fails_after = -1;
    bank.load_fails = true;
    assert_int_equal(hf_write_queue_write(&q, 5 * PAGE, bytes, 7, &err), -HF_EIO);
    bank.load_fails = false;
    view(&q, after);
    assert_memory_equal(before, after, sizeof before);
    assert_int_equal(hf_write_queue_waiting(&q), 1);
    assert_int_equal(hf_write_queue_write(&q, 0, bytes, sizeof bytes, &err), 1);
    assert_memory_equal(hf_write_queue_page(&q, 2), bytes, PAGE);
    free_memory(m);
}

static void memory_is_given_back_only_when_nothing_in_it_waits(void **state)
{
    struct hf_write_queue q;
    size_t offset, size;
    void *m = new_memory();

    hf_write_queue_init(&q, m, BANK_SIZE, key, &ops);
    assert_int_equal(hf_write_queue_write(&q, 9 * PAGE, "x", 1, NULL), 1);
    assert_true(hf_write_queue_seal(&q));
    assert_false(hf_write_queue_trim(&q, &offset, &size));
    commit(&q);
    assert_int_equal(hf_write_queue_reserved(&q), 1);
    assert_true(hf_write_queue_trim(&q, &offset, &size));
    memset((uint8_t *)m + offset, 0, size);
    assert_int_equal(hf_write_queue_reserved(&q), 0);
    assert_null(hf_write_queue_page(&q, 9));
    assert_int_equal(hf_write_queue_write(&q, 9 * PAGE + 1, "y", 1, NULL), 1);
    assert_memory_equal(hf_write_queue_page(&q, 9), "xy\xFF", 3);
    free_memory(m);
}

static void memory_that_contradicts_itself_is_refused(void **state)
{
    struct hf_write_queue q;
    struct hf_error err;
    uint8_t *m = new_memory(), *good = new_memory();
    unsigned refused = 0, accepted = 0;

    assert_int_equal(hf_write_queue_attach(&q, m, BANK_SIZE, &ops, &err), -HF_ENOTFOUND);
    hf_write_queue_init(&q, good, BANK_SIZE, key, &ops);
    hf_write_queue_set_mark(&q, 77);
    assert_int_equal(hf_write_queue_write(&q, 100, "abc", 3, NULL), 1);
    assert_int_equal(hf_write_queue_attach(&q, good, BANK_SIZE + PAGE, &ops, &err), -HF_EDAMAGED);
    pick_seed();
    for (unsigned i = 0; i < 3000; i++) {
        /* Headers and maps: whatever one flipped bit does, no access leaves the memory. */
        uint32_t at = i < 1500 ? rnd(128) : rnd(sizeof(uint64_t) * 6 * 256);

        memcpy(m, good, hf_write_queue_memory_size(BANK_SIZE));
        m[at] ^= (uint8_t)(1u << rnd(8));
        if (hf_write_queue_attach(&q, m, BANK_SIZE, &ops, &err) < 0) {
            refused++;
            continue;
        }
        accepted++;
        assert_int_equal(hf_write_queue_recover(&q, &err), 0);
        hf_write_queue_seal(&q);
        commit(&q);
    }
    print_message("# %u refused, %u accepted\n", refused, accepted);
    assert_true(refused > 100);
    assert_int_equal(hf_write_queue_attach(&q, good, BANK_SIZE, &ops, &err), 0);
    assert_int_equal(hf_write_queue_mark(&q), 77);
    assert_memory_equal(hf_write_queue_key(&q), key, sizeof key);
    free_memory(m);
    free_memory(good);
}

/* The queue against the simplest model there is: an array of the guest's bytes, and a copy of it made at each seal. */
struct model {
    uint8_t guest[PAGES * PAGE];
    uint8_t sealed[PAGES * PAGE];
    bool has_sealed;
};

static void random_write(struct hf_write_queue *q, struct model *model)
{
    static uint8_t bytes[20 * PAGE];
    uint32_t size = rnd(4) ? 1 + rnd(600) : 1 + rnd(sizeof bytes);
    uint32_t offset = rnd(BANK_SIZE);
    bool differs;
    int r;

    if (size > BANK_SIZE - offset)
        size = BANK_SIZE - offset;
    if (rnd(5))
        memset(bytes, (int)rnd(4), size);
    else
        memcpy(bytes, model->guest + offset, size);
    if (!rnd(4))
        bytes[rnd(size)] ^= 1;
    differs = memcmp(bytes, model->guest + offset, size) != 0;
    bank.reserve_fails_after = rnd(12) ? -1 : (int)rnd(3);
    r = hf_write_queue_write(q, offset, bytes, size, NULL);
    bank.reserve_fails_after = -1;
    if (r == -HF_ENOSPC)
        return;
    assert_int_equal(r, differs);
    memcpy(model->guest + offset, bytes, size);
}

static void random_commit(struct hf_write_queue *q, struct model *model)
{
    uint32_t page = 0, before = hf_write_queue_waiting(q);
    const uint8_t *p;
    size_t offset, size;

    assert_int_equal(hf_write_queue_seal(q), before != 0);
    if (!before)
        return;
    if (!model->has_sealed)
        memcpy(model->sealed, model->guest, sizeof model->guest);
    model->has_sealed = true;
    if (rnd(3) == 0)
        return; /* the transaction failed: rolled back whole */
    while ((p = hf_write_queue_sealed(q, &page))) {
        memcpy(bank.bytes + page * PAGE, p, PAGE);
        page++;
    }
    if (rnd(6) == 0)
        return; /* committed, and the process was killed before it could note that: the batch comes again */
    hf_write_queue_committed(q);
    assert_memory_equal(bank.bytes, model->sealed, sizeof model->sealed);
    model->has_sealed = false;
    if (rnd(4) == 0 && hf_write_queue_trim(q, &offset, &size))
        memset(q->memory + offset, 0xEE, size);
}

static void any_history_gives_the_guests_view_and_commits_its_moments_in_order(void **state)
{
    static struct model model;
    static uint8_t seen[PAGES * PAGE];
    struct hf_write_queue q;

    pick_seed();
    for (unsigned history = 0; history < 30; history++) {
        void *m = new_memory();

        new_bank(NULL);
        model.has_sealed = false;
        memcpy(model.guest, bank.bytes, sizeof model.guest);
        hf_write_queue_init(&q, m, BANK_SIZE, key, &ops);
        for (unsigned step = 0; step < 200; step++) {
            uint32_t what = rnd(20);

            if (what < 14)
                random_write(&q, &model);
            else if (what < 19)
                random_commit(&q, &model);
            else
                assert_int_equal(hf_write_queue_attach(&q, m, BANK_SIZE, &ops, NULL), 0);
            view(&q, seen);
            assert_memory_equal(seen, model.guest, sizeof seen);
        }
        free_memory(m);
    }
}

/* Write number n of the killed process: deterministic, overlapping, some over several pages. */
static void numbered_write(uint64_t n, uint64_t *offset, uint8_t *bytes, size_t *size)
{
    *size = n % 7 == 0 ? 9000 : 1 + (size_t)(n * 37 % 700);
    *offset = n * 2999 % (BANK_SIZE - *size);
    for (size_t i = 0; i < *size; i++)
        bytes[i] = (uint8_t)(n + i * n);
}

static void write_until_killed(void *m, volatile uint64_t *answered)
{
    struct hf_write_queue q;
    uint8_t bytes[9000];
    uint64_t offset;
    size_t size;

    hf_write_queue_init(&q, m, BANK_SIZE, key, &ops);
    for (uint64_t n = 1;; n++) {
        numbered_write(n, &offset, bytes, &size);
        if (hf_write_queue_write(&q, offset, bytes, size, NULL) < 0)
            _exit(1);
        *answered = n;
        if (n % 5 == 0)
            hf_write_queue_seal(&q); /* never committed: both batches fill */
    }
}

static void a_killed_process_leaves_every_answered_write_and_no_half_one(void **state)
{
    static uint8_t expected[PAGES * PAGE], next[PAGES * PAGE], seen[PAGES * PAGE];
    uint64_t *answered = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), total = 0;
    unsigned unanswered = 0;

    pick_seed();
    for (unsigned round = 0; round < 120; round++) {
        struct timespec wait = {.tv_nsec = 200000 + (long)rnd(1500000)};
        struct hf_write_queue q;
        uint8_t bytes[9000];
        uint64_t offset;
        size_t size;
        void *m = new_memory();
        pid_t pid;

        *answered = 0;
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            write_until_killed(m, answered);
        nanosleep(&wait, NULL);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        total += *answered;

        memcpy(expected, bank.bytes, sizeof expected);
        for (uint64_t n = 1; n <= *answered; n++) {
            numbered_write(n, &offset, bytes, &size);
            memcpy(expected + offset, bytes, size);
        }
        memcpy(next, expected, sizeof next);
        numbered_write(*answered + 1, &offset, bytes, &size);
        memcpy(next + offset, bytes, size);
        if (hf_write_queue_attach(&q, m, BANK_SIZE, &ops, NULL) == 0) {
            assert_int_equal(hf_write_queue_recover(&q, NULL), 0);
            view(&q, seen);
        } else {
            assert_int_equal(*answered, 0);
            memcpy(seen, bank.bytes, sizeof seen);
        }
        if (memcmp(seen, expected, sizeof seen)) {
            assert_memory_equal(seen, next, sizeof seen);
            unanswered++;
        }
        free_memory(m);
    }
    print_message("# 120 kills, %llu writes answered, %u times the one under way was kept too\n",
                  (unsigned long long)total, unanswered);
}

/* A child does two writes over the same pages; it dies at the second one's first store to page number `fatal`, which it
 * made read-only before. The intent and what attach needs lie elsewhere. */
static void die_in_the_second_write(void *m, uint64_t offset, size_t size, uint32_t fatal)
{
    uint8_t bytes[4 * PAGE];
    struct hf_write_queue q;

    hf_write_queue_init(&q, m, BANK_SIZE, key, &ops);
    memset(bytes, 1, size);
    if (hf_write_queue_write(&q, offset, bytes, size, NULL) != 1)
        _exit(1);
    signal(SIGSEGV, SIG_DFL);
    if (mprotect((void *)(uintptr_t)hf_write_queue_page(&q, fatal), PAGE, PROT_READ))
        _exit(2);
    memset(bytes, 2, size);
    hf_write_queue_write(&q, offset, bytes, size, NULL);
    _exit(3);
}

static void a_write_cut_off_between_two_pages_is_done_again(void **state)
{
    const uint64_t offset = 5 * PAGE + 100;
    const size_t size = 3 * PAGE; /* pages 5 to 8 */
    static uint8_t expected[PAGES * PAGE], seen[PAGES * PAGE];

    for (uint32_t fatal = 5; fatal <= 8; fatal++) {
        void *m = new_memory();
        struct hf_write_queue q;
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0)
            die_in_the_second_write(m, offset, size, fatal);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);

        memcpy(expected, bank.bytes, sizeof expected);
        memset(expected + offset, 2, size);
        assert_int_equal(hf_write_queue_attach(&q, m, BANK_SIZE, &ops, NULL), 0);
        assert_int_equal(hf_write_queue_recover(&q, NULL), 0);
        view(&q, seen);
        assert_memory_equal(seen, expected, sizeof seen);
        free_memory(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_write_is_seen_before_and_after_its_commit, new_bank),
        cmocka_unit_test_setup(bytes_that_are_there_already_are_dropped, new_bank),
        cmocka_unit_test_setup(a_failing_callback_changes_nothing, new_bank),
        cmocka_unit_test_setup(memory_is_given_back_only_when_nothing_in_it_waits, new_bank),
        cmocka_unit_test_setup(memory_that_contradicts_itself_is_refused, new_bank),
        cmocka_unit_test_setup(any_history_gives_the_guests_view_and_commits_its_moments_in_order, new_bank),
        cmocka_unit_test_setup(a_write_cut_off_between_two_pages_is_done_again, new_bank),
        cmocka_unit_test_setup(a_killed_process_leaves_every_answered_write_and_no_half_one, new_bank),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
