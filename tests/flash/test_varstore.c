/* SPDX-License-Identifier: BSD-2-Clause */
#include "files.h"

#include <time.h>

#include <holdfast/varstore.h>

#include "ftw.h"
#include "var_record.h"

#define PK_GUID HF_GUID(0x8be4df61, 0x93ca, 0x11d2, 0xaa0d, 0x00e098032b8c)
enum { FIRST = 0x64, MAX = 8192 };

static struct hf_var vars_a[MAX], vars_b[MAX];

/* Turns an ASCII name into the bytes on flash; the buffer is the caller's. */
static uint32_t ucs2(const char *text, uint8_t *out)
{
    uint32_t n = 0;

    do {
        out[n++] = (uint8_t)*text;
        out[n++] = 0;
    } while (*text++);
    return n;
}

static struct hf_var var_of(const char *name, uint8_t *name_buf, const void *data, uint32_t size)
{
    return (struct hf_var){.guid = PK_GUID,
                           .attributes = 7,
                           .name = name_buf,
                           .name_size = ucs2(name, name_buf),
                           .data = data,
                           .data_size = size};
}

static struct hf_varstore opened(const void *bank, size_t size, struct hf_var *vars)
{
    struct hf_error err = {0};
    struct hf_varstore s;

    if (hf_varstore_open(bank, size, HF_VARSTORE_STRICT, vars, MAX, NULL, NULL, &s, &err) < 0)
        fail_msg("%s", err.text);
    return s;
}

static const struct hf_var *found(const struct hf_varstore *s, const char *name)
{
    const struct hf_guid guid = PK_GUID;
    uint8_t buf[64];
    uint32_t n = ucs2(name, buf);

    return hf_varstore_find(s, &guid, buf, n);
}

static uint8_t *blank_bank(enum hf_layout layout, size_t *size)
{
    uint8_t *bank;

    *size = (size_t)hf_layout_info(layout)->volume_size;
    bank = malloc(*size);
    assert_int_equal(hf_varstore_format(bank, *size, layout, NULL), 0);
    return bank;
}

static void templates_are_the_builds_own(void **state)
{
    static const struct {
        const char *path;
        enum hf_layout layout;
    } cases[] = {{"/usr/share/OVMF/OVMF_VARS.fd", HF_LAYOUT_2M}, {"/usr/share/OVMF/OVMF_VARS_4M.fd", HF_LAYOUT_4M}};

    for (size_t i = files_of_debian_12() ? 0 : 1; i < 2; i++) {
        struct file f = file_read(cases[i].path);
        uint8_t *ours = malloc(f.size);

        assert_int_equal(hf_varstore_format(ours, f.size, cases[i].layout, NULL), 0);
        assert_memory_equal(ours, f.bytes, f.size);
        free(ours);
        free(f.bytes);
    }
}

static void enrolled_keys_are_read(void **state)
{
    struct file f = file_read("/usr/share/OVMF/OVMF_VARS_4M.ms.fd");
    struct hf_varstore s = opened(f.bytes, f.size, vars_a);
    const struct hf_var *pk = found(&s, "PK");

    assert_non_null(pk);
    assert_int_equal(pk->attributes, 0x27);
    assert_in_range(pk->time[0] | pk->time[1] << 8, 2023, 2099); /* when that package was built */
    assert_true(hf_var_authenticated(pk));
    assert_non_null(found(&s, "BootOrder") ? found(&s, "BootOrder") : found(&s, "Boot0000"));
    assert_true(s.live <= s.used && s.used < s.room);
    free(f.bytes);
}

