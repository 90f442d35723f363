/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "banks.h"
#include "cleanup.h"
#include "containers.h"
#include "descriptors.h"
#include "machine.h"
#include "provision.h"
#include "settings.h"
#include "verbs.h"
#include "qcow2.h"

static const struct hf_option options[] = {
    {.name = "firmware",
     .arg = "NAME|PATH",
     .help = "ovmf, ovmf-secboot, aavmf, seabios, a firmware descriptor, or a code image",
     .words = "ovmf ovmf-secboot aavmf seabios"},
    {.name = "vars", .arg = "PATH", .help = "the variables to start with (otherwise the firmware's template)"},
    {.name = "machine",
     .arg = "TYPE",
     .help = "QEMU's machine type; a versioned one is pinned",
     .max = HF_GUEST_MACHINE_SIZE - 1},
    {.name = "arch",
     .arg = "ARCH",
     .help = "x86_64 or aarch64 (otherwise the image's)",
     .words = "x86_64 aarch64",
     .max = HF_GUEST_ARCH_SIZE - 1},
    {.name = "policy",
     .arg = "POLICY",
     .help = "who decides the firmware: guest, versioned or host",
     .words = "guest versioned host"},
    {.name = "name", .arg = "TEXT", .help = "the guest's name, for people", .max = HF_GUEST_NAME_SIZE - 1},
    {.name = "uuid", .arg = "UUID", .help = "the guest's UUID (otherwise a new one)", .max = HF_UUID_TEXT_SIZE - 1},
    {.name = "qemu", .arg = "PROGRAM", .help = "whose data directories hold SeaBIOS"},
    {.name = "no-secure-boot", .help = "take firmware without Secure Boot for variables that enforce it"},
    {.name = "allow-unknown", .help = "take unknown firmware, or an unknown pair"},
    {.name = NULL},
};

/* Everything read from files, freed together. */
struct sources {
    struct hf_host_firmware firmware;
    uint8_t *code, *vars;
    uint64_t code_size, vars_size;
};

static void sources_done(struct sources *s)
{
    hf_host_firmware_done(&s->firmware);
    free(s->code);
    free(s->vars);
}

static const char *text_of(const struct hf_invocation *inv, const char *option)
{
    return hf_given(inv, option) ? hf_value(inv, option) : "";
}

static int read_guest(const struct hf_invocation *inv, struct hf_guest *guest, struct hf_error *err)
{
    snprintf(guest->uuid, sizeof guest->uuid, "%s", text_of(inv, "uuid"));
    snprintf(guest->name, sizeof guest->name, "%s", text_of(inv, "name"));
    snprintf(guest->arch, sizeof guest->arch, "%s", text_of(inv, "arch"));
    snprintf(guest->machine, sizeof guest->machine, "%s", text_of(inv, "machine"));
    return hf_given(inv, "policy") ? hf_setting_check("policy", hf_value(inv, "policy"), err) : 0;
}

static int read_sources(const struct hf_invocation *inv, struct sources *s, struct hf_error *err)
{
    struct hf_host_firmware_query query = {
        .name = hf_value(inv, "firmware"),
        .architecture = hf_value(inv, "arch"),
        .machine = hf_value(inv, "machine"),
        .qemu = hf_value(inv, "qemu"),
    };
    const char *vars = hf_value(inv, "vars");
    int r;

    if (!query.name)
        return hf_error_set(err, HF_EUSAGE, "--firmware missing: use ovmf, ovmf-secboot, aavmf, seabios, or a path");
    r = hf_host_firmware_find(&query, NULL, &s->firmware, err);
    if (r == 0)
        r = hf_host_firmware_read(&s->firmware, false, HF_BANK_SIZE_MAX, &s->code, &s->code_size, err);
    if (r == 0 && vars)
        r = hf_bank_file_read(vars, HF_BANK_SIZE_MAX, &s->vars, &s->vars_size, NULL, err);
    else if (r == 0 && s->firmware.vars)
        r = hf_host_firmware_read(&s->firmware, true, HF_BANK_SIZE_MAX, &s->vars, &s->vars_size, err);
    return r;
}

