#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Memory that the server of one guest has for itself, after both 64 MiB banks of AAVMF were read once. Target: 8 MiB."""
import pathlib
import re

import paired
from program import scratch
from serving import AAVMF_CODE, AAVMF_VARS, Serving, make


def private(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(n) for n in re.findall(r"^Private_(?:Clean|Dirty): +(\d+) kB$", text, re.M)) / 1024


def main():
    home = scratch()
    path = make(pathlib.Path(home.name) / "G.hold", AAVMF_CODE, AAVMF_VARS, "virt-7.2", "aarch64")
    with Serving(path) as s, s.client("code") as code, s.client("vars") as variables:
        paired.line("private memory of the server at its start", private(s.server_pid()), "MiB", "none")
        code.read_all()
        variables.read_all()
        paired.line("private memory of the server, 64 MiB banks read once", private(s.server_pid()), "MiB", "8")
    home.cleanup()


main()
