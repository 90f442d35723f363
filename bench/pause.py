#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""How long one flash write keeps the guest waiting: the writes of a whole OVMF boot, each answered before the next is
sent, through `holdfast serve` and through nbdkit's file plugin. Target: p99 at most 5 ms.

Usage: bench/pause.py [PAIRS]       (default 5; 17469 writes each)
"""
import pathlib
import shutil
import subprocess
import sys
import time

import paired
import flash_trace
import nbd
from program import scratch
from serving import OVMF_VARS, Serving, make

HERE = None
longest = {"p99": [], "p99.9": [], "max": []}


def replay(client, keep=False):
    """Microseconds per write on average; the tail goes to `longest`."""
    view = bytearray(OVMF_VARS.read_bytes())
    trace = list(flash_trace.writes(view))
    took = []
    start = time.perf_counter()
    for offset, data in trace:
        begin = time.perf_counter()
        client.write(offset, data)
        took.append(time.perf_counter() - begin)
    whole = time.perf_counter() - start
    took.sort()
    if keep:
        for name, share in (("p99", 0.99), ("p99.9", 0.999), ("max", 1)):
            longest[name].append(took[min(len(took) - 1, int(len(took) * share))] * 1000)
    return whole / len(trace) * 1e6


def held():
    path = HERE / "G.hold"
    path.unlink(missing_ok=True)
    make(path)
    with Serving(path) as s, s.client("vars") as client:
        return replay(client, keep=True)


def raw():
    shutil.copy(OVMF_VARS, HERE / "vars.fd")
    sock = HERE / "raw.sock"
    server = subprocess.Popen(["nbdkit", "-f", "-U", sock, "file", HERE / "vars.fd"])
    while not sock.exists():
        time.sleep(0.01)
    with nbd.Client(sock, "") as client:
        value = replay(client)
    server.terminate()
    server.wait()
    sock.unlink(missing_ok=True)
    return value


def main():
    global HERE
    home, memory = scratch(), paired.runtime_in_memory()
    HERE = pathlib.Path(home.name)
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    paired.run("one flash write, holdfast : nbdkit's file plugin (not durable)", "us", pairs, held, raw, target="none")
    for name, values in longest.items():
        paired.line(f"longest pause by one flash write, {name} (worst of {pairs} runs)", max(values), "ms",
                    "5" if name == "p99" else "none")
    home.cleanup()
    memory.cleanup()


main()
