/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "fwcfg_machine.h"

struct seen {
    unsigned selects, writes;
    uint32_t offset, length;
};

static void count_select(void *opaque, struct hf_fwcfg *device)
{
    (void)device;
    ((struct seen *)opaque)->selects++;
}

static void count_write(void *opaque, uint32_t offset, uint32_t length)
{
    struct seen *s = (struct seen *)opaque;

    s->writes++;
    s->offset = offset;
    s->length = length;
}

static uint8_t writable[8];
static struct seen seen;

static int setup(void **state)
{
    static struct machine m;
    struct hf_fwcfg_config config = machine_config(&m);
    struct hf_fwcfg_item files[] = {
        {.name = "etc/b", .data = "0123456789", .size = 10, .on_select = count_select, .opaque = &seen},
        {.name = "etc/w",
         .buffer = writable,
         .size = 8,
         .flags = HF_FWCFG_WRITABLE,
         .on_write = count_write,
         .opaque = &seen},
        {.name = "etc/a", .data = "A", .size = 1},
        {.name = "etc/0-fixed", .data = "F", .size = 1, .key = 0x1e},
    };

    seen = (struct seen){0};
    memset(writable, 0, sizeof writable);
    assert_int_equal(machine_init(&m, &config, NULL), 0);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        assert_int_equal(hf_fwcfg_add_file(m.device, &files[i], NULL), 0);
    assert_int_equal(hf_fwcfg_add_u16(m.device, HF_FWCFG_NB_CPUS, 0x1234, NULL), 0);
    assert_int_equal(hf_fwcfg_add_u32(m.device, 0x8002, 1, NULL), 0);
    hf_fwcfg_seal(m.device);
    *state = &m;
    return 0;
}

static int teardown(void **state)
{
    machine_done((struct machine *)*state);
    return 0;
}

static void reads_the_signature_and_the_id(void **state)
{
    struct machine *m = (struct machine *)*state;
    char got[6];

    for (int i = 0; i < 6; i++)
        got[i] = (char)machine_byte(m);
    assert_memory_equal(got, "QEMU\0", 6);
    machine_select(m, HF_FWCFG_ID);
    assert_int_equal(machine_byte(m), 3);
    machine_select(m, HF_FWCFG_NB_CPUS);
    assert_int_equal(machine_byte(m), 0x34);
    assert_int_equal(machine_byte(m), 0x12);
    machine_select(m, 0x8002);
    assert_int_equal(machine_byte(m), 1);
    machine_select(m, 2);
    assert_int_equal(machine_byte(m), 0);
}

static void lists_files_by_name_and_fixed_ones_last(void **state)
{
    struct machine *m = (struct machine *)*state;
    static const struct {
        const char *name;
        uint16_t key;
    } want[] = {{"etc/a", 0x20}, {"etc/b", 0x21}, {"etc/w", 0x22}, {"etc/0-fixed", 0x1e}};
    uint8_t dir[HF_FWCFG_DIR_SIZE(0x20) + 4];

    machine_select(m, HF_FWCFG_FILE_DIR);
    for (size_t i = 0; i < sizeof dir; i++)
        dir[i] = machine_byte(m);
    assert_memory_equal(dir, "\0\0\0\4", 4);
    for (size_t i = 0; i < 4; i++) {
        struct hf_fwcfg_row row;

        memcpy(&row, dir + HF_FWCFG_DIR_SIZE(i), sizeof row);
        assert_string_equal(row.name, want[i].name);
        assert_int_equal(hf_be16_get(row.key), want[i].key);
    }
    for (size_t i = HF_FWCFG_DIR_SIZE(4); i < sizeof dir; i++)
        assert_int_equal(dir[i], 0);
}

static void a_select_zeroes_the_offset_and_calls_back_once(void **state)
{
    struct machine *m = (struct machine *)*state;

    machine_select(m, 0x21 | HF_FWCFG_KEY_WRITE); /* bit 14 does not matter */
    assert_int_equal(machine_byte(m), '0');
    assert_int_equal(machine_byte(m), '1');
    assert_int_equal(seen.selects, 1);
    machine_select(m, 0x21);
    assert_int_equal(machine_byte(m), '0');
    assert_int_equal(seen.selects, 2);
    machine_select(m, 0x40); /* not a key */
    assert_int_equal(machine_byte(m), 0);
    assert_int_equal(seen.selects, 2);
}

