/* SPDX-License-Identifier: BSD-2-Clause */
#include "check_rules.h"

#include "format.h"
#include "reserved.h"

#include <string.h>

#define ALIGNED(n) (((n) + 15) & ~(size_t)15)

static const char whole_size[] = "the script's size is not a multiple of 128 bytes";

bool hf_acpi_rule(unsigned n, const char **name, const char **text, unsigned *consumers)
{
    if (n >= hf_acpi_rule_count)
        return false;
    *name = hf_acpi_rules[n].name;
    *text = hf_acpi_rules[n].text;
    *consumers = hf_acpi_rules[n].consumers;
    return true;
}

size_t hf_acpi_check_room(const struct hf_acpi_bundle *bundle)
{
    size_t own =
        ALIGNED(hf_acpi_command_count(bundle) * sizeof(struct hf_acpi_cmd)) + ALIGNED(bundle->count * sizeof(uint32_t));

    return 16 + own + hf_acpi_run_room(bundle);
}

static void checker_init(struct hf_acpi_checker *k, uint8_t *work)
{
    work += -(uintptr_t)work & 15;
    k->count = (uint32_t)hf_acpi_command_count(k->bundle);
    k->commands = (void *)work;
    k->allocated = (void *)(work + ALIGNED(k->count * sizeof *k->commands));
    for (size_t i = 0; i < k->bundle->count; i++)
        k->allocated[i] = HF_ACPI_NEVER;
    for (uint32_t i = 0; i < k->count; i++) {
        struct hf_acpi_cmd *c = &k->commands[i];

        *c = hf_acpi_decode(k->bundle, i);
        if (c->command == HF_ACPI_ALLOCATE && c->dest >= 0 && k->allocated[c->dest] == HF_ACPI_NEVER)
            k->allocated[c->dest] = i;
    }
}

static bool check_command(const struct hf_acpi_checker *k, uint32_t i, unsigned consumers, struct hf_acpi_finding *ret)
{
    const struct hf_acpi_cmd *c = &k->commands[i];

    for (unsigned n = 0; n < hf_acpi_rule_count; n++) {
        const struct hf_acpi_rule_row *rule = &hf_acpi_rules[n];

        if (rule->command != HF_ACPI_ANY_COMMAND && rule->command != c->command)
            continue;
        if (!rule->broken(k, i, c))
            continue;
        *ret = (struct hf_acpi_finding){
            .command = i, .rule = rule->name, .text = rule->text, .consumers = rule->consumers & consumers};
        if (ret->consumers)
            return false;
    }
    return true;
}

/* The interpreters have the last word. */
static bool check_outcome(const struct hf_acpi_checker *k, const struct hf_acpi_question *q, unsigned consumers,
                          uint8_t *work, size_t size, struct hf_acpi_finding *ret)
{
    struct hf_acpi_options options = {.features = q->features, .memory = q->memory};

    for (unsigned i = 0; i < HF_ACPI_CONSUMERS; i++) {
        struct hf_acpi_outcome o;

        if (!(consumers & HF_ACPI_CONSUMER_BIT(i)))
            continue;
        if (hf_acpi_run(k->bundle, (enum hf_acpi_consumer)i, &options, work, size, &o, NULL) < 0 ||
            o.verdict == HF_ACPI_COMPLETE)
            continue;
        *ret = (struct hf_acpi_finding){
            .command = o.fault_count ? o.faults[0].command : HF_ACPI_AT_END,
            .rule = "outcome",
            .text = o.fault_count ? hf_acpi_reason_text(o.faults[0].reason) : "the guest would find no tables",
            .consumers = HF_ACPI_CONSUMER_BIT(i),
        };
        return false;
    }
    return true;
}

static int refuse(const struct hf_acpi_finding *f, struct hf_error *err)
{
    char names[64] = "", where[32] = "the script";

    for (unsigned i = 0; i < HF_ACPI_CONSUMERS; i++)
        if (f->consumers & HF_ACPI_CONSUMER_BIT(i))
            (void)hf_format(names + strlen(names), sizeof names - strlen(names), "%s%s", names[0] ? ", " : "",
                            hf_acpi_consumer_name((enum hf_acpi_consumer)i));
    if (f->command != HF_ACPI_AT_END)
        (void)hf_format(where, sizeof where, "command %u", f->command);
    return hf_error_refuse(err, f->rule, "%s is not safe for %s: %s", where, names, f->text);
}

int hf_acpi_check(const struct hf_acpi_bundle *bundle, const struct hf_acpi_question *question, void *work, size_t size,
                  struct hf_acpi_finding *ret, struct hf_error *err)
{
    struct hf_acpi_checker k = {.bundle = bundle, .features = question->features};
    unsigned consumers = question->consumers ? question->consumers : HF_ACPI_EVERY_CONSUMER;
    struct hf_acpi_finding finding = {0};
    size_t own;
    bool safe = true;
    int r = hf_acpi_bundle_check(bundle, err);

    if (r < 0)
        return r;
    if (!HF_RESERVED_IS_ZERO(question))
        return hf_error_set(err, HF_EUSAGE, "checking the script: the question's reserved members are not 0");
    if (size < hf_acpi_check_room(bundle))
        return hf_error_set(err, HF_ENOMEM, "work area too small: checking the script needs %zu bytes, %zu were given",
                            hf_acpi_check_room(bundle), size);
    checker_init(&k, work);
    for (uint32_t i = 0; safe && i < k.count; i++)
        safe = check_command(&k, i, consumers, &finding);
    if (safe && bundle->script_size % sizeof(struct hf_acpi_record) != 0) {
        finding = (struct hf_acpi_finding){
            .command = HF_ACPI_AT_END, .rule = "size", .text = whole_size, .consumers = consumers};
        safe = false;
    }
    own = hf_acpi_check_room(bundle) - hf_acpi_run_room(bundle);
    if (safe)
        safe = check_outcome(&k, question, consumers, (uint8_t *)work + own, size - own, &finding);
    if (safe)
        return 0;
    if (ret)
        *ret = finding;
    return refuse(&finding, err);
}