static void conversion_carries_everything_both_ways(void **state)
{
    static const enum hf_layout layouts[] = {HF_LAYOUT_2M, HF_LAYOUT_4M, HF_LAYOUT_AAVMF};
    struct file f =
        file_read(files_of_debian_12() ? "/usr/share/OVMF/OVMF_VARS.ms.fd" : "/usr/share/OVMF/OVMF_VARS_4M.ms.fd");
    struct hf_varstore from = opened(f.bytes, f.size, vars_a), to, back;
    struct hf_error err;

    for (size_t i = 0; i < 3; i++) {
        size_t size = (size_t)hf_layout_info(layouts[i])->bank_size;
        uint8_t *out = malloc(size), *home = malloc(f.size);
        struct hf_var *vars_c = calloc(MAX, sizeof *vars_c);

        assert_int_equal(hf_varstore_convert(&from, layouts[i], out, size, vars_b, MAX, &to, &err), 0);
        assert_int_equal(to.count, from.count);
        assert_int_equal(hf_varstore_convert(&to, from.layout, home, f.size, vars_c, MAX, &back, &err), 0);
        assert_null(hf_varstore_missing(&from, &back));
        assert_null(hf_varstore_missing(&back, &from));
        free(vars_c);
        free(home);
        free(out);
    }
    free(f.bytes);
}

static void a_conversion_that_does_not_fit_gives_the_numbers(void **state)
{
    size_t size, small = 0x20000;
    uint8_t *bank = blank_bank(HF_LAYOUT_4M, &size), *out = malloc(small), name[32], data[0x7000];
    struct hf_varstore s = opened(bank, size, vars_a), to;
    struct hf_error err;
    struct hf_var v;

    memset(data, 5, sizeof data);
    for (char c = 'a'; c < 'c'; c++) {
        v = var_of((char[]){c, 0}, name, data, sizeof data);
        assert_int_equal(hf_varstore_set(bank, &s, &v, 0, &err), 0);
    }
    assert_int_equal(hf_varstore_convert(&s, HF_LAYOUT_2M, out, small, vars_b, MAX, &to, &err), -HF_ENOSPC);
    assert_non_null(strstr(err.text, "57244")); /* the room of the 2M layout */
    free(out);
    free(bank);
}

static void one_name_under_two_guids(void **state)
{
    size_t size;
    uint8_t *bank = blank_bank(HF_LAYOUT_2M, &size), name[32];
    struct hf_varstore s = opened(bank, size, vars_a);
    struct hf_var v = var_of("Same", name, "1", 1), w = v;

    w.guid.b[15] ^= 1;
    w.data = (const uint8_t *)"2";
    assert_int_equal(hf_varstore_set(bank, &s, &v, 0, NULL), 0);
    assert_int_equal(hf_varstore_set(bank, &s, &w, 0, NULL), 0);
    assert_int_equal(s.count, 2);
    assert_int_equal(found(&s, "Same")->data[0], '1');
    assert_int_equal(hf_varstore_delete(bank, &s, &v.guid, v.name, v.name_size, 0, NULL), 0);
    assert_int_equal(s.count, 1);
    assert_null(found(&s, "Same"));
    assert_int_equal(s.vars[0].data[0], '2');
    free(bank);
}

static void a_variable_whose_successor_was_never_finished_is_alive(void **state)
{
    size_t size, second;
    uint8_t *bank = blank_bank(HF_LAYOUT_2M, &size), name[32];
    struct hf_varstore s = opened(bank, size, vars_a);
    struct hf_var v = var_of("Replaced", name, "old", 3);

    assert_int_equal(hf_varstore_set(bank, &s, &v, 0, NULL), 0);
    second = FIRST + s.used;
    bank[FIRST + 2] = 0x3E;
    v.data = (const uint8_t *)"new";
    (void)hf_record_write(bank + second, &v, true);
    bank[second + 2] = 0x7F;
    s = opened(bank, size, vars_a);
    assert_true(s.torn);
    assert_memory_equal(found(&s, "Replaced")->data, "old", 3);
    bank[second + 2] = 0x3F;
    s = opened(bank, size, vars_a);
    assert_int_equal(s.count, 1);
    assert_memory_equal(found(&s, "Replaced")->data, "new", 3);
    bank[FIRST + 2] = 0x3F; /* two of them whole: no firmware leaves that behind */
    assert_int_equal(hf_varstore_open(bank, size, HF_VARSTORE_STRICT, vars_a, MAX, NULL, NULL, &s, NULL), -HF_EDAMAGED);
    free(bank);
}

