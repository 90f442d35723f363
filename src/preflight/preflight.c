/* SPDX-License-Identifier: BSD-2-Clause */
#include "preflight.h"

#include <string.h>

#include "cleanup.h"
#include "findings.h"
#include "next_firmware.h"

struct question {
    const struct hf_guest_needs *guest;
    const struct hf_host_caps *host;
    struct hf_verdict *verdict;
    const char *rule;
};

#define refuse(q, when, remedy, ...) hf_find((q)->verdict, (q)->rule, HF_FINDING_REFUSE, when, remedy, __VA_ARGS__)
#define note(q, when, remedy, ...)   hf_find((q)->verdict, (q)->rule, HF_FINDING_NOTE, when, remedy, __VA_ARGS__)

/* The machine type the guest must find: a running guest needs the very one it runs on. */
static const char *machine_of(const struct hf_guest_needs *guest)
{
    if (guest->running || guest->machine[0] == '\0')
        return guest->resolved[0] != '\0' ? guest->resolved : NULL;
    return guest->machine;
}

static void ask_owner(struct question *q)
{
    if (q->guest->owner == HF_OWNER_HELD)
        return;
    refuse(q, HF_WHEN_NOW, "run preflight where the container is owned, or 'holdfast owner --take --because TEXT'",
           "this copy is %s, owned by host '%s' at epoch %llu", hf_owner_state_text(q->guest->owner),
           q->guest->owner_host, (unsigned long long)q->guest->epoch);
}

static void ask_epoch(struct question *q)
{
    if (q->host->epochs_more)
        note(q, HF_WHEN_NOW, "'holdfast owner' there tells for one container",
             "the destination lists only %zu of the containers that it has seen; this one may be missing",
             q->host->epoch_count);
    for (size_t i = 0; i < q->host->epoch_count; i++) {
        const struct hf_epoch_caps *seen = &q->host->epochs[i];

        if (strcmp(seen->id, q->guest->id) != 0)
            continue;
        if (seen->epoch <= q->guest->epoch && !seen->departed && strcmp(q->host->host, q->guest->owner_host) != 0)
            refuse(q, HF_WHEN_NOW,
                   "find out which copy is the guest's: take that one there with 'holdfast owner --take', or remove it "
                   "there as 'holdfast migrate' says",
                   "the destination '%s' has a copy of this container that it owns at epoch %llu, as '%s' owns this "
                   "one",
                   q->host->host, (unsigned long long)seen->epoch, q->guest->owner_host);
        if (seen->epoch > q->guest->epoch)
            refuse(q, HF_WHEN_NOW,
                   "find the newer container, or take this one with 'holdfast owner --take --because TEXT'",
                   "the destination has seen epoch %llu of this container, this copy has %llu",
                   (unsigned long long)seen->epoch, (unsigned long long)q->guest->epoch);
    }
}

static void ask_holdfast(struct question *q)
{
    if (q->host->reads_format < q->guest->format)
        refuse(q, HF_WHEN_NOW, "update holdfast on the destination",
               "the container needs format %u, holdfast %s there reads up to %u", q->guest->format, q->host->holdfast,
               q->host->reads_format);
}

static void ask_nbdkit(struct question *q)
{
    if (!q->host->nbdkit)
        refuse(q, HF_WHEN_NOW, "install nbdkit on the destination",
               "nbdkit is missing on the destination; it serves the flash");
}

static void ask_architecture(struct question *q)
{
    if (!hf_host_caps_qemu(q->host, q->guest->arch, NULL))
        refuse(q, HF_WHEN_NOW, "install QEMU for this architecture on the destination",
               "the guest is %s, the destination has no QEMU for it", q->guest->arch);
}

static void ask_qemu_version(struct question *q)
{
    static const struct hf_vmm_version oldest = {HF_QEMU_OLDEST_MAJOR, HF_QEMU_OLDEST_MINOR, 0};
    const struct hf_qemu_caps *qemu = q->verdict->qemu;

    if (qemu && hf_vmm_version_compare(qemu->version, oldest) < 0)
        refuse(q, HF_WHEN_NOW, "update QEMU on the destination",
               "'%s' there is QEMU %u.%u; holdfast needs %u.%u or later", qemu->program, qemu->version.major,
               qemu->version.minor, oldest.major, oldest.minor);
}

