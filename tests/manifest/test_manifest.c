/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "manifest.h"

#include <sys/stat.h>
#include <unistd.h>

#define DIGEST  "00000000000000000000000000000000000000000000000000000000000000aa"
#define DIGEST2 "00000000000000000000000000000000000000000000000000000000000000bb"
#define GOOD                                                                                                           \
    "{\"schema\":1,\"name\":\"n\",\"firmware\":\"ovmf\",\"version\":\"1\",\"images\":[{\"sha256\":\"" DIGEST           \
    "\"}],\"understands\":{\"acpi-loader\":{\"version\":1,\"bits\":[0,9]}},\"breaks\":[{\"name\":\"b\",\"device\":"    \
    "\"ich9-ahci\",\"from\":\"8.2\",\"until\":\"10.1\",\"at_reset\":true,\"what\":\"w\",\"remedy\":\"r\","             \
    "\"evidence\":\"e\"}]}"

static char root[] = "/tmp/holdfast-manifest-XXXXXX";
static char first[64], second[64];

static void put(const char *directory, const char *name, const char *text)
{
    char path[128];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    f = fopen(path, "w");
    assert_non_null(f);
    (void)fputs(text, f);
    (void)fclose(f);
}

static void take_away(const char *directory, const char *name)
{
    char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    assert_int_equal(unlink(path), 0);
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(root))
        return -1;
    (void)snprintf(first, sizeof first, "%s/first", root);
    (void)snprintf(second, sizeof second, "%s/second", root);
    return mkdir(first, 0700) || mkdir(second, 0700);
}

static int teardown(void **state)
{
    (void)state;
    return rmdir(first) || rmdir(second) || rmdir(root);
}

static struct hf_manifests *open_both(void)
{
    const char *const directories[] = {first, second, "/nowhere/at/all"};
    struct hf_manifests *set;
    struct hf_error err;

    if (hf_manifests_open(directories, 3, &set, &err) < 0)
        fail_msg("%s", err.text);
    return set;
}

static int open_one(const char *text, struct hf_error *err)
{
    const char *const directories[] = {first};
    struct hf_manifests *set = NULL;
    int r;

    put(first, "a.json", text);
    r = hf_manifests_open(directories, 1, &set, err);
    hf_manifests_close(set);
    take_away(first, "a.json");
    return r;
}

static void an_image_is_found_by_its_digest_alone(void **state)
{
    const struct hf_manifest *m;
    struct hf_manifests *set;

    put(first, "a.json", GOOD);
    put(first, "not-a-manifest.txt", "x");
    set = open_both();
    m = hf_manifests_find(set, DIGEST);
    assert_non_null(m);
    assert_string_equal(m->firmware, "ovmf");
    assert_int_equal(hf_manifest_features(m, "acpi-loader", 1), 1 | 1 << 9);
    assert_int_equal(hf_manifest_features(m, "acpi-loader", 2), 0);
    assert_int_equal(hf_manifest_features(m, "smi", 1), 0);
    assert_int_equal(m->break_count, 1);
    assert_true(m->breaks[0].at_reset);
    assert_null(hf_manifests_find(set, DIGEST2));
    hf_manifests_close(set);
    take_away(first, "a.json");
    take_away(first, "not-a-manifest.txt");
}

static void an_unknown_image_understands_the_baseline(void **state)
{
    assert_int_equal(hf_manifest_features(NULL, "acpi-loader", 1), 0);
}

static void a_break_has_a_first_and_a_last_version(void **state)
{
    static const struct hf_manifest_break b = {.from_major = 8, .from_minor = 2, .until_major = 10, .until_minor = 1};
    static const struct hf_manifest_break open = {.from_major = 8, .from_minor = 2};

    assert_false(hf_manifest_break_concerns(&b, 7, 9));
    assert_false(hf_manifest_break_concerns(&b, 8, 1));
    assert_true(hf_manifest_break_concerns(&b, 8, 2));
    assert_true(hf_manifest_break_concerns(&b, 10, 0));
    assert_false(hf_manifest_break_concerns(&b, 10, 1));
    assert_false(hf_manifest_break_concerns(&b, 11, 0));
    assert_true(hf_manifest_break_concerns(&open, 99, 0));
}