static void accesses_of_other_widths(void **state)
{
    struct machine *m = (struct machine *)*state;
    uint8_t b[8];

    machine_select(m, 0x21);
    assert_true(hf_fwcfg_port_read(m->device, 0, b, 1)); /* the selector's port reads data too */
    assert_int_equal(b[0], '0');
    assert_false(hf_fwcfg_port_read(m->device, 0, b, 2));
    assert_memory_equal(b, "\0\0", 2);
    assert_int_equal(machine_byte(m), '1');
    assert_true(hf_fwcfg_port_write(m->device, 1, "x", 1)); /* nothing */
    assert_int_equal(machine_byte(m), '2');
    assert_true(hf_fwcfg_port_read(m->device, 4, b, 8));
    assert_memory_equal(b, HF_FWCFG_DMA_SIGNATURE, 8);
    assert_false(hf_fwcfg_port_read(m->device, 2, b, 2));
    assert_memory_equal(b, "\xff\xff", 2);
    assert_false(hf_fwcfg_port_write(m->device, 4, b, 2));
    assert_false(hf_fwcfg_port_write(m->device, 8, b, 1));
}

static void mmio_is_string_preserving(void **state)
{
    struct machine *m = (struct machine *)*state;
    uint8_t b[8];

    assert_true(hf_fwcfg_mmio_write(m->device, 8, "\0\x21", 2));
    assert_true(hf_fwcfg_mmio_read(m->device, 0, b, 8));
    assert_memory_equal(b, "01234567", 8);
    assert_false(hf_fwcfg_mmio_read(m->device, 4, b, 4));
    assert_true(hf_fwcfg_mmio_read(m->device, 0, b, 4));
    assert_memory_equal(b, "89\0\0", 4);
    assert_false(hf_fwcfg_mmio_read(m->device, 8, b, 2));
    assert_false(hf_fwcfg_mmio_write(m->device, 8, "\0", 1));
    assert_true(hf_fwcfg_mmio_read(m->device, 0x14, b, 4));
    assert_memory_equal(b, " CFG", 4);
}

static void dma_reads_and_fills_with_zeros(void **state)
{
    struct machine *m = (struct machine *)*state;

    memset(m->ram + 0x200, 0xee, 32);
    assert_int_equal(machine_dma(m, 0x100, 0x21u << 16 | 0x0a, 16, 0x200), 0);
    assert_memory_equal(m->ram + 0x200, "0123456789\0\0\0\0\0\0\xee", 17);
    assert_int_equal(machine_dma(m, 0x100, 0x21u << 16 | 0x0c, 4, 0), 0); /* select, skip */
    assert_int_equal(machine_byte(m), '4');
    assert_int_equal(machine_dma(m, 0x100, 0x04, 100, 0), 0); /* skip past the end */
    assert_int_equal(machine_byte(m), 0);
    assert_int_equal(machine_dma(m, 0x100, 0x21u << 16 | 0x08, 100, 0), 0); /* select only */
    assert_int_equal(machine_byte(m), '0');
}

static void dma_writes_whole_or_not_at_all(void **state)
{
    struct machine *m = (struct machine *)*state;

    memcpy(m->ram + 0x200, "abcdefghij", 10);
    assert_int_equal(machine_dma(m, 0x100, 0x22u << 16 | 0x18, 9, 0x200), 1);
    assert_int_equal(writable[0], 0);
    assert_int_equal(seen.writes, 0);
    assert_int_equal(machine_dma(m, 0x100, 0x10, 1, 0x200), 1); /* the failed write moved the offset to the end */
    assert_int_equal(machine_dma(m, 0x100, 0x22u << 16 | 0x18, 3, 0x200), 0);
    assert_int_equal(machine_dma(m, 0x100, 0x10, 2, 0x203), 0);
    assert_memory_equal(writable, "abcde\0\0\0", 8);
    assert_int_equal(seen.writes, 2);
    assert_int_equal(seen.offset, 3);
    assert_int_equal(seen.length, 2);
    assert_int_equal(machine_dma(m, 0x100, 0x21u << 16 | 0x18, 1, 0x200), 1); /* read only */
    assert_int_equal(machine_dma(m, 0x100, 0x22u << 16 | 0x18, 0, 0x200), 0); /* nothing, no callback */
    assert_int_equal(seen.writes, 2);
    assert_int_equal(machine_dma(m, 0x100, 0x22u << 16 | 0x1a, 1, 0x300), 0); /* READ goes before WRITE */
    assert_int_equal(m->ram[0x300], 'a');
}

static void dma_outside_of_memory_is_an_error(void **state)
{
    struct machine *m = (struct machine *)*state;
    hf_be64 far = hf_be64_of(0x100000000u);

    assert_int_equal(machine_dma(m, 0x100, 0x21u << 16 | 0x0a, 4, RAM_SIZE - 2), 1);
    assert_int_equal(machine_dma(m, 0x100, 0x22u << 16 | 0x18, 4, RAM_SIZE - 2), 1);
    assert_int_equal(machine_dma(m, 0x100, 0x40u << 16 | 0x0a, 0xffffffff, 0), 1); /* a fill that leaves memory */
    assert_true(hf_fwcfg_port_write(m->device, 4, &far, 8));
}