static void ask_machine(struct question *q)
{
    const char *machine = machine_of(q->guest);
    const struct hf_machine_caps *found;

    if (!machine || !hf_host_caps_qemu(q->host, q->guest->arch, NULL))
        return;
    if (!q->verdict->qemu) {
        refuse(q, HF_WHEN_NOW, "move to a host whose QEMU has it, or restart the guest with another machine type",
               "no QEMU of the destination has machine type '%s'", machine);
        return;
    }
    found = hf_qemu_machine(q->verdict->qemu, machine);
    if (found->deprecated)
        note(q, HF_WHEN_NEXT_RESET, "plan to start the guest with a newer machine type",
             "machine type '%s' is deprecated in QEMU %u.%u there", machine, q->verdict->qemu->version.major,
             q->verdict->qemu->version.minor);
    if (!q->guest->running && q->guest->resolved[0] != '\0' && strcmp(found->name, q->guest->resolved) != 0)
        note(q, HF_WHEN_NOW, "name a versioned machine type to keep it",
             "'%s' was %s at the last start and is %s there", machine, q->guest->resolved, found->name);
}

static void ask_block_driver(struct question *q)
{
    if (q->verdict->qemu && !hf_qemu_has(q->verdict->qemu->block_drivers, "nbd"))
        refuse(q, HF_WHEN_NOW, "install QEMU's block driver nbd", "'%s' there has no block driver nbd",
               q->verdict->qemu->program);
}

static void ask_smm(struct question *q)
{
    const char *machine = q->guest->resolved[0] != '\0' ? q->guest->resolved : q->guest->machine;

    if (q->guest->needs_smm && !strstr(machine, "q35"))
        refuse(q, HF_WHEN_NOW, "use a q35 machine type or firmware that needs no SMM",
               "the firmware needs SMM, machine type '%s' has none", machine);
    if (q->guest->needs_smm && q->verdict->qemu && !q->verdict->qemu->smm)
        refuse(q, HF_WHEN_NEXT_RESET, "use another host, or TCG",
               "the firmware needs SMM, '%s' there does not support it", q->verdict->qemu->program);
}

/* Emulated processors whose saved registers changed: neither side of the gap loads what the other saved. */
static const struct state_gap {
    const char *arch;
    struct hf_vmm_version last, first; /* before the gap, and after it */
} gaps[] = {
    {"aarch64", {7, 2, 9999}, {10, 0, 0}},  /* 7.2 also saves the 32-bit PAR; 10.0 does not, but 18 others */
    {"aarch64", {10, 0, 9999}, {11, 1, 0}}, /* 10.0 saves what 11.1 does not know, and ends itself over 11.1's */
};

static bool lies_between(const struct state_gap *gap, struct hf_vmm_version a, struct hf_vmm_version b)
{
    return hf_vmm_version_compare(a, gap->last) <= 0 && hf_vmm_version_compare(b, gap->first) >= 0;
}

static void ask_processor(struct question *q)
{
    const struct hf_vmm_version here = q->guest->under;
    struct hf_vmm_version there;

    if (!q->guest->running || !q->guest->emulated || !here.major || !q->verdict->qemu)
        return;
    there = q->verdict->qemu->version;
    for (size_t i = 0; i < HF_ARRAY_SIZE(gaps); i++)
        if (!strcmp(gaps[i].arch, q->guest->arch) &&
            (lies_between(&gaps[i], here, there) || lies_between(&gaps[i], there, here))) {
            refuse(q, HF_WHEN_NOW,
                   "shut the guest down and move it then, or move it to a host with the QEMU that it has",
                   "the guest's processor is emulated by QEMU %u.%u here; QEMU %u.%u there does not load its state "
                   "(%s: other registers are saved)",
                   here.major, here.minor, there.major, there.minor, q->guest->arch);
            return;
        }
}

static const struct hf_rom_caps *rom_there(const struct hf_host_caps *host, const char *name)
{
    for (size_t i = 0; i < host->rom_count; i++)
        if (strcmp(host->roms[i].name, name) == 0)
            return &host->roms[i];
    return NULL;
}

/* Of the memory that QEMU gives a ROM; both sides of a live migration must have the same. */
static uint64_t rom_memory(uint64_t size)
{
    uint64_t memory = 2048;

    while (memory < size)
        memory *= 2;
    return memory;
}

#define NAME_ROM "name a file that both hosts have in the domain, <rom file='...'/>"

