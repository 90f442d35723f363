/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "sig_chain.h"

static const struct hf_guid mine = {{1}}, theirs = {{2}}, strange = {{0xAB}};

static void put(struct hf_sig_chain *chain, const struct hf_guid *type, const struct hf_guid *owner, uint8_t fill,
                uint32_t size)
{
    uint8_t data[64];
    struct hf_signature s = {.type = *type, .owner = *owner, .data = data, .size = size};

    memset(data, fill, sizeof data);
    assert_int_equal(hf_sig_chain_add(chain, &s, NULL), 0);
}

/* "fill" of every signature in order, as text. */
static const char *order(const struct hf_sig_chain *chain)
{
    static char text[64];
    struct hf_siglist walk = hf_siglist_of(chain->bytes, chain->size);
    struct hf_signature s;
    size_t n = 0;

    while (hf_siglist_next(&walk, &s))
        text[n++] = (char)s.data[0];
    assert_false(walk.bad);
    text[n] = '\0';
    return text;
}

static void digests_share_a_list_and_certificates_do_not(void **state)
{
    struct hf_sig_chain chain = {0};

    put(&chain, &hf_sig_sha256, &mine, 'a', 32);
    put(&chain, &hf_sig_sha256, &mine, 'b', 32);
    assert_int_equal(chain.size, 28 + 2 * 48);
    put(&chain, &hf_sig_x509, &mine, 'c', 40);
    put(&chain, &hf_sig_x509, &mine, 'd', 40);
    assert_int_equal(chain.size, 28 + 2 * 48 + 2 * (28 + 56));
    put(&chain, &hf_sig_sha256, &mine, 'e', 32); /* the last list is of certificates */
    assert_string_equal(order(&chain), "abcde");
    hf_sig_chain_done(&chain);
}

static void a_merge_keeps_what_was_there_and_adds_what_is_new_once(void **state)
{
    struct hf_sig_chain had = {0}, more = {0}, before;
    size_t added = 99;

    put(&had, &hf_sig_x509, &theirs, 'a', 40);
    put(&had, &strange, &theirs, 'b', 20); /* of a kind that nobody knows */
    put(&had, &hf_sig_sha256, &theirs, 'c', 32);
    put(&more, &hf_sig_sha256, &mine, 'd', 32);
    put(&more, &hf_sig_sha256, &mine, 'c', 32); /* the same digest of another owner */
    put(&more, &hf_sig_sha256, &mine, 'd', 32);
    put(&more, &hf_sig_x509, &mine, 'c', 32); /* the same bytes, another kind */
    assert_int_equal(hf_sig_chain_load(had.bytes, had.size, &before, NULL), 0);
    assert_int_equal(hf_sig_chain_merge(&had, more.bytes, more.size, &added, NULL), 0);
    assert_int_equal(added, 2);
    assert_string_equal(order(&had), "abcdc");
    assert_memory_equal(had.bytes, before.bytes, 28 + 56 + 28 + 36);
    assert_int_equal(hf_sig_chain_merge(&had, more.bytes, more.size, &added, NULL), 0);
    assert_int_equal(added, 0);
    assert_string_equal(order(&had), "abcdc");
    hf_sig_chain_done(&had);
    hf_sig_chain_done(&more);
    hf_sig_chain_done(&before);
}

static void lists_that_do_not_add_up_are_refused_with_the_place(void **state)
{
    struct hf_sig_chain chain = {0}, copy = {.size = 7};
    struct hf_error err;
    size_t added = 99;

    put(&chain, &hf_sig_x509, &mine, 'a', 40);
    put(&chain, &hf_sig_sha256, &mine, 'b', 32);
    for (size_t cut = 1; cut < chain.size; cut++) {
        if (cut == 28 + 56) /* a whole list */
            continue;
        assert_int_equal(hf_sig_chain_load(chain.bytes, cut, &copy, &err), -HF_EDAMAGED);
        assert_non_null(strstr(err.text, cut < 28 + 56 ? "byte 0:" : "byte 84:"));
        assert_int_equal(copy.size, 7);
    }
    assert_int_equal(hf_sig_chain_merge(&chain, chain.bytes, chain.size - 1, &added, &err), -HF_EDAMAGED);
    assert_int_equal(added, 99);
    hf_sig_chain_done(&chain);
}

static void a_chain_has_a_limit(void **state)
{
    struct hf_sig_chain chain = {0};
    uint8_t *data = calloc(1, HF_SIG_CHAIN_MAX);
    struct hf_signature s = {.type = strange, .owner = mine, .data = data, .size = HF_SIG_CHAIN_MAX / 2};

    assert_int_equal(hf_sig_chain_add(&chain, &s, NULL), 0);
    assert_int_equal(hf_sig_chain_add(&chain, &s, NULL), -HF_ENOSPC);
    assert_int_equal(chain.size, 28 + 16 + HF_SIG_CHAIN_MAX / 2);
    free(data);
    hf_sig_chain_done(&chain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_share_a_list_and_certificates_do_not),
        cmocka_unit_test(a_merge_keeps_what_was_there_and_adds_what_is_new_once),
        cmocka_unit_test(lists_that_do_not_add_up_are_refused_with_the_place),
        cmocka_unit_test(a_chain_has_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
