/* SPDX-License-Identifier: BSD-2-Clause */
/* Signed updates of dbx made with OpenSSL's program, each behind the KEK that it is judged by: corpus files of
 * fuzz-auth2. */
#include "unit.h"

#include "auth2.h"
#include "certificate.h"
#include "key_file.h"
#include "key_variable.h"

struct sample {
    uint8_t bytes[8192];
    const uint8_t *keys, *update;
    size_t keys_size, size;
};

static void load(const char *name, struct sample *s)
{
    char path[4096];
    FILE *file;
    size_t n;

    (void)snprintf(path, sizeof path, "%s/tests/fuzz/corpus/auth2/%s", getenv("HOLDFAST_SOURCE_ROOT"), name);
    file = fopen(path, "rb");
    assert_non_null(file);
    n = fread(s->bytes, 1, sizeof s->bytes, file);
    (void)fclose(file);
    s->keys = s->bytes + 2;
    s->keys_size = (size_t)(s->bytes[0] | s->bytes[1] << 8);
    s->update = s->keys + s->keys_size;
    s->size = n - 2 - s->keys_size;
}

static int verify(const char *name, enum hf_key_variable variable, uint32_t more, struct hf_error *err)
{
    const struct hf_key_variable_info *info = hf_key_variable_info(variable);
    struct hf_auth2_target target = {.vendor = info->vendor,
                                     .name = info->ucs2,
                                     .name_size = info->ucs2_size - 2,
                                     .attributes = info->attributes | more};
    struct hf_auth2 update;
    struct sample s;

    load(name, &s);
    assert_int_equal(hf_auth2_open(s.update, s.size, &update, err), 0);
    return hf_auth2_verify(&update, &target, s.keys, s.keys_size, err);
}

static void refused(const char *name, enum hf_key_variable variable, uint32_t more, const char *why)
{
    struct hf_error err;

    assert_int_equal(verify(name, variable, more, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "signature");
    if (!strstr(err.text, why))
        fail_msg("wanted '%s': %s", why, err.text);
}

static void firmware_takes_what_its_kek_signed(void **state)
{
    assert_int_equal(verify("append", HF_KEY_DBX, HF_VAR_APPEND, NULL), 0);
    assert_int_equal(verify("stored", HF_KEY_DBX, 0, NULL), 0);
    assert_int_equal(verify("wrapped", HF_KEY_DBX, HF_VAR_APPEND, NULL), 0);
    assert_int_equal(verify("for-db", HF_KEY_DB, HF_VAR_APPEND, NULL), 0);
}

static void all_that_is_signed_counts(void **state)
{
    refused("append", HF_KEY_DBX, 0, "does not match"); /* attributes */
    refused("append", HF_KEY_DB, HF_VAR_APPEND, "another variable");
    refused("for-db", HF_KEY_DBX, HF_VAR_APPEND, "another variable");
    refused("changed", HF_KEY_DBX, HF_VAR_APPEND, "were changed");
    refused("other-signer", HF_KEY_DBX, HF_VAR_APPEND, "'holdfast test other', which no key of the guest");
}

static void no_keys_vouch_for_nothing(void **state)
{
    const struct hf_key_variable_info *info = hf_key_variable_info(HF_KEY_DBX);
    struct hf_auth2_target target = {info->vendor, info->ucs2, info->ucs2_size - 2, 0x67};
    struct hf_auth2 update;
    struct sample s;

    load("append", &s);
    assert_int_equal(hf_auth2_open(s.update, s.size, &update, NULL), 0);
    assert_int_equal(hf_auth2_verify(&update, &target, NULL, 0, NULL), -HF_EREFUSED);
}

static void the_parts_of_an_update(void **state)
{
    char signer[HF_AUTH2_SIGNER_SIZE];
    struct hf_auth2 update;
    struct hf_error err;
    struct sample s;

    load("append", &s);
    assert_true(hf_auth2_is(s.update, s.size));
    assert_int_equal(hf_auth2_open(s.update, s.size, &update, NULL), 0);
    assert_int_equal(update.payload_size, 28 + 3 * 48);
    assert_int_equal(update.time[0] | update.time[1] << 8, 2010);
    hf_auth2_signer(&update, signer);
    assert_string_equal(signer, "holdfast test KEK");
    for (size_t cut = 0; cut < s.size - update.payload_size; cut++) {
        uint8_t *exact = malloc(cut ? cut : 1); /* so that valgrind sees a byte too far */

        memcpy(exact, s.update, cut);
        assert_int_equal(hf_auth2_open(exact, cut, &update, &err), -HF_EDAMAGED);
        free(exact);
    }
    load("long", &s);
    assert_int_equal(hf_auth2_open(s.update, s.size, &update, &err), -HF_EDAMAGED);
    assert_false(hf_auth2_is(s.keys, s.keys_size));
}

static void a_file_is_told_by_its_bytes(void **state)
{
    static const struct {
        const char *name;
        enum hf_key_file_kind kind;
        size_t size;
    } samples[] = {{"pem", HF_KEY_FILE_CERTIFICATES, 1},
                   {"der", HF_KEY_FILE_CERTIFICATES, 1},
                   {"two-pem", HF_KEY_FILE_CERTIFICATES, 2},
                   {"lists", HF_KEY_FILE_LISTS, 4},
                   {"signed", HF_KEY_FILE_SIGNED, 3}};
    const struct hf_guid owner = {{9}};

    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct hf_siglist walk;
        struct hf_signature signature;
        struct hf_key_file read;
        uint8_t bytes[8192];
        char path[4096];
        size_t size, n = 0;
        FILE *file;

        (void)snprintf(path, sizeof path, "%s/tests/fuzz/corpus/key_file/%s", getenv("HOLDFAST_SOURCE_ROOT"),
                       samples[i].name);
        file = fopen(path, "rb");
        assert_non_null(file);
        size = fread(bytes, 1, sizeof bytes, file);
        (void)fclose(file);
        assert_int_equal(hf_key_file_read(bytes, size, &owner, &read, NULL), 0);
        assert_int_equal(read.kind, samples[i].kind);
        walk = hf_siglist_of(read.lists.bytes, read.lists.size);
        while (hf_siglist_next(&walk, &signature)) {
            n++;
            if (read.kind == HF_KEY_FILE_CERTIFICATES)
                assert_memory_equal(&signature.owner, &owner, sizeof owner);
        }
        assert_int_equal(n, samples[i].size);
        hf_key_file_done(&read);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(firmware_takes_what_its_kek_signed), cmocka_unit_test(all_that_is_signed_counts),
        cmocka_unit_test(no_keys_vouch_for_nothing),          cmocka_unit_test(the_parts_of_an_update),
        cmocka_unit_test(a_file_is_told_by_its_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
