# SPDX-License-Identifier: BSD-2-Clause
"""Every option of every verb changes something that can be seen, or is refused. The list is the program's own (`help
--json`): an option that is new and has no entry here fails, and so does an entry for one that is gone. An entry is a case
here, or a case of another test that shows it."""
import hashlib
import json
import pathlib
import shutil
import subprocess

from elsewhere import shown_elsewhere
from program import PROGRAM, SOURCE, holdfast, scratch
from tap import case, expect, main, skip

HOME = scratch()
DIR = pathlib.Path(HOME.name)
VERBS = {verb["name"]: verb for verb in holdfast("help", "--json").json["verbs"]}
GENERAL = {"json", "dry-run", "help"}  # of every verb: framework.py, and the cases of each verb
GUEST, OVMF = DIR / "guest.hold", pathlib.Path("/usr/share/OVMF")
STORE = OVMF / "OVMF_VARS_4M.fd"
BIOS = "/usr/share/seabios/bios-256k.bin"


def guest():
    if not GUEST.exists():
        holdfast("create", GUEST, "--firmware", "ovmf")
    return GUEST


# ---- shown here ----

def create_qemu():
    """Where firmware is looked for: in the directories of that QEMU."""
    expect("no-such-qemu" in holdfast("create", DIR / "q.hold", "--firmware", "seabios", "--qemu", "/no-such-qemu",
                                      status=None).err, "no word of it")


def create_policy():
    holdfast("create", DIR / "policy.hold", "--firmware", "seabios", "--policy", "versioned")
    expect(holdfast("show", DIR / "policy.hold", "--json").json["settings"]["policy"] == "versioned", "not recorded")


def run_recorded():
    """They are the guest's, also where QEMU does not start."""
    holdfast("run", guest(), "--confirm-by", "manual", "--trial-boots", "7", "--qemu", "/no-such-qemu", "--", status=None)
    settings = holdfast("show", guest(), "--json").json["settings"]
    expect((settings["confirm-by"], settings["trial-boots"]) == ("manual", "7"), settings)


def run_tpm_aware():
    path = DIR / "tpm.hold"
    holdfast("create", path, "--firmware", "seabios")
    words = ["--mailbox", "--qemu", "/no-such-qemu", "--", "-tpmdev", "passthrough,id=t", "-device", "tpm-tis,tpmdev=t"]
    expect("rule 'tpm-aware'" in holdfast("run", path, *words, status=3).err, "not refused")
    expect("tpm-aware" not in holdfast("run", path, "--tpm-aware", *words, status=None).err, "refused all the same")


def stage_label():
    holdfast("create", DIR / "label.hold", "--firmware", "seabios")
    other = DIR / "other.bin"
    other.write_bytes(b"\1" + pathlib.Path(BIOS).read_bytes()[1:])
    holdfast("stage", DIR / "label.hold", other, "--label", "my own build")
    expect(holdfast("show", DIR / "label.hold", "--json").json["slots"]["staged"]["label"] == "my own build", "no label")


def snapshot_reason():
    holdfast("snapshot", guest(), "--reason", "before the visit")
    expect("before the visit" in json.dumps(holdfast("show", guest(), "--json").json["snapshots"]), "no reason")


def vars_ucs2():
    holdfast("vars", "set", STORE, "Marker", "--guid", "4d2c1b2a-9c3e-4f6b-8a1d-6f6c64666173", "--ucs2", "ab", "--out",
             DIR / "ucs2.fd")
    got = holdfast("vars", "get", DIR / "ucs2.fd", "Marker", "--out", DIR / "ucs2.bin")
    expect((DIR / "ucs2.bin").read_bytes().rstrip(b"\0") == b"a\0b", got)


def silent(*verb):
    """With a side that says nothing, it ends by itself."""
    def show():
        with subprocess.Popen(["sleep", "600"], stdout=subprocess.PIPE) as mute:
            result = subprocess.run([PROGRAM, *verb, guest(), "--timeout", "1"], stdin=mute.stdout, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True, timeout=300)
            mute.kill()
        expect(result.returncode == 1 and "for 1 s" in result.stderr, result)
    return show


def receive_qemu():
    """Which QEMU is described to the source, and probed for it."""
    result = holdfast("receive", DIR / "none.hold", "--qemu", "/no-such-qemu", status=4, stdout=subprocess.PIPE)
    expect("/no-such-qemu" in result.err, result)