static void the_latch_lasts_for_one_transfer_and_until_reset(void **state)
{
    struct machine *m = (struct machine *)*state;

    assert_true(hf_fwcfg_port_write(m->device, 4, "\0\0\0\1", 4));
    assert_int_equal(machine_dma(m, 0x100, 0x21u << 16 | 0x08, 0, 0), 0x21u << 16 | 0x08); /* went to 4 GiB + 0x100 */
    assert_int_equal(machine_dma(m, 0x100, 0x21u << 16 | 0x08, 0, 0), 0);
    assert_true(hf_fwcfg_port_write(m->device, 4, "\0\0\0\1", 4));
    hf_fwcfg_reset(m->device);
    assert_int_equal(machine_dma(m, 0x100, 0x21u << 16 | 0x08, 0, 0), 0);
    hf_fwcfg_reset(m->device);
    assert_int_equal(machine_byte(m), 'Q');
}

static void a_file_may_change_when_it_is_selected(void **state)
{
    struct machine *m = (struct machine *)*state;
    uint32_t size;

    machine_select(m, 0x20);
    assert_int_equal(hf_fwcfg_update(m->device, "etc/a", "longer", 6, NULL), 0);
    assert_int_equal(machine_byte(m), 'l');
    assert_int_equal(hf_fwcfg_find(m->device, "etc/a", NULL, &size), 0);
    assert_int_equal(size, 6);
    assert_int_equal(hf_fwcfg_update(m->device, "etc/w", "123456789", 9, NULL), -HF_ENOSPC);
    assert_int_equal(hf_fwcfg_update(m->device, "etc/none", "1", 1, NULL), -HF_ENOTFOUND);
}

static void the_audit_tells_what_was_read_and_written(void **state)
{
    struct machine *m = (struct machine *)*state;
    struct hf_fwcfg_audit a;

    machine_select(m, 0x21);
    machine_byte(m);
    machine_dma(m, 0x100, 0x02, 100, 0x200);
    machine_dma(m, 0x100, 0x22u << 16 | 0x18, 9, 0x200);
    assert_int_equal(hf_fwcfg_audit(m->device, 1, &a), 0);
    assert_string_equal(a.name, "etc/b");
    assert_int_equal(a.selects, 1);
    assert_int_equal(a.bytes_read, 10);
    assert_true(a.first != 0 && a.first < a.last);
    assert_int_equal(hf_fwcfg_audit(m->device, 2, &a), 0);
    assert_int_equal(a.writes_refused, 1);
    assert_int_equal(a.bytes_written, 0);
    assert_int_equal(hf_fwcfg_audit(m->device, 0, &a), 0);
    assert_int_equal(a.first, 0);
    assert_int_equal(hf_fwcfg_audit(m->device, 100, &a), -HF_ENOTFOUND);
    hf_fwcfg_audit_clear(m->device);
    assert_int_equal(hf_fwcfg_audit(m->device, 1, &a), 0);
    assert_int_equal(a.selects, 0);
}

static int add(struct machine *m, const char *name, unsigned flags, uint16_t key, struct hf_error *err)
{
    struct hf_fwcfg_item it = {.name = name, .data = "x", .size = 1, .flags = flags, .key = key};

    return hf_fwcfg_add_file(m->device, &it, err);
}