/* edk2 of 2025 writes header, name and data, and then the header's first state; before, a state came in between. */
static void a_write_that_ends_anywhere_takes_no_other_variable_along(void **state)
{
    size_t size, second, footprint, header = sizeof(struct hf_auth_record);
    uint8_t *bank = blank_bank(HF_LAYOUT_2M, &size), *cut = malloc(size), name[32], more[32];
    struct hf_varstore s = opened(bank, size, vars_a);
    struct hf_var v = var_of("Replaced", name, "old", 3), other = var_of("Other", more, "o", 1);

    assert_int_equal(hf_varstore_set(bank, &s, &v, 0, NULL), 0);
    assert_int_equal(hf_varstore_set(bank, &s, &other, 0, NULL), 0);
    second = FIRST + s.used;
    bank[FIRST + 2] = 0x3E;
    v.data = (const uint8_t *)"newer data";
    v.data_size = 10;
    footprint = hf_record_write(bank + second, &v, true);
    for (size_t written = 0; written < footprint; written++) {
        memcpy(cut, bank, size);
        cut[second + 2] = 0xFF;
        memset(cut + second + written, 0xFF, footprint - written);
        s = opened(cut, size, vars_a);
        assert_int_equal(s.count, 2);
        assert_memory_equal(found(&s, "Replaced")->data, "old", 3);
        assert_int_equal(hf_varstore_set(cut, &s, &v, 0, NULL), 0);
        assert_memory_equal(found(&s, "Replaced")->data, "newer data", 10);
        assert_memory_equal(found(&s, "Other")->data, "o", 1);
    }
    memcpy(cut, bank, size);
    cut[second + 2] = 0xFF;
    cut[second + footprint + header] = 0; /* one more than the header says: no firmware leaves that behind */
    assert_int_equal(hf_varstore_open(cut, size, HF_VARSTORE_STRICT, vars_a, MAX, NULL, NULL, &s, NULL), -HF_EDAMAGED);
    assert_true(footprint > header);
    free(cut);
    free(bank);
}

/* Where firmware took such a header for one without name and data, and went on behind it. */
static void a_write_that_ended_early_excuses_no_damage_behind_later_variables(void **state)
{
    size_t size, torn, at;
    uint8_t *bank = blank_bank(HF_LAYOUT_2M, &size), name[32], more[32], large[4096] = {1};
    struct hf_varstore s = opened(bank, size, vars_a);
    struct hf_var v = var_of("Before", name, "b", 1), other = var_of("Behind", more, "o", 1);

    assert_int_equal(hf_varstore_set(bank, &s, &v, 0, NULL), 0);
    torn = FIRST + s.used;
    v.data = large;
    v.data_size = sizeof large;
    memset(bank + torn + sizeof(struct hf_auth_record), 0xFF,
           hf_record_write(bank + torn, &v, true) - sizeof(struct hf_auth_record));
    bank[torn + 2] = HF_STATE_BLANK;
    at = hf_record_align(torn + sizeof(struct hf_auth_record));
    at += hf_record_align(hf_record_write(bank + at, &other, true));
    s = opened(bank, size, vars_a);
    assert_int_equal(s.count, 2);
    hf_record_write(bank + at, &other, true);
    bank[at] ^= 1; /* it does not begin like a variable any more */
    assert_int_equal(hf_varstore_open(bank, size, HF_VARSTORE_STRICT, vars_a, MAX, NULL, NULL, &s, NULL), -HF_EDAMAGED);
    free(bank);
}

static void deleting_a_half_replaced_variable_does_not_bring_the_old_one_back(void **state)
{
    size_t size, second;
    uint8_t *bank = blank_bank(HF_LAYOUT_2M, &size), name[32];
    struct hf_varstore s = opened(bank, size, vars_a);
    struct hf_var v = var_of("X", name, "old", 3);

    assert_int_equal(hf_varstore_set(bank, &s, &v, 0, NULL), 0);
    second = FIRST + s.used;
    bank[FIRST + 2] = 0x3E;
    v.data = (const uint8_t *)"new";
    (void)hf_record_write(bank + second, &v, true);
    s = opened(bank, size, vars_a);
    assert_int_equal(hf_varstore_delete(bank, &s, &v.guid, v.name, v.name_size, 0, NULL), 0);
    assert_int_equal(s.count, 0);
    free(bank);
}

