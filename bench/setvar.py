#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""100 UEFI variables set from the guest's shell (about 30000 flash writes): through holdfast against QEMU with raw files
that nobody syncs. Target: at most 1.1.

Usage: bench/setvar.py [PAIRS]      (default 5; each pair boots twice, interleaved)
"""
import pathlib
import shutil
import sys
import tempfile
import time

import paired
from guest import MARKER_GUID, OVMF, Guest, create, raw_flash
from program import scratch


def script(folder):
    folder.mkdir()
    lines = ["@echo -off"]
    lines += [f"setvar Bench{n} -guid {MARKER_GUID} -bs -rt -nv ={n:02x}a5a5a5a5a5a5a5" for n in range(100)]
    (folder / "set.nsh").write_text("\r\n".join(lines) + "\r\n")
    return ["-drive", f"file=fat:{folder},format=raw,if=virtio,readonly=on"]


def seconds(make_guest):
    with make_guest() as guest:
        shell = guest.shell()
        shell.run("fs0:")
        start = time.monotonic()
        shell.run("set.nsh", seconds=300)
        return time.monotonic() - start


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    home, memory = scratch(), paired.runtime_in_memory()
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name:
        here = pathlib.Path(name)
        code, variables = OVMF["4m"]
        drive = script(here / "fat")

        def bare():
            shutil.copy(code, here / "code.fd")
            shutil.copy(variables, here / "vars.fd")
            return Guest(None, "-M", "q35", *raw_flash(here / "code.fd", here / "vars.fd"), *drive, bare=True)

        def held():
            (here / "G.hold").unlink(missing_ok=True)
            create(here / "G.hold", "4m", "q35")
            return Guest(here / "G.hold", "-M", "q35", *drive)
        paired.run("100 variables set from the guest, holdfast : raw file", "s", pairs, lambda: seconds(held),
                   lambda: seconds(bare), target=1.1)
    home.cleanup()
    memory.cleanup()


main()
