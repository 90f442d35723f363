/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <holdfast/acpi_script.h>

#include "agreement.h"
#include "choices.h"
#include "domains.h"
#include "eventlog.h"
#include "guest.h"
#include "mailbox_hardware.h"
#include "secure_boot.h"
#include "setting_lists.h"
#include "settings.h"

static void set(struct guest *g, const char *key, const char *value)
{
    struct hf_error err;

    assert_int_equal(hf_begin(g->c, &err), 0);
    assert_int_equal(hf_setting_set(g->c, key, value, NOW, &err), 0);
    assert_int_equal(hf_commit(g->c, HF_SOON, &err), 0);
}

static void what_is_masked_is_not_offered(void **state)
{
    struct hf_negotiate_domain list[HF_DOMAINS_MAX];
    struct guest g;
    size_t count;

    if (images_missing())
        skip();
    guest_new(&g, NULL, NULL);
    assert_int_equal(hf_domains_offered(g.c, list, &count, NULL), 0);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(list[i].name, HF_ACPI_DOMAIN))
            assert_int_equal(list[i].supported.byte[0], HF_ACPI_FEATURES);
    set(&g, "mask", "acpi-loader.1,lifecycle.0,unheard-of.255");
    assert_int_equal(hf_domains_offered(g.c, list, &count, NULL), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(list[i].supported.byte[0], !strcmp(list[i].name, HF_ACPI_DOMAIN) ? 1 : 0);
    guest_free(&g);
}

static uint8_t low_bits(const struct hf_negotiate_domain *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(list[i].name, name))
            return list[i].supported.byte[0];
    fail_msg("%s is not there", name);
    return 0;
}

/* The mask of a reset holds until the next one, whatever host the guest is on by then. */
static void a_guest_that_arrives_is_offered_what_it_was(void **state)
{
    struct hf_agreement was = {.domain = HF_ACPI_DOMAIN, .version = HF_ACPI_DOMAIN_VERSION, .offered = {{0x81}}};
    struct hf_negotiate_domain list[HF_DOMAINS_MAX];
    struct guest g;
    size_t count;

    if (images_missing())
        skip();
    guest_new(&g, NULL, NULL);
    set(&g, "mask", "acpi-loader.0,lifecycle.0");
    assert_int_equal(hf_domains_arrived(g.c, &was, 1, list, &count, NULL), 0);
    assert_int_equal(low_bits(list, count, HF_ACPI_DOMAIN), 1);
    assert_int_equal(low_bits(list, count, HF_DOMAIN_LIFECYCLE), 0);
    was.version++;
    assert_int_equal(hf_domains_arrived(g.c, &was, 1, list, &count, NULL), 0);
    assert_int_equal(low_bits(list, count, HF_ACPI_DOMAIN), HF_ACPI_FEATURES & 0xfe);
    guest_free(&g);
}

static void only_what_is_offered_can_be_masked(void **state)
{
    static const char *const typos[] = {"acpi-loader.2", "acpi-loaders.1", "lifecycle.0,life-cycle.0", "lifecycle.1"};
    struct hf_error err;

    assert_int_equal(hf_domains_check_mask("", &err), 0);
    assert_int_equal(hf_domains_check_mask("acpi-loader.0,lifecycle.0,acpi-loader.1", &err), 0);
    for (size_t i = 0; i < sizeof typos / sizeof typos[0]; i++) {
        assert_int_equal(hf_domains_check_mask(typos[i], &err), -HF_EUSAGE);
        if (!strstr(err.text, "offered are: lifecycle.0, acpi-loader.0, acpi-loader.1"))
            fail_msg("%s: %s", typos[i], err.text);
    }
}

static void masks_and_digests_are_read_strictly(void **state)
{
    static const char *const bad_bits[] = {"a", "a.", ".1", "a.256", "a.1,", ",a.1", "A.1", "a.1 ", "a.-1", "a.0001"};
    char digests[200], digit[] = "0123456789abcdef";
    struct hf_digest d;

    for (size_t i = 0; i < sizeof bad_bits / sizeof bad_bits[0]; i++)
        assert_int_equal(hf_setting_check("mask", bad_bits[i], NULL), -HF_EUSAGE);
    assert_int_equal(hf_setting_check("mask", "a.b.255,c-1.0", NULL), 0);
    assert_true(hf_setting_has_bit("x.1,a.b.255", "a.b", 255));
    assert_false(hf_setting_has_bit("x.1,a.b.255", "a", 255));
    assert_false(hf_setting_has_bit("x.12", "x", 1));
    for (size_t i = 0; i < 129; i++)
        digests[i] = digit[i % 16];
    digests[64] = ',';
    digests[129] = '\0';
    assert_int_equal(hf_setting_check("guest-update", digests, NULL), 0);
    assert_true(hf_digest_parse("123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0", &d));
    assert_true(hf_setting_has_digest(digests, &d));
    d.b[31] ^= 1;
    assert_false(hf_setting_has_digest(digests, &d));
    digests[128] = '\0';
    assert_int_equal(hf_setting_check("guest-update", digests, NULL), -HF_EUSAGE);
}

static enum hf_signal signal_of(struct guest *g)
{
    struct hf_choices choices;

    assert_int_equal(hf_choices_get(g->c, &choices, NULL), 0);
    return choices.by.signal;
}

