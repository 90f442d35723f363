/* SPDX-License-Identifier: BSD-2-Clause */
/* A small program signed by sbsign, with a list of its signer's certificate before it: a corpus file of fuzz-pe_image.
 */
#include "unit.h"

#include "image_trust.h"
#include "pe_image.h"

struct sample {
    uint8_t bytes[16384], program[16384];
    size_t list, size; /* of what is trusted, of the program */
};

static struct sample sample_of(const char *name)
{
    struct sample s;
    uint8_t head[2];
    char path[4096];
    FILE *file;
    size_t n;

    (void)snprintf(path, sizeof path, "%s/tests/fuzz/corpus/pe_image/%s", getenv("HOLDFAST_SOURCE_ROOT"), name);
    file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(head, 1, sizeof head, file), sizeof head);
    n = fread(s.bytes, 1, sizeof s.bytes, file);
    (void)fclose(file);
    s.list = (size_t)(head[0] | head[1] << 8);
    s.size = n - s.list;
    memcpy(s.program, s.bytes + s.list, s.size);
    return s;
}

static int judged(const struct sample *s, bool by_db, bool by_dbx, struct hf_error *why)
{
    struct hf_trust trust = {
        .db = s->bytes, .db_size = by_db ? s->list : 0, .dbx = s->bytes, .dbx_size = by_dbx ? s->list : 0};
    uint8_t *exact = malloc(s->size); /* so that valgrind sees a byte too far */
    int r;

    memcpy(exact, s->program, s->size);
    r = hf_image_judge(&trust, exact, s->size, NULL, why);
    free(exact);
    return r;
}

static void refused(const struct sample *s, bool by_db, bool by_dbx, const char *why)
{
    struct hf_error err;

    assert_int_equal(judged(s, by_db, by_dbx, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "secure-boot");
    if (!strstr(err.text, why))
        fail_msg("wanted '%s': %s", why, err.text);
}

static void a_certificate_or_a_digest_in_db_vouches(void **state)
{
    struct sample s = sample_of("signed"), digest = sample_of("by-digest");

    assert_int_equal(judged(&s, true, false, NULL), 0);
    refused(&s, false, false, "CN=Fuzz");
    assert_int_equal(judged(&digest, true, false, NULL), 0);
    refused(&digest, false, false, "not signed");
}

static void dbx_has_the_last_word(void **state)
{
    struct sample s = sample_of("signed"), digest = sample_of("by-digest"), revoked = sample_of("revoked");

    refused(&s, true, true, "forbids");
    refused(&digest, true, true, "dbx has its digest");
    assert_int_equal(judged(&revoked, true, false, NULL), 0);
    /* The two entries at its beginning are the certificate's digest; what follows would be the certificate. */
    revoked.list = 2 * (28 + 16 + 48);
    refused(&revoked, false, true, "forbids");
    s.bytes[16] ^= 1; /* the list's size */
    refused(&s, true, true, "cannot be read");
    refused(&s, true, false, "CN=Fuzz");
}

/* The checksum, where the signatures are, and what of a signature says nothing of this program. */
static bool may_change(const struct hf_pe_image *pe, size_t at)
{
    for (size_t i = 0; i < pe->count; i++) {
        if (at >= pe->hashed[i].at && at - pe->hashed[i].at < pe->hashed[i].size)
            return false;
    }
    return true;
}

static void every_byte_that_is_signed_counts(void **state)
{
    struct sample s = sample_of("signed");
    struct hf_pe_image pe;
    size_t counted = 0;

    assert_int_equal(hf_pe_open(s.program, s.size, &pe, NULL), 0);
    for (size_t i = 0; i < s.size; i++) {
        s.program[i] ^= 0x10;
        if (!may_change(&pe, i)) {
            counted++;
            if (judged(&s, true, false, NULL) == 0)
                fail_msg("byte %zu was changed and nobody noticed", i);
        } else {
            (void)judged(&s, true, false, NULL);
        }
        s.program[i] ^= 0x10;
    }
    assert_int_equal(counted, 1024 - 4 - 8);
}

static void what_stands_behind_counts_too(void **state)
{
    struct sample longer = sample_of("longer"), cut = sample_of("cut");

    refused(&longer, true, false, "does not match");
    refused(&cut, true, false, "outside");
}

static void a_signature_cannot_be_borrowed(void **state)
{
    struct sample s = sample_of("signed"), stolen = sample_of("signed");
    struct hf_pe_image pe;

    assert_int_equal(hf_pe_open(s.program, s.size, &pe, NULL), 0);
    stolen.program[0x210] ^= 1; /* another program, the signature of this one */
    refused(&stolen, true, false, "does not match");
    for (size_t i = pe.table.at + pe.table.size - 250; i < pe.table.at + pe.table.size - 10; i += 8) {
        s.program[i] ^= 1; /* of the signature's own 256 bytes at the end */
        assert_int_equal(judged(&s, true, false, NULL), -HF_EREFUSED);
        s.program[i] ^= 1;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_or_a_digest_in_db_vouches), cmocka_unit_test(dbx_has_the_last_word),
        cmocka_unit_test(every_byte_that_is_signed_counts),        cmocka_unit_test(what_stands_behind_counts_too),
        cmocka_unit_test(a_signature_cannot_be_borrowed),
    };

    return cmocka_run_group_tests_name("lifecycle-image-trust", tests, NULL, NULL);
}
