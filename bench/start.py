#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""From the command to the guest's CPUs running, as QEMU itself says it: through holdfast against bare QEMU with the same
arguments and raw files. Target: at most 30 ms more. Machines of several sizes, since QEMU is asked about its devices.

Usage: bench/start.py [PAIRS [MACHINE...]]        (default: 15 of each)
"""
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

import paired
from guest import OVMF, Guest, create, raw_flash
from program import scratch


def devices(count):
    """So many PCI devices, eight to a slot of the root bus."""
    return [word for n in range(count)
            for word in ("-device", f"virtio-rng-pci,multifunction=on,addr={4 + n // 8:#x}.{n % 8}")]


MACHINES = {"ovmf": ["-M", "q35"],
            "100-devices": ["-M", "q35", *devices(100)],
            "64-vcpus": ["-M", "q35", "-smp", "64"]}


def milliseconds(make_guest):
    start = time.monotonic()
    with make_guest() as guest:
        qmp = guest.connect()
        while qmp.status() != "running":
            time.sleep(0.001)
        return (time.monotonic() - start) * 1000


def measure(here, name, pairs):
    code, variables = OVMF["4m"]
    shutil.copy(code, here / "code.fd")
    shutil.copy(variables, here / "vars.fd")
    container = here / f"{name}.hold"
    create(container, "4m", "q35")

    def bare():
        return milliseconds(lambda: Guest(None, *MACHINES[name], *raw_flash(here / "code.fd", here / "vars.fd"),
                                          bare=True))

    def held():
        return milliseconds(lambda: Guest(container, *MACHINES[name]))
    first = held()  # ROMs are recorded, and what the image is was found out for `create`
    bare()
    ours, theirs = [], []
    for _ in range(pairs):
        ours.append(held())
        theirs.append(bare())
    more = [a - b for a, b in zip(ours, theirs)]
    print(f"start, {name}: {statistics.median(more):+.0f} ms (median of {pairs} pairs, {min(more):+.0f} to "
          f"{max(more):+.0f}; target +30); {statistics.median(ours):.0f} ms against {statistics.median(theirs):.0f} ms; "
          f"the first start {first:.0f} ms", flush=True)


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    home, memory = scratch(), paired.runtime_in_memory()
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name:
        for machine in sys.argv[2:] or MACHINES:
            measure(pathlib.Path(name), machine, pairs)
    home.cleanup()
    memory.cleanup()


main()
