/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include <holdfast/acpi_check.h>
#include <holdfast/acpi_run.h>

#include "acpi_dump.h"
#include "acpi_output.h"
#include "cleanup.h"
#include "exit_status.h"
#include "output.h"
#include "verb.h"

#define CONSUMER_WORDS "seabios ovmf qboot"
#define FEATURE_WORDS  "64bit noacpi 64bit,noacpi"

static int read_consumers(const struct hf_invocation *inv, unsigned *ret, struct hf_error *err)
{
    const char *name;
    unsigned set = 0;

    for (size_t i = 0; (name = hf_value_at(inv, "as", i)) != NULL; i++) {
        enum hf_acpi_consumer consumer = HF_ACPI_SEABIOS;
        int r = hf_acpi_consumer_find(name, &consumer, err);

        if (r < 0)
            return hf_error_set(err, HF_EUSAGE, "--as '%s': unknown; use seabios, ovmf (AAVMF too) or qboot", name);
        set |= HF_ACPI_CONSUMER_BIT(consumer);
    }
    *ret = set ? set : HF_ACPI_EVERY_CONSUMER;
    return 0;
}

static int read_features(const struct hf_invocation *inv, uint64_t *ret, struct hf_error *err)
{
    const char *text = hf_value(inv, "features");
    uint64_t set = 0;

    while (text && *text) {
        size_t n = strcspn(text, ",");

        if (n == 5 && !strncmp(text, "64bit", n))
            set |= HF_ACPI_FEATURE_64BIT;
        else if (n == 6 && !strncmp(text, "noacpi", n))
            set |= HF_ACPI_FEATURE_NOACPI;
        else
            return hf_error_set(err, HF_EUSAGE, "--features '%.*s': unknown; use 64bit, noacpi, or both with a comma",
                                (int)n, text);
        text += n + (text[n] == ',');
    }
    *ret = set;
    return 0;
}

/* acpi show */

static void show_command(struct hf_invocation *inv, const struct hf_acpi_bundle *b, size_t i, json_t *list)
{
    char line[320];
    json_t *row;

    (void)hf_acpi_show(b, i, line, sizeof line);
    hf_say(inv, "%3zu  %s", i, line);
    row = hf_append_object(list);
    hf_put_number(row, "number", (int64_t)i);
    hf_put_number(row, "command", hf_acpi_decode(b, i).command);
    hf_put_text(row, "text", line);
}

static int run_show(struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(hf_acpi_dump_close) struct hf_acpi_dump dump = {0};
    int r = hf_acpi_dump_open(inv->operands[0], &dump, err);
    size_t count, shown;
    json_t *list;

    if (r < 0)
        return r;
    count = shown = hf_acpi_command_count(&dump.bundle);
    while (shown > 0 && hf_acpi_decode(&dump.bundle, shown - 1).command == HF_ACPI_PADDING)
        shown--;
    list = hf_put_array(inv->report, "commands");
    for (size_t i = 0; i < shown; i++)
        show_command(inv, &dump.bundle, i, list);
    if (count > shown)
        hf_say(inv, "     and padding for %zu more", count - shown);
    hf_put_number(inv->report, "padding", (int64_t)(count - shown));
    if (dump.bundle.script_size % sizeof(struct hf_acpi_record))
        hf_say(inv, "     and %zu bytes that are not a whole command",
               dump.bundle.script_size % sizeof(struct hf_acpi_record));
    hf_put_number(inv->report, "left_over", (int64_t)(dump.bundle.script_size % sizeof(struct hf_acpi_record)));
    return 0;
}

/* acpi check */

static void report_finding(struct hf_invocation *inv, const struct hf_acpi_finding *f)
{
    json_t *row = hf_put_object(inv->report, "finding"), *names;

    if (f->command == HF_ACPI_AT_END)
        hf_put(row, "command", json_null());
    else
        hf_put_number(row, "command", f->command);
    hf_put_text(row, "rule", f->rule);
    hf_put_text(row, "text", f->text);
    names = hf_put_array(row, "unsafe_for");
    for (unsigned i = 0; i < HF_ACPI_CONSUMERS; i++)
        if (f->consumers & HF_ACPI_CONSUMER_BIT(i))
            hf_append_text(names, hf_acpi_consumer_name((enum hf_acpi_consumer)i));
}

static int run_check(struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(hf_acpi_dump_close) struct hf_acpi_dump dump = {0};
    hf_auto(hf_cleanup_free) void *work = NULL;
    struct hf_acpi_question question = {0};
    struct hf_acpi_finding finding = {0};
    struct hf_error why;
    int r = read_consumers(inv, &question.consumers, err);

    if (r == 0)
        r = read_features(inv, &question.features, err);
    if (r == 0)
        r = hf_acpi_dump_open(inv->operands[0], &dump, err);
    if (r < 0)
        return r;
    work = malloc(hf_acpi_check_room(&dump.bundle));
    if (!work)
        return hf_error_nomem(err);
    r = hf_acpi_check(&dump.bundle, &question, work, hf_acpi_check_room(&dump.bundle), &finding, &why);
    hf_put_bool(inv->report, "safe", r == 0);
    if (r == 0) {
        hf_say(inv, "safe");
        return 0;
    }
    report_finding(inv, &finding);
    hf_say(inv, "%s", why.text);
    if (finding.command != HF_ACPI_AT_END) {
        char line[320];

        (void)hf_acpi_show(&dump.bundle, finding.command, line, sizeof line);
        hf_say(inv, "%3u  %s", finding.command, line);
    }
    hf_say(inv, "rule: %s", finding.rule);
    return hf_exit_status(r);
}

/* acpi run */

