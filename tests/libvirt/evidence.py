# SPDX-License-Identifier: BSD-2-Clause
"""Every way a boot can end under libvirt, and what it counts: libvirt's column of the table in docs/upgrading.md, each row
a real domain. tests/supervisor/evidence.py has the others."""
import itertools
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
    vm.holdfast("set", vm.container, "trial-boots=1", "confirm-by=uptime")
    return vm


if os.geteuid() != 0 or not shutil.which("libvirtd"):
    def main(*unused):
        print("1..0 # SKIP needs root and libvirtd")
    vm = None
else:
    vm = make()


def stage(name, program):
    """The image of a trial that begins with the next start; what was tried before is kept."""
    if vm.show()["lifecycle"]["state"] in ("trial", "rollback"):
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


def boot(name, program, do=None):
    """The first boot of a trial of a firmware that does that. One failure brings the fallback back."""
    stage(name, program)
    boots(do)


def counts_as(name, wanted):
    expect(vm.counts() == wanted, f"{name}: {vm.counts()}\n{vm.show()['lifecycle']}")


def tried(name, program, do=None):
    """That boot does not count."""
    boot(name, program, do)
    counts_as(name, ("trial", 1, 0))


def failed(name, program, do=None):
    """That boot has failed."""
    old = vm.active()
    boot(name, program, do)
    counts_as(name, ("rollback", 1, 1))
    vm.virsh("start")  # what was before is back
    expect(vm.active() == old and vm.counts()[0] == "steady", vm.show()["lifecycle"])
    vm.virsh("destroy")
    off()


numbers = itertools.count()


def runs_on():
    """The guest's firmware is one that does not end."""
    boot(f"still{next(numbers)}", READS + HANG, lambda: vm.virsh("destroy"))
    vm.holdfast("confirm", vm.container)
    return vm.active()


def log():
    return vm.holdfast("log", vm.container).stdout


# Longer than libvirt takes to start a domain, and than the witness takes to look: instructions that QEMU emulates.
WAIT = b"\x66\xb9" + (0x30000000).to_bytes(4, "little") + b"\x67\xe2\xfd"  # mov ecx, N; loop


@case("a start that fails on the host is no boot, and applies nothing that stays")
def _():
    old = vm.active()
    told = stage("no-start", HANG)
    expect("next power-on or reset" in told, told)
    hidden = vm.serial.path.with_name("hidden")
    vm.serial.path.rename(hidden)  # QEMU does not start without it
    for _ in range(4):
        done = vm.host.run("virsh", "start", "ends", check=False)
        expect(done.returncode != 0, "started without its serial port")
        off()
    hidden.rename(vm.serial.path)
    expect(vm.counts() == ("staged", 0, 0) and vm.active() == old, f"{vm.counts()}: {vm.show()}")


@case("the guest's own resets, and a panic: failed")
def _():
    failed("reset", once(RESET, READS + POWER_OFF))
    failed("triple", once(TRIPLE_FAULT, READS + POWER_OFF))
    failed("panic", PANIC)


@case("QEMU's crash, the guest's power-off with and without a sign of life: none counts")
def _():
    tried("crash", HANG, lambda: kill("-SEGV", "guest=ends"))
    tried("off-alive", READS + POWER_OFF)
    tried("off-silent", POWER_OFF)


@case("no sign of life: the guest is reset, and what was before comes back without an operator")
def _():
    old = runs_on()
    vm.holdfast("set", vm.container, "trial-timeout=1")
    stage("silent", HANG)
    vm.virsh("start")
    vm.host.wait(lambda: vm.active() == old and vm.counts()[0] == "steady", 120, f"the rollback: {vm.show()['lifecycle']}")
    vm.host.wait(lambda: state() == "running", 120, "the guest after it")
    expect("no sign of life" in log(), log())
    vm.virsh("destroy")
    off()
    vm.holdfast("set", vm.container, "trial-timeout=300")


@case("a firmware that resets itself for ever is rolled back at its third reset, and not before")
def _():
    old = runs_on()
    vm.holdfast("set", vm.container, "trial-boots=3")
    stage("loops", WAIT + RESET)
    vm.virsh("start")
    vm.host.wait(lambda: vm.counts()[0] == "steady", 300, f"the rollback: {vm.show()['lifecycle']}")
    expect(vm.active() == old, "other firmware than before")
    expect("3 boots ended without the signal" in log(), log())
    vm.host.wait(lambda: state() == "running", 120, "the guest after it")
    vm.virsh("destroy")
    off()
    vm.holdfast("set", vm.container, "trial-boots=1")


@case("what is staged is applied at the guest's own reset, unless upgrade-at says power-on; uptime confirms the trial")
def _():
    vm.holdfast("set", vm.container, "trial-boots=0", "confirm-uptime=1")
    stage("before", READS + WAIT + RESET)
    vm.virsh("start")
    vm.host.wait(lambda: vm.counts()[0] == "steady", 120, f"uptime: {vm.show()['lifecycle']}")
    expect("confirmed by uptime" in log(), log())
    old = vm.active()
    vm.holdfast("set", vm.container, "upgrade-at=power-on")
    stage("after", READS + HANG)
    vm.host.wait(lambda: vm.show()["lifecycle"]["waits"] and "power-on" in vm.show()["lifecycle"]["waits"], 120,
                 f"a reset that does not apply it: {vm.show()['lifecycle']}")
    expect(vm.active() == old, "applied at a reset")
    vm.holdfast("set", vm.container, "upgrade-at=reboot")
    vm.host.wait(lambda: vm.active() != old, 120, f"a reset that applies it: {vm.show()['lifecycle']}")
    vm.host.wait(lambda: vm.counts()[0] == "steady" and state() == "running", 120, f"uptime: {vm.show()['lifecycle']}")
    vm.virsh("destroy")
    off()
    vm.holdfast("set", vm.container, "confirm-uptime=300", "trial-boots=1")


@case("what the operator or the host ends does not count: reset, destroy, kills, a saved state")
def _():
    boot("operator", HANG, lambda: (vm.virsh("reset"), vm.virsh("destroy")))
    counts_as("operator", ("trial", 2, 0))
    tried("killed", HANG, lambda: kill("-KILL", "guest=ends"))
    tried("all-killed", HANG, lambda: kill("-KILL", "libvirt witness", "libvirt watch", "libvirt guard", "nbdkit", "guest=ends"))
    tried("saved", HANG, lambda: vm.virsh("managedsave"))
    boots(lambda: vm.virsh("destroy"))
    expect(vm.counts() == ("trial", 1, 0), f"a saved state that went on: {vm.counts()}")
    for number in range(3):
        boots(lambda: vm.virsh("destroy"))
        expect(vm.counts() == ("trial", 2 + number, 0), f"a power cycle: {vm.counts()}")


@case("a witness that is killed has a successor, which sees the next reset")
def _():
    runs_on()
    stage("unseen", WAIT + WAIT + RESET)
    vm.virsh("start")
    first = vm.processes("libvirt witness")
    kill("-KILL", "libvirt witness")
    vm.host.wait(lambda: set(vm.processes("libvirt witness")) - set(first), 120, "another witness")
    vm.host.wait(lambda: vm.counts()[0] == "steady", 300, f"the rollback: {vm.show()['lifecycle']}")
    vm.virsh("destroy")
    off()


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