static void what_cannot_be_added_is_refused_by_name(void **state)
{
    static struct machine m;
    struct hf_fwcfg_config config = machine_config(&m);
    struct hf_error err;
    char name[60];

    config.slots = 0x10;
    assert_int_equal(machine_init(&m, &config, &err), 0);
    memset(name, 'n', sizeof name);
    name[56] = '\0';
    assert_int_equal(add(&m, name, 0, 0, &err), -HF_EUSAGE);
    name[55] = '\0';
    assert_int_equal(add(&m, name, 0, 0, &err), 0);
    assert_int_equal(add(&m, name, 0, 0, &err), -HF_EUSAGE);
    assert_int_equal(add(&m, "", 0, 0, &err), -HF_EUSAGE);
    assert_int_equal(add(&m, "opt/x", 0, 0, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "opt-prefix");
    assert_int_equal(add(&m, "opt/x", HF_FWCFG_USER, 0, &err), 0);
    assert_int_equal(add(&m, "w", HF_FWCFG_WRITABLE, 0, &err), -HF_EUSAGE);
    assert_int_equal(hf_fwcfg_add_file(m.device, &(struct hf_fwcfg_item){.name = "r", .reserved = {1}}, &err),
                     -HF_EUSAGE);
    assert_int_equal(add(&m, "fixed", 0, 0x19, &err), -HF_EUSAGE);
    assert_int_equal(add(&m, "fixed", 0, 0x1a, &err), 0);
    assert_int_equal(add(&m, "fixed2", 0, 0x1a, &err), -HF_EUSAGE);
    for (int i = 3; i < 0x10; i++) {
        snprintf(name, sizeof name, "f%d", i);
        assert_int_equal(add(&m, name, 0, 0, &err), 0);
    }
    assert_int_equal(add(&m, "more", 0, 0, &err), -HF_ENOSPC);
    assert_int_equal(hf_fwcfg_add_u16(m.device, 0x19, 1, &err), -HF_EUSAGE);
    assert_int_equal(hf_fwcfg_add_u16(m.device, 1, 1, &err), -HF_EUSAGE);
    hf_fwcfg_seal(m.device);
    assert_int_equal(hf_fwcfg_add_u16(m.device, 5, 1, &err), -HF_EUSAGE);
    assert_int_equal(hf_fwcfg_check_user_name("opt/org.example/x", &err), 0);
    assert_int_equal(hf_fwcfg_check_user_name("etc/x", &err), 1);
    assert_int_equal(hf_fwcfg_check_user_name("", &err), -HF_EUSAGE);
    machine_done(&m);
}

static void the_legacy_order_goes_by_rank(void **state)
{
    static const char *const names[] = {"zzz", "bootorder", "etc/e820", "aaa", "etc/acpi/rsdp", "etc/boot-menu-wait"};
    static const char *const want[] = {"etc/boot-menu-wait", "etc/e820", "etc/acpi/rsdp", "bootorder", "zzz", "aaa"};
    static struct machine m;
    struct hf_fwcfg_config config = machine_config(&m);

    config.order = HF_FWCFG_LEGACY;
    assert_int_equal(machine_init(&m, &config, NULL), 0);
    for (int i = 0; i < 6; i++)
        assert_int_equal(add(&m, names[i], 0, 0, NULL), 0);
    hf_fwcfg_seal(m.device);
    for (uint16_t i = 0; i < 6; i++) {
        uint16_t key;

        assert_int_equal(hf_fwcfg_find(m.device, want[i], &key, NULL), 0);
        assert_int_equal(key, 0x20 + i);
    }
    machine_done(&m);
}

static void bounds_of_the_configuration(void **state)
{
    static struct machine m;
    struct hf_fwcfg_config config = machine_config(&m);
    struct hf_fwcfg *d;

    config.slots = 0xf;
    assert_int_equal(hf_fwcfg_init(&m, sizeof m, &config, &d, NULL), -HF_EUSAGE);
    config.slots = 0x3fe1;
    assert_int_equal(hf_fwcfg_init(&m, sizeof m, &config, &d, NULL), -HF_EUSAGE);
    config.slots = 0x3fe0;
    assert_int_equal(hf_fwcfg_init(&m, sizeof m, &config, &d, NULL), -HF_ENOMEM);
    assert_int_equal(hf_fwcfg_init(NULL, hf_fwcfg_size(0x3fe0), &config, &d, NULL), -HF_ENOMEM);
    assert_int_equal(machine_init(&m, &config, NULL), 0);
    hf_fwcfg_seal(m.device);
    machine_select(&m, 0xffff);
    assert_int_equal(machine_byte(&m), 0);
    machine_done(&m);
    config.data_width = 3;
    config.slots = 0;
    assert_int_equal(hf_fwcfg_init(&m, sizeof m, &config, &d, NULL), -HF_EUSAGE);
    config.data_width = 0;
    config.reserved[1] = 1;
    assert_int_equal(hf_fwcfg_init(&m, sizeof m, &config, &d, NULL), -HF_EUSAGE);
}

int main(void)
{
#define WITH_DEVICE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_DEVICE(reads_the_signature_and_the_id),
        WITH_DEVICE(lists_files_by_name_and_fixed_ones_last),
        WITH_DEVICE(a_select_zeroes_the_offset_and_calls_back_once),
        WITH_DEVICE(accesses_of_other_widths),
        WITH_DEVICE(mmio_is_string_preserving),
        WITH_DEVICE(dma_reads_and_fills_with_zeros),
        WITH_DEVICE(dma_writes_whole_or_not_at_all),
        WITH_DEVICE(dma_outside_of_memory_is_an_error),
        WITH_DEVICE(the_latch_lasts_for_one_transfer_and_until_reset),
        WITH_DEVICE(a_file_may_change_when_it_is_selected),
        WITH_DEVICE(the_audit_tells_what_was_read_and_written),
        cmocka_unit_test(what_cannot_be_added_is_refused_by_name),
        cmocka_unit_test(the_legacy_order_goes_by_rank),
        cmocka_unit_test(bounds_of_the_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