static void ask_rom_of_host(struct question *q, const struct hf_rom_need *need, const struct hf_rom_caps *there)
{
    bool managed = q->guest->managed;

    if (!there)
        refuse(q, HF_WHEN_NOW,
               managed ? "install it there, or " NAME_ROM
                       : "install it there, or 'holdfast set roms=guest' so that the guest brings its own",
               "the guest's option ROM '%s' (%llu bytes) is the host's, and the destination has none", need->name,
               (unsigned long long)need->size);
    else if (q->guest->running && rom_memory(need->size) != rom_memory(there->size))
        refuse(q, HF_WHEN_NOW,
               managed ? NAME_ROM ", and restart it"
                       : "'holdfast set roms=guest' and restart the guest, so that it brings its own",
               "option ROM '%s' is the host's: %llu bytes here, %llu there, which a live migration ends on "
               "(Size mismatch)",
               need->name, (unsigned long long)need->size, (unsigned long long)there->size);
    else if (strcmp(there->digest, need->digest) != 0)
        note(q, HF_WHEN_NEXT_RESET, managed ? NAME_ROM : "'holdfast set roms=guest' keeps the present one",
             "option ROM '%s' is the host's: the guest will run the destination's, of %llu bytes instead of %llu",
             need->name, (unsigned long long)there->size, (unsigned long long)need->size);
}

static void ask_roms(struct question *q)
{
    for (size_t i = 0; i < q->guest->rom_count; i++) {
        const struct hf_rom_need *need = &q->guest->roms[i];
        const struct hf_rom_caps *there = rom_there(q->host, need->name);

        if (q->guest->roms_from_host)
            ask_rom_of_host(q, need, there);
        else if (there && strcmp(there->digest, need->digest) != 0)
            note(q, HF_WHEN_NEXT_RESET, "nothing to do: the guest brings its own",
                 "option ROM '%s': %llu bytes in the container, %llu bytes and other contents on the destination",
                 need->name, (unsigned long long)need->size, (unsigned long long)there->size);
    }
}

static const struct hf_domain_caps *domain_there(const struct hf_host_caps *host, const char *name)
{
    for (size_t i = 0; i < host->domain_count; i++)
        if (strcmp(host->domains[i].name, name) == 0)
            return &host->domains[i];
    return NULL;
}

static int first_missing_bit(const struct hf_domain_bits *wanted, const struct hf_domain_bits *there)
{
    for (int bit = 0; bit < HF_DOMAIN_BITS; bit++)
        if (wanted->byte[bit / 8] & ~there->byte[bit / 8] & 1 << bit % 8)
            return bit;
    return -1;
}

static void ask_contract(struct question *q)
{
    for (size_t i = 0; q->guest->running && i < q->guest->locked_count; i++) {
        const struct hf_locked_domain *locked = &q->guest->locked[i];
        const struct hf_domain_caps *there = domain_there(q->host, locked->name);
        int bit = there ? first_missing_bit(&locked->bits, &there->bits) : 0;

        if (!there)
            refuse(q, HF_WHEN_NOW, "reset the guest after masking the domain, or update holdfast on the destination",
                   "the guest locked domain '%s', which the destination does not support", locked->name);
        else if (there->version != locked->version)
            refuse(q, HF_WHEN_NOW, "update the older holdfast, or mask the domain and reset the guest first",
                   "the guest locked domain '%s' in version %u, the destination has version %u", locked->name,
                   locked->version, there->version);
        else if (bit >= 0)
            refuse(q, HF_WHEN_NOW, "mask the bit with 'holdfast set mask=DOMAIN.BIT' and reset the guest first",
                   "the guest locked bit %d of domain '%s', which the destination does not support", bit, locked->name);
    }
}

static void ask_mailbox(struct question *q)
{
    if (!q->guest->mailbox)
        return;
    if (q->verdict->qemu && !hf_qemu_has(q->verdict->qemu->devices, "ivshmem-plain"))
        refuse(q, HF_WHEN_NOW, "use a QEMU with ivshmem, or turn the mailbox off at the next power-on",
               "the guest has the mailbox, '%s' there has no device ivshmem-plain", q->verdict->qemu->program);
    if (q->guest->memory_named)
        refuse(q, HF_WHEN_NOW, "start the guest without a memory object of your own, or without the mailbox",
               "the guest's RAM is an object its user named and the mailbox is another: QEMU can abort as a source");
}

static void ask_tpm(struct question *q)
{
    if (!q->guest->tpm)
        return;
    if (!q->host->swtpm)
        refuse(q, HF_WHEN_NOW, "install swtpm on the destination", "the guest has a TPM, the destination no swtpm");
    /* With a running guest QEMU's stream carries it. */
    if (!q->guest->running && !q->guest->tpm_state_moves)
        refuse(q, HF_WHEN_NOW, "put the TPM's state on shared storage, or let the manager move it",
               "the guest's TPM state is not in the container and would not be moved");
}

static void ask_room(struct question *q)
{
    if (q->host->free_bytes < q->guest->bytes)
        refuse(q, HF_WHEN_NOW, "free space on the destination",
               "the container needs %llu bytes with space for a rollback, %llu are free",
               (unsigned long long)q->guest->bytes, (unsigned long long)q->host->free_bytes);
}

