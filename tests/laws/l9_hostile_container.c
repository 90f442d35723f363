/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * L9 for containers: whatever a file holds, opening and reading it gives one clear error or the values that were stored,
 * and never changes a byte of it. Bits are flipped in the file and in its log: at random places with a printed seed, and
 * all of them with HOLDFAST_LONG=1.
 */
#include "view.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <time.h>

#include "inside.h"

static struct {
    unsigned refused, harmless, tried;
} tally;

static uint32_t seed;

static uint32_t random_below(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)(((uint64_t)(seed >> 1) * n) >> 31);
}

static void begin_tally(void)
{
    const char *given = getenv("HOLDFAST_SEED");

    memset(&tally, 0, sizeof tally);
    seed = given ? (uint32_t)strtoul(given, NULL, 0) : (uint32_t)time(NULL);
    printf("# seed %u\n", seed);
}

static void print_tally(const char *what)
{
    printf("# %s: %u tried, %u refused, %u without effect\n", what, tally.tried, tally.refused, tally.harmless);
    fflush(stdout);
}

/* A file in memory, for comparing and for putting things back. */
struct bytes {
    uint8_t *p;
    size_t size;
};

static struct bytes read_all(const char *path)
{
    struct bytes b = {NULL, 0};
    FILE *f = fopen(path, "rb");

    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    b.size = (size_t)ftell(f);
    rewind(f);
    b.p = (uint8_t *)malloc(b.size + 1);
    assert_int_equal(fread(b.p, 1, b.size, f), b.size);
    fclose(f);
    return b;
}

static void write_all(const char *path, struct bytes b, size_t size)
{
    FILE *f;

    assert_true(unlink(path) == 0 || errno == ENOENT);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(b.p, 1, size, f), size);
    fclose(f);
    assert_int_equal(chmod(path, 0600), 0);
}

static void assert_untouched(const char *path, const struct bytes *want)
{
    struct bytes now = read_all(path);

    assert_int_equal(now.size, want->size);
    assert_memory_equal(now.p, want->p, now.size);
    free(now.p);
}