def vars_accept_loss():
    """virt-firmware's form keeps one variable of a name, this store has two."""
    store, out = DIR / "two.fd", DIR / "one.json"
    shutil.copy(STORE, store)
    for guid in ("4d2c1b2a-9c3e-4f6b-8a1d-6f6c64666173", "4d2c1b2a-9c3e-4f6b-8a1d-6f6c64666174"):
        holdfast("vars", "set", store, "Marker", "--guid", guid, "--text", "x", "--in-place")
    words = ["vars", "export", store, out, "--format", "virt-firmware"]
    expect("rule 'lossless'" in holdfast(*words, status=3).err and not out.exists(), "not refused")
    holdfast(*words, "--accept-loss")
    expect("Marker" in out.read_text(), "nothing was written")


def in_program(file, option):
    """A verb that only holdfast itself calls: it says that option there."""
    def show():
        expect(f"--{option}" in (SOURCE / "src" / "libvirt" / file).read_text(), f"--{option} is not in {file}")
    return show


VERB_TEST, VARS, MOVE = "cli/guest_verbs.py", "cli/vars.py", "handover/migrate.py"
FIRST = "create, show, export: byte for byte what went in"
KINDS = "create: another architecture, a machine without SMM, unknown bytes"
AUTHENTICATED = "an authenticated variable needs --authenticated, and keeps its time"
EACH = "stage, unstage, confirm and rollback for many domains: each has its line, and the worst exit status counts"
NOT_WRITTEN = "without --out or --in-place, with a file that exists, with --dry-run: nothing is written"
WRONG_FORM = "a wrong form is refused with what was found instead, and the store stays as it was; --raw stores it"
BOOT = "cli/boot.py"
CLEAN = "a store that is nearly full says so and what fills it; clean removes a crashed Linux's dumps and nothing else"
RESET = "reset leaves nothing, not even dead variables; or keys, or boot entries, or a template's variables"
JSON_FORMS = "export and import through both JSON forms lose nothing, or say what"
UPGRADES, LIBVIRT, LIBVIRT_MOVE, SERVED, SETTINGS = ("supervisor/upgrades.py", "libvirt/libvirt.py", "libvirt/migrate.py",
                                                     "nbdkit/served.py", "cli/settings.py")


ONE_OWNER, KEYS, SECURE = "libvirt/one_owner.py", "cli/keys.py", "flash/debian13_secure_boot.py"
TPM_AWARE = ("lifecycle/test_variables.c", None, '"tpm-aware"')


def connect(*verb):
    """The libvirt that is talked to."""
    def show():
        uri = "qemu+unix:///system?socket=/no-such-socket"
        result = holdfast("libvirt", *verb, "--connect", uri, status=None)
        expect(result.status == 1 and "no-such-socket" in result.err, result)
    return show


def not_shown(why):
    return why


IN_GUARD = {option: in_program("guard_spawn.c", option)
            for option in ("vmm", "restore", "incoming", "origin", "uid", "gid", "selinux")}
PLACES = "adopt and clone make the container where they are told; firmware that nobody knows is adopted when told"

