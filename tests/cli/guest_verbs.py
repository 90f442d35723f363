# SPDX-License-Identifier: BSD-2-Clause
"""The verbs over a container, without a virtual machine: what they do, what they refuse, and how they say it."""
import hashlib
import json
import os
import pathlib
import resource
import shutil
import sqlite3
import subprocess
import uuid

from program import PROGRAM, holdfast, scratch
from tap import case, expect, main, skip

OVMF = pathlib.Path("/usr/share/OVMF")
AAVMF = pathlib.Path("/usr/share/AAVMF")
HOME = scratch()
DIR = pathlib.Path(HOME.name)
GUEST = DIR / "guest.hold"
UUID = "b8960a51-5ffa-4f40-8e81-887af75991db"


def need(*files):
    for file in files:
        if not pathlib.Path(file).exists():
            skip(f"{file} is not installed")


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def names():
    """What is in the directory, without holdfast's own two."""
    return {p.name for p in DIR.iterdir()} - {"runtime", "state"}


def refused(rule, *args):
    """The call is refused by that rule, in one line, and makes no file."""
    before = names()
    result = holdfast(*args, status=3)
    expect(f"rule '{rule}'" in result.err and result.err.count("\n") == 1, result)
    expect(names() == before, f"left behind: {names() - before}")
    return result


def fails(status, *args):
    before = names()
    result = holdfast(*args, status=status)
    expect(result.err.count("\n") == 1 and not result.out, result)
    expect(names() == before, f"left behind: {names() - before}")
    return result


@case("create: a dry run makes nothing")
def _():
    need(OVMF / "OVMF_CODE_4M.fd")
    result = holdfast("create", GUEST, "--firmware", "ovmf", "--dry-run")
    expect("would make" in result.out, result)
    expect(not names(), names())


@case("create, show, export: byte for byte what went in")
def _():
    made = holdfast("create", GUEST, "--firmware", "ovmf", "--machine", "pc-q35-7.2", "--name", "web1", "--uuid", UUID,
                    "--json").json
    code, template = OVMF / "OVMF_CODE_4M.fd", OVMF / "OVMF_VARS_4M.fd"
    expect(made["schema"] == 1 and made["code"]["sha256"] == digest(code), made)
    expect(GUEST.stat().st_mode & 0o777 == 0o600, oct(GUEST.stat().st_mode))
    shown = holdfast("show", GUEST, "--json").json
    expect(shown["guest"] == {"uuid": UUID, "name": "web1", "arch": "x86_64", "machine": "pc-q35-7.2"}, shown["guest"])
    expect(shown["slots"]["active"]["sha256"] == digest(code), shown["slots"])
    expect(shown["vars"]["sha256"] == digest(template), shown["vars"])
    holdfast("export", GUEST, DIR / "out")
    expect(digest(DIR / "out/code.fd") == digest(code), "code differs")
    expect(digest(DIR / "out/vars.fd") == digest(template), "variables differ")
    (DIR / "out/vars.fd").write_bytes(b"other")
    (DIR / "out/code.fd").unlink()
    refused("exists", "export", GUEST, DIR / "out")
    expect(os.listdir(DIR / "out") == ["vars.fd"], "half an export is left, and refuses the next")
    (DIR / "out/vars.fd").unlink()
    holdfast("export", GUEST, DIR / "out")
    (DIR / "out/vars.fd").unlink()
    holdfast("export", GUEST, DIR / "out")  # as after one that was killed between the two
    expect(digest(DIR / "out/vars.fd") == digest(template), "variables differ")
    refused("exists", "create", GUEST, "--firmware", "ovmf")


@case("create from plain files: 2M, SeaBIOS, AAVMF")
def _():
    need(OVMF / "OVMF_CODE.fd", AAVMF / "AAVMF_CODE.fd", pathlib.Path("/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"))
    holdfast("create", DIR / "2m.hold", "--firmware", OVMF / "OVMF_CODE.fd", "--vars", OVMF / "OVMF_VARS.fd")
    holdfast("create", DIR / "bios.hold", "--firmware", "seabios")
    expect(holdfast("show", DIR / "bios.hold", "--json").json["vars"] is None, "SeaBIOS has no variables")
    holdfast("export", DIR / "bios.hold", DIR / "bios")
    expect(not (DIR / "bios/vars.fd").exists(), "SeaBIOS has no vars.fd")
    holdfast("create", DIR / "arm.hold", "--firmware", "aavmf")
    holdfast("export", DIR / "arm.hold", DIR / "arm")
    expect(digest(DIR / "arm/code.fd") == digest(AAVMF / "AAVMF_CODE.fd"), "code differs")
    expect(digest(DIR / "arm/vars.fd") == digest(AAVMF / "AAVMF_VARS.fd"), "variables differ")
    expect((DIR / "arm.hold").stat().st_size < 8 << 20, f"{(DIR / 'arm.hold').stat().st_size} bytes")
    holdfast("stage", DIR / "arm.hold", "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd")  # with room for the way back


