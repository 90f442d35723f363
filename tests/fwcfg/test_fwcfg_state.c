/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "crc32.h"
#include "fwcfg_machine.h"

struct host {
    struct machine m;
    uint8_t w[16], tables[32];
};

static void start(struct host *h, const char *extra, unsigned slots)
{
    struct hf_fwcfg_config config = machine_config(&h->m);
    struct hf_fwcfg_item files[] = {
        {.name = "etc/w", .buffer = h->w, .size = 16, .flags = HF_FWCFG_WRITABLE},
        {.name = "etc/tables", .buffer = h->tables, .size = 8, .capacity = 32, .flags = HF_FWCFG_TRAVELS},
        {.name = "etc/fixed", .data = "abcdef", .size = 6, .key = 0x1f},
        {.name = extra, .data = "x", .size = 1},
    };

    memset(h->w, 0, sizeof h->w);
    memset(h->tables, 0, sizeof h->tables);
    config.slots = slots;
    assert_int_equal(machine_init(&h->m, &config, NULL), 0);
    for (size_t i = 0; i < (extra ? 4 : 3); i++)
        assert_int_equal(hf_fwcfg_add_file(h->m.device, &files[i], NULL), 0);
    hf_fwcfg_seal(h->m.device);
}

static size_t save(struct host *h, uint8_t *bytes, size_t size)
{
    size_t n = 0;

    assert_int_equal(hf_fwcfg_save(h->m.device, bytes, size, &n, NULL), 0);
    assert_int_equal(n, hf_fwcfg_state_size(h->m.device));
    return n;
}

static void a_read_under_way_goes_on_elsewhere(void **state)
{
    static struct host a, b;
    uint8_t bytes[1024];
    size_t n;
    uint32_t size;

    start(&a, NULL, 0);
    start(&b, "etc/zz", 0); /* sorts behind: no key moves */
    memcpy(a.m.ram + 0x200, "0123456789abcdef", 16);
    assert_int_equal(machine_dma(&a.m, 0x100, 0x21u << 16 | 0x18, 16, 0x200), 0);
    assert_int_equal(hf_fwcfg_update(a.m.device, "etc/tables", "built by the source", 19, NULL), 0);
    machine_select(&a.m, 0x20);
    assert_int_equal(machine_byte(&a.m), 'b');
    n = save(&a, bytes, sizeof bytes);
    assert_int_equal(hf_fwcfg_load(b.m.device, bytes, n, NULL), 0);
    assert_int_equal(machine_byte(&b.m), 'u');
    assert_memory_equal(b.w, "0123456789abcdef", 16);
    assert_int_equal(hf_fwcfg_find(b.m.device, "etc/tables", NULL, &size), 0);
    assert_int_equal(size, 19);
    machine_done(&a.m);
    machine_done(&b.m);
}