static bool has_device(const struct hf_guest_needs *guest, const char *device)
{
    if (!device || !guest->devices)
        return true; /* not known: better a refusal too many than a guest that hangs */
    for (const char *d = guest->devices; *d; d += strcspn(d, " ") + (d[strcspn(d, " ")] != '\0'))
        if (strcspn(d, " ") == strlen(device) && strncmp(d, device, strlen(device)) == 0)
            return true;
    return false;
}

/* `boots`: the image runs at the next boot; `runs`: it runs while the guest moves. */
static void ask_breaks_of(struct question *q, const struct hf_manifest *known, bool runs, bool boots)
{
    const struct hf_vmm_version v = q->verdict->qemu->version;

    for (size_t i = 0; known && i < known->break_count; i++) {
        const struct hf_manifest_break *b = &known->breaks[i];
        bool now = runs && !b->at_reset;

        if ((now || boots) && hf_manifest_break_concerns(b, v.major, v.minor) && has_device(q->guest, b->device))
            refuse(q, now || !q->guest->running ? HF_WHEN_NOW : HF_WHEN_NEXT_RESET, b->remedy,
                   "%s under QEMU %u.%u: %s", known->name, v.major, v.minor, b->what);
    }
}

/* Of the image that the guest runs, and of another that its next boot will run. */
static void ask_known_breaks(struct question *q)
{
    const struct hf_guest_needs *g = q->guest;
    const char *next = q->verdict->firmware_there ? q->verdict->firmware_there->digest : q->verdict->code_digest;
    bool other = strcmp(next, g->code_digest) != 0;

    if (!q->verdict->qemu)
        return;
    ask_breaks_of(q, g->manifest, g->running, !other);
    if (other && g->manifests)
        ask_breaks_of(q, hf_manifests_find(g->manifests, next), false, true);
}

/* The destination's own firmware may run after the move: say what becomes of the variables. */
static void ask_policy(struct question *q)
{
    const struct hf_firmware_caps *there = q->verdict->firmware_there;
    enum hf_finding_when when = q->guest->running ? HF_WHEN_NEXT_RESET : HF_WHEN_NOW;

    if (q->verdict->firmware == HF_SOURCE_HOST && !there && !q->guest->staged)
        note(q, when, "install that firmware on the destination, or 'holdfast set policy=guest'",
             "policy %s wants the destination's firmware '%s': the guest keeps what it has",
             hf_policy_name(q->guest->policy), q->guest->firmware);
    if (!there || strcmp(there->digest, q->guest->code_digest) == 0)
        return;
    note(q, when, "'holdfast set policy=guest' keeps the present firmware",
         "policy %s: the guest will run the destination's firmware '%s', digest %.16s instead of %.16s%s",
         hf_policy_name(q->guest->policy), there->name, there->digest, q->guest->code_digest,
         q->guest->tpm ? "; it is only staged, because of the TPM" : "");
    if (there->vars_size != q->guest->vars_size)
        note(q, when, "look at 'holdfast image convert', or 'holdfast set policy=guest'",
             "the variables are converted from %llu to %llu bytes; if they do not fit, the guest keeps its firmware",
             (unsigned long long)q->guest->vars_size, (unsigned long long)there->vars_size);
}

static const struct {
    const char *rule;
    void (*ask)(struct question *q);
} questions[] = {
    {"owner", ask_owner},
    {"epoch", ask_epoch},
    {"holdfast", ask_holdfast},
    {"nbdkit", ask_nbdkit},
    {"architecture", ask_architecture},
    {"qemu-version", ask_qemu_version},
    {"machine-type", ask_machine},
    {"block-driver", ask_block_driver},
    {"smm", ask_smm},
    {"processor", ask_processor},
    {"roms", ask_roms},
    {"contract", ask_contract},
    {"mailbox", ask_mailbox},
    {"tpm", ask_tpm},
    {"room", ask_room},
    {"known-break", ask_known_breaks},
    {"policy", ask_policy},
};

void hf_preflight(const struct hf_guest_needs *guest, const struct hf_host_caps *host, struct hf_verdict *ret)
{
    struct question q = {.guest = guest, .host = host, .verdict = ret};

    *ret = (struct hf_verdict){.qemu = hf_host_caps_qemu(host, guest->arch, machine_of(guest))};
    hf_next_firmware(guest, host, ret);
    for (size_t i = 0; i < HF_ARRAY_SIZE(questions); i++) {
        q.rule = questions[i].rule;
        questions[i].ask(&q);
    }
}

const char *hf_preflight_rule(size_t n)
{
    return n < HF_ARRAY_SIZE(questions) ? questions[n].rule : NULL;
}