static void authenticated_variables_are_changed_only_when_asked(void **state)
{
    struct file f = file_read("/usr/share/OVMF/OVMF_VARS_4M.ms.fd");
    struct hf_varstore s = opened(f.bytes, f.size, vars_a);
    const struct hf_var *old = found(&s, "PK");
    uint8_t name[32], time_was[16];
    struct hf_var v = var_of("PK", name, "x", 1);
    struct hf_error err;

    memcpy(time_was, old->time, sizeof time_was);
    assert_int_equal(hf_varstore_set(f.bytes, &s, &v, 0, &err), -HF_EREFUSED);
    assert_string_equal(err.rule, "authenticated");
    assert_int_equal(hf_varstore_delete(f.bytes, &s, &v.guid, v.name, v.name_size, 0, &err), -HF_EREFUSED);
    v.attributes = 0x27;
    assert_int_equal(hf_varstore_set(f.bytes, &s, &v, HF_EDIT_AUTHENTICATED, &err), 0);
    assert_memory_equal(found(&s, "PK")->time, time_was, sizeof time_was);
    free(f.bytes);
}

/* Makes the bank look as if the power went while firmware copied the spare area over the variables. */
static void interrupt_rewrite(uint8_t *bank, enum hf_layout layout)
{
    const struct hf_layout_info *l = hf_layout_info(layout);
    struct hf_ftw_write_header h;
    struct hf_ftw_record r;

    memset(&h, 0xFF, sizeof h);
    h.flags = (uint8_t) ~(HF_FTW_ALLOCATED | HF_FTW_WRITES);
    h.writes = hf_le64_of(1);
    h.private_size = hf_le64_of(0);
    memset(&r, 0xFF, sizeof r);
    r.flags = (uint8_t)~HF_FTW_SPARE_DONE;
    r.lba = hf_le64_of(0);
    r.offset = hf_le64_of(0x48);
    r.length = hf_le64_of(l->vars_size - 0x48);
    r.relative = hf_le64_of((uint64_t)0 - l->spare_at);
    memcpy(bank + l->work_at + 32, &h, sizeof h);
    memcpy(bank + l->work_at + 72, &r, sizeof r);
    memcpy(bank + l->spare_at, bank, l->vars_size);
    memset(bank, 0xFF, l->vars_size / 2); /* half of the target is erased, its header too */
}

static void an_interrupted_rewrite_is_read_from_the_spare_area(void **state)
{
    static const char *const paths[] = {"/usr/share/OVMF/OVMF_VARS.ms.fd", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd",
                                        "/usr/share/AAVMF/AAVMF_VARS.ms.fd"};

    for (size_t i = files_of_debian_12() ? 0 : 1; i < 3; i++) {
        struct file f = file_read(paths[i]);
        struct hf_varstore before = opened(f.bytes, f.size, vars_a), s;
        uint8_t *bank = malloc(f.size), name[32];
        struct hf_var v = var_of("New", name, "1", 1);
        struct hf_flash_image image;

        memcpy(bank, f.bytes, f.size);
        interrupt_rewrite(bank, before.layout);
        s = opened(bank, f.size, vars_b);
        assert_true(s.pending);
        assert_null(hf_varstore_missing(&before, &s));
        assert_int_equal(s.count, before.count);
        hf_flash_identify(bank, f.size, NULL, 0, &image);
        assert_true(image.pending_write && image.header_ok);
        assert_int_equal(image.layout, before.layout);
        assert_int_equal(hf_varstore_set(bank, &s, &v, 0, NULL), 0); /* the edit finishes the rewrite */
        assert_false(s.pending);
        assert_int_equal(s.count, before.count + 1);
        assert_null(hf_varstore_missing(&before, &s));
        free(bank);
        free(f.bytes);
    }
}