SHOWN = {
    "create": {
        "firmware": (VERB_TEST, FIRST), "vars": (VERB_TEST, "create from plain files: 2M, SeaBIOS, AAVMF"),
        "machine": (VERB_TEST, FIRST), "arch": (VERB_TEST, KINDS), "policy": create_policy, "name": (VERB_TEST, FIRST),
        "uuid": (VERB_TEST, FIRST), "qemu": create_qemu, "allow-unknown": (VERB_TEST, KINDS),
        "no-secure-boot": (SECURE, "create: variables that enforce it, firmware that has none")},
    "show": {"settings": (VERB_TEST, "set: all or nothing, logged, shown")},
    "log": {option: (VERB_TEST, "log: numbered, chained, from N, head") for option in ("head", "from")},
    "check": {"accept-loss": ("store/test_copy.c", None, "hf_check_accept_loss(")},
    "clone": {**{option: (VERB_TEST, "backup is read but does not run until restored; clone is another guest")
                 for option in ("uuid", "name")}, "fresh-boot": (BOOT, "clone --fresh-boot: no entry, all else the same")},
    "run": {
        "reset": (SETTINGS, "reset: cold starts QEMU anew, from the next reset on; --reset of the run comes first"),
        "qemu": ("supervisor/boots.py", "another architecture's QEMU is refused before the guest runs"),
        "confirm-by": run_recorded, "trial-boots": run_recorded, "tpm-aware": run_tpm_aware,
        "mailbox": ("supervisor/mailbox.py", "UEFI firmware wants the ROM; with Secure Boot a signed one; with a TPM the "
                    "owner's word"),
        "force-restart": (SETTINGS, "run --force-restart: an upgrade does not wait for the machine of the start"),
        "continue-without-storage": ("supervisor/deaths.py", "--continue-without-storage never stops the guest, and loses "
                                     "nothing either")},
    "serve": {
        "socket": (SERVED, "a socket somebody listens on is refused, a file in its place too, a left-over one is replaced"),
        **{option: (SERVED, "--socket-owner lets that user in and nobody else; --user is who serves")
           for option in ("socket-owner", "user", "group")},
        "selinux-label": not_shown("labels need SELinux")},
    "qemu-args": {"socket": ("supervisor/boots.py", "another manager's QEMU boots with qemu-args from what serve serves")},
    "libvirt adopt": {"connect": connect("adopt", "web1"), "container": (LIBVIRT, PLACES), "allow-unknown": (LIBVIRT, PLACES),
                      "no-secure-boot": (LIBVIRT, "a domain with secure='yes' and enrolled keys takes no build without Secure "
                                         "Boot, or without SMM, until it is told to"),
                      "into": (ONE_OWNER, "a definition from before the adoption does not start; the domain goes back into "
                               "its container")},
    "libvirt list": {"connect": connect("list"), "names": ("libvirt/list.py", "domains that are shut off, staged and paused are "
                                                           "told apart, and only adopted ones are listed")},
    "libvirt status": {"connect": connect("status", "web1")},
    "libvirt clone": {"connect": connect("clone", "web1", "web2"), "container": (LIBVIRT, PLACES)},
    "libvirt release": {"connect": connect("release", "web1"),
                        "allow": (ONE_OWNER, "a domain may leave as it was defined, which its container's log says")},
    "libvirt migrate": {
        "connect": connect("migrate", "web1", "qemu+ssh://nowhere/system"),
        "via": (LIBVIRT_MOVE, None), "migrate-uri": (LIBVIRT_MOVE, None),
        "undefine-source": (LIBVIRT_MOVE, "a domain that is shut off moves, too"), "unsafe": (LIBVIRT_MOVE, None),
        "transient": (LIBVIRT_MOVE, "--transient: the domain is not defined there, and stays defined here"),
        "live-emulated": (LIBVIRT_MOVE, "a domain without KVM is paused before its memory is sent, and resumed where the move "
                          "fails; --live-emulated: it runs"),
        **{option: (LIBVIRT_MOVE, "the other host falls silent for ever: before the grant the guest stays; after it the "
                    "other host is asked anew") for option in ("timeout", "pause-limit")}},
    "libvirt receive": {"timeout": (LIBVIRT_MOVE, None)},
    "libvirt fetch": {"origin": IN_GUARD["origin"]}, "libvirt abandon": {"origin": IN_GUARD["origin"]},
    "libvirt give": {"timeout": ("libvirt/plain.py", "the connection falls silent before the source hears that it was claimed: it "
                                 "is told over another one")},
    "libvirt guard": IN_GUARD, "libvirt watch": IN_GUARD,
    "stage": {"all": ("libvirt/list.py", EACH), "match": ("libvirt/list.py", EACH), "no-secure-boot": (SECURE, "stage: an image without Secure Boot over enrolled keys is refused by name until "
                                 "--no-secure-boot, which is logged"), "label": stage_label, "tpm-aware": (UPGRADES, "a guest with a TPM wants its owner's word")},
    "rollback": {
        "all": ("libvirt/list.py", EACH), "match": ("libvirt/list.py", EACH),
        "tpm-aware": ("laws/l3_together.c", None, "back.tpm_aware = true"),
        "no-secure-boot": ("lifecycle/test_secure_boot.c", None, "back.no_secure_boot = true"),
        "variables": (UPGRADES, "{NEWER}, staged on a running guest, applied at its own reset, tried, confirmed, rolled back with "
                      "variables"),
        "old-dbx": ("supervisor/linux_guest.py", "a rollback by hand over a dbx update keeps the newer dbx, and takes the old "
                    "one back only when told"),
        "now": (UPGRADES, "a rollback that should not wait resets the guest at once, one that hangs too")},
    "snapshot": {"reason": snapshot_reason},
    "revert": {"tpm-aware": ("cli/tpm.py", "stage, rollback and revert ask; the list of what is lost begins with Secure Boot, ends "
                             "with what firmware rewrites", '"revert"'),
               "no-secure-boot": ("lifecycle/test_secure_boot.c", None, "back.no_secure_boot = true")},
    "image convert": {"layout": (VARS, "2 MB to 4 MB to AAVMF and back is the same store")},
    "vars list": {"salvage": (VARS, "a damaged store: status 5 and the place; --salvage reads the rest and writes nothing"),
                  "data": (VARS, None), "reveal": (VARS, None)},
    "vars get": {option: (VARS, "a secret is printed or written only when asked for") for option in ("out", "reveal")}
    | {"guid": (VARS, "one name under two vendors: the GUID decides")},
    "vars set": {
        "tpm-aware": TPM_AWARE, "guid": (VARS, JSON_FORMS), "data": (VARS, "set changes one variable and nothing else; the old file is kept"),
        "text": (VARS, "one name under two vendors: the GUID decides"), "ucs2": vars_ucs2,
        "order": (VARS, "set changes one variable and nothing else; the old file is kept"), "file": (VARS, AUTHENTICATED),
        "attributes": ("flash/firmware.py", "2M: what the shell set is listed with its boot entries; the store is then nearly "
                       "filled"),
        "authenticated": (VARS, AUTHENTICATED), "out": (VARS, NOT_WRITTEN), "raw": (VARS, WRONG_FORM),
        "in-place": (VARS, "set changes one variable and nothing else; the old file is kept")},
    "vars rm": {"tpm-aware": TPM_AWARE, "guid": (VARS, "one name under two vendors: the GUID decides"), "authenticated": (VARS, AUTHENTICATED),
                "out": (VARS, "diff: status 1 and the names"), "in-place": (VARS, NOT_WRITTEN),
                "match": (VARS, "rm --match removes by pattern; under one vendor with --guid; nothing that matches is not found")},
    "vars clean": {"tpm-aware": TPM_AWARE, "out": ("cli/options_effect.py", None), "in-place": (VARS, CLEAN)},
    "vars reset": {"tpm-aware": TPM_AWARE, "out": (VARS, "reset of a container takes a snapshot; of JSON it empties the list"),
                   **{option: (VARS, RESET) for option in ("keep-keys", "keep-boot", "from", "authenticated", "in-place")}},
    "vars export": {"format": (VARS, JSON_FORMS), "layout": (VARS, JSON_FORMS), "accept-loss": vars_accept_loss},
    "vars import": {"tpm-aware": TPM_AWARE, "raw": (VARS, "import checks what it takes, all of it together"),
                    **{option: (VARS, JSON_FORMS) for option in ("replace", "authenticated", "out", "in-place")}},
    "boot add": {"tpm-aware": TPM_AWARE, "in-place": (BOOT, None), "out": ("cli/options_effect.py", None),
                 "label": (BOOT, None),
                 **{option: (BOOT, "entries made from a disk's partition, a path, a URI, firmware's own applications")
                    for option in ("path", "disk", "partition", "uri", "app", "args", "first", "inactive")}},
    "boot move": {"tpm-aware": TPM_AWARE, "in-place": (BOOT, None), "out": ("cli/options_effect.py", None),
                  **{option: (BOOT, "move, next, rm: order and BootNext follow") for option in ("first", "last", "before")}},
    **{f"boot {verb}": {"tpm-aware": TPM_AWARE, "in-place": (BOOT, None), "out": ("cli/options_effect.py", None)}
       for verb in ("next", "rm", "prune", "dedup", "clear")},
    "keys audit": {"csv": (KEYS, "audit: directories, one verdict for each store, exit status 1 when one needs something")},
    "keys update": {
        "tpm-aware": TPM_AWARE,
        "stage": ("secureboot/guest_keys.py", None),
        "set": (KEYS, "update --set microsoft: all of 2023 and all of 2011, the other variables byte for byte", '"--set"'),
        "pk": (KEYS, None), "in-place": (KEYS, None),
        **{option: (KEYS, "what is there already is not added again, and nothing is written then")
           for option in ("kek", "db")},
        **{option: (KEYS, "a certificate is the same as PEM, DER and list; entries of others stay where they are")
           for option in ("dbx", "owner")},
        "mok": (KEYS, "attributes are those that firmware and shim want"),
        "from": (KEYS, "rules: setup mode, keys that are managed, another guest's keys"),
        "unsigned": (KEYS, "what firmware would refuse is refused, and --unsigned takes it"),
        "allow": (KEYS, "rules: db before dbx, by certificate and by digest"), "out": ("cli/options_effect.py", None)},
    "acpi check": {"as": ("acpi/verb.py", "check: safe, or the first unsafe command, its rule and for whom; status 3"),
                   "features": ("acpi/verb.py", "check --features: what was agreed is allowed")},
    "acpi run": {"as": ("acpi/verb.py", "run: tables, addresses told, faults; status 1 when some firmware gets no complete "
                        "set"),
                 "features": ("acpi/verb.py", "bad arguments and bad directories: one clear error, the right status"),
                 **{option: ("acpi/verb.py", "run --at places every file, --output writes files and tables")
                    for option in ("at", "output")}},
    "measure": {"staged": ("secureboot/guest_keys.py", "PCR 7 is what `measure` predicts, before and after an update")},
    "caps": {"qemu": ("cli/caps.py", "QEMU's own list of machine types is told, aliases and all"),
             "dir": ("cli/caps.py", "a directory that does not exist is not found")},
    "migrate": {"to": (MOVE, "everything moves, byte for byte, and the source says where it went"),
                **{option: (MOVE, "two network namespaces, and a real sshd on an address of its own")
                   for option in ("as", "remote-holdfast")},
                "live-emulated": ("supervisor/migrate_refused.py", None),
                "pause-limit": ("supervisor/migrate.py", "a guest that is paused for longer than --pause-limit is resumed "
                                "here"),
                "timeout": (MOVE, "a stream in pieces arrives; one that stalls is given up, and the source goes on")},
    "send": {"paused": (MOVE, "claim wants a copy, and a guest that runs is not granted unless its manager says that it "
                        "stands still"), "timeout": silent("send")},
    "receive": {"caps": (MOVE, "a manager sends ahead, and claims later"), "qemu": receive_qemu,
                **{option: (MOVE, "who says nothing is not waited for, with a running guest or without")
                   for option in ("run", "timeout")},
                "take-arguments": ("lib/moving.py", None)},
    "claim": {"timeout": silent("claim")},
    "preflight": {"host": ("laws/l8_refused_beforehand.py", "a description that is no description is one clear error"),
                  **{option: ("preflight/probe.py", "without arguments, recorded or given, nothing can be probed")
                     for option in ("probe", "boot")},
                  "probe-source": ("supervisor/sanitized.py", "a guest boots, is probed with a machine type among the "
                                   "arguments, resets and moves"), "tpm-moves": ("preflight/test_preflight.c", None, "tpm_state_moves")},
    **{verb: {option: ("libvirt/list.py", EACH) for option in ("all", "match")} for verb in ("confirm", "unstage")},
    "owner": {option: (VERB_TEST, "owner: shown, taken with a reason") for option in ("take", "because")},
}


