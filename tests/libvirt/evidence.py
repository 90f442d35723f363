# SPDX-License-Identifier: BSD-2-Clause
"""Every way a boot can end under libvirt, where nobody watches, and what it counts: libvirt's column of the table in
docs/upgrading.md, each row a real domain. tests/supervisor/evidence.py has the others."""
import os
import shutil

import tiny_firmware
from domain import DOMAIN, Domain
from guest import OVMF
from tap import case, expect, main
from tiny_firmware import HANG, PANIC, POWER_OFF, READS, RESET, TRIPLE_FAULT, once

DEVICES = "<disk type='file' device='disk'><source file='{disk}'/><target dev='hda' bus='ide'/></disk><panic model='isa'/>"


def make():
    vm = Domain("ends", define=False)
    disk = vm.host.root / "disk.raw"
    disk.write_bytes(bytes(1 << 20))
    xml = DOMAIN.format(name="ends", serial=vm.serial.path).replace("pc-q35-7.2", "pc-i440fx-7.2")
    vm.uuid = vm.define(xml.replace("</devices>", DEVICES.format(disk=disk) + "</devices>"))
    vm.holdfast("libvirt", "adopt", "ends")
    vm.holdfast("set", vm.container, "trial-boots=1", "trial-timeout=1", "confirm-by=uptime")
    return vm


if os.geteuid() != 0 or not shutil.which("libvirtd"):
    def main(*unused):
        print("1..0 # SKIP needs root and libvirtd")
    vm = None
else:
    vm = make()


def stage(name, program):
    """The image of a trial that begins with the next start; what was tried before is kept."""
    if vm.show()["lifecycle"]["state"] == "trial":
        vm.holdfast("confirm", vm.container)
    path = vm.host.root / f"{name}.fd"
    with open(OVMF["4m"][0], "rb") as code:
        path.write_bytes(tiny_firmware.image(code.read(), name, program))
    return vm.holdfast("stage", vm.container, path).stdout


def state():
    return vm.virsh("domstate").strip()


def off():
    vm.host.wait(lambda: state() == "shut off", 120, "the domain's end")
    vm.host.wait(lambda: not vm.processes("libvirt guard"), 120, "the guard's end")


def kill(signal, *words):
    for word in words:
        for pid in vm.processes(word):
            vm.host.run("kill", signal, pid, check=False)


def boots(do=None):
    vm.virsh("start")
    if do:
        do()
    off()


def tried(name, program, do=None):
    """A trial of a firmware that does that, whose first boot ends so. One failure would bring the fallback back."""
    stage(name, program)
    new = vm.show()["slots"]["staged"]["sha256"]
    boots(do)
    expect(vm.counts() == ("trial", 1, 0) and vm.active() == new, f"{name}: {vm.counts()}\n{vm.show()['lifecycle']}")
    expect("are not watched" in vm.show()["lifecycle"]["trial"], vm.show()["lifecycle"])


def lives_on():
    """Longer than it may go without a sign of life where somebody watches."""
    pid = vm.processes("guest=ends")[0]
    vm.host.wait(lambda: int(vm.host.run("ps", "-o", "etimes=", "-p", pid).stdout) > 3, 120, "three seconds")
    expect(state() == "running" and vm.counts() == ("trial", 1, 0), f"{state()}: {vm.counts()}")
    vm.virsh("destroy")


@case("a start that fails on the host is no boot, and applies nothing that stays")
def _():
    old = vm.active()
    told = stage("no-start", HANG)
    expect("next power-on" in told and "reset" not in told and "holdfast confirm" in told, told)
    hidden = vm.serial.path.with_name("hidden")
    vm.serial.path.rename(hidden)  # QEMU does not start without it
    for _ in range(4):
        done = vm.host.run("virsh", "start", "ends", check=False)
        expect(done.returncode != 0, "started without its serial port")
        off()
    hidden.rename(vm.serial.path)
    expect(vm.counts() == ("staged", 0, 0) and vm.active() == old, f"{vm.counts()}: {vm.show()}")


@case("the guest's own resets, and a silence: it goes on unseen")
def _():
    tried("reset", once(RESET, READS + POWER_OFF))
    tried("triple", once(TRIPLE_FAULT, READS + POWER_OFF))
    tried("silent", HANG, lives_on)


@case("a panic, QEMU's crash, the guest's power-off with and without a sign of life: none counts")
def _():
    tried("panic", PANIC)
    tried("crash", HANG, lambda: kill("-SEGV", "guest=ends"))
    tried("off-alive", READS + POWER_OFF)
    tried("off-silent", POWER_OFF)


@case("what the operator or the host ends does not count: reset, destroy, kills, a saved state")
def _():
    tried("operator", HANG, lambda: (vm.virsh("reset"), vm.virsh("destroy")))
    tried("killed", HANG, lambda: kill("-KILL", "guest=ends"))
    tried("all-killed", HANG, lambda: kill("-KILL", "libvirt watch", "libvirt guard", "nbdkit", "guest=ends"))
    tried("saved", HANG, lambda: vm.virsh("managedsave"))
    boots(lambda: vm.virsh("destroy"))
    expect(vm.counts() == ("trial", 1, 0), f"a saved state that went on: {vm.counts()}")
    for number in range(3):
        boots(lambda: vm.virsh("destroy"))
        expect(vm.counts() == ("trial", 2 + number, 0), f"a power cycle that nobody watched: {vm.counts()}")


@case("a saved state goes on without a word to the hook, as a snapshot with memory does: no boot, also where it is refused")
def _():
    hook, state_file = vm.inside("/etc/libvirt/hooks/qemu.d/holdfast"), "/var/lib/libvirt/qemu/ends.state"
    hook.write_text(hook.read_text().replace("#!/bin/sh\n", '#!/bin/sh\n[ "$2" = restore ] && exit 0\n'))
    tried("reverted", HANG, lambda: vm.virsh("save", state_file, timeout=300))
    kept = vm.inside(state_file).read_bytes()
    vm.host.run("virsh", "restore", state_file, timeout=300)
    vm.stop()
    off()
    expect(vm.counts() == ("trial", 1, 0), f"a state that went on: {vm.counts()}")
    stage("later", HANG)
    later = vm.show()["slots"]["staged"]["sha256"]
    vm.inside(state_file).write_bytes(kept)
    vm.host.run("virsh", "restore", state_file, check=False, timeout=300)
    off()
    expect("resume-refused" in vm.holdfast("log", vm.container).stdout, vm.holdfast("log", vm.container).stdout)
    now = vm.show()
    expect(vm.counts() == ("staged", 0, 0) and now["slots"]["staged"]["sha256"] == later, f"{vm.counts()}: {now}")
    vm.holdfast("unstage", vm.container)


main(vm.close if vm else None)
