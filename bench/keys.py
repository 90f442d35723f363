#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""10,000 variable stores of 4 MB builds audited, its memory beside that of an audit of 100; one `keys update`.

    bench/keys.py [STORES]"""
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
HOLDFAST = ROOT / "build" / "src" / "cli" / "holdfast"
TEMPLATE = pathlib.Path("/usr/share/OVMF/OVMF_VARS_4M.ms.fd")
STORES = int(sys.argv[1]) if len(sys.argv) > 1 else 10000


def measured(*arguments):
    """(seconds, peak MiB) of one run."""
    start = time.monotonic()
    child = subprocess.Popen([HOLDFAST, *map(str, arguments)], stdout=subprocess.DEVNULL)
    _, _, usage = os.wait4(child.pid, 0)
    child.returncode = 0
    return time.monotonic() - start, usage.ru_maxrss / 1024


with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as scratch:
    scratch = pathlib.Path(scratch)
    few, many = scratch / "few", scratch / "many"
    few.mkdir(), many.mkdir()
    for n in range(STORES):
        os.link(scratch / f"t{n % 100}", many / f"{n}.fd") if n >= 100 else shutil.copy(TEMPLATE, scratch / f"t{n}")
        if n < 100:
            os.link(scratch / f"t{n}", few / f"{n}.fd")
            os.link(scratch / f"t{n}", many / f"{n}.fd")
    _, base = measured("keys", "audit", few)
    seconds, peak = measured("keys", "audit", many)
    print(f"audit of {STORES} stores: {seconds:.1f} s (target for 10,000: 60 s), {peak:.1f} MiB; of 100: {base:.1f} MiB")
    times = [measured("keys", "update", TEMPLATE, "--set", "microsoft", "--out", scratch / f"o{n}")[0] for n in range(21)]
    print(f"one keys update, whole process, median of 21: {statistics.median(times) * 1000:.1f} ms (target: 20 ms)")