/* --at FILE=ADDRESS, as checked by check_places(); a file without one does not exist for the firmware's allocator. */
static uint64_t where_given(void *context, const struct hf_acpi_file *file, uint32_t align, enum hf_acpi_place place)
{
    const struct hf_invocation *inv = context;
    const char *text;

    (void)align, (void)place;
    for (size_t i = 0; (text = hf_value_at(inv, "at", i)) != NULL; i++) {
        const char *equals = strrchr(text, '=');

        if (strlen(file->name) == (size_t)(equals - text) && !strncmp(file->name, text, (size_t)(equals - text)))
            return strtoull(equals + 1, NULL, 0);
    }
    return 0;
}

static int check_places(const struct hf_invocation *inv, struct hf_error *err)
{
    const char *text;

    for (size_t i = 0; (text = hf_value_at(inv, "at", i)) != NULL; i++) {
        const char *equals = strrchr(text, '=');
        char *end = NULL;

        if (!equals || strtoull(equals + 1, &end, 0) == 0 || *end)
            return hf_error_set(err, HF_EUSAGE, "--at '%s': invalid; use FILE=ADDRESS, the address not 0", text);
    }
    return 0;
}

static int run_one(struct hf_invocation *inv, const struct hf_acpi_dump *dump, enum hf_acpi_consumer consumer,
                   uint64_t features, json_t *list, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) void *work = malloc(hf_acpi_run_room(&dump->bundle));
    struct hf_acpi_options options = {.features = features};
    struct hf_acpi_outcome outcome;
    int r;

    if (!work)
        return hf_error_nomem(err);
    if (hf_given(inv, "at")) {
        options.where = where_given;
        options.context = inv;
    }
    r = hf_acpi_run(&dump->bundle, consumer, &options, work, hf_acpi_run_room(&dump->bundle), &outcome, err);
    if (r < 0)
        return r;
    hf_acpi_report(inv, &dump->bundle, &outcome, hf_append_object(list));
    if (hf_given(inv, "output"))
        r = hf_acpi_write_out(hf_value(inv, "output"), &outcome, err);
    return r < 0 ? r : outcome.verdict != HF_ACPI_COMPLETE;
}

static int run_run(struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(hf_acpi_dump_close) struct hf_acpi_dump dump = {0};
    unsigned consumers = 0;
    uint64_t features = 0;
    bool failed = false;
    json_t *list;
    int r = read_consumers(inv, &consumers, err);

    if (r == 0)
        r = read_features(inv, &features, err);
    if (r == 0)
        r = check_places(inv, err);
    if (r == 0 && hf_given(inv, "output") && (consumers & (consumers - 1)))
        r = hf_error_set(err, HF_EUSAGE, "--output needs --as with one firmware: each lays its files out differently");
    if (r == 0)
        r = hf_acpi_dump_open(inv->operands[0], &dump, err);
    if (r < 0)
        return r;
    list = hf_put_array(inv->report, "runs");
    for (unsigned i = 0; i < HF_ACPI_CONSUMERS; i++) {
        if (!(consumers & HF_ACPI_CONSUMER_BIT(i)))
            continue;
        r = run_one(inv, &dump, (enum hf_acpi_consumer)i, features, list, err);
        if (r < 0)
            return r;
        failed |= r > 0;
    }
    return failed;
}

static const struct hf_option check_options[] = {
    {.name = "as",
     .arg = "FIRMWARE",
     .help = "meant for this firmware: seabios, ovmf or qboot; all of them when not given",
     .words = CONSUMER_WORDS,
     .repeat = true},
    {.name = "features",
     .arg = "LIST",
     .help = "what the firmware agreed to beyond the baseline: 64bit, noacpi",
     .words = FEATURE_WORDS},
    {0},
};

static const struct hf_option run_options[] = {
    {.name = "as",
     .arg = "FIRMWARE",
     .help = "as this firmware does: seabios, ovmf or qboot; each of them when not given",
     .words = CONSUMER_WORDS,
     .repeat = true},
    {.name = "at",
     .arg = "FILE=ADDRESS",
     .help = "the guest address at which the firmware placed a file; then for every file",
     .repeat = true},
    {.name = "features",
     .arg = "LIST",
     .help = "what the firmware understands beyond the baseline: 64bit, noacpi",
     .words = FEATURE_WORDS},
    {.name = "output",
     .arg = "DIR",
     .help = "write the files as they end up in the guest, and its tables, to a new directory"},
    {0},
};

const struct hf_verb hf_verb_acpi_show = {
    .name = "acpi show",
    .group = HF_GROUP_FIRMWARE,
    .flags = HF_VERB_REPORTS,
    .help = "List what an ACPI linker/loader script does, command by command",
    .synopsis = "DIR",
    .min_operands = 1,
    .max_operands = 1,
    .run = run_show,
};

const struct hf_verb hf_verb_acpi_check = {
    .name = "acpi check",
    .group = HF_GROUP_FIRMWARE,
    .flags = HF_VERB_REPORTS,
    .help = "Tell whether a linker/loader script is safe for the firmware it is meant for",
    .synopsis = "DIR [--as FIRMWARE]...",
    .min_operands = 1,
    .max_operands = 1,
    .options = check_options,
    .run = run_check,
};

const struct hf_verb hf_verb_acpi_run = {
    .name = "acpi run",
    .group = HF_GROUP_FIRMWARE,
    .flags = HF_VERB_REPORTS,
    .help = "Run a linker/loader script as firmware would, and show the tables the guest gets",
    .synopsis = "DIR [--as FIRMWARE]...",
    .min_operands = 1,
    .max_operands = 1,
    .options = run_options,
    .run = run_run,
};
