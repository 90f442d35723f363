#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Size of a container against the raw files it was made from (OVMF 4M). Targets: 0.5, and 1.0 during a trial."""
import pathlib
import tempfile

import paired
from guest import OVMF, create
from program import holdfast, scratch


def main():
    home = scratch()
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name:
        guest = pathlib.Path(name) / "G.hold"
        create(guest, "4m", "q35")
        raw = sum(pathlib.Path(file).stat().st_size for file in OVMF["4m"])
        paired.line("container : raw files", guest.stat().st_size / raw, "", "0.5")
        holdfast("stage", guest, "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", status=None)
        paired.line("container : raw files, with another image staged and room for the rollback",
                    guest.stat().st_size / raw, "", "1.0")
    home.cleanup()


main()