@case("every option has its entry, and every entry its option")
def _():
    wanted = {(verb["name"], o["name"]) for verb in VERBS.values() for o in verb["options"]} - {
        (name, general) for name in VERBS for general in GENERAL}
    listed = {(verb, option) for verb, options in SHOWN.items() for option in options}
    expect(wanted == listed, f"without an entry: {sorted(wanted - listed)}; gone: {sorted(listed - wanted)}")


@case("what other tests show is there")
def _():
    for verb, options in SHOWN.items():
        for option, entry in options.items():
            if not isinstance(entry, tuple):
                continue
            file, name, needle = (*entry, f"--{option}")[:3]
            what = f"{verb} --{option}"
            if name:
                shown_elsewhere(what, file, name, needle)
            else:
                expect(needle in (SOURCE / "tests" / file).read_text(), f"{what}: '{needle}' is not in tests/{file}")


for _entry in {id(e): e for options in SHOWN.values() for e in options.values() if callable(e)}.values():
    _names = ", ".join(f"{verb} --{option}" for verb, options in SHOWN.items() for option, e in options.items() if e is _entry)
    case(_names)(_entry)


for name, options in SHOWN.items():
    if any(o["name"] == "backup" for o in VERBS[name]["options"]):
        options["backup"] = ("cli/stores.py", "--backup names the file that keeps the old store; one that exists is not overwritten")