static void attributes_and_names_are_checked(void **state)
{
    size_t size;
    uint8_t *bank = blank_bank(HF_LAYOUT_2M, &size), *copy = malloc(size), name[32];
    struct hf_varstore s = opened(bank, size, vars_a);
    struct hf_var v = var_of("A", name, "1", 1);

    memcpy(copy, bank, size);
    for (size_t i = 0; i < 4; i++) {
        v.attributes = (uint32_t[]){0, 6, 5, 0x47}[i];
        assert_int_equal(hf_varstore_set(bank, &s, &v, 0, NULL), -HF_EUSAGE);
    }
    v.attributes = 3;
    v.name_size = 2;
    assert_int_equal(hf_varstore_set(bank, &s, &v, 0, NULL), -HF_EUSAGE);
    v.name_size = 4;
    v.data_size = 0;
    assert_int_equal(hf_varstore_set(bank, &s, &v, 0, NULL), -HF_EUSAGE);
    v.data = copy;
    v.data_size = (uint32_t)size;
    assert_int_equal(hf_varstore_set(bank, &s, &v, 0, NULL), -HF_ENOSPC);
    assert_memory_equal(bank, copy, size);
    free(copy);
    free(bank);
}

struct lost {
    size_t bytes, reports;
};

static void count_lost(void *opaque, size_t at, size_t length, const char *why)
{
    struct lost *l = opaque;

    assert_non_null(why);
    l->bytes += length;
    l->reports++;
}

static void salvage_goes_round_a_damaged_variable(void **state)
{
    size_t size;
    uint8_t *bank = blank_bank(HF_LAYOUT_2M, &size), name[32];
    struct hf_varstore s = opened(bank, size, vars_a);
    struct lost lost = {0};
    struct hf_error err;
    struct hf_var v;

    for (char c = 'a'; c <= 'e'; c++) {
        v = var_of((char[]){c, 0}, name, "12345678", 8);
        assert_int_equal(hf_varstore_set(bank, &s, &v, 0, NULL), 0);
    }
    bank[s.vars[2].at + 41] = 0xFF; /* c: data size */
    assert_int_equal(hf_varstore_open(bank, size, HF_VARSTORE_STRICT, vars_a, MAX, NULL, NULL, &s, &err), -HF_EDAMAGED);
    assert_non_null(strstr(err.text, "0xf4"));
    assert_int_equal(hf_varstore_open(bank, size, HF_VARSTORE_SALVAGE, vars_a, MAX, count_lost, &lost, &s, &err), 0);
    assert_int_equal(s.count, 4);
    assert_int_equal(lost.reports, 1);
    assert_int_equal(lost.bytes, 72);
    free(bank);
}

/* -- properties ---------------------------------------------------------------------------------------------- */

static uint64_t seed;

static uint32_t random_below(uint32_t n)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(seed >> 33) % n;
}

static void start_random(void)
{
    const char *given = getenv("HOLDFAST_SEED");

    seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    print_message("# HOLDFAST_SEED=%llu\n", (unsigned long long)seed);
}

/* After any edit that is accepted, all other variables are what they were. */
static void an_edit_keeps_all_others(void **state)
{
    size_t size;
    uint8_t *bank = blank_bank(HF_LAYOUT_2M, &size), *before = malloc(size), name[32], data[3000];
    struct hf_varstore s = opened(bank, size, vars_a), was;
    size_t full = 0;

    start_random();
    for (unsigned step = 0; step < 4000; step++) {
        char text[16];
        struct hf_var v;
        bool remove = random_below(4) == 0;
        int r;

        snprintf(text, sizeof text, "V%u", random_below(60));
        for (size_t i = 0; i < sizeof data; i++)
            data[i] = (uint8_t)random_below(256);
        v = var_of(text, name, data, 1 + random_below(sizeof data));
        v.guid.b[0] = (uint8_t)random_below(2);
        memcpy(v.time, data, sizeof v.time);
        v.count = random_below(1000);
        memcpy(before, bank, size);
        was = opened(before, size, vars_b);
        r = remove ? hf_varstore_delete(bank, &s, &v.guid, v.name, v.name_size, 0, NULL)
                   : hf_varstore_set(bank, &s, &v, HF_EDIT_RAW, NULL);
        if (r < 0) {
            assert_memory_equal(bank, before, size);
            full += r == -HF_ENOSPC;
            continue;
        }
        for (size_t i = 0; i < was.count; i++) {
            const struct hf_var *o = &was.vars[i], *n = hf_varstore_find(&s, &o->guid, o->name, o->name_size);

            if (hf_var_same_key(o, &v))
                assert_true(remove ? !n : n && hf_var_equal(n, &v));
            else
                assert_true(n && hf_var_equal(o, n));
        }
    }
    assert_true(full > 0); /* the run must have met a full store */
    free(before);
    free(bank);
}