@case("create: without variables they start erased")
def _():
    made = holdfast("create", DIR / "blank.hold", "--firmware", OVMF / "OVMF_CODE_4M.fd", "--json").json
    expect(made["vars"] == {"bank_size": 540672, "blank": True}, made)
    holdfast("export", DIR / "blank.hold", DIR / "blank")
    expect((DIR / "blank/vars.fd").read_bytes() == b"\xff" * 540672, "not erased")


@case("create: code and variables for flash of two sizes are refused with the reason")
def _():
    need(OVMF / "OVMF_CODE.fd")
    for code, variables in (("OVMF_CODE_4M.fd", "OVMF_VARS.fd"), ("OVMF_CODE.fd", "OVMF_VARS_4M.fd")):
        result = refused("pair", "create", DIR / "x.hold", "--firmware", OVMF / code, "--vars", OVMF / variables)
        expect("2m" in result.err.lower() and "4m" in result.err.lower(), result)


@case("create: code and variables of two architectures are refused with the reason")
def _():
    need(AAVMF / "AAVMF_VARS.fd")
    refused("pair", "create", DIR / "x.hold", "--firmware", OVMF / "OVMF_CODE_4M.fd", "--vars", AAVMF / "AAVMF_VARS.fd")


@case("code of a size that no build has: nobody knows where it keeps its variables")
def _():
    odd, first = DIR / "odd.fd", (OVMF / "OVMF_CODE_4M.fd").read_bytes()
    pair = ("--firmware", odd, "--vars", OVMF / "OVMF_VARS_4M.fd", "--machine", "pc-q35-7.2")
    odd.write_bytes(bytes(4096) + first)
    refused("unknown", "create", DIR / "odd.hold", *pair)
    refused("pair", "stage", GUEST, odd)
    holdfast("create", DIR / "odd.hold", *pair, "--allow-unknown")
    odd.write_bytes(bytes(8192) + first)
    holdfast("stage", DIR / "odd.hold", odd)  # whose guest runs such a pair may replace it by another
    refused("image", "create", DIR / "x.hold", "--firmware", OVMF / "OVMF_VARS_4M.fd")
    combined = DIR / "combined.fd"
    combined.write_bytes((OVMF / "OVMF_VARS_4M.fd").read_bytes() + (OVMF / "OVMF_CODE_4M.fd").read_bytes())
    refused("image", "create", DIR / "x.hold", "--firmware", combined)


@case("create: another architecture, a machine without SMM, unknown bytes")
def _():
    refused("architecture", "create", DIR / "x.hold", "--firmware", OVMF / "OVMF_CODE_4M.fd", "--arch", "aarch64")
    refused("smm", "create", DIR / "x.hold", "--firmware", OVMF / "OVMF_CODE_4M.secboot.fd", "--machine", "pc-i440fx-7.2")
    noise = DIR / "noise"
    noise.write_bytes(os.urandom(65536))
    refused("unknown", "create", DIR / "x.hold", "--firmware", noise)
    holdfast("create", DIR / "noise.hold", "--firmware", noise, "--allow-unknown", "--arch", "x86_64")
    expect("pflash0=hf-code" in holdfast("qemu-args", DIR / "noise.hold").out, "no arguments")
    holdfast("create", DIR / "noise-arm.hold", "--firmware", noise, "--allow-unknown", "--arch", "aarch64")
    expect("pflash0=hf-code" in holdfast("qemu-args", DIR / "noise-arm.hold").out, "no arguments")