static void refused(const char *extra_a, const char *extra_b, unsigned slots_b, const char *rule)
{
    static struct host a, b;
    uint8_t bytes[1024];
    struct hf_error err;
    size_t n;

    start(&a, extra_a, 0);
    start(&b, extra_b, slots_b);
    a.w[0] = 1;
    n = save(&a, bytes, sizeof bytes);
    assert_int_equal(hf_fwcfg_load(b.m.device, bytes, n, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, rule);
    assert_int_equal(b.w[0], 0);
    machine_done(&a.m);
    machine_done(&b.m);
}

static void a_machine_that_differs_refuses(void **state)
{
    refused(NULL, "etc/a", 0, "directory");  /* shifts keys */
    refused("etc/zz", NULL, 0, "directory"); /* lacks a file */
    refused(NULL, NULL, 0x10, "slots");
}

static void a_file_with_a_fixed_selector_may_stay_behind(void **state)
{
    static struct machine m;
    static struct host a;
    struct hf_fwcfg_config config = machine_config(&m);
    struct hf_fwcfg_item files[] = {
        {.name = "etc/w", .buffer = a.w, .size = 16, .flags = HF_FWCFG_WRITABLE},
        {.name = "etc/tables", .buffer = a.tables, .size = 8, .capacity = 32, .flags = HF_FWCFG_TRAVELS},
    };
    uint8_t bytes[1024];
    size_t n;

    start(&a, NULL, 0);
    machine_select(&a.m, 0x1f);
    assert_int_equal(machine_byte(&a.m), 'a');
    n = save(&a, bytes, sizeof bytes);
    assert_int_equal(machine_init(&m, &config, NULL), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(hf_fwcfg_add_file(m.device, &files[i], NULL), 0);
    hf_fwcfg_seal(m.device);
    assert_int_equal(hf_fwcfg_load(m.device, bytes, n, NULL), 0);
    assert_int_equal(machine_byte(&m), 0);
    machine_done(&m);
    machine_done(&a.m);
}

static void every_flipped_bit_and_every_cut_is_found(void **state)
{
    static struct host a, b;
    uint8_t bytes[1024], before[16];
    size_t n;

    start(&a, NULL, 0);
    start(&b, NULL, 0);
    memset(a.w, 7, sizeof a.w);
    memcpy(before, b.w, sizeof before);
    n = save(&a, bytes, sizeof bytes);
    for (size_t i = 0; i < n * 8; i++) {
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_true(hf_fwcfg_load(b.m.device, bytes, n, NULL) < 0);
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t cut = 0; cut < n; cut++)
        assert_true(hf_fwcfg_load(b.m.device, bytes, cut, NULL) < 0);
    assert_memory_equal(b.w, before, sizeof before);
    assert_int_equal(hf_fwcfg_load(b.m.device, bytes, n, NULL), 0);
    assert_int_equal(b.w[15], 7);
    machine_done(&a.m);
    machine_done(&b.m);
}

/* Puts a number at an offset of a state and the checksum right again. */
static void change(uint8_t *bytes, size_t n, size_t at, uint32_t value)
{
    hf_le32 v = hf_le32_of(value), crc = hf_le32_of(0);

    memcpy(bytes + at, &v, 4);
    memcpy(bytes + 28, &crc, 4);
    crc = hf_le32_of(hf_crc32(0, bytes, n));
    memcpy(bytes + 28, &crc, 4);
}

static void a_newer_state_loads_if_it_says_so(void **state)
{
    static struct host a;
    struct hf_error err;
    uint8_t bytes[1024], longer[1100];
    size_t n;

    start(&a, NULL, 0);
    n = save(&a, bytes, sizeof bytes);
    change(bytes, n, 8, 2); /* version 2, for readers of 1 */
    assert_int_equal(hf_fwcfg_load(a.m.device, bytes, n, &err), 0);
    change(bytes, n, 12, 2); /* for readers of 2 */
    assert_int_equal(hf_fwcfg_load(a.m.device, bytes, n, &err), -HF_EVERSION);
    change(bytes, n, 12, 1);
    memcpy(longer, bytes, 64); /* a head that grew by 8 bytes */
    memset(longer + 64, 0xee, 8);
    memcpy(longer + 72, bytes + 64, n - 64);
    change(longer, n + 8, 16, 72);
    change(longer, n + 8, 32, (uint32_t)n + 8);
    assert_int_equal(hf_fwcfg_load(a.m.device, longer, n + 8, &err), 0);
    change(bytes, n, 24, 0xffffffff); /* more rows than there are bytes */
    assert_int_equal(hf_fwcfg_load(a.m.device, bytes, n, &err), -HF_EDAMAGED);
    machine_done(&a.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_under_way_goes_on_elsewhere),
        cmocka_unit_test(a_machine_that_differs_refuses),
        cmocka_unit_test(a_file_with_a_fixed_selector_may_stay_behind),
        cmocka_unit_test(a_newer_state_loads_if_it_says_so),
        cmocka_unit_test(every_flipped_bit_and_every_cut_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
