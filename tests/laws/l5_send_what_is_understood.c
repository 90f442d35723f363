/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scenario that started it, run exhaustively: old firmware on an old VMM is migrated to a new one and rebooted
 * there. Firmware x VMM x migration point x reset x direction, every combination; in each the guest ends with a
 * complete valid set of tables, or the move was refused beforehand with the right reason.
 *
 *     scenario                                     plays all cells (TAP)
 *     scenario --cell FAMILY VMM careful|careless DIR   what firmware that does not negotiate is given: DIR/etc/...;
 *                                                  prints "complete" or what went wrong
 */
#include "unit.h"

#include <errno.h>
#include <sys/stat.h>

#include "world.h"

static const char *const vmm_names[] = {[VMM_PLAIN] = "plain", [VMM_EXT] = "extended", [VMM_MORE] = "more"};
static const char *const firmware_names[] = {
    [FW_NONE] = "not negotiating", [FW_NEW] = "negotiating", [FW_OLD] = "older", [FW_OTHER] = "other version"};
static const char *const point_names[] = {[AT_NEVER] = "never",
                                          [AT_BEFORE] = "before negotiation",
                                          [AT_DURING] = "during negotiation",
                                          [AT_BETWEEN] = "between two negotiations",
                                          [AT_AFTER] = "after negotiation",
                                          [AT_DIRECTORY] = "between directory and file",
                                          [AT_TABLES] = "after the tables were read"};
static const char *const reset_names[] = {[RESET_NONE] = "no reset", [RESET_WARM] = "warm reset", [RESET_S3] = "S3"};

static struct world world;

struct totals {
    size_t cells, unreached, refused, complete, failed, predicted;
};

static void describe(const struct cell *c, char *text, size_t size)
{
    (void)snprintf(text, size, "%s, %s; from %s to %s %s; %s", hf_acpi_consumer_name(c->family),
                   firmware_names[c->firmware], vmm_names[c->from], vmm_names[c->to], point_names[c->point],
                   reset_names[c->reset]);
}

/* When a payload breaks a firmware: SeaBIOS stumbles over every bit it does not know; OVMF looks at no zone, but a page
 * without its gap becomes a table. */
static bool should_break(const struct world *w)
{
    uint64_t fatal = w->cell.family == HF_ACPI_SEABIOS ? HF_ACPI_FEATURES : HF_ACPI_FEATURE_NOACPI;

    return (w->unknown_bits & fatal) != 0;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static void play(const struct cell *c, struct totals *t)
{
    char text[200];
    bool wrong;

    world_play(&world, c);
    if (c->point != AT_NEVER && !world.reached) {
        t->unreached++;
        return;
    }
    describe(c, text, sizeof text);
    t->cells++;
    if (!same(world.refused, world.expected))
        fail_msg("%s: the move was refused by '%s', should be '%s'", text, world.refused ? world.refused : "nothing",
                 world.expected ? world.expected : "nothing");
    t->refused += world.refused != NULL;
    wrong = world.why[0] != 0;
    t->failed += wrong;
    t->complete += !wrong && !world.refused;
    t->predicted += should_break(&world);
    if (wrong != should_break(&world) || (!c->careless && wrong))
        fail_msg("%s: %s", text, wrong ? world.why : "should have failed");
}

static void play_all(bool careless, struct totals *t)
{
    struct cell c = {.careless = careless};

    for (c.family = HF_ACPI_SEABIOS; c.family <= HF_ACPI_OVMF; c.family++)
        for (c.firmware = 0; c.firmware < FW_KINDS; c.firmware++)
            for (c.from = 0; c.from < VMM_KINDS; c.from++)
                for (c.to = 0; c.to < VMM_KINDS; c.to++)
                    for (c.point = 0; c.point < AT_POINTS; c.point++)
                        for (c.reset = 0; c.reset < RESETS; c.reset++)
                            if (c.point != AT_NEVER || c.from == c.to)
                                play(&c, t);
}

static void every_cell_ends_with_tables_or_a_refusal_beforehand(void **state)
{
    struct totals t = {0};

    play_all(false, &t);
    print_message(
        "# %zu cells: %zu complete after a move or without one, %zu refused beforehand and complete where they "
        "were; %zu combinations have no such point\n",
        t.cells, t.complete, t.refused, t.unreached);
    assert_int_equal(t.failed, 0);
    assert_int_equal(t.complete + t.refused, t.cells);
    assert_true(t.cells > 1000 && t.refused > 100);
}

static void a_vmm_that_ignores_negotiation_breaks_the_known_cells(void **state)
{
    struct totals t = {0};

    play_all(true, &t);
    print_message("# ignoring negotiation: %zu of %zu cells fail, as predicted\n", t.failed, t.cells);
    assert_int_equal(t.failed, t.predicted);
    assert_true(t.failed > 300);
}

/* The breakage by name: old firmware, moved from an old VMM to a new one after it booted, reset there. */
static void the_case_of_2017(void **state)
{
    struct cell c = {.family = HF_ACPI_SEABIOS,
                     .firmware = FW_NONE,
                     .from = VMM_PLAIN,
                     .to = VMM_EXT,
                     .point = AT_TABLES,
                     .reset = RESET_NONE,
                     .careless = true};

    world_play(&world, &c);
    assert_string_equal(world.why, ""); /* runs on */
    c.reset = RESET_WARM;
    world_play(&world, &c);
    assert_string_not_equal(world.why, ""); /* and is broken at its next reboot */
    c.careless = false;
    world_play(&world, &c);
    assert_string_equal(world.why, "");
    assert_true(world.moved);
    c.firmware = FW_NEW;
    world_play(&world, &c);
    assert_string_equal(world.why, "");
    assert_int_equal(world.agreed[DRIVER_ACPI], HF_ACPI_FEATURE_64BIT); /* new firmware gains at that reset */
}

static int write_out(const char *directory, const char *name, const uint8_t *bytes, size_t size)
{
    char path[512];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    for (char *p = path + strlen(directory) + 1; (p = strchr(p, '/')) != NULL; *p++ = '/') {
        *p = 0;
        if (mkdir(path, 0777) < 0 && errno != EEXIST)
            return 1;
    }
    f = fopen(path, "wb");
    return !f || fwrite(bytes, 1, size, f) != size || fclose(f) != 0;
}

static int play_one(char **argv)
{
    struct cell c = {.careless = !strcmp(argv[4], "careless")};
    int bad;

    if (hf_acpi_consumer_find(argv[2], &c.family, NULL) < 0)
        return 2;
    while (c.from < VMM_KINDS && strcmp(vmm_names[c.from], argv[3]) != 0)
        c.from++;
    if (c.from == VMM_KINDS)
        return 2;
    c.to = c.from;
    world_play(&world, &c);
    printf("%s\n", world.why[0] ? world.why : "complete");
    bad = write_out(argv[5], HF_ACPI_SCRIPT_FILE, world.script, world.bundle.script_size);
    for (size_t i = 0; i < world.bundle.count; i++)
        if (!world.files[i].writable)
            bad |= write_out(argv[5], world.files[i].name, world.files[i].bytes, world.files[i].size);
    return bad;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_ends_with_tables_or_a_refusal_beforehand),
        cmocka_unit_test(a_vmm_that_ignores_negotiation_breaks_the_known_cells),
        cmocka_unit_test(the_case_of_2017),
    };

    if (argc == 6 && !strcmp(argv[1], "--cell"))
        return play_one(argv);
    return cmocka_run_group_tests_name("law-l5", tests, NULL, NULL);
}
