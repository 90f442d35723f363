/* SPDX-License-Identifier: BSD-2-Clause */
/* Partition tables, whole and broken. */
#include "unit.h"

#include "crc32.h"
#include "gpt.h"

enum { SECTOR = 512, ENTRIES = 2 * SECTOR, COUNT = 4, SIZE = ENTRIES + COUNT * 128, BLOCKS = 1000 };

static void put(uint8_t *p, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

static void sum(uint8_t *head)
{
    put(head + SECTOR + 88, hf_crc32(0, head + ENTRIES, COUNT * 128), 4);
    put(head + SECTOR + 16, 0, 4);
    put(head + SECTOR + 16, hf_crc32(0, head + SECTOR, 92), 4);
}

static void add(uint8_t *head, size_t number, bool esp, uint64_t first, uint64_t last)
{
    uint8_t *p = head + ENTRIES + (number - 1) * 128;

    memcpy(p, &hf_gpt_esp, 16);
    p[0] ^= !esp;
    p[16] = (uint8_t)number;
    put(p + 32, first, 8);
    put(p + 40, last, 8);
    sum(head);
}

static void make(uint8_t head[SIZE])
{
    memset(head, 0, SIZE);
    memcpy(head + SECTOR, "EFI PART", 8);
    put(head + SECTOR + 12, 92, 4);
    put(head + SECTOR + 24, 1, 8);
    put(head + SECTOR + 72, 2, 8);
    put(head + SECTOR + 80, COUNT, 4);
    put(head + SECTOR + 84, 128, 4);
    add(head, 1, false, 34, 99);
    add(head, 3, true, 100, 199);
}

static int read_one(const uint8_t *head, size_t size, uint32_t number, struct hf_gpt_partition *p, struct hf_error *err)
{
    struct hf_gpt gpt;
    int r = hf_gpt_read(head, size, (uint64_t)BLOCKS * SECTOR, &gpt, err);

    return r < 0 ? r : hf_gpt_find(&gpt, number, p, err);
}

static void the_system_partition_is_found(void **state)
{
    struct hf_gpt_partition p;
    struct hf_error err = {0};
    uint8_t head[SIZE];

    (void)state;
    make(head);
    assert_int_equal(read_one(head, SIZE, 0, &p, &err), 0);
    assert_int_equal(p.number, 3);
    assert_int_equal(p.first, 100);
    assert_int_equal(p.sectors, 100);
    assert_int_equal(p.id.b[0], 3);
    assert_int_equal(read_one(head, SIZE, 1, &p, &err), 0);
    assert_int_equal(p.sectors, 66);
    assert_int_equal(read_one(head, SIZE, 2, &p, &err), -HF_ENOTFOUND);
    add(head, 4, true, 300, 400);
    assert_int_equal(read_one(head, SIZE, 0, &p, &err), -HF_EUSAGE);
    assert_non_null(strstr(err.text, "2 EFI System Partitions"));
}

/* One beyond the image, one that ends before it begins. */
static void partitions_outside_are_none(void **state)
{
    struct hf_gpt_partition p;
    uint8_t head[SIZE];

    (void)state;
    make(head);
    add(head, 3, true, 100, BLOCKS);
    assert_int_equal(read_one(head, SIZE, 0, &p, NULL), -HF_ENOTFOUND);
    add(head, 3, true, 100, UINT64_MAX);
    assert_int_equal(read_one(head, SIZE, 0, &p, NULL), -HF_ENOTFOUND);
    add(head, 3, true, 101, 100);
    assert_int_equal(read_one(head, SIZE, 0, &p, NULL), -HF_ENOTFOUND);
}

/* Sets a field, with or without a checksum that is right again, and wants these words. */
static void broken(size_t at, uint64_t value, size_t bytes, bool summed, const char *words)
{
    struct hf_gpt_partition p;
    struct hf_error err = {0};
    uint8_t head[SIZE];

    make(head);
    put(head + at, value, bytes);
    if (summed) {
        put(head + SECTOR + 16, 0, 4);
        put(head + SECTOR + 16, hf_crc32(0, head + SECTOR, 92), 4);
    }
    assert_int_equal(read_one(head, SIZE, 0, &p, &err), -HF_EDAMAGED);
    if (!strstr(err.text, words))
        fail_msg("'%s' has no '%s'", err.text, words);
}

static void what_is_broken_is_named(void **state)
{
    struct hf_gpt_partition p;
    uint8_t head[SIZE];

    (void)state;
    broken(SECTOR, 0, 1, false, "no GUID partition table");
    broken(SECTOR + 40, 1, 1, false, "header checksum");
    broken(SECTOR + 12, 91, 4, true, "a header of 91 bytes");
    broken(SECTOR + 12, 0xFFFFFFFF, 4, true, "a header of 4294967295 bytes");
    broken(SECTOR + 24, 2, 8, true, "it is at 1");
    broken(SECTOR + 84, 127, 4, true, "4 entries of 127 bytes");
    broken(SECTOR + 84, 0x80000000, 4, true, "entries of 2147483648 bytes");
    broken(SECTOR + 80, 0xFFFFFFFF, 4, true, "4294967295 entries");
    broken(SECTOR + 72, UINT64_MAX, 8, true, "not in the first");
    broken(SECTOR + 72, UINT64_MAX / SECTOR + 2, 8, true, "not in the first");
    broken(ENTRIES + 130, 1, 1, false, "checksum of the entries");
    make(head);
    for (size_t size = 0; size < SIZE; size++) {
        uint8_t *cut = (uint8_t *)malloc(size ? size : 1); /* its end is the allocation's */

        memcpy(cut, head, size);
        assert_int_equal(read_one(cut, size, 0, &p, NULL), -HF_EDAMAGED);
        free(cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_system_partition_is_found),
        cmocka_unit_test(partitions_outside_are_none),
        cmocka_unit_test(what_is_broken_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
