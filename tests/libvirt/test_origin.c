/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "origin.h"

static struct hf_error err;
static char way[PATH_MAX];

static int find(const char *table, const char *host)
{
    way[0] = '\0';
    return hf_origin_find(table, strlen(table), host, way, &err);
}

static void a_table_names_ways(void **state)
{
    static const char table[] = "# host way\n\n  node1 \t ssh://root@10.0.0.1:222 \r\nnode1x unix:/x\n"
                                "node2 exec:ssh -i /key node2 'holdfast libvirt give'";

    assert_int_equal(find(table, "node1"), 0);
    assert_string_equal(way, "ssh://root@10.0.0.1:222");
    assert_int_equal(find(table, "node2"), 0);
    assert_string_equal(way, "exec:ssh -i /key node2 'holdfast libvirt give'");
    assert_int_equal(find(table, "node"), -HF_ENOTFOUND);
    assert_int_equal(find(table, "host"), -HF_ENOTFOUND);
    assert_int_equal(find("", "node1"), -HF_ENOTFOUND);
}

static void a_line_without_a_way_is_an_error(void **state)
{
    assert_int_equal(find("node1\nnode2 unix:/x\n", "node1"), -HF_EUSAGE);
    assert_int_equal(find("node1   ", "node1"), -HF_EUSAGE);
    assert_int_equal(hf_origin_find("node1 a\0b", 9, "node1", way, &err), -HF_EUSAGE);
}

/* It comes in another host's XML, and becomes an argument of ssh. */
static void a_name_that_is_no_hosts_is_refused(void **state)
{
    static const char *const bad[] = {"",     "-oProxyCommand=x", ".a", "a b", "a/b", "a@b", "a:1", "a;b",
                                      "a\nb", "\xc3\xa4"};
    char longest[255];

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(hf_origin_is_host(bad[i]));
        assert_int_equal(hf_origin_way(bad[i], way, &err), -HF_EUSAGE);
    }
    memset(longest, 'a', 254);
    longest[254] = '\0';
    assert_false(hf_origin_is_host(longest));
    assert_true(hf_origin_is_host(longest + 1));
    assert_true(hf_origin_is_host("node-1.example_net"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_names_ways),
        cmocka_unit_test(a_line_without_a_way_is_an_error),
        cmocka_unit_test(a_name_that_is_no_hosts_is_refused),
    };

    return cmocka_run_group_tests_name("libvirt-origin", tests, NULL, NULL);
}
