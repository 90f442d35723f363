/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of certificates, held to the certificates that are built in. */
#include "unit.h"

#include "known_certificate.h"

static void every_built_in_certificate_is_the_one_that_its_row_says(void **state)
{
    const struct hf_known_certificate *known;
    size_t built_in = 0;

    for (size_t n = 0; (known = hf_known_certificate_at(n)) != NULL; n++) {
        struct hf_certificate c;
        const uint8_t *der;
        size_t size;

        assert_int_equal(strlen(known->sha256), 64);
        if (!known->file)
            continue;
        built_in++;
        assert_true(hf_known_certificate_der(known, &der, &size));
        assert_int_equal(hf_certificate_read(der, size, &c, NULL), 0);
        assert_ptr_equal(hf_known_certificate_find(c.sha256), known);
        assert_string_equal(c.subject, known->name);
        assert_true(!known->of_2011 || (known->successor && c.until < 1798761600)); /* 2027 */
        assert_true(!known->successor || hf_known_certificate_of_file(known->successor) != NULL);
        assert_true(!known->optional || hf_known_certificate_of_file(known->optional) != NULL);
    }
    assert_int_equal(built_in, 8);
}

static void a_set_names_certificates_that_are_built_in(void **state)
{
    char words[128] = "";

    for (const struct hf_key_set *s = hf_key_sets; s->name; s++) {
        for (size_t i = 0; s->files[i]; i++)
            assert_non_null(hf_known_certificate_of_file(s->files[i]));
        assert_ptr_equal(hf_key_set_find(s->name), s);
        (void)snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s", words[0] ? " " : "", s->name);
    }
    assert_string_equal(words, HF_KEY_SET_WORDS);
    assert_null(hf_key_set_find("nobody"));
}

static void fields_of_a_certificate(void **state)
{
    const struct hf_known_certificate *known = hf_known_certificate_of_file("windows-2011");
    struct hf_certificate c = {.subject = "before"};
    const uint8_t *der;
    uint8_t longer[4096] = {0};
    size_t size;

    assert_true(hf_known_certificate_der(known, &der, &size));
    assert_int_equal(hf_certificate_read(der, size, &c, NULL), 0);
    assert_string_equal(c.issuer, "Microsoft Root Certificate Authority 2010");
    assert_int_equal(c.sha1[0] << 8 | c.sha1[1], 0x580a);
    assert_int_equal(c.until, 1792435902); /* 2026-10-19 18:51:42 UTC */
    memcpy(longer, der, size);
    assert_int_equal(hf_certificate_read(longer, size + 1, &c, NULL), -HF_EDAMAGED);
    assert_int_equal(hf_certificate_read(der, size - 1, &c, NULL), -HF_EDAMAGED);
    assert_int_equal(hf_certificate_read(der, 0, &c, NULL), -HF_EDAMAGED);
}

static void keys_that_everybody_has_are_named(void **state)
{
    struct hf_certificate c = {.subject = "DO NOT TRUST - AMI Test PK"};

    assert_true(hf_certificate_key_is_public(&c));
    c = (struct hf_certificate){.subject = "Somebody"};
    assert_false(hf_certificate_key_is_public(&c));
    c.sha256[0] = 0x28;
    assert_null(hf_known_certificate_find(c.sha256));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_built_in_certificate_is_the_one_that_its_row_says),
        cmocka_unit_test(a_set_names_certificates_that_are_built_in),
        cmocka_unit_test(fields_of_a_certificate),
        cmocka_unit_test(keys_that_everybody_has_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
