/* SPDX-License-Identifier: BSD-2-Clause */
/* Only a whole file of exactly this key, which nobody else can have written, is an answer. */
#include "ground.h"

#include <dirent.h>
#include <fcntl.h>

#include "cache.h"
#include "cleanup.h"
#include "runtime.h"

static const char value[] = "what was found out";

static struct hf_cache_key key_of(const char *text)
{
    return (struct hf_cache_key){.kind = "test", .bytes = text, .size = strlen(text)};
}

static bool is_known(const char *key)
{
    struct hf_cache_key k = key_of(key);
    hf_auto(hf_cleanup_free) uint8_t *found = NULL;
    size_t size;

    if (!hf_cache_read(&k, &found, &size))
        return false;
    assert_int_equal(size, sizeof value);
    assert_memory_equal(found, value, size);
    return true;
}

static void learn(const char *key)
{
    struct hf_cache_key k = key_of(key);

    hf_cache_write(&k, value, sizeof value);
}

static void cache_dir(char dir[PATH_MAX])
{
    char runtime[PATH_MAX];

    OK(hf_runtime_dir(runtime, &err));
    (void)snprintf(dir, PATH_MAX, "%.*s/cache", PATH_MAX - 16, runtime);
}

/* The only file; gives how many there are. */
static unsigned find_file(char path[PATH_MAX])
{
    char dir[PATH_MAX];
    unsigned count = 0;
    DIR *d;

    cache_dir(dir);
    d = opendir(dir);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        (void)snprintf(path, PATH_MAX, "%.*s/%.64s", PATH_MAX - 80, dir, e->d_name);
        count++;
    }
    (void)closedir(d);
    return count;
}

static size_t read_file(const char *path, uint8_t *bytes, size_t room)
{
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, bytes, room);

    assert_true(fd >= 0 && n > 0);
    (void)close(fd);
    return (size_t)n;
}

static void write_file(const char *path, const uint8_t *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_TRUNC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    (void)close(fd);
}

static void an_answer_is_there_for_its_own_key(void **state)
{
    char path[PATH_MAX];
    struct stat st;

    assert_false(is_known("key"));
    learn("key");
    assert_true(is_known("key"));
    assert_false(is_known("kez"));
    assert_false(is_known("key2"));
    assert_int_equal(find_file(path), 1);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

/* The file of one key where that of another would be looked for. */
static void a_file_of_another_key_is_no_answer(void **state)
{
    char first[PATH_MAX], second[PATH_MAX], aside[PATH_MAX];

    learn("key");
    assert_int_equal(find_file(first), 1);
    (void)snprintf(aside, sizeof aside, "%s", ground_path("aside"));
    assert_int_equal(rename(first, aside), 0);
    learn("kez");
    assert_int_equal(find_file(second), 1);
    assert_true(is_known("kez"));
    assert_int_equal(rename(aside, second), 0);
    assert_false(is_known("kez"));
}

static void a_torn_or_changed_file_is_no_answer(void **state)
{
    uint8_t bytes[256], changed[256];
    char path[PATH_MAX];
    size_t size;

    learn("key");
    assert_int_equal(find_file(path), 1);
    size = read_file(path, bytes, sizeof bytes);
    assert_in_range(size, 32, sizeof bytes - 1);
    for (size_t cut = 0; cut < size; cut++) {
        write_file(path, bytes, cut);
        assert_false(is_known("key"));
    }
    for (size_t at = 0; at < size; at++) {
        memcpy(changed, bytes, size);
        changed[at] ^= 0x10;
        write_file(path, changed, size);
        assert_false(is_known("key"));
    }
    memcpy(changed, bytes, size);
    changed[size] = 0;
    write_file(path, changed, size + 1);
    assert_false(is_known("key"));
    write_file(path, bytes, size);
    assert_true(is_known("key"));
}

static void a_file_that_others_can_write_is_no_answer(void **state)
{
    char path[PATH_MAX];

    learn("key");
    assert_int_equal(find_file(path), 1);
    assert_int_equal(chmod(path, 0620), 0);
    assert_false(is_known("key"));
    assert_int_equal(chmod(path, 0602), 0);
    assert_false(is_known("key"));
    if (geteuid() == 0) {
        assert_int_equal(chmod(path, 0600), 0);
        assert_int_equal(chown(path, 12345, 12345), 0);
        assert_false(is_known("key"));
        assert_int_equal(chown(path, 0, 0), 0);
    }
    assert_int_equal(chmod(path, 0600), 0);
    assert_true(is_known("key"));
}

static void a_link_or_a_pipe_is_no_answer(void **state)
{
    char path[PATH_MAX], aside[PATH_MAX];

    learn("key");
    assert_int_equal(find_file(path), 1);
    (void)snprintf(aside, sizeof aside, "%s", ground_path("aside"));
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(symlink(aside, path), 0);
    assert_false(is_known("key"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(is_known("key"));
    learn("key"); /* in its place */
    assert_true(is_known("key"));
}

static void a_directory_that_others_can_write_has_no_answers(void **state)
{
    char dir[PATH_MAX];

    learn("key");
    cache_dir(dir);
    assert_int_equal(chmod(dir, 0777), 0);
    assert_false(is_known("key"));
    learn("key 2");
    assert_int_equal(chmod(dir, 0700), 0);
    assert_true(is_known("key"));
    assert_false(is_known("key 2"));
}

static void there_is_a_limit_to_files_and_to_sizes(void **state)
{
    static uint8_t large[HF_CACHE_SIZE_MAX];
    struct hf_cache_key k = key_of("large");
    char path[PATH_MAX], key[32];
    uint8_t *found;
    size_t size;

    for (unsigned i = 0; i < 2 * HF_CACHE_FILES; i++) {
        (void)snprintf(key, sizeof key, "key %u", i);
        learn(key);
        assert_true(is_known(key));
    }
    assert_in_range(find_file(path), 2, HF_CACHE_FILES);
    hf_cache_write(&k, large, sizeof large);
    assert_false(hf_cache_read(&k, &found, &size));
    hf_cache_write(&k, large, sizeof large - k.size);
    assert_true(hf_cache_read(&k, &found, &size));
    assert_int_equal(size, sizeof large - k.size);
    free(found);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ground_setup, ground_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_answer_is_there_for_its_own_key),     CASE(a_file_of_another_key_is_no_answer),
        CASE(a_torn_or_changed_file_is_no_answer),    CASE(a_file_that_others_can_write_is_no_answer),
        CASE(a_link_or_a_pipe_is_no_answer),          CASE(a_directory_that_others_can_write_has_no_answers),
        CASE(there_is_a_limit_to_files_and_to_sizes),
    };

    return cmocka_run_group_tests_name("host-cache", tests, NULL, NULL);
}
