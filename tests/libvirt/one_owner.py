# SPDX-License-Identifier: BSD-2-Clause
"""One guest for a container, whatever definitions libvirt is given: a hook that is not called, a definition that was
copied, one that a manager pushed from before the adoption, one that two hosts have, a state from before an upgrade."""
import os
import pathlib
import re
import shutil
import subprocess

from domain import STATE, Domain, digest_of
from guest import MARKER_GUID
from private_host import PrivateHost
from program import SOURCE
from tap import case, expect, main, skip

HOOK = "/etc/libvirt/hooks/qemu.d/holdfast"

if os.geteuid() != 0 or not shutil.which("libvirtd"):
    def main(*unused):
        print("1..0 # SKIP needs root and libvirtd")
    vm = None
else:
    vm = Domain("vm1")
    shared = vm.host.root / "shared"  # what both hosts see
    shared.mkdir(mode=0o711)
    vm.host.run("umount", STATE)
    vm.host.run("mount", "--bind", shared, STATE)


def virsh(*args, status=0):
    done = vm.host.run("virsh", *args, check=False, timeout=300)
    expect(status is None or (done.returncode == 0) == (status == 0), f"virsh {' '.join(map(str, args))}: {done}")
    return done


def define(xml):
    (vm.host.root / "other.xml").write_text(xml)
    virsh("define", vm.host.root / "other.xml")


def stored(container, name):
    listed = vm.holdfast("vars", "list", container)
    return name in listed.stdout


@case("libvirtd that does not call the hook is found out before the domain is changed")
def _():
    hook = vm.inside(HOOK)
    text = hook.read_text()
    hook.unlink()
    vm.host.restart_libvirtd()
    hook.write_text(text)
    hook.chmod(0o755)
    before = vm.virsh("dumpxml", "--inactive", "--security-info")
    for words in ((), ("--dry-run",)):
        done = vm.holdfast("libvirt", "adopt", "vm1", *words, status=3)
        expect("rule 'hook'" in done.stderr and "restart" in done.stderr and done.stderr.count("\n") == 1, done.stderr)
    expect(vm.virsh("dumpxml", "--inactive", "--security-info") == before, "the domain changed")
    expect(not vm.inside(vm.container).exists(), "a container was made")
    vm.host.restart_libvirtd()
    vm.original = before
    vm.holdfast("libvirt", "adopt", "vm1")
    listed = virsh("list", "--all", "--name").stdout.split()
    expect(listed == ["vm1"], f"what was tried is left: {listed}")


@case("a copied definition does not start, whatever runs and by whatever name it has the files; a clone does")
def _():
    vm.holdfast("vars", "set", vm.container, "Marker", "--guid", MARKER_GUID, "--data", "41")
    copied = re.sub(r"<uuid>.*</uuid>", "", vm.virsh("dumpxml", "--inactive")).replace("<name>vm1<", "<name>vm2<")
    copied = re.sub(r"<serial.*</serial>", "", copied, flags=re.S)
    define(re.sub(r"<console.*</console>", "", copied, flags=re.S))
    vm.virsh("start")
    for _ in range(2):
        done = virsh("start", "vm2", status=1)
        expect("rule 'copied'" in done.stderr and "holdfast libvirt clone vm1 vm2" in done.stderr, done.stderr)
        if vm.virsh("domstate").strip() == "running":
            vm.stop()
    vm.host.run("ln", "-s", f"{STATE}/{vm.uuid}", "/var/lib/libvirt/elsewhere")
    define(virsh("dumpxml", "vm2", "--inactive").stdout.replace(f"{STATE}/{vm.uuid}", "/var/lib/libvirt/elsewhere"))
    expect("rule 'copied'" in virsh("start", "vm2", status=1).stderr, "started by another name of the file")
    vm.virsh("start")
    done = vm.holdfast("libvirt", "clone", "vm2", "vm1", status=3)
    expect("rule 'running'" in done.stderr, done.stderr)
    vm.holdfast("libvirt", "clone", "vm1", "vm2", "--dry-run")
    expect(not vm.inside(f"{STATE}/vm2.hold").exists(), "a dry run made a container")
    vm.holdfast("libvirt", "clone", "vm1", "vm2")
    virsh("start", "vm2")
    expect(len(vm.processes("libvirt guard")) == 2, "two guests have not two guards")
    virsh("destroy", "vm2")
    vm.stop()
    vm.holdfast("vars", "set", f"{STATE}/vm2.hold", "OnlyTwo", "--guid", MARKER_GUID, "--data", "42")
    expect(stored(f"{STATE}/vm2.hold", "Marker") and not stored(vm.container, "OnlyTwo"), "not two containers")
    done = vm.holdfast("libvirt", "clone", "vm1", "vm2", status=3)
    expect("rule 'adopted'" in done.stderr, done.stderr)
    for container in (vm.container, f"{STATE}/vm2.hold"):
        vm.holdfast("check", container)


@case("a clone is released to files of its own")
def _():
    files = {path.name: path.read_bytes() for path in vm.inside("/var/lib/libvirt/qemu/nvram").iterdir()}
    vm.holdfast("libvirt", "release", "vm2")
    xml = virsh("dumpxml", "vm2", "--inactive").stdout
    expect("/var/lib/libvirt/qemu/nvram/vm2_VARS.fd" in xml and "holdfast" not in re.search("<os>.*</os>", xml, re.S)[0], xml)
    for name, data in files.items():
        expect(vm.inside(f"/var/lib/libvirt/qemu/nvram/{name}").read_bytes() == data, f"{name} was written")
    virsh("start", "vm2")
    virsh("destroy", "vm2")
    virsh("undefine", "vm2", "--nvram")


