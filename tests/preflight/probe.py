# SPDX-License-Identifier: BSD-2-Clause
"""Probes of real QEMUs: Debian 12's and Debian 13's, with the firmware of both. What is refused is also shown to break,
where that can be done in seconds.
"""
import json
import os
import pathlib
import socket
import stat
import subprocess
import tempfile

from guest import Guest, create, digest, wait_until
from program import BUILD, PROGRAM, SOURCE, holdfast, scratch
from tap import case, expect, main, note, skip

EMIT = BUILD / "tests" / "acpi" / "emit"
os.environ["HOLDFAST_MANIFEST_DIR"] = str(SOURCE / "data" / "manifests")
home = scratch()
here = pathlib.Path(home.name)
OLD, OLD_ARM = "/usr/bin/qemu-system-x86_64", "/usr/bin/qemu-system-aarch64"
_found = subprocess.run([SOURCE / "tests/lib/debian13"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
DEBIAN13 = pathlib.Path(_found.stdout.strip()) if _found.returncode == 0 else None
PLAIN = ("-m", "256")


def new(name="qemu-system-x86_64"):
    if not DEBIAN13:
        skip(f"Debian 13's QEMU is not here: {_found.stderr.strip().splitlines()[-1]}")
    return str(DEBIAN13 / "run" / name)


def wrapped(name, *words, qemu=OLD):
    """A QEMU of its own kind: `qemu` whose machines get more arguments."""
    path = here / name
    path.write_text(f'#!/bin/sh\ncase "$*" in *hf-code*) set -- {" ".join(words)} "$@" ;; esac\nexec {qemu} "$@"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def probe(container, qemu, *more, arguments=PLAIN, source=OLD, status=None):
    """The one result."""
    tail = ("--", *arguments) if arguments else ()
    got = holdfast("preflight", container, "--probe", qemu, "--probe-source", source, *more, "--json", *tail,
                   status=status, timeout=900)
    expect(got.status in (0, 3), got)
    result = got.json["results"][0]
    result["rules"] = {f["rule"]: f for f in result["findings"]}
    return result


def refused(result, rule, when, *parts):
    finding = result["rules"].get(rule)
    expect(finding and finding["weight"] == "refused" and finding["when"] == when, f"{rule} {when}: {result}")
    for part in parts:
        expect(part in finding["text"], f"'{part}' is not in: {finding['text']}")
    expect(len(finding["remedy"]) > 10, finding)


def fine(result):
    expect(not result["refused-now"] and not result["refused-next-reset"], result)


SEABIOS, EFI, ARM = here / "bios.hold", here / "efi.hold", here / "arm.hold"
create(SEABIOS, "seabios", "pc-q35-7.2")


@case("the same machine type shows the same under QEMU 7.2 and 10.0, and the container is untouched")
def _():
    create(EFI, "4m", "pc-q35-7.2")
    create(ARM, "aavmf", "virt-7.2", "aarch64")
    create(here / "pc.hold", "seabios", "pc-i440fx-7.2")
    for container, qemu, source, words, at_least in (
            (EFI, new(), OLD, ("-m", "5G", "-smp", "4", "-device", "vmgenid", "-device", "vmcoreinfo", "-nic", "user"), 15),
            (here / "pc.hold", new(), OLD, ("-m", "256", "-drive", "file=/nowhere,if=virtio", "-nographic"), 11),
            (ARM, new("qemu-system-aarch64"), OLD_ARM, ("-m", "1G", "-cpu", "cortex-a57"), 5)):
        before = digest(container)
        result = probe(container, qemu, source=source, arguments=words)
        fine(result)
        expect(result["probe"]["files"] == result["probe"]["source-files"] >= at_least, result)
        expect(not result["findings"], result["findings"])
        expect(digest(container) == before, f"{container} changed")


@case("different fw_cfg files")
def _():
    more = wrapped("more-files", "-fw_cfg", "name=etc/aa-first,string=x")
    result = probe(SEABIOS, more)
    fine(result)
    expect("etc/aa-first" in result["rules"]["fw-cfg-files"]["text"], result)
    secret = "hush-hush"
    with Guest(SEABIOS, "-machine", "pc-q35-7.2", "-object", f"secret,id=s0,data={secret}", "-drive",
               f"file={here}/bios.hold.disk,if=virtio,format=raw", start=False) as guest:
        (here / "bios.hold.disk").write_bytes(bytes(1 << 20))
        guest.start()
        guest.connect()
        result = probe(SEABIOS, more, arguments=(), source=OLD)
        refused(result, "fw-cfg-files", "next reset", "etc/aa-first", "new")
        fine(probe(SEABIOS, OLD, arguments=()))
        result = probe(SEABIOS, OLD, arguments=(), source=more)
        refused(result, "fw-cfg-files", "next reset", "etc/aa-first", "missing")
        guest.qmp.execute("quit")
        guest.wait()
    recorded = subprocess.run(["sqlite3", SEABIOS, "select name, value from state where name like 'machine.%'"],
                              stdout=subprocess.PIPE, text=True, check=True).stdout
    expect("ich9-ahci/drive " in recorded and "virtio-blk-pci " in recorded, recorded)
    expect("qemu-system-x86_64" in recorded and secret not in recorded and "bios.hold.disk" not in recorded, recorded)


@case("without arguments, recorded or given, nothing can be probed")
def _():
    create(here / "fresh.hold", "seabios", "pc-q35-7.2")
    got = holdfast("preflight", here / "fresh.hold", "--probe", OLD, status=3)
    expect("give them after '--'" in got.err, got)
    holdfast("preflight", SEABIOS, "--boot", "--host", "x", status=2)
    holdfast("preflight", SEABIOS, "--probe", here / "no-qemu", status=4)


@case("machine type missing")
def _():
    create(here / "old.hold", "seabios", "pc-q35-99.0")
    result = probe(here / "old.hold", OLD)
    refused(result, "machine-type", "now", "pc-q35-99.0")
    refused(result, "probe-start", "now", "unsupported machine type")


@case("a device that is missing")
def _():
    result = probe(SEABIOS, OLD, arguments=(*PLAIN, "-device", "igb,romfile="), source=new())
    refused(result, "probe-start", "now", "igb")
    result = probe(SEABIOS, OLD, arguments=(*PLAIN, "-device", "no-such-device"))
    fine(result)
    expect("no-such-device was left out" in result["rules"]["probe-start"]["text"], result)


@case("a machine type among the arguments is the one that is probed")
def _():
    for named in (("-M", "pc-q35-7.2"), ("-machine", "pc-q35-7.2,usb=off"), ("-M", "q35")):
        fine(probe(SEABIOS, OLD, arguments=(*PLAIN, *named)))
    create(here / "any.hold", "seabios")
    refused(probe(here / "any.hold", OLD, arguments=(*PLAIN, "-M", "pc-q35-99.0")), "probe-start", "now", "unsupported")


@case("a script the guest's SeaBIOS would not understand")
def _():
    script = here / "script"
    script.mkdir()
    subprocess.run([EMIT, script, "wide", "1"], check=True)
    words = ["-machine", "acpi=off"]
    for file in sorted(script.rglob("*")):
        if file.is_file():
            words += ["-fw_cfg", f"name={file.relative_to(script)},file={file}"]
    extended = wrapped("extended", *words)
    result = probe(SEABIOS, extended)
    refused(result, "acpi-script", "now", "seabios", "ALLOCATE etc/acpi/tables", "64BIT")
    if not EFI.exists():
        create(EFI, "4m", "pc-q35-7.2")
    expect("acpi-script" not in probe(EFI, extended)["rules"], "OVMF takes any zone")


def bare(qemu, *arguments):
    """A QEMU without holdfast that waits, and its QMP."""
    ours, theirs = socket.socketpair()
    process = subprocess.Popen([qemu, *arguments, "-S", "-nodefaults", "-display", "none", "-chardev",
                                f"socket,id=q,fd={theirs.fileno()}", "-mon", "chardev=q,mode=control"],
                               pass_fds=[theirs.fileno()], stderr=subprocess.PIPE)
    theirs.close()
    ours.settimeout(120)
    lines = ours.makefile("r")
    lines.readline()

    def execute(command, **arguments):
        """The answer; None where QEMU has ended, which also breaks the connection with what it left unread."""
        try:
            ours.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
            while True:
                said = json.loads(lines.readline() or '{"return": null}')
                if "return" in said or "error" in said:
                    return said.get("return")
        except (BrokenPipeError, ConnectionResetError):
            return None
    execute("qmp_capabilities")
    return process, execute


def save(stream, qemu, *arguments):
    """The machine's state, in a file."""
    source, execute = bare(qemu, *arguments)
    try:
        execute("migrate", uri=f"exec:cat > {stream}")
        while execute("query-migrate")["status"] not in ("completed", "failed"):
            pass
        execute("quit")
    finally:
        source.kill()
        source.communicate()


def load(stream, qemu, *arguments):
    """None when the state was loaded; otherwise QEMU's last words."""
    target, execute = bare(qemu, *arguments, "-incoming", "defer")
    try:
        execute("migrate-incoming", uri=f"exec:cat {stream}")
        while True:
            now = execute("query-status")
            if not now:
                return target.communicate(timeout=120)[1].decode()
            if now["status"] != "inmigrate":
                expect(now["status"] in ("paused", "prelaunch"), now)
                return None
    finally:
        target.kill()
        target.communicate()


@case("a ROM of another size ends a migration")
def _():
    roms = here / "other-roms"
    roms.mkdir()
    (roms / "efi-e1000.rom").write_bytes(b"\x55\xaa\x08" + bytes(4093))
    machine = ["-machine", "pc-q35-7.2,accel=tcg", "-m", "64", "-device", "e1000"]
    save(here / "stream", OLD, *machine)
    expect(load(here / "stream", OLD, *machine) is None, "the same ROM did not migrate")
    said = load(here / "stream", OLD, *machine, "-L", str(roms))
    expect(said and "Size mismatch" in said and "e1000.rom" in said, said)


@case("an emulated Arm processor ends a migration from QEMU 7.2 to 10.0, and back")
def _():
    machine = ["-machine", "virt-7.2,accel=tcg", "-m", "64", "-cpu"]
    for model in ("cortex-a57", "cortex-a15", "max"):
        for one, other in ((OLD_ARM, new("qemu-system-aarch64")), (new("qemu-system-aarch64"), OLD_ARM)):
            save(here / "stream", one, *machine, model)
            expect(load(here / "stream", one, *machine, model) is None, f"{model}: not even to the same QEMU")
            said = load(here / "stream", other, *machine, model)
            expect(said and "error while loading state" in said and "device 'cpu'" in said, f"{model} to {other}: {said}")


@case("SeaBIOS 1.16.2 with AHCI to QEMU 10.0")
def _():
    result = probe(SEABIOS, new(), "--boot")
    if "known-break" not in result["rules"]:
        skip("this SeaBIOS is another build than Debian 12's 1.16.2")
    refused(result, "known-break", "now", "SeaBIOS 1.16.2", "QEMU 10.0", "AHCI")
    refused(result, "probe-boot", "now", "had not tried to boot anything", "QEMU 10.0", "QEMU 7.2")
    note(result["rules"]["probe-boot"]["text"])


@case("1.16.3 boots there, and 1.16.2 without a drive on AHCI")
def _():
    newer = here / "newer.hold"
    holdfast("create", newer, "--firmware", f"{DEBIAN13 or new()}/usr/share/seabios/bios-256k.bin", "--machine",
             "pc-q35-7.2")
    for container, words in ((newer, PLAIN), (SEABIOS, (*PLAIN, "-nodefaults"))):
        result = probe(container, new(), "--boot", arguments=words)
        fine(result)
        note(result["rules"]["probe-boot"]["text"])


@case("OVMF and AAVMF boot under the QEMU they have and under 10.0")
def _():
    for container, kind, machine, arch, qemu, source in (
            (EFI, "4m", "pc-q35-7.2", None, new(), OLD),
            (ARM, "aavmf", "virt-7.2", "aarch64", new("qemu-system-aarch64"), OLD_ARM)):
        if not container.exists():
            create(container, kind, machine, arch)
        words = PLAIN if kind == "4m" else (*PLAIN, "-cpu", "cortex-a57")
        result = probe(container, qemu, "--boot", arguments=words, source=source)
        fine(result)
        expect("boots" in result["rules"]["probe-boot"]["text"], result)
        note(result["rules"]["probe-boot"]["text"])


@case("what a killed probe leaves goes with the next one")
def _():
    def left():
        return set((here / "runtime").glob("probe-*"))
    words = [PROGRAM, "preflight", SEABIOS, "--probe", OLD, "--probe-source", OLD, "--", *PLAIN]
    killed = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(left, 60, "the probe's directory")
    killed.kill()
    killed.wait()
    expect(left(), "nothing was left, so this shows nothing")
    fine(probe(SEABIOS, OLD))
    expect(not left(), left())


@case("nothing is left behind")
def _():
    left = [p for p in (here / "runtime").rglob("*probe*")]
    expect(not left, left)


main(home.cleanup)
