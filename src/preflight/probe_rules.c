/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe_rules.h"

#include <stdlib.h>
#include <string.h>

#include <holdfast/acpi_run.h>

#include "cleanup.h"
#include "findings.h"
#include "format.h"

#define BOOT_FACTOR 3
#define BOOT_EXTRA  10000 /* milliseconds: the start of the program, and a host that had something else to do */

struct probing {
    const struct hf_guest_needs *guest;
    const struct hf_probe *probe;
    struct hf_verdict *verdict;
    const char *rule;
};

#define refuse(p, when, remedy, ...) hf_find((p)->verdict, (p)->rule, HF_FINDING_REFUSE, when, remedy, __VA_ARGS__)
#define note(p, when, remedy, ...)   hf_find((p)->verdict, (p)->rule, HF_FINDING_NOTE, when, remedy, __VA_ARGS__)

/* When the guest meets the destination's files: at its next reset, or, when it is off, at once. */
static enum hf_finding_when at_boot(const struct probing *p)
{
    return p->guest->running ? HF_WHEN_NEXT_RESET : HF_WHEN_NOW;
}

/* For "QEMU %u.%u": a path would take the room of what matters. */
#define V(side) (side).version.major, (side).version.minor
#define S(ms)   (ms) / 1000, (ms) / 100 % 10 /* "%u.%u s" */

static void ask_start(struct probing *p)
{
    const struct hf_probe_side *to = &p->probe->destination, *from = &p->probe->source;

    if (!to->view)
        refuse(p, HF_WHEN_NOW, "use a QEMU that has the devices of the guest's machine",
               "'%s' does not build the guest's machine: %s", to->program, to->why);
    else if (!from->view)
        note(p, HF_WHEN_NOW, "name the QEMU that the guest runs now with --probe-source",
             "nothing to compare with: '%s' does not build the guest's machine: %s", from->program, from->why);
    for (char *const *left = p->probe->left_out; left && *left; left++)
        note(p, HF_WHEN_NOW, "nothing to do: what it changes for firmware was compared without it",
             "%s was left out: it uses, or may use, a resource of the host", *left);
}

/* ---- fw_cfg ---- */

static const struct hf_fwcfg_view *first_view(const struct probing *p)
{
    return p->probe->source.view && p->probe->destination.view ? p->probe->source.view : NULL;
}

static const char *missing_in(const struct hf_fwcfg_view *these, const struct hf_fwcfg_view *those)
{
    for (size_t i = 0; i < these->count; i++)
        if (hf_fwcfg_view_find(those, these->directory[i].name) < 0)
            return these->directory[i].name;
    return NULL;
}

/* The selectors are numbers by place: firmware that kept them from its last boot (to replay them when the guest wakes
 * from S3) writes into other files after any change. */
static void ask_files(struct probing *p)
{
    static const char remedy[] = "use a QEMU whose machine type has the same files, or power the guest off and move it";
    const struct hf_fwcfg_view *from = first_view(p), *to = p->probe->destination.view;
    enum hf_finding_weight weight = p->guest->running ? HF_FINDING_REFUSE : HF_FINDING_NOTE;
    const char *name;

    if (!from)
        return;
    name = missing_in(from, to);
    if (name) {
        hf_find(p->verdict, p->rule, weight, at_boot(p), remedy,
                "fw_cfg file '%s' of QEMU %u.%u here is missing in QEMU %u.%u there (%zu files there, %zu here)", name,
                V(p->probe->source), V(p->probe->destination), to->count, from->count);
        return;
    }
    name = missing_in(to, from);
    if (name) {
        hf_find(p->verdict, p->rule, weight, at_boot(p), remedy,
                "fw_cfg file '%s' of QEMU %u.%u there is new, so that others get other numbers (%zu files there, %zu "
                "here)",
                name, V(p->probe->destination), to->count, from->count);
        return;
    }
    for (size_t i = 0; i < from->count; i++)
        if (strcmp(from->directory[i].name, to->directory[i].name) != 0 ||
            from->directory[i].key != to->directory[i].key) {
            hf_find(p->verdict, p->rule, weight, at_boot(p), remedy,
                    "fw_cfg file '%s' has number 0x%x under QEMU %u.%u here and 0x%x there", from->directory[i].name,
                    from->directory[i].key, V(p->probe->source),
                    to->directory[hf_fwcfg_view_find(to, from->directory[i].name)].key);
            return;
        }
}

