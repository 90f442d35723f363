# SPDX-License-Identifier: BSD-2-Clause
"""A real libvirtd, a real domain, real OVMF: a guest goes into a container, lives there, and leaves."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import nbd
from domain import DOMAIN, STATE, Domain, digest_of
from guest import MARKER_GUID
from program import SOURCE
from tap import case, expect, main, note, skip

OVMF = pathlib.Path("/usr/share/OVMF")

if os.geteuid() != 0 or not shutil.which("libvirtd"):
    def main(*unused):
        print("1..0 # SKIP needs root and libvirtd")
    vm = None
else:
    vm = Domain("vm1")
MARKER = "cafe0123"


def fill(path):
    """Leaves no byte of the file system."""
    with open(path, "wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass


def write_until_behind():
    """Writes to the part of the bank that the firmware erases before it uses it, until no room is left even of what was
    put aside for writes. Noise takes room in the container, a pattern none: its pages are short, and the log goes round."""
    noise = vm.host.root / "noise"
    for number in range(1, 100):
        noise.write_bytes(os.urandom(0x42000))
        vm.virsh("qemu-monitor-command", "--hmp", f'qemu-io libvirt-pflash1-storage "write -s {noise} 0x42000 0x42000"')
        if vm.show().get("behind"):
            note(f"{number} writes of 264 KiB fit on a full disk")
            return
    raise AssertionError("the disk is full and nobody noticed")


def new_firmware():
    """Debian 13's OVMF, copied to where the private host sees it."""
    done = subprocess.run([SOURCE / "tests/lib/debian13"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        skip(f"Debian 13's firmware: {done.stderr.strip().splitlines()[-1:]}")
    target = vm.host.root / "new.fd"
    shutil.copy(pathlib.Path(done.stdout.strip()) / "usr/share/OVMF/OVMF_CODE_4M.fd", target)
    return target


@case("what a container cannot hold is refused by name, and the domain stays as it is")
def _():
    before = vm.virsh("dumpxml", "--security-info")
    for change, rule in (
            (("<loader readonly='yes' type='pflash'>.*</loader>", ""), "bios"),
            (("<features>", "<launchSecurity type='sev'><policy>0x3</policy></launchSecurity><features>"), "confidential"),
            (("<loader readonly='yes' type='pflash'>", "<loader readonly='yes' type='pflash' stateless='yes'>"), "stateless"),
            (("<nvram template.*/>", "<nvram type='block'><source dev='/dev/zero'/></nvram>"), "nvram")):
        text = re.sub(*change, DOMAIN.format(name="odd", serial="/run/x"))
        if rule in ("bios", "stateless"):
            text = re.sub("<nvram.*/>", "", text)
        (vm.host.root / "odd.xml").write_text(text)
        if vm.host.run("virsh", "define", vm.host.root / "odd.xml", check=False).returncode:
            note(f"this libvirt does not define a domain that is '{rule}'")
            continue
        done = vm.holdfast("libvirt", "adopt", "odd", status=3)
        expect(f"rule '{rule}'" in done.stderr and done.stderr.count("\n") == 1, done.stderr)
        expect(rule != "nvram" or "'/dev/zero': copy them to a file with 'holdfast vars export" in done.stderr, done.stderr)
        vm.host.run("virsh", "undefine", "odd", "--keep-nvram")
    vm.holdfast("libvirt", "adopt", "no-such-domain", status=4)
    expect(not vm.inside(vm.container).exists(), "a container was made")
    expect(vm.virsh("dumpxml", "--security-info") == before, "the domain changed")


@case("adopt: first raw files, then a container; only <os> changes")
def _():
    shell = vm.start()
    shell.setvar("Before", "0b")
    done = vm.holdfast("libvirt", "adopt", "vm1", status=3)
    expect("rule 'running'" in done.stderr, done.stderr)
    vm.stop()
    before = vm.virsh("dumpxml", "--inactive", "--security-info")
    vm.holdfast("libvirt", "adopt", "vm1", "--dry-run")
    expect(vm.virsh("dumpxml", "--inactive", "--security-info") == before, "the dry run changed the domain")
    vm.holdfast("libvirt", "adopt", "vm1")
    vm.original = before
    after = vm.virsh("dumpxml", "--inactive", "--security-info")

    def outside(xml):
        return re.sub(r"<os( [^>]*)?>.*</os>", "<os/>", xml, flags=re.S)
    expect(outside(before) == outside(after), "something outside <os> changed")
    expect("bootmenu" in after, "an element of <os> was lost")
    expect(vm.active() == digest_of((OVMF / "OVMF_CODE_4M.fd").read_bytes()), "another firmware")
    done = vm.holdfast("libvirt", "adopt", "vm1", status=3)
    expect("rule 'adopted'" in done.stderr, done.stderr)


@case("it starts from the container, with the variables it had; a new one is stored")
def _():
    shell = vm.start()
    expect(shell.getvar("Before") == "0b", "the variable from before is gone")
    shell.setvar("Marker", MARKER)
    expect(vm.running_code() == vm.active(), "the guest runs other bytes")
    socket = vm.inside(f"/run/holdfast-libvirt/{vm.uuid}/vars.sock").stat()
    directory = vm.inside(f"/run/holdfast-libvirt/{vm.uuid}").stat()
    qemu = int(vm.host.run("id", "-u", "libvirt-qemu").stdout)
    expect(socket.st_uid == qemu and directory.st_mode & 0o7 == 0, f"{socket} {directory}")
    done = vm.host.run("setpriv", "--reuid=nobody", "--clear-groups", "ls", f"/run/holdfast-libvirt/{vm.uuid}/", check=False)
    expect(done.returncode != 0, "anybody can look into the socket's directory")


@case("replacing the host's firmware changes nothing for it: reset, destroy, start")
def _():
    was = vm.active()
    vm.inside(OVMF / "OVMF_CODE_4M.fd").write_bytes(b"\0" * 3653632)
    shell = vm.reboot()
    expect(shell.getvar("Marker") == MARKER, "the variable is gone after a reset")
    vm.stop()
    expect(not vm.processes("libvirt guard") and not vm.processes("libvirt watch"), "the guard outlives its guest")
    expect(not vm.inside(vm.container + "-wal").exists(), "a log was left at rest")
    vm.shell = vm.start()
    expect(vm.shell.getvar("Marker") == MARKER, "the variable is gone after destroy and start")
    expect(vm.running_code() == was == vm.active(), "the guest runs other bytes")


# The guest of the last boot lives on through the next cases; what they set is looked for once it has ended.


@case("libvirtd restarts under a running guest: its guard stays, its variables are stored")
def _():
    guard = vm.processes("libvirt guard")
    vm.host.restart_libvirtd()
    expect(vm.processes("libvirt guard") == guard, "the guard is another one")
    vm.shell.setvar("Restarted", "11")


@case("the server is killed under a running guest: another one serves, the guest goes on")
def _():
    servers = vm.processes("nbdkit")
    vm.host.run("kill", "-9", servers[0])
    vm.shell.setvar("Killed1", "21")  # written while there is no server, or just after
    vm.host.wait(lambda: vm.processes("nbdkit") and vm.processes("nbdkit") != servers, 60, "another server")
    vm.goes_on()
    vm.shell.setvar("Killed2", "22")


def stranger_flags():
    """What another process than QEMU is told about the variables; None: no server answers."""
    try:
        with nbd.Client(vm.inside(f"/run/holdfast-libvirt/{vm.uuid}/vars.sock"), "vars") as client:
            return client.flags
    except OSError:
        return None


@case("the guard is killed: another one takes over, with what was written meanwhile")
def _():
    guard, server = vm.processes("libvirt guard"), vm.processes("nbdkit")
    vm.host.run("kill", "-9", guard[0])
    vm.shell.setvar("Killed3", "23")
    vm.host.wait(lambda: vm.processes("libvirt guard") not in ([], guard), 60, "another guard")
    vm.host.wait(lambda: vm.processes("nbdkit") not in ([], server), 60, "another server")
    vm.host.wait(lambda: stranger_flags() is not None, 60, "the server's answer")
    expect(stranger_flags() & nbd.FLAG_READ_ONLY, "the guard that took over does not know which process writes")
    vm.goes_on()
    vm.shell.setvar("Killed4", "24")
    watch = vm.processes("libvirt watch")
    expect(len(watch) == 1, f"watches: {watch}")
    vm.host.run("kill", "-9", watch[0])  # the other way round
    vm.host.wait(lambda: vm.processes("libvirt watch") not in ([], watch), 60, "another watch")


@case("a guest that its operator paused stays paused when its server dies")
def _():
    vm.virsh("suspend")
    server = vm.processes("nbdkit")
    vm.host.run("kill", "-9", server[0])
    vm.host.wait(lambda: vm.processes("nbdkit") not in ([], server), 60, "another server")
    vm.settled()
    expect(vm.virsh("domstate").strip() == "paused", "it was let go on")
    vm.virsh("resume")
    vm.shell.setvar("Killed5", "25")


@case("the disk is full: the guest is paused, and goes on when there is room")
def _():
    filler = vm.inside(STATE) / "filler"
    fill(filler)
    write_until_behind()
    vm.host.wait(lambda: vm.virsh("domstate").strip() == "paused", 60, "the guest's stop")
    # libvirt knows one reason for a pause that a program asks for; these two tell which it is.
    shown = vm.holdfast("show", vm.container).stdout
    expect(re.search("Writes.*behind since", shown), shown)
    row = json.loads(vm.holdfast("libvirt", "list", "--json").stdout)["domains"][0]
    expect(row["paused"]["by_holdfast"] and "cannot be stored" in row["paused"]["why"] and row["behind"]["bytes"], row)
    expect("behind since" in vm.holdfast("libvirt", "list").stdout, "libvirt list does not tell it")
    filler.unlink()
    vm.host.wait(lambda: not vm.show().get("behind"), 60, "everything stored")
    vm.goes_on()
    vm.host.wait(lambda: re.search("paused.*the guest was paused for [0-9]+ s: .*", vm.holdfast("log", vm.container).stdout), 60,
                 "why it was paused, in the log")
    vm.shell.setvar("Room", "31")


@case("the disk is full under a guest that its operator paused: it is still paused when there is room")
def _():
    filler = vm.inside(STATE) / "filler"
    vm.virsh("suspend")
    fill(filler)
    write_until_behind()
    filler.unlink()
    vm.host.wait(lambda: not vm.show().get("behind"), 60, "everything stored")
    vm.settled()
    expect(vm.virsh("domstate").strip() == "paused", "it was let go on")
    vm.virsh("resume")
    vm.shell.setvar("Room2", "32")


@case("everything that was set through all of this is stored")
def _():
    vm.stop()
    vm.host.wait(lambda: not vm.processes("nbdkit"), 60, "the end of the server")
    expect(not vm.processes("libvirt guard") and not vm.processes("libvirt watch"), "something outlives the guest")
    for name, value in (("Marker", MARKER), ("Restarted", "11"), ("Killed1", "21"), ("Killed2", "22"), ("Killed3", "23"),
                        ("Killed4", "24"), ("Killed5", "25"), ("Room", "31"), ("Room2", "32")):
        expect(vm.stored(name) == value, f"{name} is {vm.stored(name)}")


@case("a published code file that somebody changed: the start fails and says why")
def _():
    vm.virsh("destroy", check=False)
    path = vm.published()
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    done = vm.host.run("virsh", "start", "vm1", check=False)
    expect(done.returncode != 0 and "holds other bytes" in done.stderr, done.stderr)
    expect(vm.virsh("domstate").strip() == "shut off" and not vm.processes("libvirt guard"), "something runs")
    path.unlink()
    vm.virsh("start")
    expect(path.read_bytes() == good, "not published again")
    vm.stop()


@case("stage applies at the next start, rollback brings code and variables back")
def _():
    image = new_firmware()
    old = vm.active()
    vm.holdfast("stage", vm.container, image)
    vm.virsh("start")
    expect(vm.running_code() == digest_of(image.read_bytes()), "the new firmware does not run")
    vm.stop()
    expect(vm.stored("Marker") == MARKER, "the variable is gone")
    vm.holdfast("vars", "set", vm.container, "OnlyNew", "--guid", MARKER_GUID, "--data", "41")
    vm.holdfast("rollback", vm.container, "--variables=fallback")
    vm.shell = vm.start()
    expect(vm.running_code() == old, "the old firmware does not run")
    expect(vm.shell.getvar("Marker") == MARKER and vm.shell.getvar("OnlyNew") is None,
           "the variables are not those of before")


@case("managed save: restored as it was, and refused once the variables were replaced")
def _():
    if vm.virsh("domstate").strip() != "running":
        vm.shell = vm.start()
    vm.virsh("managedsave", timeout=300)
    done = vm.holdfast("libvirt", "release", "vm1", status=3)
    expect("rule 'saved'" in done.stderr, done.stderr)
    vm.virsh("start", timeout=300)
    expect(vm.prompt().getvar("Marker") == MARKER, "not the guest that was saved")
    vm.virsh("managedsave", timeout=300)
    vm.holdfast("snapshot", vm.container)
    vm.holdfast("revert", vm.container, vm.show()["snapshots"][-1]["id"])
    done = vm.host.run("virsh", "start", "vm1", check=False, timeout=300)
    expect(done.returncode != 0 and "replaced since" in done.stderr, done.stderr)
    vm.virsh("managedsave-remove")


@case("release: the old XML, raw files with its variables, its own firmware")
def _():
    code = vm.active()
    vm.virsh("destroy", check=False)
    done = vm.holdfast("libvirt", "release", "vm1")
    expect("its own copy" in done.stdout, done.stdout)  # the host's file was replaced above
    after = vm.virsh("dumpxml", "--inactive", "--security-info")
    own = "/var/lib/libvirt/qemu/nvram/vm1_CODE.fd"
    expect(digest_of(vm.inside(own).read_bytes()) == code, "another firmware")
    expect(f">{own}</loader>" in after and STATE not in after and "/run/holdfast" not in after, after)
    shell = vm.start()
    expect(shell.getvar("Marker") == MARKER, "the variable is gone")
    expect(not vm.processes("nbdkit"), "a server runs")
    vm.stop()


@case("adopt and release again with the host's file as it was: exactly the old XML")
def _():
    vm.inside(OVMF / "OVMF_CODE_4M.fd").write_bytes((OVMF / "OVMF_CODE_4M.fd").read_bytes())
    vm.inside(vm.container).unlink()
    (vm.host.root / "original.xml").write_text(vm.original)
    vm.host.run("virsh", "define", vm.host.root / "original.xml")
    vm.holdfast("libvirt", "adopt", "vm1")
    vm.holdfast("libvirt", "release", "vm1")
    expect(vm.virsh("dumpxml", "--inactive", "--security-info") == vm.original, "the XML differs")


@case("adopt takes what is inside of qcow2 files; release puts the variables back as qcow2")
def _():
    code, nvram = OVMF / "OVMF_CODE_4M.fd", "/var/lib/libvirt/qemu/nvram/packed.qcow2"
    loader = vm.host.root / "packed-code.qcow2"
    for source, target in ((code, loader), (OVMF / "OVMF_VARS_4M.fd", vm.inside(nvram))):
        subprocess.run(["qemu-img", "convert", "-O", "qcow2", source, target], check=True)
    (vm.host.root / "packed.xml").write_text(re.sub(
        r"<os.*</os>", f"<os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><loader readonly='yes' type='pflash'>{loader}"
        f"</loader><nvram>{nvram}</nvram></os>", vm.original, flags=re.S))
    vm.host.run("virsh", "define", vm.host.root / "packed.xml")
    original = vm.virsh("dumpxml", "--inactive", "--security-info")
    vm.inside(vm.container).unlink(missing_ok=True)
    vm.holdfast("libvirt", "adopt", "vm1", "--allow-unknown")
    expect(vm.active() == digest_of(code.read_bytes()), "qcow2 bytes became the guest's code")
    bank = json.loads(vm.holdfast("vars", "list", vm.container, "--json").stdout)
    expect((bank["layout"], bank["blank"]) == ("4m", False), bank)
    vm.holdfast("vars", "set", vm.container, "Timeout", "--data", "0700")
    vm.holdfast("libvirt", "release", "vm1")
    expect(vm.virsh("dumpxml", "--inactive", "--security-info") == original, "the XML differs")
    expect(vm.inside(nvram).read_bytes()[:4] == b"QFI\xfb", "not the form that the definition names")
    data = json.loads(vm.holdfast("vars", "get", nvram, "Timeout", "--json").stdout)["data"]
    expect(data == "0700", data)


def define(name, *changes):
    """Another domain, never started. The host's firmware, which a case above replaced, is as it was."""
    vm.inside(OVMF / "OVMF_CODE_4M.fd").write_bytes((OVMF / "OVMF_CODE_4M.fd").read_bytes())
    text = re.sub("<serial.*</serial>", "", DOMAIN.format(name=name, serial="/none"), flags=re.S)
    for old, new in changes:
        expect(re.search(old, text), f"'{old}' is not in the domain's XML")
        text = re.sub(old, new, text)
    path = vm.host.root / f"{name}.xml"
    path.write_text(text)
    vm.host.run("virsh", "define", path)


def undefine(*names):
    for name in names:
        vm.host.run("virsh", "undefine", name, "--nvram")


LOADER = "<loader .*</loader>"


@case("adopt and clone make the container where they are told; firmware that nobody knows is adopted when told")
def _():
    elsewhere, copied = f"{STATE}/elsewhere.hold", f"{STATE}/copied.hold"
    define("vm2")
    vm.holdfast("libvirt", "adopt", "vm2", "--container", elsewhere)
    expect(vm.inside(elsewhere).exists() and not vm.inside(f"{STATE}/vm2.hold").exists(), "not where it was told")
    define("vm3")
    vm.holdfast("libvirt", "clone", "vm2", "vm3", "--container", copied)
    expect(vm.inside(copied).exists() and not vm.inside(f"{STATE}/vm3.hold").exists(), "not where it was told")
    for name in ("vm2", "vm3"):
        vm.holdfast("libvirt", "release", name)
    noise = vm.host.root / "noise.fd"
    noise.write_bytes(os.urandom(3653632))
    define("vm4", (LOADER, f"<loader readonly='yes' type='pflash'>{noise}</loader>"))
    done = vm.holdfast("libvirt", "adopt", "vm4", status=3)
    expect("rule 'unknown'" in done.stderr and not vm.inside(f"{STATE}/vm4.hold").exists(), done.stderr)
    vm.holdfast("libvirt", "adopt", "vm4", "--allow-unknown")
    shown = json.loads(vm.holdfast("show", f"{STATE}/vm4.hold", "--json").stdout)
    expect(shown["slots"]["active"]["sha256"] == digest_of(noise.read_bytes()), shown)
    vm.holdfast("libvirt", "release", "vm4")
    undefine("vm2", "vm3", "vm4")


@case("a domain with secure='yes' and enrolled keys takes no build without Secure Boot, or without SMM, until it is told to")
def _():
    without = new_firmware()  # it knows no Secure Boot
    container = f"{STATE}/secure.hold"
    changes = (("<features>", "<features><smm state='on'/>"), ("OVMF_VARS_4M.fd", "OVMF_VARS_4M.ms.fd"))
    define("secure", *changes, (LOADER, f"<loader readonly='yes' secure='yes' type='pflash'>{OVMF}/OVMF_CODE_4M.ms.fd</loader>"))
    vm.holdfast("libvirt", "adopt", "secure")
    for image in (without, OVMF / "OVMF_CODE_4M.fd"):
        done = vm.holdfast("stage", container, image, status=3)
        expect("rule 'secure-boot'" in done.stderr and "--no-secure-boot" in done.stderr, done.stderr)
        expect(not json.loads(vm.holdfast("show", container, "--json").stdout)["slots"].get("staged"), "it was staged")
    vm.holdfast("stage", container, without, "--no-secure-boot")
    expect("no-secure-boot" in vm.holdfast("log", container).stdout, vm.holdfast("log", container).stdout)
    vm.holdfast("libvirt", "release", "secure")
    vm.inside(container).unlink()
    for number, image in enumerate((without, OVMF / "OVMF_CODE_4M.fd")):
        name = f"weak{number}"
        define(name, *changes, (LOADER, f"<loader readonly='yes' secure='yes' type='pflash'>{image}</loader>"))
        done = vm.holdfast("libvirt", "adopt", name, status=3)
        expect("rule 'secure-boot'" in done.stderr and not vm.inside(f"{STATE}/{name}.hold").exists(), done.stderr)
        vm.holdfast("libvirt", "adopt", name, "--no-secure-boot")
        log = vm.holdfast("log", f"{STATE}/{name}.hold").stdout
        expect("Secure Boot" in log, log)
        vm.holdfast("libvirt", "release", name)
        undefine(name)
    undefine("secure")


@case("docs/keys.md's commands for a host with libvirt: a domain with a file, and an adopted one")
def _():
    text = (SOURCE / "docs" / "keys.md").read_text().split("## A host with libvirt\n")[1].split("\n## ")[0]
    commands = [line.split() for line in text.splitlines() if line.startswith("    ")]
    nvram = "/var/lib/libvirt/qemu/nvram/web1_VARS.fd"
    other = "/var/lib/libvirt/qemu/nvram/web2_VARS.fd"  # as if it had run
    secure = (LOADER, f"<loader readonly='yes' secure='yes' type='pflash'>{OVMF}/OVMF_CODE_4M.ms.fd</loader>")
    define("web1", ("<features>", "<features><smm state='on'/>"), secure, ("<nvram.*/>", f"<nvram>{nvram}</nvram>"))
    define("web2", ("<features>", "<features><smm state='on'/>"), secure, ("<nvram.*/>", f"<nvram>{other}</nvram>"))
    for path in (nvram, other):
        shutil.copy(OVMF / "OVMF_VARS_4M.ms.fd", vm.inside(path))

    def audited():
        rows = json.loads(vm.holdfast("keys", "audit", "libvirt:", "--json", status=1).stdout)["rows"]
        return {r["domain"]: r["verdict"] for r in rows if r["domain"].startswith("web")}
    expect(set(audited().values()) == {"update available"}, audited())
    for words in commands:
        if words[0] == "virsh":
            vm.host.run(*words)
        else:
            vm.holdfast(*words[1:], status=1 if words[1] == "keys" and words[2] == "audit" else 0)
    expect(audited() == {"web1": "current", "web2": "current"}, audited())
    expect(vm.inside(nvram + ".bak").read_bytes() == (OVMF / "OVMF_VARS_4M.ms.fd").read_bytes(), "not the old file")
    shown = json.loads(vm.holdfast("show", f"{STATE}/web2.hold", "--json").stdout)
    expect(shown["lifecycle"]["state"] == "steady", shown["lifecycle"])
    vm.host.run("virsh", "destroy", "web2")
    vm.holdfast("libvirt", "release", "web2")
    undefine("web1", "web2")


main(vm.close if vm else None)