SEEN = {}  # {a container's path and bytes: what can be seen of it}


def state():
    """Every file beside holdfast's own two directories, by content; containers by what can be seen of them."""
    def content(path):
        log = path.with_name(path.name + "-wal")
        bytes_of = path.read_bytes() + (log.read_bytes() if log.exists() else b"")
        if path.suffix != ".hold":
            return hashlib.sha256(bytes_of).hexdigest()
        as_it_is = (path, hashlib.sha256(bytes_of).digest())
        if as_it_is not in SEEN:
            SEEN[as_it_is] = holdfast("show", path, "--json").out + holdfast("log", path, "--json").out
        return SEEN[as_it_is]
    return {p: content(p) for p in sorted(DIR.rglob("*")) if p.is_file() and not p.name.endswith(("-wal", "-shm")) and
            p.relative_to(DIR).parts[0] not in ("runtime", "state")}


DRY_ELSEWHERE = {
    "confirm": (SETTINGS, None), "rollback": (SETTINGS, None),
    "migrate": (MOVE, None), "send": (MOVE, None), "receive": (MOVE, None), "claim": (MOVE, None),
    "libvirt adopt": (LIBVIRT, None), "libvirt release": (LIBVIRT, None), "libvirt migrate": (LIBVIRT_MOVE, None),
    "libvirt clone": (ONE_OWNER, None),
}