static void report(const struct hf_invocation *inv, const struct hf_provisioned *made)
{
    char digest[HF_DIGEST_SHORT_SIZE], size[HF_SIZE_TEXT_MAX];
    json_t *code = hf_put_object(inv->report, "code"), *vars;

    hf_put_text(inv->report, "path", inv->operands[0]);
    hf_put_bool(inv->report, "dry_run", inv->dry_run);
    hf_put_guest(inv->report, &made->guest);
    hf_put_digest(code, "sha256", &made->code_digest);
    hf_put_text(code, "label", made->label);
    hf_put_text(code, "kind", hf_flash_kind_name(made->code.kind));
    hf_put_text(code, "layout", hf_layout_name(made->code.layout));
    hf_put_text(code, "needs_smm", hf_answer_name(made->code.needs_smm));
    hf_put_text(code, "secure_boot", hf_answer_name(made->code.secure_boot));
    hf_put_number(code, "bank_size", (int64_t)made->code_bank);
    if (made->has_vars) {
        vars = hf_put_object(inv->report, "vars");
        hf_put_number(vars, "bank_size", (int64_t)made->vars_bank);
        hf_put_bool(vars, "blank", made->blank);
    }
    hf_put_text(inv->report, "remark", made->remark[0] ? made->remark : NULL);
    hf_say(inv, "%s '%s'", inv->dry_run ? "would make" : "made", inv->operands[0]);
    hf_field(inv, "Guest", "%s  %s%s%s", made->guest.uuid, made->guest.arch, made->guest.name[0] ? "  " : "",
             made->guest.name);
    hf_field(inv, "Firmware", "%s  %s", made->label, hf_digest_short(&made->code_digest, digest));
    hf_field(inv, "Variables", "%s%s", made->has_vars ? hf_size_text(made->vars_bank, size) : "none",
             made->blank ? ", erased" : "");
    if (made->remark[0])
        hf_field(inv, "Note", "%s", made->remark);
}

static int set_policy(struct hf_container *c, void *ctx, struct hf_error *err)
{
    return hf_setting_set(c, "policy", ctx, hf_now(), err);
}

/* What no verb would run. */
static int check_machine(const struct hf_provisioned *made, struct hf_error *err)
{
    const struct hf_guest *guest = &made->guest;
    struct hf_machine machine = {
        .type = guest->machine[0] ? guest->machine : hf_machine_default(guest->arch),
        .code_size = made->code_bank,
        .vars_size = made->vars_bank,
        .needs_smm = made->code.needs_smm == HF_YES,
    };
    int r = hf_board_check(guest->machine, guest->arch, err);

    return r < 0 ? r : hf_machine_check(&machine, err);
}

static int make(const struct hf_invocation *inv, const struct hf_provision *p, struct hf_provisioned *made,
                struct hf_error *err)
{
    const char *path = inv->operands[0], *policy = hf_value(inv, "policy");
    struct hf_container *c;
    int r = hf_provision_check(p, made, err);

    if (r == 0)
        r = check_machine(made, err);
    if (r < 0 || inv->dry_run)
        return r;
    r = hf_provision_create(path, p, made, &c, err);
    if (r < 0)
        return r;
    if (policy)
        r = hf_change(c, set_policy, (void *)policy, err);
    if (r == 0)
        return hf_container_publish(c, err);
    hf_container_done(&c);
    return r;
}

static int run(struct hf_invocation *inv, struct hf_error *err)
{
    hf_auto(sources_done) struct sources s = {.code = NULL};
    struct hf_provision p = {.no_secure_boot = hf_given(inv, "no-secure-boot"),
                             .allow_unknown = hf_given(inv, "allow-unknown"),
                             .now = hf_now()};
    struct hf_provisioned made;
    int r = read_guest(inv, &p.guest, err);

    if (r == 0 && hf_board_of(p.guest.machine) == HF_BOARD_OTHER) /* no search for its firmware */
        r = hf_board_check(p.guest.machine, p.guest.arch[0] ? p.guest.arch : "x86_64", err);
    if (r == 0 && access(inv->operands[0], F_OK) == 0)
        r = hf_error_refuse(err, "exists", "'%s' exists; it is not overwritten", inv->operands[0]);
    if (r == 0)
        r = read_sources(inv, &s, err);
    if (r < 0)
        return r;
    if (!p.guest.arch[0])
        snprintf(p.guest.arch, sizeof p.guest.arch, "%s", s.firmware.architecture);
    p.code = s.code;
    p.code_size = s.code_size;
    p.code_origin = s.firmware.code;
    p.vars = s.vars;
    p.vars_size = s.vars_size;
    p.vars_origin = hf_given(inv, "vars") ? hf_value(inv, "vars") : s.firmware.vars;
    r = make(inv, &p, &made, err);
    if (r == 0)
        report(inv, &made);
    return r;
}

const struct hf_verb hf_verb_create = {
    .name = "create",
    .group = HF_GROUP_GUEST,
    .flags = HF_VERB_REPORTS | HF_VERB_CHANGES,
    .help = "Make a guest's container from firmware and variables",
    .synopsis = "G.hold --firmware NAME|PATH [OPTIONS]",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .run = run,
};
