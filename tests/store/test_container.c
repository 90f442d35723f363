/* SPDX-License-Identifier: BSD-2-Clause */
#include "ground.h"

#include <sqlite3.h>

#include "cleanup.h"
#include "contract.h"
#include "eventlog.h"
#include "inside.h"
#include "roms.h"
#include "settings.h"
#include "state.h"
#include "whole_file.h"

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static void one_file_at_rest(void **state)
{
    struct hf_container *c = ground_container("g.hold");

    assert_true(exists(ground_path("g.hold-wal")));
    OK(hf_container_close(c, &err));
    assert_true(exists(ground_path("g.hold")));
    assert_false(exists(ground_path("g.hold-wal")));
    assert_false(exists(ground_path("g.hold-shm")));
}

static void create_overwrites_nothing(void **state)
{
    struct hf_container *c = ground_container("g.hold"), *other;

    OK(hf_container_close(c, &err));
    REFUSED("exists", hf_container_create(ground_path("g.hold"), &ground_guest, NOW, &other, &err));
    REFUSED("uuid", hf_container_create(ground_path("h.hold"), &(struct hf_guest){.uuid = "none", .arch = "x"}, NOW,
                                        &other, &err));
    assert_false(exists(ground_path("h.hold")));
}

static void what_was_committed_is_there_again(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    uint8_t want[HF_PAGE_SIZE], got[3 * HF_PAGE_SIZE];
    struct hf_guest guest;

    OK(hf_container_close(c, &err));
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_LOOK, NOW, &c, &err));
    ground_bytes(want, sizeof want, 2);
    OK(hf_bank_read(c, HF_BANK_VARS, 0, got, sizeof got, &err));
    assert_memory_equal(got, want, sizeof want);
    for (size_t i = HF_PAGE_SIZE; i < sizeof got; i++)
        assert_int_equal(got[i], 0xff);
    OK(hf_guest_get(c, &guest, &err));
    assert_memory_equal(&guest, &ground_guest, sizeof guest);
    FAILS(HF_EUSAGE, hf_bank_write(c, HF_BANK_VARS, 0, want, 1, NULL, &err));
    OK(hf_container_close(c, &err));
}