static void a_later_directory_has_the_last_word(void **state)
{
    struct hf_manifests *set;

    put(first, "a.json", GOOD);
    put(second, "z.json",
        "{\"schema\":1,\"name\":\"other\",\"firmware\":\"ovmf\",\"version\":\"1\",\"images\":"
        "[{\"sha256\":\"" DIGEST "\"}]}");
    set = open_both();
    assert_int_equal(hf_manifests_count(set), 1);
    assert_string_equal(hf_manifests_find(set, DIGEST)->name, "other");
    assert_int_equal(hf_manifest_features(hf_manifests_find(set, DIGEST), "acpi-loader", 1), 0);
    hf_manifests_close(set);
    take_away(second, "z.json");
    put(first, "b.json", GOOD);
    {
        const char *const directories[] = {first};
        struct hf_error err;

        assert_int_equal(hf_manifests_open(directories, 1, &set, &err), -HF_EDAMAGED);
        assert_non_null(strstr(err.text, "has a manifest already"));
    }
    take_away(first, "a.json");
    take_away(first, "b.json");
}

/* A good manifest with one piece of text replaced. */
static void expect_refused(const char *piece, const char *with, enum hf_code code)
{
    static char text[4096];
    const char *at = strstr(GOOD, piece);
    struct hf_error err;
    int r;

    assert_non_null(at);
    (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - GOOD), GOOD, with, at + strlen(piece));
    r = open_one(text, &err);
    if (r != -(int)code)
        fail_msg("'%s' for '%s': found %d", with, piece, r);
    assert_non_null(strstr(err.text, "a.json"));
}

static void one_wrong_member_is_one_clear_refusal(void **state)
{
    struct hf_error err;

    assert_int_equal(open_one(GOOD, &err), 0);
    expect_refused("\"schema\":1", "\"schema\":2", HF_EVERSION);
    expect_refused("\"schema\":1", "\"schema\":\"1\"", HF_EDAMAGED);
    expect_refused("\"name\":\"n\"", "\"name\":7", HF_EDAMAGED);
    expect_refused("\"name\":\"n\"", "\"name\":\"\"", HF_EDAMAGED);
    expect_refused("00aa", "00aA", HF_EDAMAGED);
    expect_refused("00aa", "0aa", HF_EDAMAGED);
    expect_refused("[0,9]", "[256]", HF_EDAMAGED);
    expect_refused("[0,9]", "[-1]", HF_EDAMAGED);
    expect_refused("[0,9]", "7", HF_EDAMAGED);
    expect_refused("\"version\":1,", "\"version\":0,", HF_EDAMAGED);
    expect_refused("\"8.2\"", "\"8\"", HF_EDAMAGED);
    expect_refused("\"8.2\"", "8.2", HF_EDAMAGED);
    expect_refused("\"10.1\"", "\"10.x\"", HF_EDAMAGED);
    expect_refused("true", "1", HF_EDAMAGED);
    expect_refused("\"what\":\"w\"", "\"what\":null", HF_EDAMAGED);
    expect_refused("\"name\":\"b\"", "\"name\":\"b\",\"name\":\"b\"", HF_EDAMAGED);
    expect_refused("{\"schema\"", "[\"schema\"", HF_EDAMAGED);
    assert_int_equal(open_one("", &err), -HF_EDAMAGED);
    assert_int_equal(open_one("[]", &err), -HF_EDAMAGED);
}

static void the_shipped_ones_are_sound(void **state)
{
    char path[512];
    const char *const directories[] = {path};
    struct hf_manifests *set;
    struct hf_error err;

    (void)snprintf(path, sizeof path, "%s/data/manifests", getenv("HOLDFAST_SOURCE_ROOT"));
    if (hf_manifests_open(directories, 1, &set, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(hf_manifests_count(set) >= 11);
    for (size_t i = 0; i < hf_manifests_count(set); i++) {
        const char *digest;
        const struct hf_manifest *m = hf_manifests_at(set, i, &digest);

        assert_int_equal(strlen(digest), 64);
        assert_int_equal(hf_manifest_features(m, "acpi-loader", 1), strcmp(m->firmware, "seabios") ? 1 : 0);
    }
    hf_manifests_close(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_is_found_by_its_digest_alone),
        cmocka_unit_test(an_unknown_image_understands_the_baseline),
        cmocka_unit_test(a_break_has_a_first_and_a_last_version),
        cmocka_unit_test(a_later_directory_has_the_last_word),
        cmocka_unit_test(one_wrong_member_is_one_clear_refusal),
        cmocka_unit_test(the_shipped_ones_are_sound),
    };

    return cmocka_run_group_tests_name("manifest-manifest", tests, setup, teardown);
}
