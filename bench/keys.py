#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""10,000 variable stores of 4 MB builds audited, its memory beside that of an audit of 100; one `keys update`, beside a
start of the program alone in turn, which says what the machine makes of a process.

    bench/keys.py [STORES]"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import paired

HOLDFAST = paired.ROOT / "build" / "src" / "cli" / "holdfast"
TEMPLATE = pathlib.Path("/usr/share/OVMF/OVMF_VARS_4M.ms.fd")
STORES = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
PAIRS = 51


def measured(*arguments):
    """(seconds, of the processor, peak MiB) of one run."""
    start = time.monotonic()
    child = subprocess.Popen([HOLDFAST, *map(str, arguments)], stdout=subprocess.DEVNULL)
    _, _, usage = os.wait4(child.pid, 0)
    child.returncode = 0
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as scratch:
    scratch = pathlib.Path(scratch)
    few, many = scratch / "few", scratch / "many"
    few.mkdir(), many.mkdir()
    for n in range(STORES):
        os.link(scratch / f"t{n % 100}", many / f"{n}.fd") if n >= 100 else shutil.copy(TEMPLATE, scratch / f"t{n}")
        if n < 100:
            os.link(scratch / f"t{n}", few / f"{n}.fd")
            os.link(scratch / f"t{n}", many / f"{n}.fd")
    _, _, base = measured("keys", "audit", few)
    seconds, processor, peak = measured("keys", "audit", many)
    paired.line(f"audit of {STORES} stores", seconds, "s", "60 for 10,000")
    paired.line(f"audit of {STORES} stores, of one processor", processor, "s", "-")
    paired.line(f"memory of that : of an audit of 100, {base:.1f} MiB", peak / base, "", "1.1")
    times = []

    def update():
        out = scratch / "out.fd"
        out.unlink(missing_ok=True)
        times.append(measured("keys", "update", TEMPLATE, "--set", "microsoft", "--out", out)[0] * 1000)
        return times[-1]

    paired.run("one keys update, whole process : holdfast --version", "ms", PAIRS, update,
               lambda: measured("--version")[0] * 1000, "-")
    paired.line(f"one keys update, the quickest of {PAIRS}", min(times), "ms", 20)
