#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Guest boot to the UEFI shell: through holdfast against bare QEMU with raw files. Target: at most 1.05.

Usage: bench/boot.py [PAIRS]        (default 11; each pair boots twice, interleaved)
"""
import pathlib
import shutil
import sys
import tempfile
import time

import paired
from guest import OVMF, Guest, create, raw_flash
from program import scratch


def seconds(make_guest):
    """From the start of the program to the shell's prompt."""
    start = time.monotonic()
    with make_guest() as guest:
        guest.shell()
        return time.monotonic() - start


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    home, memory = scratch(), paired.runtime_in_memory()
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name:
        here = pathlib.Path(name)
        code, variables = OVMF["4m"]
        shutil.copy(code, here / "code.fd")
        shutil.copy(variables, here / "vars.fd")
        create(here / "G.hold", "4m", "q35")

        def bare():
            return Guest(None, "-M", "q35", *raw_flash(here / "code.fd", here / "vars.fd"), bare=True)

        def held():
            return Guest(here / "G.hold", "-M", "q35")
        seconds(bare), seconds(held)  # the first boot of a store writes its defaults
        paired.run("boot to the UEFI shell, holdfast : bare QEMU", "s", pairs, lambda: seconds(held),
                   lambda: seconds(bare), target=1.05)
    home.cleanup()
    memory.cleanup()


main()
