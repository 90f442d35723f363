#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""How much longer a live migration keeps a guest from running with holdfast than bare. Target: at most 5 ms more.

The UEFI shell of OVMF, then of AAVMF, counts on the serial port without pause. The guest moves to the same QEMU on this
machine and back; what is measured is the time from the last byte that it said here to the first one that it says there.
With holdfast its state travels through `holdfast receive` and two pipes, its container with it, both on a disk as slow as
the temporary directory's; bare, one QEMU gives it to the other over a socket and both have the same variables in a raw
file. Two guests, one of each kind, move in turn; the one that does not move is stopped. Display adapters are left out:
a console that scrolls would add to both what its picture takes to travel.

Usage: bench/downtime.py [PAIRS [ovmf|aavmf]]      (default: 10 of each)
"""
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import paired
from guest import OVMF, Guest, wait_until
from moving import Host, Traveller

SETTLE = 0.7  # seconds of counting before and after
LIMIT_MS = 10  # QEMU stops a guest when the rest of its memory takes no longer; its own default is 300
FIRMWARE = {"ovmf": ("4m", "x86_64", "pc-q35-7.2"), "aavmf": ("aavmf", "aarch64", "virt-7.2")}


def arguments(root, machine):
    """The guest's words, with a disk that has the script that counts."""
    folder = root / "disk"
    folder.mkdir()
    (folder / "count.nsh").write_text("@echo -off\r\nfor %i run (10000 99999)\r\necho %i\r\nendfor\r\n")
    return ["-M", machine, "-vga", "none", "-drive", f"file=fat:{folder},format=raw,if=virtio,readonly=on"]


class Held:
    """A guest that holdfast runs, and the two hosts between which it moves."""

    def __init__(self, root, runtime, kind):
        firmware, arch, machine = FIRMWARE[kind]
        self.hosts = [Host(root / name, runtime=runtime / name) for name in ("here", "there")]
        here = self.hosts[0]
        here.holdfast("create", here.container, "--arch", arch, "--machine", machine, "--firmware", OVMF[firmware][0],
                      "--vars", OVMF[firmware][1])
        self.guest = Traveller(here, *arguments(root, machine), arch=arch)

    def move(self):
        self.hosts.reverse()
        self.guest.move(self.hosts[0], options=["--live-emulated"])


class Bare:
    """The same with QEMU alone, its variables in a raw file that both have."""

    def __init__(self, root, _, kind):
        firmware, arch, machine = FIRMWARE[kind]
        flash = []
        for name, unit in zip(("code", "vars"), OVMF[firmware]):
            shutil.copy(unit, root / name)
            flash += ["-drive", f"if=pflash,format=raw,file={root / name},readonly={'on' if name == 'code' else 'off'},"
                                "file.locking=off"]
            if arch == "aarch64":
                os.truncate(root / name, 64 << 20)
        self.state = root / "state"
        self.guest = Guest(None, *arguments(root, machine), *flash, bare=True, arch=arch)

    def move(self):
        guest = self.guest
        target = subprocess.Popen([*guest.command, "-incoming", f"unix:{self.state}"], stdin=subprocess.DEVNULL,
                                  stdout=guest.errors, stderr=guest.errors)
        wait_until(lambda: guest.monitor.waiting and self.state.exists(), 60, "the other QEMU")
        source, guest.process = guest.process, target
        guest.connect().execute("migrate", uri=f"unix:{self.state}")
        wait_until(lambda: guest.qmp.execute("query-migrate").get("status") == "completed", 120, "the migration")
        guest.qmp.execute("quit")
        source.wait(60)
        wait_until(lambda: not guest.serial.waiting and not guest.monitor.waiting, 60, "the end of the first QEMU")
        guest.qmp_ready = False
        self.state.unlink(missing_ok=True)


def start_counting(guest):
    shell = guest.shell()
    shell.run("fs0:")
    shell.tell("count.nsh")
    guest.wait_text("10100")
    guest.connect().execute("stop")


class Crashed(Exception):
    """The firmware said so. QEMU's emulation can lose stores of a guest that runs while it moves (docs/handover.md)."""


def gap(side):
    """In milliseconds, of one move."""
    guest = side.guest
    guest.connect().execute("cont")
    time.sleep(SETTLE)
    guest.qmp.execute("migrate-set-parameters", **{"downtime-limit": LIMIT_MS})
    begin, before = len(guest.serial.heard), guest.serial.peer
    side.move()

    def both():
        heard = guest.serial.heard[begin:]
        return [t for t, peer in heard if peer is not before][:20], [t for t, peer in heard if peer is before]

    def crashed():
        return re.search(rb"Exception Type - .*|Synchronous Exception at .*", bytes(guest.serial.data))
    wait_until(lambda: len(both()[0]) == 20 or crashed(), 60, "the guest's count after the move")
    time.sleep(SETTLE)
    if crashed():
        raise Crashed(f"{type(side).__name__.lower()}, after a move: {crashed().group().decode(errors='replace').strip()}")
    guest.connect().execute("stop")
    after, earlier = both()
    return (after[0] - [t for t in earlier if t < after[0]][-1]) * 1000


def show(kind, ours, theirs):
    more = [a - b for a, b in zip(ours, theirs)]
    print(f"{kind}: a live migration keeps the guest from running {statistics.median(more):.1f} ms longer than bare (median "
          f"of {len(more)} pairs, {min(more):.1f} to {max(more):.1f}; target at most 5): {statistics.median(ours):.1f} ms "
          f"against {statistics.median(theirs):.1f} ms, the shortest {min(ours):.1f} ms against {min(theirs):.1f} ms",
          flush=True)


def measure(kind, pairs):
    ours, theirs = [], []
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as disk, \
            tempfile.TemporaryDirectory(prefix="holdfast-bench-", dir="/dev/shm") as memory:
        (pathlib.Path(disk) / "held").mkdir()
        (pathlib.Path(disk) / "bare").mkdir()
        held = Held(pathlib.Path(disk) / "held", pathlib.Path(memory), kind)
        with held.guest:
            start_counting(held.guest)
            bare = Bare(pathlib.Path(disk) / "bare", None, kind)
            with bare.guest:
                start_counting(bare.guest)
                try:
                    while len(theirs) < pairs:
                        ours.append(gap(held))
                        theirs.append(gap(bare))
                except Crashed as crash:
                    print(f"{kind}: the guest crashed ({crash}), as docs/handover.md tells of emulated guests; what was "
                          "measured until then:", flush=True)
    if theirs:
        show(kind, ours[:len(theirs)], theirs)


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    for kind in sys.argv[2:] or FIRMWARE:
        measure(kind, pairs)


main()
