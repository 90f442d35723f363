# SPDX-License-Identifier: BSD-2-Clause
"""A real libvirtd, a real domain, real OVMF: a guest goes into a container, lives there, and leaves."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

from guest import Shell, Stream
from private_host import PrivateHost
from program import PROGRAM, SOURCE
from tap import case, expect, main, note, skip

OVMF = pathlib.Path("/usr/share/OVMF")
STATE = "/var/lib/libvirt/holdfast"

DOMAIN = """<domain type='qemu'>
  <name>{name}</name>
  <description>kept as it is: &lt;&amp;&gt; \u00e9</description>
  <memory unit='MiB'>256</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
    <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>
    <nvram template='/usr/share/OVMF/OVMF_VARS_4M.fd'/>
    <bootmenu enable='yes' timeout='1'/>
  </os>
  <features><acpi/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <serial type='unix'><source mode='connect' path='{serial}'/></serial>
  </devices>
</domain>"""


def digest_of(data):
    return hashlib.sha256(data).hexdigest()


class Domain:
    """One domain of a private host. Files of the host are reached through /proc, from outside its namespaces."""

    def __init__(self, name):
        self.name = name
        self.host = PrivateHost()
        self.root = pathlib.Path(f"/proc/{self.host.pid}/root")
        self.container = f"{STATE}/{name}.hold"
        hook = self.inside("/etc/libvirt/hooks/qemu.d/holdfast")
        hook.write_text(f"#!/bin/sh\nexec {PROGRAM} libvirt hook -- \"$@\"\n")
        hook.chmod(0o755)
        self.serial = Stream(self.host.root / "serial")
        (self.host.root / "serial").chmod(0o777)
        self.host.start_libvirtd()
        xml = self.host.root / "domain.xml"
        xml.write_text(DOMAIN.format(name=name, serial=self.host.root / "serial"))
        self.host.run("virsh", "define", xml)
        self.uuid = self.virsh("domuuid").strip()

    def inside(self, path):
        return self.root / str(path).lstrip("/")

    def virsh(self, command, *args, **more):
        return self.host.run("virsh", command, self.name, *args, **more).stdout

    def holdfast(self, *args, status=0):
        done = self.host.run(PROGRAM, *args, check=False)
        expect(status is None or done.returncode == status,
               f"holdfast {' '.join(map(str, args))}: exit {done.returncode}, wanted {status}\n{done.stdout}{done.stderr}")
        return done

    def show(self):
        return json.loads(self.holdfast("show", self.container, "--json").stdout)

    def start(self):
        """Starts it (anew, when an earlier case left it running) and returns its UEFI shell."""
        self.virsh("destroy", check=False)
        at = len(self.serial.data)
        self.virsh("start")
        return Shell(self.serial, start=at)

    def reboot(self):
        at = len(self.serial.data)
        self.virsh("reset")
        return Shell(self.serial, start=at)

    def stop(self):
        self.virsh("destroy")

    def published(self):
        return self.inside(f"{STATE}/{self.uuid}/code.fd")

    def running_code(self):
        """Digest of the code bank as it is in the guest's memory."""
        size = self.published().stat().st_size
        self.virsh("suspend")
        path = "/var/lib/libvirt/qemu/code-bank"
        self.virsh("qemu-monitor-command", "--hmp", f'pmemsave {(4 << 30) - size} {size} "{path}"')
        self.virsh("resume")
        data = self.inside(path).read_bytes()
        self.inside(path).unlink()
        return digest_of(data)

    def active(self):
        return self.show()["slots"]["active"]["sha256"]

    def processes(self, word):
        """Process ids, as this host's own programs see them, of those with `word` in their command line."""
        lines = self.host.run("ps", "-eo", "pid,args").stdout.splitlines()
        return [int(line.split()[0]) for line in lines if word in line and "ps -eo" not in line]

    def close(self):
        self.serial.close()
        self.host.close()


if os.geteuid() != 0 or not shutil.which("libvirtd"):
    def main(*unused):
        print("1..0 # SKIP needs root and libvirtd")
    vm = None