static void an_aborted_transaction_leaves_nothing(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    struct hf_digest before, after;
    uint64_t commits, again;
    uint8_t zeros[100] = {0};

    OK(hf_bank_digest(c, HF_BANK_VARS, &before, &err));
    OK(hf_container_commits(c, &commits, &err));
    OK(hf_begin(c, &err));
    OK(hf_bank_write(c, HF_BANK_VARS, 5000, zeros, sizeof zeros, NULL, &err));
    hf_abort(c);
    OK(hf_bank_digest(c, HF_BANK_VARS, &after, &err));
    assert_memory_equal(&before, &after, sizeof before);
    OK(hf_begin(c, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
    OK(hf_container_commits(c, &again, &err));
    assert_int_equal(commits, again);
    FAILS(HF_EUSAGE, hf_bank_write(c, HF_BANK_VARS, 5000, zeros, sizeof zeros, NULL, &err));
    OK(hf_container_close(c, &err));
}

static void equal_pages_are_dropped(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    uint8_t bank[BANK_SIZE], erased[HF_PAGE_SIZE];
    size_t changed;

    memset(erased, 0xff, sizeof erased);
    OK(hf_bank_read(c, HF_BANK_VARS, 0, bank, sizeof bank, &err));
    OK(hf_begin(c, &err));
    OK(hf_bank_write(c, HF_BANK_VARS, 0, bank, sizeof bank, &changed, &err));
    assert_int_equal(changed, 0);
    bank[3 * HF_PAGE_SIZE + 17] = 0;
    OK(hf_bank_write(c, HF_BANK_VARS, 0, bank, sizeof bank, &changed, &err));
    assert_int_equal(changed, 1);
    OK(hf_bank_write(c, HF_BANK_VARS, 3 * HF_PAGE_SIZE, erased, sizeof erased, &changed, &err));
    assert_int_equal(changed, 1);
    FAILS(HF_EUSAGE, hf_bank_write(c, HF_BANK_VARS, BANK_SIZE - 1, bank, 2, NULL, &err));
    FAILS(HF_EUSAGE, hf_bank_write(c, HF_BANK_CODE, 0, bank, 1, NULL, &err));
    OK(hf_commit(c, HF_SOON, &err));
    OK(hf_container_close(c, &err));
}

static void the_code_bank_is_the_active_image(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    static uint8_t code[200 << 10], bank[256 << 10];
    struct hf_digest digest;
    uint64_t length;
    bool erased;

    ground_bytes(code, sizeof code, 1);
    OK(hf_bank_read(c, HF_BANK_CODE, 0, bank, sizeof bank, &err));
    assert_memory_equal(bank, code, sizeof code);
    assert_int_equal(bank[sizeof code], 0xff);
    OK(hf_bank_read(c, HF_BANK_CODE, 131000, bank, 300, &err));
    assert_memory_equal(bank, code + 131000, 300);
    OK(hf_bank_extent(c, HF_BANK_CODE, 4096, &length, &erased, &err));
    assert_false(erased);
    assert_int_equal(length, sizeof code - 4096);
    OK(hf_bank_extent(c, HF_BANK_VARS, 0, &length, &erased, &err));
    assert_false(erased);
    assert_int_equal(length, HF_PAGE_SIZE);
    OK(hf_bank_extent(c, HF_BANK_VARS, HF_PAGE_SIZE + 10, &length, &erased, &err));
    assert_true(erased);
    assert_int_equal(length, BANK_SIZE - HF_PAGE_SIZE - 10);
    OK(hf_bank_digest(c, HF_BANK_CODE, &digest, &err));
    OK(hf_container_close(c, &err));
}

static void images_are_stored_once_and_collected(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    struct hf_image list[HF_IMAGES_MAX];
    static uint8_t code[200 << 10];
    struct hf_digest digest;
    uint8_t *bytes;
    uint64_t size;
    size_t count;

    ground_bytes(code, sizeof code, 1);
    OK(hf_begin(c, &err));
    OK(hf_image_add(c, HF_IMAGE_CODE, "again", code, sizeof code, NOW, &digest, &err));
    OK(hf_image_list(c, list, &count, &err));
    assert_int_equal(count, 1);
    for (uint32_t seed = 10; seed < 12; seed++) {
        ground_bytes(code, 1000, seed);
        OK(hf_image_add(c, HF_IMAGE_CODE, "more", code, 1000, NOW, &digest, &err));
    }
    ground_bytes(code, 1000, 12);
    REFUSED("images", hf_image_add(c, HF_IMAGE_CODE, "too many", code, 1000, NOW, &digest, &err));
    OK(hf_image_load(c, &digest, &bytes, &size, &err));
    ground_bytes(code, 1000, 11);
    assert_int_equal(size, 1000);
    assert_memory_equal(bytes, code, 1000);
    free(bytes);
    OK(hf_image_verify(c, &list[0].digest, &err));
    OK(hf_image_collect(c, &count, &err));
    assert_int_equal(count, 2);
    FAILS(HF_ENOTFOUND, hf_image_verify(c, &digest, &err));
    OK(hf_image_verify(c, &list[0].digest, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
    OK(hf_container_close(c, &err));
}

static void snapshots_come_back_and_old_ones_go(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    struct hf_snapshot list[HF_SNAPSHOTS_MAX];
    struct hf_slot_info slot;
    struct hf_digest before, after;
    uint8_t bytes[9000];
    int64_t first, id;
    size_t count;

    OK(hf_bank_digest(c, HF_BANK_VARS, &before, &err));
    OK(hf_begin(c, &err));
    OK(hf_snapshot_take(c, "first", NOW, &first, &err));
    OK(hf_slot_get(c, HF_SLOT_ACTIVE, &slot, &err));
    slot.snapshot = first;
    OK(hf_slot_set(c, HF_SLOT_FALLBACK, &slot, &err));
    for (unsigned i = 0; i < 12; i++) {
        ground_bytes(bytes, sizeof bytes, 100 + i);
        OK(hf_bank_write(c, HF_BANK_VARS, 1000 * i, bytes, sizeof bytes, NULL, &err));
        OK(hf_snapshot_take(c, "more", NOW + i, &id, &err));
    }
    OK(hf_bank_resize(c, HF_BANK_VARS, 8 * HF_PAGE_SIZE, &err));
    OK(hf_snapshot_list(c, list, &count, &err));
    assert_int_equal(count, HF_SNAPSHOTS_MAX);
    assert_int_equal(list[0].id, first);
    assert_true(list[0].pinned);
    assert_int_equal(list[7].id, 13);
    REFUSED("snapshots", hf_snapshot_delete(c, first, &err));
    OK(hf_snapshot_delete(c, 13, &err));
    OK(hf_snapshot_restore(c, first, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
    OK(hf_bank_digest(c, HF_BANK_VARS, &after, &err));
    assert_memory_equal(&before, &after, sizeof before);
    OK(hf_begin(c, &err));
    OK(hf_snapshot_take(c, "after", NOW, &id, &err));
    assert_int_equal(id, 14);
    hf_abort(c);
    OK(hf_container_close(c, &err));
}

static void settings_obey_their_table(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    char value[HF_SETTING_VALUE_SIZE];
    int64_t number;

    for (const struct hf_setting *s = hf_settings(); s->key; s++)
        assert_int_equal(hf_setting_check(s->key, s->initial, NULL), 0);
    OK(hf_setting_get(c, "policy", value, &err));
    assert_string_equal(value, "guest");
    OK(hf_begin(c, &err));
    OK(hf_setting_set(c, "policy", "host", NOW, &err));
    OK(hf_setting_set(c, "trial-boots", "5", NOW, &err));
    FAILS(HF_EUSAGE, hf_setting_set(c, "policy", "hos", NOW, &err));
    FAILS(HF_EUSAGE, hf_setting_set(c, "trial-boots", "1001", NOW, &err));
    FAILS(HF_EUSAGE, hf_setting_set(c, "trial-boots", "5x", NOW, &err));
    FAILS(HF_ENOTFOUND, hf_setting_set(c, "colour", "red", NOW, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
    OK(hf_setting_number(c, "trial-boots", &number, &err));
    assert_int_equal(number, 5);
    OK(hf_container_close(c, &err));
}

static void state_and_contract_keep_what_they_are_given(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    struct hf_contract contract;
    char text[HF_STATE_VALUE_SIZE];
    int64_t number;

    OK(hf_begin(c, &err));
    OK(hf_state_set_number(c, "trial.boots", -3, &err));
    OK(hf_state_set_text(c, "vmm", "7.2", &err));
    OK(hf_state_set_text(c, "vmm", "10.0", &err));
    FAILS(HF_EUSAGE, hf_state_set_text(c, "Not", "x", &err));
    OK(hf_contract_set(c, "smi", "\1\2\3", 3, &err));
    OK(hf_contract_set(c, "acpi-loader", "", 0, &err));
    OK(hf_contract_set(c, "smi", "\4", 1, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
    OK(hf_state_number(c, "trial.boots", 7, &number, &err));
    assert_int_equal(number, -3);
    OK(hf_state_number(c, "other", 7, &number, &err));
    assert_int_equal(number, 7);
    OK(hf_state_text(c, "vmm", text, &err));
    assert_string_equal(text, "10.0");
    OK(hf_contract_get(c, "smi", &contract, &err));
    assert_int_equal(contract.size, 1);
    assert_int_equal(contract.bytes[0], 4);
    OK(hf_begin(c, &err));
    OK(hf_contract_clear(c, &err));
    OK(hf_state_clear(c, "vmm", &err));
    OK(hf_commit(c, HF_DURABLE, &err));
    FAILS(HF_ENOTFOUND, hf_contract_get(c, "smi", &contract, &err));
    OK(hf_state_text(c, "vmm", text, &err));
    assert_string_equal(text, "");
    OK(hf_container_close(c, &err));
}

static void roms_belong_to_slots(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    struct hf_rom rom = {.name = "vgabios.bin"}, list[HF_ROMS_MAX];
    uint8_t bytes[512];
    size_t count;

    ground_bytes(bytes, sizeof bytes, 50);
    OK(hf_begin(c, &err));
    OK(hf_image_add(c, HF_IMAGE_ROM, "vgabios", bytes, sizeof bytes, NOW, &rom.image, &err));
    OK(hf_rom_set(c, HF_SLOT_ACTIVE, &rom, &err));
    OK(hf_rom_set(c, HF_SLOT_ACTIVE, &rom, &err));
    strcpy(rom.name, "../x");
    FAILS(HF_EUSAGE, hf_rom_set(c, HF_SLOT_ACTIVE, &rom, &err));
    OK(hf_rom_copy(c, HF_SLOT_ACTIVE, HF_SLOT_FALLBACK, &err));
    OK(hf_rom_clear(c, HF_SLOT_ACTIVE, &err));
    OK(hf_image_collect(c, &count, &err));
    assert_int_equal(count, 0);
    OK(hf_commit(c, HF_DURABLE, &err));
    OK(hf_rom_list(c, HF_SLOT_FALLBACK, list, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(list[0].name, "vgabios.bin");
    OK(hf_rom_list(c, HF_SLOT_ACTIVE, list, &count, &err));
    assert_int_equal(count, 0);
    OK(hf_container_close(c, &err));
}

/* Rows as a stranger's container may have them, with good checksums. */
static void names_that_lead_elsewhere_are_damage(void **state)
{
    static const char *const guests[][3] = {{"01234567-89ab-cdef-0123-456789abcdef", "x/../../y", "q35"},
                                            {"01234567-89ab-cdef-0123-456789abcde\n", "x86_64", "q35"},
                                            {"01234567-89ab-cdef-0123-456789abcdef", "x86_64", "q35,dumpdtb=x"}};
    static const char *const roms[] = {"../x", "/x", "a/b", ".x"};
    struct hf_container *c = ground_container("g.hold");
    struct hf_rom list[HF_ROMS_MAX];
    struct hf_guest guest;
    struct hf_digest image;
    uint8_t bytes[512];
    size_t count;
    int64_t id;

    ground_bytes(bytes, sizeof bytes, 50);
    OK(hf_begin(c, &err));
    OK(hf_image_add(c, HF_IMAGE_ROM, "vgabios", bytes, sizeof bytes, NOW, &image, &err));
    OK(hf_image_id(c, &image, &id, &err));
    for (size_t i = 0; i < HF_ARRAY_SIZE(roms); i++) {
        const struct hf_value v[] = {hf_int(id), hf_text(roms[i])};

        OK(hf_row_put(c, HF_T_ROM, HF_SLOT_ACTIVE << 8, v, &err));
        FAILS(HF_EDAMAGED, hf_rom_list(c, HF_SLOT_ACTIVE, list, &count, &err));
    }
    for (size_t i = 0; i < HF_ARRAY_SIZE(guests); i++) {
        const struct hf_value v[] = {hf_text(guests[i][0]), hf_text("guest"), hf_text(guests[i][1]),
                                     hf_text(guests[i][2])};

        OK(hf_row_put(c, HF_T_GUEST, 1, v, &err));
        FAILS(HF_EDAMAGED, hf_guest_get(c, &guest, &err));
    }
    hf_abort(c);
    OK(hf_container_close(c, &err));
}

static int check_chain(void *ctx, const struct hf_event *event)
{
    struct hf_event *last = (struct hf_event *)ctx;
    struct hf_digest hash = hf_event_hash(event);

    if (last->seq > 0)
        assert_memory_equal(&event->before, &last->hash, sizeof hash);
    assert_memory_equal(&event->hash, &hash, sizeof hash);
    *last = *event;
    return 0;
}

static void events_chain_and_repetitions_fold(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    struct hf_event last = {0};
    struct hf_digest head;
    int64_t seq;

    OK(hf_begin(c, &err));
    for (int i = 0; i < 50; i++) {
        OK(hf_event_append(c, NOW + i, "reset", &err, "guest reset"));
        OK(hf_event_append(c, NOW + i, "boot", &err, "line\nbreak"));
    }
    OK(hf_commit(c, HF_DURABLE, &err));
    OK(hf_event_list(c, 1, check_chain, &last, &err));
    assert_int_equal(last.seq, 3);
    assert_int_equal(last.count, 50);
    assert_int_equal(last.last, NOW + 49);
    assert_string_equal(last.text, "line break");
    OK(hf_event_head(c, &seq, &head, &err));
    assert_int_equal(seq, 3);
    assert_memory_equal(&head, &last.hash, sizeof head);
    OK(hf_container_close(c, &err));
}

static void a_full_log_is_compacted(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    struct hf_event last = {0};
    uint64_t bytes, unused;

    OK(hf_begin(c, &err));
    for (int i = 0; i < 6000; i++)
        OK(hf_event_append(c, NOW + i, "noise", &err, "%d %01000d", i, i));
    OK(hf_commit(c, HF_DURABLE, &err));
    OK(hf_event_list(c, 0, check_chain, &last, &err));
    assert_int_equal(last.seq, 6001);
    OK(hf_container_usage(c, &bytes, &unused, &err));
    assert_in_range(bytes - unused, 1, HF_EVENTLOG_MAX + (3 << 20));
    OK(hf_container_close(c, &err));
}

static void room_is_reserved_or_refused(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    uint64_t bytes, unused;

    OK(hf_container_reserve(c, 1 << 20, &err));
    OK(hf_container_usage(c, &bytes, &unused, &err));
    assert_in_range(unused, 1 << 20, 2 << 20);
    OK(hf_container_reserve(c, 1 << 20, &err));
    FAILS(HF_ENOSPC, hf_container_reserve(c, HF_CONTAINER_MAX, &err));
    OK(hf_container_close(c, &err));
}

static void write_pages(struct hf_container *c, uint32_t count, uint32_t seed)
{
    uint8_t page[HF_PAGE_SIZE];

    OK(hf_begin(c, &err));
    for (uint32_t i = 0; i < count; i++) {
        ground_bytes(page, sizeof page, seed + i);
        OK(hf_bank_write(c, HF_BANK_VARS, (uint64_t)i * HF_PAGE_SIZE, page, sizeof page, NULL, &err));
    }
    OK(hf_commit(c, HF_DURABLE, &err));
}

static off_t log_size(void)
{
    struct stat st;

    assert_int_equal(stat(ground_path("g.hold-wal"), &st), 0);
    return st.st_size;
}

/* AAVMF's bank as Debian gives it: 64 MiB of zeros, of which firmware uses the first few. */
static void a_bank_padded_with_zeros_takes_little_room(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    uint8_t *zeros hf_auto(hf_cleanup_free) = (uint8_t *)calloc(1, HF_BANK_SIZE_MAX);
    uint64_t before, after, used, unused, stored;

    OK(hf_begin(c, &err));
    OK(hf_bank_replace(c, HF_BANK_VARS, zeros, HF_BANK_SIZE_MAX, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
    write_pages(c, 192, 1);
    OK(hf_bank_stored(c, &stored, &err));
    assert_true(stored < 3 << 20);
    OK(hf_container_usage(c, &used, &unused, &err));
    before = used - unused;
    OK(hf_begin(c, &err));
    OK(hf_snapshot_take(c, "operator", NOW, &(int64_t){0}, &err));
    OK(hf_commit(c, HF_DURABLE, &err));
    OK(hf_container_usage(c, &used, &unused, &err));
    after = used - unused;
    assert_true(after - before <= stored + stored / 4); /* as it is reserved for */
    OK(hf_container_reserve(c, 2 * (stored + stored / 4), &err));
    assert_true(log_size() < 10 << 20);
    OK(hf_container_close(c, &err));
}

/* A small bank that is full, AAVMF's as firmware uses it, and one that somebody filled. */
static void a_whole_bank_fits_into_the_allocated_log(void **state)
{
    static const struct {
        uint64_t bank;
        uint32_t stored; /* pages */
    } cases[] = {{528 << 10, 132}, {64 << 20, 192}, {64 << 20, 1536}};

    for (size_t i = 0; i < HF_ARRAY_SIZE(cases); i++) {
        struct hf_container *c = ground_container("g.hold");
        off_t size;

        OK(hf_begin(c, &err));
        OK(hf_bank_resize(c, HF_BANK_VARS, cases[i].bank, &err));
        OK(hf_commit(c, HF_DURABLE, &err));
        write_pages(c, cases[i].stored, 1);
        OK(hf_container_close(c, &err));
        OK(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
        OK(hf_container_reserve(c, 0, &err));
        size = log_size();
        assert_true(size < 10 << 20);
        write_pages(c, cases[i].stored, 100000);
        assert_int_equal(log_size(), size);
        OK(hf_container_close(c, &err));
        ground_teardown(NULL);
        ground_setup(NULL);
    }
}

static void one_process_opens_it_once(void **state)
{
    struct hf_container *c = ground_container("g.hold"), *other;

    FAILS(HF_EUSAGE, hf_container_open(ground_path("g.hold"), HF_OPEN_LOOK, NOW, &other, &err));
    OK(hf_container_close(c, &err));
}

static void a_file_that_is_read_ends_like_a_string(void **state)
{
    uint8_t *bytes;
    uint64_t size;

    for (uint64_t length = 0; length < strlen(ground_path("text"));
         length++) { /* one fills its allocation to the end */
        (void)unlink(ground_path("text"));
        OK(hf_file_write_new(ground_path("text"), ground_path("text"), length, 0600, &err));
        OK(hf_file_read(ground_path("text"), 4096, &bytes, &size, &err));
        assert_int_equal(bytes[size], 0);
        free(bytes);
    }
}

static void untrusted_places_are_refused(void **state)
{
    struct hf_container *c = ground_container("g.hold");

    OK(hf_container_close(c, &err));
    assert_int_equal(chmod(ground_path("g.hold"), 0620), 0);
    REFUSED("permissions", hf_container_open(ground_path("g.hold"), HF_OPEN_LOOK, NOW, &c, &err));
    assert_int_equal(chmod(ground_path("g.hold"), 0600), 0);
    assert_int_equal(symlink("g.hold", ground_path("s.hold")), 0);
    REFUSED("permissions", hf_container_open(ground_path("s.hold"), HF_OPEN_LOOK, NOW, &c, &err));
    assert_int_equal(link(ground_path("g.hold"), ground_path("l.hold")), 0);
    REFUSED("permissions", hf_container_open(ground_path("g.hold"), HF_OPEN_LOOK, NOW, &c, &err));
    assert_int_equal(unlink(ground_path("l.hold")), 0);
    FAILS(HF_ENOTFOUND, hf_container_open(ground_path("l.hold"), HF_OPEN_LOOK, NOW, &c, &err));
    assert_int_equal(chmod(ground_dir, 01777), 0);
    REFUSED("permissions", hf_container_open(ground_path("g.hold"), HF_OPEN_LOOK, NOW, &c, &err));
    assert_int_equal(chmod(ground_dir, 0700), 0);
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_LOOK, NOW, &c, &err));
    OK(hf_container_close(c, &err));
}

static void a_fresh_container_is_what_schema_sql_says(void **state)
{
    struct hf_container *c = ground_container("g.hold");
    static char text[64 << 10];
    char path[PATH_MAX];
    const char *at = text;
    sqlite3_stmt *s;
    sqlite3 *db;
    FILE *f;

    OK(hf_container_close(c, &err));
    snprintf(path, sizeof path, "%s/src/store/schema.sql", getenv("HOLDFAST_SOURCE_ROOT"));
    f = fopen(path, "r");
    assert_non_null(f);
    assert_in_range(fread(text, 1, sizeof text - 1, f), 1, sizeof text - 1);
    fclose(f);
    assert_int_equal(sqlite3_open(ground_path("g.hold"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT sql FROM sqlite_schema ORDER BY rowid", -1, &s, NULL), SQLITE_OK);
    while (sqlite3_step(s) == SQLITE_ROW) {
        const char *sql = (const char *)sqlite3_column_text(s, 0);

        at = strstr(at, "CREATE TABLE ");
        assert_non_null(at);
        assert_int_equal(strncmp(at, sql, strlen(sql)), 0);
        at += strlen(sql);
        assert_int_equal(*at, ';');
    }
    assert_null(strstr(at, "CREATE "));
    sqlite3_finalize(s);
    sqlite3_close(db);
}

static void works_with_a_rollback_journal(void **state)
{
    struct hf_container *c;

    setenv("HOLDFAST_ROLLBACK_JOURNAL", "1", 1);
    c = ground_container("g.hold");
    assert_false(exists(ground_path("g.hold-wal")));
    OK(hf_container_close(c, &err));
    unsetenv("HOLDFAST_ROLLBACK_JOURNAL");
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    assert_true(exists(ground_path("g.hold-wal")));
    OK(hf_container_close(c, &err));
    setenv("HOLDFAST_ROLLBACK_JOURNAL", "1", 1);
    OK(hf_container_open(ground_path("g.hold"), HF_OPEN_RUN, NOW, &c, &err));
    assert_false(exists(ground_path("g.hold-wal")));
    OK(hf_container_close(c, &err));
    unsetenv("HOLDFAST_ROLLBACK_JOURNAL");
}

#define IN_GROUND(test) cmocka_unit_test_setup_teardown(test, ground_setup, ground_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUND(one_file_at_rest),
        IN_GROUND(create_overwrites_nothing),
        IN_GROUND(what_was_committed_is_there_again),
        IN_GROUND(an_aborted_transaction_leaves_nothing),
        IN_GROUND(equal_pages_are_dropped),
        IN_GROUND(the_code_bank_is_the_active_image),
        IN_GROUND(images_are_stored_once_and_collected),
        IN_GROUND(snapshots_come_back_and_old_ones_go),
        IN_GROUND(settings_obey_their_table),
        IN_GROUND(state_and_contract_keep_what_they_are_given),
        IN_GROUND(roms_belong_to_slots),
        IN_GROUND(names_that_lead_elsewhere_are_damage),
        IN_GROUND(events_chain_and_repetitions_fold),
        IN_GROUND(a_full_log_is_compacted),
        IN_GROUND(room_is_reserved_or_refused),
        IN_GROUND(a_bank_padded_with_zeros_takes_little_room),
        IN_GROUND(a_whole_bank_fits_into_the_allocated_log),
        IN_GROUND(one_process_opens_it_once),
        IN_GROUND(a_file_that_is_read_ends_like_a_string),
        IN_GROUND(untrusted_places_are_refused),
        IN_GROUND(a_fresh_container_is_what_schema_sql_says),
        IN_GROUND(works_with_a_rollback_journal),
    };

    return cmocka_run_group_tests_name("store-container", tests, NULL, NULL);
}
