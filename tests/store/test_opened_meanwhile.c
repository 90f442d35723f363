/* SPDX-License-Identifier: BSD-2-Clause */
/* A writer finishes between two calls of a process that opens the container to read it, at each of them in turn. The reader
 * sees the container as it was before or as it is afterwards, and never calls it damaged. */
#include "ground.h"

#include <fcntl.h>

#include "refusal.h"

static const char *const suffixes[] = {"", "-wal"};

/* What is in the files of a container at one moment. */
struct moment {
    struct {
        uint8_t *bytes;
        size_t size;
        bool exists;
    } files[2];
};

static struct moment closed_small, with_log, closed_grown, *next;

static const char *path_of(unsigned file)
{
    char name[32];

    snprintf(name, sizeof name, "m.hold%s", suffixes[file]);
    return ground_path(name);
}

static void keep(struct moment *m)
{
    for (unsigned i = 0; i < 2; i++) {
        int fd = open(path_of(i), O_RDONLY | O_CLOEXEC);
        struct stat st;

        m->files[i].exists = fd >= 0;
        if (fd < 0)
            continue;
        assert_int_equal(fstat(fd, &st), 0);
        m->files[i].size = (size_t)st.st_size;
        m->files[i].bytes = (uint8_t *)malloc(m->files[i].size + 1);
        assert_non_null(m->files[i].bytes);
        assert_int_equal(pread(fd, m->files[i].bytes, m->files[i].size, 0), st.st_size);
        close(fd);
    }
}

/* In place, as SQLite writes. */
static void put(const struct moment *m)
{
    for (unsigned i = 0; i < 2; i++) {
        int fd;

        if (!m->files[i].exists) {
            (void)unlink(path_of(i));
            continue;
        }
        fd = open(path_of(i), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(pwrite(fd, m->files[i].bytes, m->files[i].size, 0), m->files[i].size);
        assert_int_equal(ftruncate(fd, (off_t)m->files[i].size), 0);
        close(fd);
    }
}

static void put_next(void)
{
    put(next);
}

static void grow(struct hf_container *c)
{
    static uint8_t page[BANK_SIZE];

    ground_bytes(page, sizeof page, 7);
    OK(hf_begin(c, &err));
    OK(hf_bank_resize(c, HF_BANK_VARS, sizeof page, &err));
    OK(hf_bank_write(c, HF_BANK_VARS, 0, page, sizeof page, NULL, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
}

static void make_moments(void)
{
    const char *path = path_of(0);
    struct hf_container *c = NULL;

    OK(hf_container_create(path, &ground_guest, NOW, &c, &err));
    OK(hf_container_close(c, &err));
    keep(&closed_small);
    OK(hf_container_open(path, HF_OPEN_EDIT, NOW, &c, &err));
    grow(c);
    keep(&with_log);
    OK(hf_container_close(c, &err));
    keep(&closed_grown);
    assert_true(with_log.files[1].exists && !closed_grown.files[1].exists && !closed_small.files[1].exists);
    assert_true(closed_grown.files[0].size > closed_small.files[0].size);
}

static void forget(struct moment *m)
{
    for (unsigned i = 0; i < 2; i++)
        free(m->files[i].bytes);
    memset(m, 0, sizeof *m);
}

/* Whether the nth call was reached. */
static bool open_meanwhile(int (*reader)(const char *, int64_t, struct hf_container **, struct hf_error *),
                           struct moment *before, struct moment *after, unsigned nth)
{
    struct hf_container *c = NULL;
    struct hf_error err = {0};
    int r;

    put(before);
    next = after;
    refusal_meanwhile(nth, put_next);
    r = reader(path_of(0), NOW, &c, &err);
    (void)refusal_end();
    if (r < 0)
        fail_msg("changed before call %u, %s: %s", nth, refusal_happened(), err.text);
    hf_container_done(&c);
    return refusal_happened() != NULL;
}

static int look(const char *path, int64_t now, struct hf_container **c, struct hf_error *err)
{
    return hf_container_open(path, HF_OPEN_LOOK, now, c, err);
}

static void at_each_call(struct moment *before, struct moment *after)
{
    for (unsigned nth = 1; open_meanwhile(look, before, after, nth); nth++)
        ;
    for (unsigned nth = 1; open_meanwhile(hf_container_open_quiet, before, after, nth); nth++)
        ;
}

static void a_writer_came_and_went(void **state)
{
    at_each_call(&closed_small, &closed_grown);
}

static void a_writer_began(void **state)
{
    at_each_call(&closed_small, &with_log);
}

static void a_writer_closed(void **state)
{
    at_each_call(&with_log, &closed_grown);
}

static int setup(void **state)
{
    int r = ground_setup(state);

    if (r < 0)
        return r;
    make_moments();
    ground_host("reader"); /* which has seen none of these commits itself */
    return 0;
}

static int teardown(void **state)
{
    forget(&closed_small);
    forget(&with_log);
    forget(&closed_grown);
    return ground_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_writer_came_and_went, setup, teardown),
        cmocka_unit_test_setup_teardown(a_writer_began, setup, teardown),
        cmocka_unit_test_setup_teardown(a_writer_closed, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