@case("a definition from before the adoption does not start; the domain goes back into its container")
def _():
    define(vm.original)
    done = virsh("start", "vm1", status=1)
    expect("rule 'left'" in done.stderr and f"adopt vm1 --into {vm.container}" in done.stderr, done.stderr)
    expect(vm.virsh("domstate").strip() == "shut off" and not vm.processes("libvirt guard"), "something runs")
    done = vm.holdfast("libvirt", "adopt", "vm1", "--into", f"{STATE}/vm2.hold", status=3)
    expect("rule 'uuid'" in done.stderr, done.stderr)
    vm.holdfast("libvirt", "adopt", "vm1", "--into", f"{STATE}/missing.hold", status=4)
    vm.holdfast("libvirt", "adopt", "vm1", "--into", vm.container, "--dry-run")
    virsh("start", "vm1", status=1)
    vm.holdfast("libvirt", "adopt", "vm1", "--into", vm.container)
    vm.virsh("start")
    expect(vm.running_code() == vm.active(), "the guest runs other firmware than its container's")
    vm.stop()
    expect(stored(vm.container, "Marker"), "the variables are gone")


def kinds(container=None):
    return [line for line in vm.holdfast("log", container or vm.container).stdout.splitlines()]


@case("a saved state from before an upgrade does not run, by whatever verb it comes back; one of this firmware does")
def _():
    done = subprocess.run([SOURCE / "tests/lib/debian13"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        skip(f"Debian 13's firmware: {done.stderr.strip().splitlines()[-1:]}")
    state = "/var/lib/libvirt/qemu/vm1.state"
    vm.virsh("start")
    vm.virsh("save", state, timeout=300)
    kept = vm.inside(state).read_bytes()
    vm.holdfast("vars", "set", vm.container, "Newer", "--guid", MARKER_GUID, "--data", "43")
    virsh("restore", state)
    expect(vm.virsh("domstate").strip() == "running", "a state of this firmware does not run")
    vm.stop()
    shown = vm.show()
    expect(not stored(vm.container, "Newer"), "not the variables of the saved state")
    expect(any("bank-replaced" in line for line in kinds()) and any("saved state" in line for line in kinds()), kinds())
    vm.holdfast("revert", vm.container, shown["snapshots"][-1]["id"])
    expect(stored(vm.container, "Newer"), "the newer variables are gone")

    image = vm.host.root / "new.fd"
    shutil.copy(pathlib.Path(done.stdout.strip()) / "usr/share/OVMF/OVMF_CODE_4M.fd", image)
    vm.holdfast("stage", vm.container, image)
    vm.virsh("start")
    vm.stop()
    new = digest_of(image.read_bytes())
    expect(vm.active() == new, "the new firmware was not applied")
    vm.inside(state).write_bytes(kept)
    before = vm.holdfast("vars", "list", vm.container, "--data").stdout
    virsh("restore", state, status=None)
    vm.host.wait(lambda: vm.virsh("domstate").strip() == "shut off" and not vm.processes("libvirt guard"), 60, "its end")
    expect("resume-refused" in kinds()[-1], kinds())
    expect(vm.holdfast("vars", "list", vm.container, "--data").stdout == before, "the variables changed")
    vm.virsh("start")
    expect(vm.running_code() == new, "other firmware than the container's")
    vm.stop()


@case("a container that two hosts see runs on one of them; who loses it is told")
def _():
    other = PrivateHost("otherhost", "5f6d1a3e-93a0-4c6b-8f5e-1d0000000002")
    try:
        there = Domain("vm1", other, vm.serial, define=False)
        other.run("umount", STATE)
        other.run("mount", "--bind", shared, STATE)
        there.uuid = there.define(vm.virsh("dumpxml", "--inactive"))
        there.inside("/var/lib/holdfast").mkdir(exist_ok=True)  # installed from a copy of this host's disk
        there.inside("/var/lib/holdfast/host-id").write_text(vm.inside("/var/lib/holdfast/host-id").read_text())
        vm.virsh("start")
        done = other.run("virsh", "start", "vm1", check=False)
        expect(done.returncode and "held by host 'testhost', running since" in done.stderr, done.stderr)
        expect("testhost" in re.search("Running.*", there.holdfast("show", vm.container).stdout)[0], "who runs it is not shown")
        there.holdfast("owner", vm.container, "--take", "--because", "testhost is unplugged")
        there.virsh("start")
        vm.virsh("reset")  # firmware writes variables
        vm.host.wait(lambda: vm.virsh("domstate").strip() == "paused", 120, "the loser's stop")
        shown = vm.holdfast("show", vm.container).stdout
        expect("otherhost" in re.search("Lost.*", shown)[0] and "testhost is unplugged" in shown, shown)
        expect(any("taken" in line and "testhost is unplugged" in line for line in kinds()), kinds())
        vm.stop()
        there.stop()
        vm.holdfast("check", vm.container)
        expect(not [path.name for path in shared.iterdir() if path.name.startswith("vm1.hold-")], "something is left beside it")
    finally:
        other.close()
    vm.holdfast("owner", vm.container, "--take", "--because", "back")


@case("a domain may leave as it was defined, which its container's log says")
def _():
    done = vm.holdfast("libvirt", "release", "vm1", "--allow", status=3)
    expect("rule 'allow'" in done.stderr, done.stderr)
    define(vm.original)
    vm.holdfast("libvirt", "release", "vm1", "--allow")
    expect("release" in vm.holdfast("log", vm.container).stdout.splitlines()[-1], vm.holdfast("log", vm.container).stdout)
    vm.virsh("start")
    expect(not vm.processes("libvirt guard"), "a guard serves it")
    vm.stop()


main(vm.close if vm else None)