else:
    vm = Domain("vm1")
MARKER = "cafe0123"


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
        return re.sub(r"<os>.*</os>", "<os/>", xml, flags=re.S)
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
    expect(not vm.processes("libvirt guard"), "the guard outlives its guest")
    expect(not vm.inside(vm.container + "-wal").exists(), "a log was left at rest")
    shell = vm.start()
    expect(shell.getvar("Marker") == MARKER, "the variable is gone after destroy and start")
    expect(vm.running_code() == was == vm.active(), "the guest runs other bytes")


@case("libvirtd restarts under a running guest: nothing is lost")
def _():
    guard = vm.processes("libvirt guard")
    vm.host.restart_libvirtd()
    expect(vm.processes("libvirt guard") == guard, "the guard is another one")
    at = len(vm.serial.data)
    vm.serial.send(b"\r")
    shell = Shell(vm.serial, start=at)
    shell.setvar("Restarted", "11")
    vm.stop()
    shell = vm.start()
    expect(shell.getvar("Restarted") == "11", "the variable is gone")


@case("the server is killed under a running guest: no variable is lost")
def _():
    at = len(vm.serial.data)
    vm.serial.send(b"\r")
    shell = Shell(vm.serial, start=at)
    servers = vm.processes("nbdkit")
    vm.host.run("kill", "-9", servers[0])
    shell.setvar("Killed1", "21")  # written while there is no server, or just after
    vm.host.wait(lambda: vm.processes("nbdkit") and vm.processes("nbdkit") != servers, 60, "another server")
    time.sleep(3)
    vm.host.wait(lambda: vm.virsh("domstate").strip() == "running", 60, "the guest going on")
    shell.setvar("Killed2", "22")
    vm.stop()
    shell = vm.start()
    for name, value in (("Killed1", "21"), ("Killed2", "22"), ("Marker", MARKER)):
        expect(shell.getvar(name) == value, f"{name} is {shell.getvar(name)}")


@case("the guard is killed: no orphan stays behind the guest, and the next start finds what was stored before")
def _():
    vm.host.run("kill", "-9", vm.processes("libvirt guard")[0])
    vm.stop()
    vm.host.wait(lambda: not vm.processes("nbdkit"), 60, "the end of the server")
    shell = vm.start()
    expect(shell.getvar("Killed2") == "22" and shell.getvar("Marker") == MARKER, "a variable is gone")
    vm.stop()


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
    shell = vm.start()
    expect(shell.getvar("Marker") == MARKER and path.read_bytes() == good, "not published again")
    vm.stop()


@case("stage applies at the next start, rollback brings code and variables back")
def _():
    image = new_firmware()
    old = vm.active()
    before = vm.show()["vars"]["sha256"]
    vm.holdfast("stage", vm.container, image)
    shell = vm.start()
    expect(vm.running_code() == digest_of(image.read_bytes()), "the new firmware does not run")
    expect(shell.getvar("Marker") == MARKER, "the variable is gone")
    shell.setvar("OnlyNew", "41")
    vm.stop()
    vm.holdfast("rollback", vm.container, "--variables=fallback")
    shell = vm.start()
    expect(vm.running_code() == old, "the old firmware does not run")
    expect(shell.getvar("Marker") == MARKER and shell.getvar("OnlyNew") is None, "the variables are not those of before")
    vm.stop()
    note(f"variables before {before[:12]}, now {vm.show()['vars']['sha256'][:12]}")


@case("managed save: restored as it was, and refused once the variables were replaced")
def _():
    vm.holdfast("snapshot", vm.container)
    vm.start()
    vm.virsh("managedsave", timeout=300)
    done = vm.holdfast("libvirt", "release", "vm1", status=3)
    expect("rule 'saved'" in done.stderr, done.stderr)
    at = len(vm.serial.data)
    vm.virsh("start", timeout=300)
    vm.serial.send(b"\r")
    expect(Shell(vm.serial, start=at).getvar("Marker") == MARKER, "not the guest that was saved")
    vm.virsh("managedsave", timeout=300)
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


main(vm.close if vm else None)