@case("create and set: a machine type that no start would take")
def _():
    code = ("--firmware", OVMF / "OVMF_CODE_4M.fd")
    for machine in ("microvm", "virt", "isapc", "q35,dumpdtb=x"):
        refused("machine", "create", DIR / "x.hold", *code, "--machine", machine)
        refused("machine", "create", DIR / "x.hold", *code, "--machine", machine, "--dry-run")
    refused("machine", "create", DIR / "x.hold", "--firmware", "ovmf", "--machine", "microvm")
    refused("architecture", "create", DIR / "x.hold", "--firmware", DIR / "noise", "--allow-unknown", "--arch", "riscv64")
    path = DIR / "smm.hold"
    holdfast("create", path, "--firmware", OVMF / "OVMF_CODE_4M.secboot.fd")
    for rule, machine in (("machine", "microvm"), ("machine", "virt-7.2"), ("smm", "pc")):
        refused(rule, "set", path, f"machine={machine}")
        refused(rule, "set", path, "name=x", f"machine={machine}", "--dry-run")
    holdfast("set", path, "machine=pc-q35-7.2")
    holdfast("set", path, "machine=")


@case("create: damaged variables are told, and kept as they are")
def _():
    template = OVMF / "OVMF_VARS_4M.ms.fd"
    need(template)
    damaged = bytearray(template.read_bytes())
    damaged[0x64 + 40:0x64 + 44] = b"\xf0\xff\xff\x7f"  # the first variable's size
    (DIR / "damaged.fd").write_bytes(damaged)
    firmware = ("--firmware", OVMF / "OVMF_CODE_4M.secboot.fd", "--machine", "q35")
    arguments = ("create", DIR / "damaged.hold", *firmware, "--vars", DIR / "damaged.fd")
    expect("damaged" in holdfast(*arguments, "--dry-run", "--json").json["remark"], "nothing was told")
    expect("--salvage" in holdfast(*arguments).out, "nothing was told")
    holdfast("export", DIR / "damaged.hold", DIR / "damaged")
    expect((DIR / "damaged/vars.fd").read_bytes() == damaged, "variables differ")
    made = holdfast("create", DIR / "whole.hold", *firmware, "--vars", template, "--json").json
    expect(made["remark"] is None, made)


@case("texts that would be cut are refused")
def _():
    for words, room in ((("snapshot", GUEST, "--reason"), 63), (("stage", GUEST, "ovmf-secboot", "--label"), 127),
                        (("clone", GUEST, DIR / "x.hold", "--uuid", UUID[:-1] + "0", "--name"), 127)):
        said = fails(2, *words, "x" * (room + 1)).err
        expect(f"{room + 1} bytes" in said and f"the limit is {room}" in said, said)
    fails(2, "log", GUEST, "--head", "--from", "1")


@case("qemu-args says what the machine will not have")
def _():
    path = DIR / "window.hold"
    holdfast("create", path, "--firmware", OVMF / "OVMF_CODE_4M.fd")
    expect(holdfast("qemu-args", path).err == "", "something was said")
    holdfast("set", path, "mailbox=always")
    for more in ((), ("--json",)):
        result = holdfast("qemu-args", path, *more)
        expect("mailbox=always" in result.err and result.err.count("\n") == 1 and "mailbox" not in result.out, result)


@case("create: what is no regular file is refused, and nothing waits")
def _():
    os.mkfifo(DIR / "fifo")
    for path in (DIR / "fifo", "/dev/zero", DIR):
        refused("file", "create", DIR / "x.hold", "--firmware", path)
    fails(4, "create", DIR / "x.hold", "--firmware", DIR / "missing.fd")
    (DIR / "empty").touch()
    refused("size", "create", DIR / "x.hold", "--firmware", DIR / "empty")
    with open(DIR / "huge", "wb") as huge:
        huge.truncate(1 << 40)
    refused("file", "create", DIR / "x.hold", "--firmware", DIR / "huge")


