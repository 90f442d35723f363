#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""How long a paused guest's memory takes to another QEMU on this machine, through holdfast and over a socket between the
two QEMUs. The guest (lost_stores.S) has 256 MiB in use, is paused for the whole move, and QEMU's own limit of its rate is
lifted. With holdfast the time includes the container and its grant.

Usage: bench/stream.py [PAIRS]      (default: 10)
"""
import pathlib
import sys
import tempfile
import time

import paired
from lost_stores import Bare, Held, Monitor, boot_sector

MEMORY_MIB, COUNT = 320, 65536


def unlimited(side):
    side.monitor("migrate-set-parameters", **{"max-bandwidth": 1 << 40})


def held(side):
    """Milliseconds from the pause to the guest's new life."""
    unlimited(side)
    here, there = side.hosts
    words, path = side.arguments()
    moved = here.holdfast("migrate", here.container, "--to", "exec:" + there.receive(), "--json", "--", *words, timeout=600)
    side.monitor.close()
    side.follow(Monitor(path))
    return moved.json["stood-ms"]


def bare(side):
    unlimited(side)
    target, there, state = side.target()
    here = side.monitor
    here("stop")
    begin = time.monotonic()
    here("migrate", uri=f"unix:{state}")
    here.until("query-migrate", "completed")
    there.until("query-status", "paused")
    there("cont")
    took = (time.monotonic() - begin) * 1000
    side.become(target, there)
    return took


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder, \
            tempfile.TemporaryDirectory(prefix="holdfast-bench-", dir="/dev/shm") as memory:
        image = boot_sector(pathlib.Path(folder), 20000, 256, COUNT)
        places = [pathlib.Path(memory) / name for name in ("held", "bare")]
        for place in places:
            place.mkdir()
        sides = [Held(places[0], image, "qemu-system-x86_64", "stopped", MEMORY_MIB),
                 Bare(places[1], image, "qemu-system-x86_64", "bare-stop", MEMORY_MIB)]
        try:
            for side in sides:
                side.counting(COUNT)
                side.monitor("stop")  # the one that does not move takes no processor

            def turn(side, move):
                side.monitor("cont")
                took = move(side)
                side.monitor("stop")
                return took
            paired.run("a paused guest's 256 MiB to another QEMU, holdfast : socket", "ms", pairs,
                       lambda: turn(sides[0], held), lambda: turn(sides[1], bare), target="none")
        finally:
            for side in sides:
                side.close()


main()