static unsigned files_in_ground(void)
{
    DIR *dir = opendir(ground_dir);
    unsigned n = 0;

    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static bool may_refuse(int r)
{
    return r == -HF_EDAMAGED || r == -HF_EREFUSED || r == -HF_EVERSION;
}

/* Opens x.hold, reads everything: refused with words, or the view of before. */
static void try_one(const struct hf_digest *want, const char *what, unsigned long where)
{
    struct hf_container *c = NULL;
    struct hf_digest got;
    struct hf_error e = {0};
    unsigned files = files_in_ground();
    int r = hf_container_open(ground_path("x.hold"), HF_OPEN_LOOK, NOW, &c, &e);

    if (r == 0)
        r = view_of(c, &got, &e);
    hf_container_done(&c);
    tally.tried++;
    if (r < 0) {
        if (!may_refuse(r) || !e.text[0] || strchr(e.text, '\n'))
            fail_msg("%s at %lu: error %d '%s'", what, where, r, e.text);
        tally.refused++;
    } else {
        if (!hf_digest_equal(&got, want))
            fail_msg("%s at %lu: opened, with other values", what, where);
        tally.harmless++;
    }
    assert_int_equal(files_in_ground(), files);
}

static struct hf_digest good_view(const char *name)
{
    struct hf_container *c;
    struct hf_digest view;

    unsigned files = files_in_ground();

    OK(hf_container_open(ground_path(name), HF_OPEN_LOOK, NOW, &c, &err));
    OK(view_of(c, &view, &err));
    OK(hf_container_close(c, &err));
    assert_int_equal(files_in_ground(), files);
    return view;
}

static bool is_long(void)
{
    const char *text = getenv("HOLDFAST_LONG");

    return text && *text;
}

static void flip(int fd, const struct bytes *good, unsigned long bit)
{
    uint8_t byte = (uint8_t)(good->p[bit / 8] ^ 1U << bit % 8);

    assert_int_equal(pwrite(fd, &byte, 1, (off_t)(bit / 8)), 1);
}

static void unflip(int fd, const struct bytes *good, unsigned long bit)
{
    assert_int_equal(pwrite(fd, good->p + bit / 8, 1, (off_t)(bit / 8)), 1);
}

/* Flips bits of one file of x.hold, one at a time. */
static void flip_bits(const char *victim, const struct hf_digest *want, unsigned long samples, const char *what)
{
    struct bytes good = read_all(ground_path(victim)), bad;
    unsigned long bits = good.size * 8, count = is_long() ? bits : samples;
    int fd = open(ground_path(victim), O_RDWR);

    begin_tally();
    assert_true(fd >= 0);
    for (unsigned long i = 0; i < count; i++) {
        unsigned long bit = is_long() ? i : random_below((uint32_t)bits);

        flip(fd, &good, bit);
        try_one(want, what, bit);
        if (i % 64 == 0) {
            good.p[bit / 8] ^= (uint8_t)(1U << bit % 8);
            bad = good;
            assert_untouched(ground_path(victim), &bad);
            good.p[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        unflip(fd, &good, bit);
    }
    close(fd);
    print_tally(what);
    assert_untouched(ground_path(victim), &good);
    free(good.p);
}

static void make_closed(void)
{
    struct hf_container *c = view_container("x.hold", 20000);

    OK(hf_container_close(c, &err));
}

static void flips_in_a_closed_container(void **state)
{
    struct hf_digest want;

    make_closed();
    want = good_view("x.hold");
    flip_bits("x.hold", &want, unit_samples(1500), "bit flips in the file");
    assert_true(tally.refused > 0);
}

/* A container whose runner was killed: file and log. */
static void make_crashed(void)
{
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        struct hf_container *c = view_container("x.hold", 20000);
        uint8_t bytes[6000];

        for (unsigned i = 0; i < 5; i++) {
            ground_bytes(bytes, sizeof bytes, 60 + i);
            if (hf_begin(c, NULL) < 0 ||
                hf_bank_write(c, HF_BANK_VARS, 2000 * i, bytes, sizeof bytes, NULL, NULL) < 0 ||
                hf_commit(c, HF_SOON, NULL) < 0)
                _exit(1);
        }
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(unlink(ground_path("x.hold-shm")), 0);
}

static void flips_in_the_log(void **state)
{
    struct hf_digest want;

    make_crashed();
    want = good_view("x.hold");
    flip_bits("x.hold-wal", &want, unit_samples(600), "bit flips in the log");
    assert_true(tally.refused > 0);
    flip_bits("x.hold", &want, unit_samples(600), "bit flips in the file beside its log");
    assert_true(tally.refused > 0);
}

static void cut_short(void **state)
{
    struct hf_digest want;
    struct bytes good, log;

    make_crashed();
    want = good_view("x.hold");
    log = read_all(ground_path("x.hold-wal"));
    begin_tally();
    for (size_t size = 0; size < log.size; size += is_long() ? 1 : 97 + random_below(200)) {
        write_all(ground_path("x.hold-wal"), log, size);
        try_one(&want, "log cut", size);
    }
    print_tally("the log cut short");
    assert_int_equal(tally.harmless, 0);
    assert_int_equal(unlink(ground_path("x.hold-wal")), 0);
    assert_int_equal(unlink(ground_path("x.hold")), 0);

    make_closed();
    want = good_view("x.hold");
    good = read_all(ground_path("x.hold"));
    begin_tally();
    for (size_t size = 0; size < good.size; size += is_long() ? 1 : 97 + random_below(2000)) {
        write_all(ground_path("x.hold"), good, size);
        try_one(&want, "file cut", size);
    }
    print_tally("the file cut short");
    assert_int_equal(tally.harmless, 0);
    free(good.p);
    free(log.p);
}

/* Changes x.hold with plain SQLite, as anybody can. */
static void alter(const char *sql)
{
    char *words = NULL;
    sqlite3 *db;

    assert_int_equal(sqlite3_open(ground_path("x.hold"), &db), SQLITE_OK);
    if (sqlite3_exec(db, "PRAGMA journal_mode = DELETE; PRAGMA ignore_check_constraints = 1", NULL, NULL, NULL) ||
        sqlite3_exec(db, sql, NULL, NULL, &words))
        fail_msg("%s: %s", sql, words ? words : "");
    sqlite3_close(db);
}

static void altered_by_a_stranger(void **state)
{
    static const struct {
        int code;
        const char *sql;
    } changes[] = {
        {HF_EREFUSED, "PRAGMA application_id = 7"},
        {HF_EVERSION, "PRAGMA user_version = 0x00020002"},
        {HF_EDAMAGED, "PRAGMA user_version = 0"},
        {HF_EREFUSED, "CREATE TRIGGER t AFTER INSERT ON event BEGIN DELETE FROM page; END"},
        {HF_EREFUSED, "CREATE VIEW v AS SELECT * FROM page"},
        {HF_EREFUSED, "CREATE INDEX i ON event (kind)"},
        {HF_EREFUSED, "CREATE TABLE extra (a)"},
        {HF_EREFUSED, "CREATE VIRTUAL TABLE f USING fts5 (a)"},
        {HF_EREFUSED, "DROP TABLE contract"},
        {HF_EREFUSED, "ALTER TABLE contract ADD COLUMN more"},
        {HF_EREFUSED,
         "PRAGMA writable_schema = 1;"
         "UPDATE sqlite_schema SET sql = replace(sql, 'domain TEXT', 'domain INT') WHERE name = 'contract'"},
        {HF_EDAMAGED, "PRAGMA auto_vacuum = FULL; VACUUM"},
        {HF_EDAMAGED, "PRAGMA page_size = 8192; VACUUM"},
        {HF_EDAMAGED, "DELETE FROM page WHERE id = (SELECT max(id) FROM page)"},
        {HF_EDAMAGED, "DELETE FROM event"},
        {HF_EDAMAGED, "INSERT INTO setting SELECT id + 1, sum, name, value FROM setting"},
        {HF_EDAMAGED, "UPDATE setting SET value = 'guest'"},
        {HF_EDAMAGED, "UPDATE owner SET epoch = epoch + 1"},
        {HF_EDAMAGED, "UPDATE page SET bytes = zeroblob(40000000) WHERE id = (SELECT max(id) FROM page)"},
        {HF_EDAMAGED, "UPDATE guest SET name = CAST(zeroblob(5000000) AS TEXT)"},
        {HF_EDAMAGED, "UPDATE image SET size = 1e18"},
        {HF_EDAMAGED, "UPDATE ledger SET total = zeroblob(16)"},
        {HF_EDAMAGED, "UPDATE page SET id = id + 256 WHERE id = (SELECT max(id) FROM page)"},
        {HF_EDAMAGED, "UPDATE setting SET id = id + 1 WHERE id = (SELECT max(id) FROM setting)"},
        {HF_EDAMAGED, "DELETE FROM ledger"},
    };
    struct hf_digest want;
    struct bytes good;

    make_closed();
    want = good_view("x.hold");
    good = read_all(ground_path("x.hold"));
    begin_tally();
    for (size_t i = 0; i < HF_ARRAY_SIZE(changes); i++) {
        struct hf_container *c = NULL;
        struct hf_error e = {0};
        struct bytes bad;
        struct hf_digest got;
        int r;

        write_all(ground_path("x.hold"), good, good.size);
        alter(changes[i].sql);
        bad = read_all(ground_path("x.hold"));
        try_one(&want, changes[i].sql, i);
        r = hf_container_open(ground_path("x.hold"), HF_OPEN_LOOK, NOW, &c, &e);
        if (r == 0)
            r = view_of(c, &got, &e);
        hf_container_done(&c);
        if (r != -changes[i].code)
            fail_msg("%s: error %d '%s'", changes[i].sql, r, e.text);
        if (hf_container_open(ground_path("x.hold"), HF_OPEN_RUN, NOW, &c, NULL) == 0) {
            r = view_of(c, &got, &e); /* what only reading finds is found then */
            assert_int_equal(r, -changes[i].code);
            hf_container_done(&c);
        } else {
            assert_untouched(ground_path("x.hold"), &bad);
        }
        free(bad.p);
    }
    print_tally("changes by a stranger");
    assert_int_equal(tally.harmless, 0);
    free(good.p);
}

/* Sums and ledger right, contents not: what somebody makes who knows the format. */
static void an_image_that_does_not_match_its_digest(void **state)
{
    struct hf_container *c = view_container("x.hold", 20000);
    struct hf_slot_info slot;
    struct hf_rows rows = {0};
    struct hf_value v[HF_COLUMNS_MAX];
    uint8_t lie[HF_DIGEST_SIZE] = {1, 2, 3}, *bytes;
    uint64_t size;
    struct hf_digest lied;

    OK(hf_begin(c, &err));
    OK(hf_row_find(c, HF_T_IMAGE, 1, &rows, &err));
    memcpy(v, rows.v, sizeof v);
    v[0] = hf_blob(lie, sizeof lie);
    OK(hf_row_put(c, HF_T_IMAGE, 1, v, &err));
    hf_rows_close(&rows);
    OK(hf_commit(c, HF_DURABLE, &err));
    OK(hf_container_close(c, &err));
    memcpy(lied.b, lie, sizeof lie);
    OK(hf_container_open(ground_path("x.hold"), HF_OPEN_LOOK, NOW, &c, &err));
    OK(hf_slot_get(c, HF_SLOT_ACTIVE, &slot, &err));
    assert_memory_equal(&slot.code, &lied, sizeof lied);
    FAILS(HF_EDAMAGED, hf_image_verify(c, &lied, &err));
    FAILS(HF_EDAMAGED, hf_image_load(c, &lied, &bytes, &size, &err));
    OK(hf_container_close(c, &err));
}

static void not_containers_at_all(void **state)
{
    static const char text[] =
        "SQLite format 3, or so it says, and then goes on for a while about other things, which are of "
        "no interest to anybody at all.";
    struct bytes b = {(uint8_t *)malloc(8192), 8192};
    struct hf_container *c;

    memcpy(b.p, text, sizeof text);
    write_all(ground_path("x.hold"), b, sizeof text);
    FAILS(HF_EDAMAGED, hf_container_open(ground_path("x.hold"), HF_OPEN_LOOK, NOW, &c, &err));
    write_all(ground_path("x.hold"), b, 0);
    FAILS(HF_EDAMAGED, hf_container_open(ground_path("x.hold"), HF_OPEN_RUN, NOW, &c, &err));
    assert_int_equal(unlink(ground_path("x.hold")), 0);
    assert_int_equal(mkfifo(ground_path("x.hold"), 0600), 0);
    REFUSED("permissions", hf_container_open(ground_path("x.hold"), HF_OPEN_RUN, NOW, &c, &err));
    assert_int_equal(unlink(ground_path("x.hold")), 0);
    assert_int_equal(mkdir(ground_path("x.hold"), 0700), 0);
    REFUSED("permissions", hf_container_open(ground_path("x.hold"), HF_OPEN_RUN, NOW, &c, &err));
    free(b.p);
}

#define IN_GROUND(test) cmocka_unit_test_setup_teardown(test, ground_setup, ground_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUND(not_containers_at_all),
        IN_GROUND(altered_by_a_stranger),
        IN_GROUND(an_image_that_does_not_match_its_digest),
        IN_GROUND(cut_short),
        IN_GROUND(flips_in_a_closed_container),
        IN_GROUND(flips_in_the_log),
    };

    return cmocka_run_group_tests_name("law-l9-container", tests, NULL, NULL);
}