@case("create: a disk that fills up at any point leaves nothing behind")
def _():
    for limit in range(4096, 1 << 21, 100000):
        before = names()
        result = holdfast("create", DIR / "full.hold", "--firmware", OVMF / "OVMF_CODE_4M.fd", status=None,
                          restore_signals=False,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        if result.status == 0:
            break
        expect(names() == before and result.err.count("\n") == 1, f"{limit}: {names() - before}\n{result}")
    expect(result.status == 0 and limit > 1 << 20, f"{limit}: {result}")
    (DIR / "full.hold").unlink()


@case("a path is as long as SQLite opens one, or refused with the numbers")
def _():
    made = 0
    for length in range(480, 512):
        deep = DIR / "deep" / ("d" * 100) / ("e" * 100) / ("f" * 100)
        deep.mkdir(parents=True, exist_ok=True)
        path = deep / ("n" * (length - len(str(deep)) - 1))
        result = holdfast("create", path, "--firmware", OVMF / "OVMF_CODE_4M.fd", status=None)
        if result.status == 0:
            holdfast("set", path, "name=x")
            made += 1
        else:
            expect(result.status == 2 and "the limit is 504 bytes" in result.err, result)
    expect(10 <= made <= 24, f"{made} of them could be made")
    shutil.rmtree(DIR / "deep")


@case("on a read-only file system a container is shown, and the reason is told why nothing else works")
def _():
    inside = ("mount --bind '{0}' '{0}' && mount -o remount,bind,ro '{0}' || exit 77; "
              "for verb in 'show' 'check' 'set' 'snapshot'; do \"$1\" $verb '{1}' $([ $verb != set ] || echo name=x); "
              "echo $verb $?; done").format(DIR / "read-only", DIR / "read-only" / "g.hold")
    (DIR / "read-only").mkdir()
    shutil.copy(GUEST, DIR / "read-only" / "g.hold")
    done = subprocess.run(["unshare", "-m" if os.geteuid() == 0 else "-rm", "sh", "-c", inside, "sh", PROGRAM],
                          capture_output=True, text=True)
    shutil.rmtree(DIR / "read-only")
    if done.returncode == 77 or "unshare failed" in done.stderr:
        skip(f"no file system can be mounted here: {done.stderr.strip()}")
    expect("show 0" in done.stdout and "check 0" in done.stdout, done)
    for verb in "set", "snapshot":
        expect(f"{verb} 1" in done.stdout and f"holdfast {verb}: " in done.stderr, done)
    expect(done.stderr.count("Read-only file system") == 2, done)


@case("hostile arguments: one line that names the field, and no file")
def _():
    firmware = ("--firmware", OVMF / "OVMF_CODE_4M.fd")
    for option, value in (("--name", "x" * 5000), ("--machine", "q" * 300), ("--arch", "a" * 99), ("--uuid", "u" * 400)):
        result = fails(2, "create", DIR / "x.hold", *firmware, option, value)
        expect(option in result.err, result)
    for value in ("zz", "b8960a51-5ffa-4f40-8e81-887af75991dz", "{" + UUID + "}", UUID + "\n"):
        result = holdfast("create", DIR / "x.hold", *firmware, "--uuid", value, status=None)
        expect(result.status in (2, 3) and result.err.count("\n") == 1, result)
        expect(not (DIR / "x.hold").exists(), "a container was left")
    fails(2, "create", DIR / "x.hold")
    fails(2, "create", DIR / "x.hold", *firmware, "--policy", "whatever")
    result = holdfast("create", DIR / ("n" * 300), *firmware, status=None)
    expect(result.status in (1, 2, 3) and result.err.count("\n") == 1, result)
    expect("\x1b" not in holdfast("show", "\x1b[2J", status=4).err, "an escape reached the terminal")
    holdfast("create", DIR / "evil.hold", *firmware, "--name", "\x1b[2J\nGuest forged")
    out = holdfast("show", DIR / "evil.hold").out
    expect("\x1b" not in out and "\nGuest forged" not in out, out)


@case("set: all or nothing, logged, shown")
def _():
    holdfast("set", GUEST, "policy=versioned", "name=web2")
    shown = holdfast("show", GUEST, "--json").json
    expect(shown["settings"]["policy"] == "versioned" and shown["guest"]["name"] == "web2", shown)
    before = holdfast("log", GUEST, "--head").out
    fails(2, "set", GUEST, "trial-boots=5", "policy=nonsense")
    fails(4, "set", GUEST, "no-such-key=5")
    fails(2, "set", GUEST, "policy")
    fails(2, "set", GUEST, "=x")
    fails(2, "set", GUEST, "trial-boots=-2")
    holdfast("set", GUEST, "policy=host", "--dry-run")
    expect(holdfast("log", GUEST, "--head").out == before, "something was written")
    keys = set(holdfast("show", GUEST, "--json").json["settings"])
    listed = {line.split()[0] for line in holdfast("show", GUEST, "--settings").out.splitlines()[1:]}
    expect(keys == listed, f"{keys} {listed}")


@case("log: numbered, chained, from N, head")
def _():
    events = holdfast("log", GUEST, "--json").json["events"]
    expect([e["seq"] for e in events] == list(range(1, len(events) + 1)), events)
    head = holdfast("log", GUEST, "--head", "--json").json
    expect(head["seq"] == events[-1]["seq"] and head["hash"] == events[-1]["hash"], head)
    expect(holdfast("log", GUEST, "--from", "2", "--json").json["events"] == events[1:], "from 2")
    fails(2, "log", GUEST, "--from", "0")


@case("backup is read but does not run until restored; clone is another guest")
def _():
    holdfast("backup", GUEST, DIR / "backup.hold")
    result = refused("backup", "set", DIR / "backup.hold", "name=x")
    holdfast("export", DIR / "backup.hold", DIR / "from-backup")
    expect(digest(DIR / "from-backup/vars.fd") == digest(DIR / "out/vars.fd"), "variables differ")
    holdfast("restore", DIR / "backup.hold", DIR / "restored.hold")
    holdfast("set", DIR / "restored.hold", "name=again")
    refused("epoch", "set", GUEST, "name=old")
    refused("exists", "restore", DIR / "backup.hold", DIR / "restored.hold")
    other = str(uuid.uuid4())
    fails(2, "clone", DIR / "restored.hold", DIR / "clone.hold")
    holdfast("clone", DIR / "restored.hold", DIR / "clone.hold", "--uuid", other, "--name", "twin")
    a, b = (holdfast("show", DIR / f, "--json").json for f in ("restored.hold", "clone.hold"))
    expect(b["guest"]["uuid"] == other and b["id"] != a["id"], b["guest"])
    expect(b["slots"]["active"]["sha256"] == a["slots"]["active"]["sha256"] and b["vars"] == a["vars"], "contents differ")
    for verb in ("backup", "restore"):
        holdfast(verb, DIR / "restored.hold", DIR / "dry.hold", "--dry-run")
    expect(not (DIR / "dry.hold").exists(), "a dry run made a file")


@case("restore: Secure Boot's keys do not go back in silence")
def _():
    secure, backup = DIR / "secure.hold", DIR / "secure-backup.hold"
    holdfast("create", secure, "--firmware", OVMF / "OVMF_CODE_4M.ms.fd", "--vars", OVMF / "OVMF_VARS_4M.ms.fd", "--machine",
             "pc-q35-7.2")
    holdfast("backup", secure, backup)
    for options in (["--dry-run"], []):
        told = holdfast("restore", backup, DIR / "secure-again.hold", *options).err
        expect("with the keys of the backup" in told and "holdfast keys audit" in told, f"{options}: {told}")
    holdfast("create", DIR / "plain.hold", "--firmware", "ovmf")
    holdfast("backup", DIR / "plain.hold", DIR / "plain-backup.hold")
    told = holdfast("restore", DIR / "plain-backup.hold", DIR / "plain-again.hold").err
    expect("keys of the backup" not in told, f"no key is enrolled there: {told}")


@case("owner: shown, taken with a reason")
def _():
    before = holdfast("owner", GUEST, "--json").json
    fails(2, "owner", GUEST, "--take")
    fails(2, "owner", GUEST, "--because", "no")
    holdfast("owner", GUEST, "--take", "--because", "the old one counts", "--dry-run")
    expect(holdfast("owner", GUEST, "--json").json == before, "a dry run changed the owner")
    holdfast("owner", GUEST, "--take", "--because", "the old one counts")
    holdfast("set", GUEST, "name=mine")
    copy, marker = DIR / "restored.hold", ["Marker", "--guid", UUID, "--data", "01"]
    for words in (["set", copy, "name=x"], ["stage", copy, OVMF / "OVMF_CODE_4M.fd"], ["unstage", copy], ["confirm", copy],
                  ["rollback", copy], ["snapshot", copy], ["revert", copy, "1"], ["vars", "set", copy, *marker, "--in-place"]):
        for dry in ([], ["--dry-run"]):  # which refuses what the change itself refuses
            refused("epoch", *words, *dry)
    expect("the old one counts" in holdfast("log", GUEST).out, "the reason is not in the log")


@case("another host does not write what this one owns: status 6 names the holder")
def _():
    other = DIR / "state" / "other"
    other.mkdir(mode=0o700)
    for dry in ([], ["--dry-run"]):
        result = holdfast("set", GUEST, "name=theirs", *dry, status=6, env={"HOLDFAST_STATE_DIR": str(other)})
        expect(os.uname().nodename in result.err, result)
    holdfast("show", GUEST, env={"HOLDFAST_STATE_DIR": str(other)})


@case("permissions: writable by others, links and odd places are refused")
def _():
    copy = DIR / "perm.hold"
    shutil.copy(DIR / "clone.hold", copy)
    copy.chmod(0o666)
    refused("permissions", "show", copy)
    copy.chmod(0o600)
    (DIR / "link.hold").symlink_to(copy)
    refused("permissions", "show", DIR / "link.hold")
    (DIR / "open").mkdir()
    shutil.copy(copy, DIR / "open" / "g.hold")
    (DIR / "open").chmod(0o777)
    refused("permissions", "show", DIR / "open" / "g.hold")


@case("check: sound, damaged (status 5), missing (status 4), foreign")
def _():
    expect("sound" in holdfast("check", GUEST).out, "not sound")
    data = bytearray(GUEST.read_bytes())
    for offset in range(len(data) // 2, len(data) // 2 + 4096, 512):
        data[offset] ^= 0x40
    bad = DIR / "bad.hold"
    bad.write_bytes(data)
    bad.chmod(0o600)
    was = digest(bad)
    result = holdfast("check", bad, status=5)
    expect(result.err.count("\n") == 1 and digest(bad) == was, result)
    holdfast("check", bad, "--json", status=5)
    fails(4, "check", DIR / "missing.hold")
    foreign = DIR / "foreign.hold"
    sqlite3.connect(foreign).execute("CREATE TABLE t (x)").connection.commit()
    foreign.chmod(0o600)
    was = digest(foreign)
    refused("foreign", "show", foreign)
    (DIR / "text.hold").write_text("not a database at all\n" * 100)
    (DIR / "text.hold").chmod(0o600)
    result = holdfast("show", DIR / "text.hold", status=None)
    expect(result.status in (3, 5) and result.err.count("\n") == 1, result)
    expect(digest(foreign) == was, "looking changed it")


@case("check: whatever byte of the tables' definitions is damaged, status 5, or 3 with the table's name")
def _():
    data, bad = GUEST.read_bytes(), DIR / "schema.hold"
    pages = [at for at in range(0, len(data), 4096) if at == 0 or b"CREATE TABLE" in data[at:at + 4096]]
    places = list(range(100, 112)) + [at + n for at in pages[1:] for n in (0, 3, 5, 9, 12)] + [
        at + n for at in pages[1:] for n in range(600, 4096, 331)]
    found = set()
    for place in places:
        flipped = bytearray(data)
        flipped[place] ^= 0x40
        bad.write_bytes(flipped)
        bad.chmod(0o600)
        result = holdfast("check", bad, status=None)
        expect(result.status in (0, 3, 5) and "misuse" not in result.err, f"byte {place}: {result}")
        expect(result.status != 3 or ("not a container: " in result.err and " '" in result.err), f"byte {place}: {result}")
        found.add(result.status)
    expect(found >= {3, 5}, f"the damage is not where it matters: {found}")


@case("looking changes no byte")
def _():
    was = digest(GUEST)
    for args in (["show"], ["show", "--settings"], ["log"], ["owner"], ["check"]):
        holdfast(args[0], GUEST, *args[1:])
    expect(digest(GUEST) == was, "changed")
    expect(not GUEST.with_name("guest.hold-wal").exists(), "a log was left beside it")


@case("every report is one JSON object with its schema number")
def _():
    for args in (["show", GUEST], ["log", GUEST], ["owner", GUEST], ["check", GUEST], ["set", GUEST, "name=j"],
                 ["export", GUEST, DIR / "j"], ["backup", GUEST, DIR / "j.hold"], ["help"]):
        result = holdfast(*args, "--json")
        expect(json.loads(result.out)["schema"] == 1 and not result.err, result)
    result = holdfast("show", DIR / "missing.hold", "--json", status=4)
    expect(result.json["error"]["exit_status"] == 4, result)


main(HOME.cleanup)