@case("--dry-run changes nothing, without it the same words do, and --json tells which it was")
def _():
    first, copy, out = DIR / "dry.hold", DIR / "dry-copy.hold", DIR / "dry-out"
    other = DIR / "dry.bin"
    other.write_bytes(b"\1" + pathlib.Path(BIOS).read_bytes()[1:])
    marker = ("Marker", "--guid", "4d2c1b2a-9c3e-4f6b-8a1d-6f6c64666173")
    recipes = {
        "create": [first, "--firmware", BIOS], "set": [first, "name=other"], "backup": [first, copy],
        "clone": [first, DIR / "clone.hold", "--uuid", "b8960a51-5ffa-4f40-8e81-887af75991db"], "export": [first, out],
        "stage": [first, other], "unstage": [first], "snapshot": [first], "revert": [first, "1"],
        "owner": [first, "--take", "--because", "a test"], "image convert": [STORE, DIR / "2m.fd", "--layout", "aavmf"],
        "vars set": [STORE, *marker, "--text", "x", "--out", DIR / "set.fd"],
        "vars rm": [DIR / "set.fd", *marker, "--out", DIR / "rm.fd"],
        "vars clean": [DIR / "set.fd", "--out", DIR / "clean.fd"],
        "vars reset": [DIR / "set.fd", "--keep-keys", "--out", DIR / "reset.fd"],
        "boot add": [STORE, "--label", "x", "--path", "/x.efi", "--out", DIR / "boot.fd"],
        "boot move": [DIR / "boot.fd", "0000", "--last", "--out", DIR / "move.fd"],
        "boot next": [DIR / "boot.fd", "0000", "--out", DIR / "next.fd"],
        "boot rm": [DIR / "boot.fd", "0000", "--out", DIR / "boot-rm.fd"],
        **{f"boot {verb}": [DIR / "boot.fd", "--out", DIR / f"{verb}.fd"] for verb in ("prune", "dedup", "clear")},
        "vars export": [DIR / "set.fd", DIR / "set.json", "--format", "qemu"],
        "vars import": [STORE, DIR / "set.json", "--out", DIR / "imported.fd"],
        "keys update": [OVMF / "OVMF_VARS_4M.ms.fd", "--set", "microsoft", "--out", DIR / "keys.fd"],
        "restore": [copy, DIR / "restored.hold"],  # last: it is the one that counts from then on
    }
    changing = {verb["name"] for verb in VERBS.values() if any(o["name"] == "dry-run" for o in verb["options"])}
    expect(changing == set(recipes) | set(DRY_ELSEWHERE), f"{changing ^ (set(recipes) | set(DRY_ELSEWHERE))}")
    for verb, words in recipes.items():
        before = state()
        dry = holdfast(*verb.split(), *words, "--dry-run", "--json")
        expect(state() == before, f"{verb} --dry-run changed something")
        expect(dry.json.get("dry_run") is True, f"{verb}: {dry}")
        real = holdfast(*verb.split(), *words, "--json")
        expect(state() != before, f"{verb} changed nothing")
        expect(real.json.get("dry_run") is False, f"{verb}: {real}")
    for verb, entry in DRY_ELSEWHERE.items():
        expect(isinstance(entry, str) or "--dry-run" in (SOURCE / "tests" / entry[0]).read_text(), f"{verb}: {entry}")


@case("no option without a test")
def _():
    unshown = [f"{verb} --{option} ({entry})" for verb, options in SHOWN.items() for option, entry in options.items()
               if isinstance(entry, str)]
    skip("shown by no test: " + "; ".join(unshown))


main(HOME.cleanup)
