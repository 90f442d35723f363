/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "fwcfg_machine.h"

static uint8_t writable[8];
static bool lying_error, lying_name;
static uint32_t lying_count;
static unsigned reads_past_end;

static void start(struct machine *m, bool dma)
{
    struct hf_fwcfg_config config = machine_config(m);
    struct hf_fwcfg_item files[] = {
        {.name = "etc/a", .data = "alpha", .size = 5},
        {.name = "etc/w", .buffer = writable, .size = 8, .flags = HF_FWCFG_WRITABLE},
        {.name = "etc/empty"},
    };

    config.dma = dma;
    memset(writable, 0, sizeof writable);
    assert_int_equal(machine_init(m, &config, NULL), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(hf_fwcfg_add_file(m->device, &files[i], NULL), 0);
    hf_fwcfg_seal(m->device);
}

static void reads_and_writes(bool dma)
{
    static struct machine m;
    struct hf_fwcfg_client c;
    struct hf_fwcfg_file f;
    char buf[16] = "";

    start(&m, dma);
    c = machine_client(&m);
    assert_int_equal(hf_fwcfg_client_open(&c), 0);
    assert_int_equal(c.dma, dma);
    assert_int_equal(hf_fwcfg_client_find(&c, "etc/a", &f), 0);
    assert_int_equal(f.size, 5);
    assert_int_equal(hf_fwcfg_client_read(&c, &f, buf, 4), -HF_ENOMEM);
    assert_int_equal(hf_fwcfg_client_read(&c, &f, buf, sizeof buf), 0);
    assert_memory_equal(buf, "alpha", 6);
    assert_int_equal(hf_fwcfg_client_read_at(&c, &f, 2, buf, 3), 0);
    assert_memory_equal(buf, "phaha", 5);
    assert_int_equal(hf_fwcfg_client_read_at(&c, &f, 2, buf, 4), -HF_EUSAGE);
    assert_int_equal(hf_fwcfg_client_find(&c, "etc/none", &f), -HF_ENOTFOUND);
    assert_int_equal(hf_fwcfg_client_find(&c, "", &f), -HF_EUSAGE);
    assert_int_equal(hf_fwcfg_client_find(&c, "etc/empty", &f), 0);
    assert_int_equal(hf_fwcfg_client_read(&c, &f, buf, 0), 0);
    assert_int_equal(hf_fwcfg_client_find(&c, "etc/w", &f), 0);
    assert_int_equal(hf_fwcfg_client_write(&c, &f, "12345678", 8), dma ? 0 : -HF_EREFUSED);
    assert_int_equal(writable[7], dma ? '8' : 0);
    assert_int_equal(hf_fwcfg_client_find(&c, "etc/a", &f), 0);
    assert_int_equal(hf_fwcfg_client_write(&c, &f, "1", 1), -HF_EREFUSED);
    machine_done(&m);
}

static void works_with_and_without_dma(void **state)
{
    reads_and_writes(true);
    reads_and_writes(false);
}

/*
 * Hosts that differ, as a bus: a first item longer than four bytes; a directory in insertion order whose keys do not
 * rise; no zero fill past the end; no select by DMA; one that dies of a write to the data register (there is none to
 * call); a directory that lies.
 */
struct odd {
    uint16_t selected;
    uint32_t offset;
};

static const char *odd_item(uint16_t key, size_t *size)
{
    static char dir[4 + 64 * 2];

    switch (key) {
    case HF_FWCFG_SIGNATURE:
        *size = 8;
        return "QEMU CFG";
    case HF_FWCFG_ID:
        *size = 4;
        return "\3\0\0";
    case HF_FWCFG_FILE_DIR: {
        hf_be32 count = hf_be32_of(lying_count != 0 ? lying_count : 2);
        struct hf_fwcfg_row row = {hf_be32_of(3), hf_be16_of(0x31), {{0}}, "acpi/z"};

        memcpy(dir, &count, 4);
        memcpy(dir + 4, &row, 64);
        row = (struct hf_fwcfg_row){hf_be32_of(lying_error ? 0xfffffff0 : 4), hf_be16_of(0x22), {{0}}, "acpi/a"};
        if (lying_name)
            memset(row.name, 'x', sizeof row.name);
        memcpy(dir + 68, &row, 64);
        *size = sizeof dir;
        return dir;
    }
    case 0x22:
        *size = 4;
        return "rsdp";
    case 0x31:
        *size = 3;
        return "zzz";
    default:
        *size = 0;
        return "";
    }
}

static void odd_select(struct hf_fwcfg_client *c, uint16_t key)
{
    struct odd *o = (struct odd *)c->opaque;

    o->selected = key;
    o->offset = 0;
}

static void odd_read(struct hf_fwcfg_client *c, void *to, size_t n)
{
    struct odd *o = (struct odd *)c->opaque;
    size_t size;
    const char *item = odd_item(o->selected, &size);

    for (size_t i = 0; i < n; i++) {
        reads_past_end += o->offset >= size;
        ((char *)to)[i] = o->offset < size ? item[o->offset++] : (char)0xee;
    }
}

static int odd_dma(struct hf_fwcfg_client *c, uint32_t control, void *buffer, uint32_t size)
{
    if (control != HF_FWCFG_DMA_READ) /* SELECT, SKIP, WRITE stand elsewhere on this host */
        return -HF_EREFUSED;
    odd_read(c, buffer, size);
    return 0;
}

static void copes_with_hosts_that_differ(void **state)
{
    static const struct hf_fwcfg_bus bus = {odd_select, odd_read, odd_dma};
    struct odd o = {0};
    struct hf_fwcfg_client c = {.bus = &bus, .opaque = &o};
    struct hf_fwcfg_file f;
    char buf[8];

    assert_int_equal(hf_fwcfg_client_open(&c), 0);
    assert_int_equal(hf_fwcfg_client_find(&c, "acpi/a", &f), 0);
    assert_int_equal(f.key, 0x22);
    assert_int_equal(hf_fwcfg_client_read(&c, &f, buf, sizeof buf), 0);
    assert_memory_equal(buf, "rsdp", 4);
    assert_int_equal(hf_fwcfg_client_read_at(&c, &f, 1, buf, 2), 0);
    assert_memory_equal(buf, "sd", 2);
    assert_int_equal(hf_fwcfg_client_write(&c, &f, "new", 3), -HF_EREFUSED);
    lying_error = true;
    assert_int_equal(hf_fwcfg_client_find(&c, "acpi/a", &f), -HF_EPROTO);
    lying_error = false;
    lying_name = true;
    assert_int_equal(hf_fwcfg_client_find(&c, "acpi/a", &f), -HF_EPROTO);
    lying_name = false;
    lying_count = 0xffffffff;
    assert_int_equal(hf_fwcfg_client_find(&c, "acpi/a", &f), -HF_EPROTO);
    lying_count = 0;
    assert_int_equal(reads_past_end, 0);
}

static void nothing_select(struct hf_fwcfg_client *c, uint16_t key)
{
    (void)c, (void)key;
}

static void nothing_read(struct hf_fwcfg_client *c, void *to, size_t n)
{
    (void)c;
    memset(to, 0xff, n);
}

static void says_when_there_is_no_fw_cfg(void **state)
{
    static const struct hf_fwcfg_bus bus = {nothing_select, nothing_read, NULL};
    struct hf_fwcfg_client c = {.bus = &bus};

    assert_int_equal(hf_fwcfg_client_open(&c), -HF_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(works_with_and_without_dma),
        cmocka_unit_test(copes_with_hosts_that_differ),
        cmocka_unit_test(says_when_there_is_no_fw_cfg),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