/* Files that are registers or fixed areas: firmware and host count on their size. All others hold what they hold. */
static void ask_sizes(struct probing *p)
{
    static const char *const fixed[] = {
        "etc/smi/supported-features",
        "etc/smi/requested-features",
        "etc/smi/features-ok",
        "etc/vmgenid_addr",
        "etc/vmgenid_guid",
        "etc/vmcoreinfo",
        "etc/ramfb",
        "etc/acpi/nvdimm-mem",
        "etc/hardware_errors_addr",
        "etc/system-states",
    };
    const struct hf_fwcfg_view *from = first_view(p), *to = p->probe->destination.view;

    for (size_t i = 0; from && i < HF_ARRAY_SIZE(fixed); i++) {
        int a = hf_fwcfg_view_find(from, fixed[i]), b = hf_fwcfg_view_find(to, fixed[i]);

        if (a >= 0 && b >= 0 && from->directory[a].size != to->directory[b].size)
            refuse(p, at_boot(p), "use a QEMU whose machine type has the same sizes",
                   "fw_cfg file '%s' has %u bytes under QEMU %u.%u here and %u there", fixed[i],
                   from->directory[a].size, V(p->probe->source), to->directory[b].size);
    }
}

/* ---- the loader script ---- */

static bool consumer_of(const struct hf_guest_needs *guest, enum hf_acpi_consumer *ret)
{
    const char *f = guest->kind;

    *ret = !strcmp(f, "seabios") ? HF_ACPI_SEABIOS : HF_ACPI_OVMF;
    return !strcmp(f, "seabios") || !strncmp(f, "ovmf", 4) || !strcmp(f, "aavmf");
}

/* *room is to be freed after the last look at *ret. */
static bool run_script(const struct probing *p, const struct hf_fwcfg_view *view, struct hf_acpi_outcome *ret,
                       void **room)
{
    struct hf_acpi_options options = {
        .features = hf_manifest_features(p->guest->manifest, HF_ACPI_DOMAIN, HF_ACPI_DOMAIN_VERSION)};
    enum hf_acpi_consumer consumer;
    size_t size;

    *room = NULL;
    if (!view || !view->bundle.script || !consumer_of(p->guest, &consumer))
        return false;
    size = hf_acpi_run_room(&view->bundle);
    *room = malloc(size);
    return *room && hf_acpi_run(&view->bundle, consumer, &options, *room, size, ret, NULL) == 0;
}

static void fault_text(const struct hf_fwcfg_view *view, const struct hf_acpi_outcome *o, char *text, size_t size)
{
    char command[256] = "at its end";
    size_t n;

    if (o->fault_count == 0) {
        hf_format(text, size, "%s", hf_acpi_verdict_text(o->verdict));
        return;
    }
    if (o->faults[0].command != HF_ACPI_AT_END) {
        n = hf_format(command, sizeof command, "command %u, ", o->faults[0].command);
        (void)hf_acpi_show(&view->bundle, o->faults[0].command, command + n, sizeof command - n);
    }
    hf_format(text, size, "%s: %s", command, hf_acpi_reason_text(o->faults[0].reason));
}

/* A script that gives the guest less there than here. What is bad already is no reason not to move. */
static void ask_script(struct probing *p)
{
    hf_auto(hf_cleanup_free) void *room_here = NULL, *room_there = NULL;
    const struct hf_fwcfg_view *to = p->probe->destination.view;
    struct hf_acpi_outcome here, there;
    char why[HF_FINDING_TEXT_MAX];
    bool known;

    if (!to || !run_script(p, to, &there, &room_there) || there.verdict == HF_ACPI_COMPLETE)
        return;
    known = run_script(p, p->probe->source.view, &here, &room_here);
    fault_text(to, &there, why, sizeof why);
    if (known && here.verdict >= there.verdict)
        note(p, at_boot(p), "nothing to do for the move: it is the same here",
             "the guest's %s does not fully process the script of QEMU %u.%u, nor that of QEMU %u.%u here: %s",
             hf_acpi_consumer_name(there.consumer), V(p->probe->destination), V(p->probe->source), why);
    else
        refuse(p, at_boot(p), "stage firmware that understands it, or use another QEMU",
               "the guest's %s would not understand the script of QEMU %u.%u there: %s",
               hf_acpi_consumer_name(there.consumer), V(p->probe->destination), why);
}

