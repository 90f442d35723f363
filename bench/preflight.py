#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Preflight of 1000 containers against 20 hosts, from files, and one probe. Targets: 2 s; 1 s.

Arguments: the number of containers (1000), and a second QEMU to probe (the machine's own).
"""
import json
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

import paired
from guest import create
from program import SOURCE, holdfast, scratch

HOSTS = 20


def seconds(*arguments):
    start = time.monotonic()
    holdfast(*arguments, status=None, timeout=600)
    return time.monotonic() - start


def many(directory, count):
    """Copies of two guests: what differs between containers is their contents, which every look reads."""
    first = {kind: directory / f"{kind}.hold" for kind in ("4m", "seabios")}
    for kind, path in first.items():
        create(path, kind, "pc-q35-7.2")
    copies = []
    for i in range(count):
        copies.append(directory / f"{i}.hold")
        shutil.copy(first["4m" if i % 2 else "seabios"], copies[-1])
    return copies


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    qemu = sys.argv[2] if len(sys.argv) > 2 else "qemu-system-x86_64"
    os.environ["HOLDFAST_MANIFEST_DIR"] = str(SOURCE / "data" / "manifests")
    home = scratch()
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name:
        directory = pathlib.Path(name)
        caps, hosts = holdfast("caps", "--json").json, []
        for i in range(HOSTS):
            path = directory / f"host{i}.json"
            path.write_text(json.dumps({**caps, "host": f"host{i}"}))
            hosts += ["--host", path]
        copies = many(directory, count)
        paired.line(f"preflight of {count} containers against {HOSTS} hosts",
                    min(seconds("preflight", *copies, *hosts, "--json") for _ in range(3)), "s", "2")
        guest = directory / "seabios.hold"
        words = ["--probe-source", "qemu-system-x86_64", "--json", "--", "-m", "1G", "-nic", "user"]
        paired.line("caps of one QEMU", statistics.median(seconds("caps", "--qemu", qemu) for _ in range(5)), "s", "2")
        one = statistics.median(seconds("preflight", guest, "--probe", qemu, *words) for _ in range(5))
        two = statistics.median(seconds("preflight", guest, "--probe", qemu, "--probe", qemu, *words)
                                for _ in range(5))
        paired.line("preflight with one probe, the source's and the host's description with it", one, "s", "1")
        paired.line("one probe more", two - one, "s", "1")
    home.cleanup()


main()