static void the_mailbox_is_the_signal_where_nobody_chose(void **state)
{
    struct hf_mailbox_hardware hw = {.mode = HF_MAILBOX_ALWAYS, .present = true, .rom = true}, got;
    struct guest g;

    if (images_missing())
        skip();
    guest_new(&g, NULL, NULL);
    assert_int_equal(signal_of(&g), HF_SIGNAL_UPTIME);
    assert_int_equal(hf_mailbox_hardware_set(g.c, &hw, NOW, NULL), 0);
    assert_int_equal(hf_mailbox_hardware_get(g.c, &got, NULL), 0);
    assert_true(got.mode == hw.mode && got.present == hw.present && got.rom == hw.rom &&
                got.memory_named == hw.memory_named);
    assert_int_equal(signal_of(&g), HF_SIGNAL_MAILBOX);
    hw.rom = false; /* firmware without the driver would never say anything */
    assert_int_equal(hf_mailbox_hardware_set(g.c, &hw, NOW, NULL), 0);
    assert_int_equal(signal_of(&g), HF_SIGNAL_UPTIME);
    hw.rom = true;
    assert_int_equal(hf_mailbox_hardware_set(g.c, &hw, NOW, NULL), 0);
    set(&g, "confirm-by", "agent");
    assert_int_equal(signal_of(&g), HF_SIGNAL_AGENT);
    set(&g, "confirm-by", "uptime");
    assert_int_equal(signal_of(&g), HF_SIGNAL_UPTIME);
    guest_free(&g);
}

static void what_was_agreed_is_read_back_and_damage_is_told(void **state)
{
    struct hf_agreement a = {.domain = "acpi-loader",
                             .version = 7,
                             .asked_once = true,
                             .locked = true,
                             .status = HF_NEGOTIATE_ACCEPTED,
                             .offered = {{7}},
                             .asked = {{3}},
                             .agreed = {{3}}},
                        list[HF_AGREEMENTS_MAX];
    struct guest g;
    size_t count;

    if (images_missing())
        skip();
    guest_new(&g, NULL, NULL);
    assert_int_equal(hf_begin(g.c, NULL), 0);
    assert_int_equal(hf_agreement_put(g.c, &a, NULL), 0);
    assert_int_equal(hf_commit(g.c, HF_SOON, NULL), 0);
    assert_int_equal(hf_agreement_list(g.c, list, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_string_equal(list[0].domain, a.domain);
    assert_int_equal(list[0].version, 7);
    assert_true(list[0].locked && list[0].asked_once && hf_bits_equal(&list[0].agreed, &a.agreed));
    assert_true(hf_bits_equal(&list[0].offered, &a.offered) && hf_bits_equal(&list[0].asked, &a.asked));
    assert_int_equal(hf_begin(g.c, NULL), 0);
    assert_int_equal(hf_contract_set(g.c, "other", "1234", 4, NULL), 0);
    assert_int_equal(hf_commit(g.c, HF_SOON, NULL), 0);
    assert_int_equal(hf_agreement_list(g.c, list, &count, NULL), -HF_EDAMAGED);
    guest_free(&g);
}

static void bits_have_a_text(void **state)
{
    struct hf_bits many, few = {{0x81}}, none = {{0}};
    char text[HF_BITS_TEXT_SIZE];

    memset(&many, 0xff, sizeof many);
    assert_string_equal(hf_bits_text(&none, text), "none");
    assert_string_equal(hf_bits_text(&few, text), "0,7");
    assert_non_null(strstr(hf_bits_text(&many, text), ",..."));
}

/* Debian's variables with Microsoft's keys, and those without any. */
static void enrolled_keys_enforce_secure_boot(void **state)
{
    static const struct {
        const char *path;
        bool enforced;
    } banks[] = {{"/usr/share/OVMF/OVMF_VARS_4M.ms.fd", true}, {"/usr/share/OVMF/OVMF_VARS_4M.fd", false}};

    for (size_t i = 0; i < 2; i++) {
        struct hf_variables v;
        uint8_t *bytes;
        FILE *f = fopen(banks[i].path, "rb");
        size_t size;

        if (!f) {
            print_message("# SKIP %s is not installed\n", banks[i].path);
            skip();
        }
        bytes = malloc(1 << 20);
        assert_non_null(bytes);
        size = fread(bytes, 1, 1 << 20, f);
        (void)fclose(f);
        assert_int_equal(hf_variables_of_bytes(bytes, size, &v, NULL), 0);
        assert_int_equal(hf_secure_boot_enforced(&v), banks[i].enforced);
        hf_variables_done(&v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_masked_is_not_offered),
        cmocka_unit_test(a_guest_that_arrives_is_offered_what_it_was),
        cmocka_unit_test(only_what_is_offered_can_be_masked),
        cmocka_unit_test(masks_and_digests_are_read_strictly),
        cmocka_unit_test(the_mailbox_is_the_signal_where_nobody_chose),
        cmocka_unit_test(what_was_agreed_is_read_back_and_damage_is_told),
        cmocka_unit_test(bits_have_a_text),
        cmocka_unit_test(enrolled_keys_enforce_secure_boot),
    };

    return cmocka_run_group_tests_name("lifecycle-mailbox_hardware", tests, images_load, images_free);
}
