#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""How much longer a live migration keeps the guest waiting with holdfast than bare: OVMF's shell counts on its serial port
without pause, QEMU moves to the same QEMU on this machine, and the longest silence is measured. Target: at most 5 ms more.

Usage: bench/downtime.py [PAIRS]      (default 5; each pair boots twice, interleaved)
"""
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import paired
from guest import OVMF, Guest, Qmp, Stream, wait_until
from moving import Host, Traveller

SETTLE = 1.0  # seconds of counting before and after


def arguments(root):
    """The guest's words, with a disk that has the script that counts."""
    folder = root / "disk"
    folder.mkdir()
    (folder / "count.nsh").write_text("@echo -off\r\nfor %i run (10000 99999)\r\necho %i\r\nendfor\r\n")
    return ["-M", "pc-q35-7.2", "-drive", f"file=fat:{folder},format=raw,if=virtio,readonly=on"]


def longest_silence(guest, move):
    """In milliseconds, while `move` happens."""
    shell = guest.shell()
    shell.run("fs0:")
    shell.tell("count.nsh")
    guest.wait_text("10100")
    time.sleep(SETTLE)
    begin = len(guest.serial.heard)
    move()
    heard = len(guest.serial.heard)
    wait_until(lambda: len(guest.serial.heard) > heard + 20, 60, "the guest's count after the move")
    time.sleep(SETTLE)
    times = guest.serial.heard[begin:]
    return max(b - a for a, b in zip(times, times[1:])) * 1000


def held(root):
    here, there = Host(root / "here"), Host(root / "there")
    here.holdfast("create", here.container, "--firmware", OVMF["4m"][0], "--vars", OVMF["4m"][1], "--machine", "pc-q35-7.2")
    with Traveller(here, *arguments(root)) as guest:
        return longest_silence(guest, lambda: guest.move(there))


def bare(root):
    """The same with QEMU alone, its variables in a raw file that both have."""
    shutil.copy(OVMF["4m"][0], root / "code.fd")
    shutil.copy(OVMF["4m"][1], root / "vars.fd")
    flash = ["-drive", f"if=pflash,format=raw,readonly=on,file={root}/code.fd",
             "-drive", f"if=pflash,format=raw,file={root}/vars.fd,file.locking=off"]
    second = Stream(root / "second")
    with Guest(None, *arguments(root), *flash, bare=True) as guest:
        words = [w.replace(str(guest.monitor.path), str(second.path)) for w in guest.command]

        def move():
            target = subprocess.Popen([*words, "-incoming", f"unix:{root}/state"], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            targets.append(target)
            Qmp(second).connect()
            guest.connect().execute("migrate", uri=f"unix:{root}/state")
            wait_until(lambda: guest.qmp.execute("query-migrate").get("status") == "completed", 120, "the migration")
            guest.qmp.execute("quit")
        targets = []
        try:
            return longest_silence(guest, move)
        finally:
            for target in targets:
                target.kill()
                target.wait()
            second.close()


def measure(what):
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name:
        return what(pathlib.Path(name))


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    more, ours, theirs = [], [], []
    for _ in range(pairs):
        ours.append(measure(held))
        theirs.append(measure(bare))
        more.append(ours[-1] - theirs[-1])
    print(f"live migration downtime, holdfast minus bare: {statistics.median(more):.1f} ms (median of {pairs} pairs, "
          f"{min(more):.1f} to {max(more):.1f}; target at most 5); {statistics.median(ours):.1f} ms against "
          f"{statistics.median(theirs):.1f} ms", flush=True)


main()