/* For any bytes: strict accepts or explains, salvage stays in bounds (the sanitizer watches), and what strict accepts
 * can be edited. */
static void any_damage_is_accepted_or_explained(void **state)
{
    struct file f =
        file_read(files_of_debian_12() ? "/usr/share/OVMF/OVMF_VARS.ms.fd" : "/usr/share/OVMF/OVMF_VARS_4M.ms.fd");
    enum hf_layout layout = files_of_debian_12() ? HF_LAYOUT_2M : HF_LAYOUT_4M;
    const struct hf_layout_info *l = hf_layout_info(layout);
    uint8_t *bank = malloc(f.size), name[32];
    unsigned accepted = 0;

    start_random();
    for (unsigned step = 0; step < 3000; step++) {
        struct hf_error err = {0};
        struct hf_varstore s;
        int r;

        memcpy(bank, f.bytes, f.size);
        if (step % 3 == 0)
            interrupt_rewrite(bank, layout);
        for (unsigned n = random_below(4); n > 0; n--) {
            size_t where =
                (size_t[]){random_below(0x100), random_below(0x6000), (size_t)l->work_at + random_below(0x100),
                           (size_t)l->spare_at + random_below(0x6000), random_below((uint32_t)f.size)}[random_below(5)];

            if (random_below(2))
                bank[where] = (uint8_t)random_below(256);
            else
                bank[where] = (uint8_t)(bank[where] ^ 1u << random_below(8));
        }
        r = hf_varstore_open(bank, f.size, HF_VARSTORE_STRICT, vars_a, MAX, NULL, NULL, &s, &err);
        if (r < 0)
            assert_true(strlen(err.text) > 10);
        (void)hf_varstore_open(bank, f.size, HF_VARSTORE_SALVAGE, vars_b, MAX, NULL, NULL, &(struct hf_varstore){0},
                               NULL);
        if (r == 0) {
            struct hf_var v = var_of("Added", name, "1", 1);

            accepted++;
            r = hf_varstore_set(bank, &s, &v, 0, &err);
            if (r < 0 && r != -HF_ENOSPC)
                fail_msg("accepted, but not editable: %s", err.text);
        }
    }
    assert_true(accepted > 100);
    free(bank);
    free(f.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_are_the_builds_own),
        cmocka_unit_test(enrolled_keys_are_read),
        cmocka_unit_test(conversion_carries_everything_both_ways),
        cmocka_unit_test(a_conversion_that_does_not_fit_gives_the_numbers),
        cmocka_unit_test(one_name_under_two_guids),
        cmocka_unit_test(a_variable_whose_successor_was_never_finished_is_alive),
        cmocka_unit_test(a_write_that_ends_anywhere_takes_no_other_variable_along),
        cmocka_unit_test(a_write_that_ended_early_excuses_no_damage_behind_later_variables),
        cmocka_unit_test(deleting_a_half_replaced_variable_does_not_bring_the_old_one_back),
        cmocka_unit_test(authenticated_variables_are_changed_only_when_asked),
        cmocka_unit_test(an_interrupted_rewrite_is_read_from_the_spare_area),
        cmocka_unit_test(attributes_and_names_are_checked),
        cmocka_unit_test(salvage_goes_round_a_damaged_variable),
        cmocka_unit_test(an_edit_keeps_all_others),
        cmocka_unit_test(any_damage_is_accepted_or_explained),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
