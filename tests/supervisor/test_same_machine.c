/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "same_machine.h"

/* A small machine's answers, one per query. */
static const char *const answers[] = {
    "[{\"name\":\"type\",\"type\":\"string\"},{\"name\":\"net0\",\"type\":\"child<virtio-net-pci>\"},"
    "{\"name\":\"cd0\",\"type\":\"child<ide-cd>\"}]",
    "[{\"name\":\"device[0]\",\"type\":\"child<virtio-rng-pci>\"}]",
    "[{\"name\":\"rng0\",\"type\":\"child<rng-random>\"}]",
    "[{\"device\":\"cd\",\"qdev\":\"cd0\",\"tray_open\":false,\"removable\":true,\"locked\":false,"
    "\"inserted\":{\"drv\":\"raw\",\"file\":\"/i.iso\",\"image\":{\"actual-size\":4096}}}]",
    "[{\"node-name\":\"#block1\",\"drv\":\"raw\",\"file\":\"/i.iso\",\"ro\":true},"
    "{\"node-name\":\"hf-vars\",\"drv\":\"nbd\",\"file\":\"nbd+unix:///vars\",\"ro\":false}]",
    "[{\"label\":\"serial0\",\"filename\":\"unix:/s\",\"frontend-open\":true}]",
};

static struct hf_shape *shape(const char *from, const char *to)
{
    struct hf_shape *s = hf_shape_new();

    assert_non_null(s);
    for (size_t n = 0; hf_shape_queries[n].command; n++) {
        char text[1024];
        const char *at = from ? strstr(answers[n], from) : NULL;
        struct hf_error err;
        json_t *j;

        if (at)
            snprintf(text, sizeof text, "%.*s%s%s", (int)(at - answers[n]), answers[n], to, at + strlen(from));
        else
            snprintf(text, sizeof text, "%s", answers[n]);
        j = json_loads(text, 0, NULL);
        assert_non_null(j);
        if (hf_shape_add(s, n, j, &err) < 0)
            fail_msg("%s", err.text);
        json_decref(j);
    }
    return s;
}

static bool same(const char *from, const char *to, char why[256])
{
    struct hf_shape *a = shape(NULL, NULL), *b = shape(from, to);
    bool is = hf_shape_same(a, b, why, 256);

    hf_shape_free(a);
    hf_shape_free(b);
    return is;
}

static void an_untouched_machine_is_the_same(void **state)
{
    char why[256];

    assert_true(same(NULL, NULL, why));
    assert_true(same("4096", "8192", why)); /* a disk image grew */
    assert_true(same("device[0]", "device[7]", why));
    assert_true(same("\"frontend-open\":true", "\"frontend-open\":false", why));
    assert_true(same("\"locked\":false", "\"locked\":true", why));
}

static void every_difference_is_named(void **state)
{
    static const struct {
        const char *from, *to, *named;
    } cases[] = {
        {"[{\"name\":\"type\"", "[{\"name\":\"disk1\",\"type\":\"child<virtio-blk-pci>\"},{\"name\":\"type\"", "disk1"},
        {"child<virtio-net-pci>", "child<e1000e>", "net0"},
        {"{\"name\":\"rng0\",\"type\":\"child<rng-random>\"}", "", "rng0"},
        {"\"tray_open\":false", "\"tray_open\":true", "cd0"},
        {"\"file\":\"/i.iso\",\"image\"", "\"file\":\"/j.iso\",\"image\"", "cd0"},
        {"\"inserted\":{", "\"ejected\":{", "cd0"},
        {"\"ro\":true", "\"ro\":false", "#block1"},
        {"serial0", "serial1", "serial"},
        {"child<virtio-rng-pci>", "child<virtio-balloon-pci>", "virtio-"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char why[256] = "";

        assert_false(same(cases[i].from, cases[i].to, why));
        if (strstr(why, cases[i].named) == NULL)
            fail_msg("case %zu: '%s' does not name '%s'", i, why, cases[i].named);
    }
}

static void passed_through_hardware_is_noticed(void **state)
{
    struct hf_shape *plain = shape(NULL, NULL), *vfio = shape("child<virtio-net-pci>", "child<vfio-pci>");
    char why[256];

    assert_false(hf_shape_stateful(plain, why, sizeof why));
    assert_true(hf_shape_stateful(vfio, why, sizeof why));
    assert_non_null(strstr(why, "net0"));
    hf_shape_free(plain);
    hf_shape_free(vfio);
}

static void strange_answers_are_errors(void **state)
{
    static const char *const strange[] = {"{}", "[1]", "[[]]", "[{},null]"};
    struct hf_shape *s = hf_shape_new();
    json_t *empty = json_array();

    for (size_t n = 0; n < 6; n++) {
        for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
            json_t *j = json_loads(strange[i], 0, NULL);

            assert_int_equal(hf_shape_add(s, n, j, NULL), -HF_EPROTO);
            json_decref(j);
        }
    }
    assert_int_equal(hf_shape_add(s, 6, empty, NULL), -HF_EPROTO);
    json_decref(empty);
    hf_shape_free(s);
}

static void an_endless_list_is_cut_off(void **state)
{
    struct hf_shape *s = hf_shape_new();
    json_t *many = json_array();

    for (int i = 0; i < HF_SHAPE_LINES_MAX + 1; i++)
        json_array_append_new(many, json_pack("{s:s}", "label", "x"));
    assert_int_equal(hf_shape_add(s, 5, many, NULL), -HF_EPROTO);
    json_decref(many);
    hf_shape_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_untouched_machine_is_the_same),   cmocka_unit_test(every_difference_is_named),
        cmocka_unit_test(passed_through_hardware_is_noticed), cmocka_unit_test(strange_answers_are_errors),
        cmocka_unit_test(an_endless_list_is_cut_off),
    };

    return cmocka_run_group_tests_name("supervisor-same_machine", tests, NULL, NULL);
}
