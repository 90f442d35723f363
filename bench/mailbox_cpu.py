#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the mailbox costs the host while a guest boots: processor time of the supervisor per second of boot, with the mailbox
and its driver against without. Target: at most 10 ms per second.

Usage: bench/mailbox_cpu.py [PAIRS]        (default 11; each pair boots twice, interleaved)
"""
import pathlib
import statistics
import sys
import tempfile
import time

import paired
from guest import Guest, create
from program import scratch


def spent(pid):
    """Nanoseconds on a processor, of every thread."""
    tasks = pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks)


def boot(container):
    """Milliseconds of the supervisor, and seconds, from QEMU's start to the UEFI shell's prompt."""
    began = time.monotonic()
    with Guest(container, "-M", "q35") as guest:
        guest.wait_text("UEFI Interactive Shell")
        return spent(guest.process.pid) / 1e6, time.monotonic() - began


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    home, memory = scratch(), paired.runtime_in_memory()
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name:
        here = pathlib.Path(name)
        for mailbox in ("off", "on"):
            create(here / f"{mailbox}.hold", "4m", "q35")
            with Guest(here / f"{mailbox}.hold", "-M", "q35", options=["--mailbox"] * (mailbox == "on")) as guest:
                guest.shell()  # the first boot of a store writes its defaults, and records ROMs
        each, seconds, alone = [], [], []
        for _ in range(pairs):
            with_it, took = boot(here / "on.hold")
            without, took_without = boot(here / "off.hold")
            each.append(with_it / took - without / took_without)
            seconds.append(took)
            alone.append(without / took_without)
    print(f"supervisor while a guest boots, mailbox minus none: {statistics.median(each):.2f} ms of processor time per second "
          f"(median of {pairs} pairs, {min(each):.2f} to {max(each):.2f}; target at most 10); {statistics.median(alone):.2f} "
          f"without, boots of {statistics.median(seconds):.1f} s", flush=True)
    home.cleanup()
    memory.cleanup()


main()