static const char *signature(const struct hf_acpi_table *table, char text[5])
{
    for (int i = 0; i < 4; i++)
        text[i] = table->bytes[i] >= ' ' && table->bytes[i] < 0x7f ? (char)table->bytes[i] : '?';
    text[4] = '\0';
    return text;
}

static void ask_tables(struct probing *p)
{
    hf_auto(hf_cleanup_free) void *room_here = NULL, *room_there = NULL;
    struct hf_acpi_outcome here, there;
    char name[5];

    if (!first_view(p) || !run_script(p, p->probe->source.view, &here, &room_here) ||
        !run_script(p, p->probe->destination.view, &there, &room_there) || there.verdict != HF_ACPI_COMPLETE)
        return; /* tables that a bad script loses are told with the script */
    for (size_t i = 0; i < here.table_count; i++)
        if (!hf_acpi_outcome_table(&there, signature(&here.tables[i], name), 0))
            note(p, at_boot(p), "check whether the guest's system needs that table",
                 "ACPI table %s of QEMU %u.%u here is missing in QEMU %u.%u there", name, V(p->probe->source),
                 V(p->probe->destination));
    for (size_t i = 0; i < there.table_count; i++)
        if (!hf_acpi_outcome_table(&here, signature(&there.tables[i], name), 0))
            note(p, at_boot(p), "nothing to do", "ACPI table %s of QEMU %u.%u there is new", name,
                 V(p->probe->destination));
}

/* ---- a boot ---- */

unsigned hf_probe_boot_limit(unsigned source_ms)
{
    return source_ms * BOOT_FACTOR + BOOT_EXTRA;
}

static void ask_boot(struct probing *p)
{
    const struct hf_boot_try *from = p->probe->source_boot, *to = p->probe->destination_boot;

    if (from && !from->booted)
        note(p, at_boot(p), "name a QEMU on which the guest boots with --probe-source",
             "nothing to compare with: after %u.%u s under QEMU %u.%u here the firmware %s%s", S(from->milliseconds),
             V(p->probe->source), from->why ? "ended: " : "had not tried to boot anything", from->why ? from->why : "");
    if (!from || !from->booted || !to)
        return;
    if (!to->booted)
        refuse(p, at_boot(p), "stage newer firmware first, or leave the guest on the QEMU it has",
               "after %u.%u s under QEMU %u.%u there the guest's firmware %s%s; under QEMU %u.%u here it %s after "
               "%u.%u s",
               S(to->milliseconds), V(p->probe->destination), to->why ? "ended: " : "had not tried to boot anything",
               to->why ? to->why : "", V(p->probe->source), from->sign, S(from->milliseconds));
    else
        note(p, at_boot(p), "nothing to do",
             "the guest's firmware boots: under QEMU %u.%u there it %s after %u.%u s, under QEMU %u.%u here after "
             "%u.%u s",
             V(p->probe->destination), to->sign, S(to->milliseconds), V(p->probe->source), S(from->milliseconds));
}

static const struct {
    const char *rule;
    void (*ask)(struct probing *p);
} questions[] = {
    {"probe-start", ask_start},  {"fw-cfg-files", ask_files}, {"fw-cfg-sizes", ask_sizes},
    {"acpi-script", ask_script}, {"acpi-tables", ask_tables}, {"probe-boot", ask_boot},
};

void hf_preflight_probe(const struct hf_guest_needs *guest, const struct hf_probe *probe, struct hf_verdict *verdict)
{
    struct probing p = {.guest = guest, .probe = probe, .verdict = verdict};

    for (size_t i = 0; i < HF_ARRAY_SIZE(questions); i++) {
        p.rule = questions[i].rule;
        questions[i].ask(&p);
    }
}
