# SPDX-License-Identifier: BSD-2-Clause
"""Measures two things in turn, A B A B ..., and prints the ratio pair by pair, so that a machine whose speed drifts
does not decide. Benchmarks print; they do not judge."""
import os
import pathlib
import statistics
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "lib"))
os.environ.setdefault("HOLDFAST_SOURCE_ROOT", str(ROOT))
os.environ.setdefault("HOLDFAST_BUILD_ROOT", str(ROOT / "build"))


def run(title, unit, pairs, ours, theirs, target):
    ratios, a, b = [], [], []
    for _ in range(pairs):
        a.append(ours())
        b.append(theirs())
        ratios.append(a[-1] / b[-1])
    print(f"{title}: ratio {statistics.median(ratios):.3f} (median of {pairs} pairs, {min(ratios):.3f} to "
          f"{max(ratios):.3f}; target {target}); {statistics.median(a):.4g} {unit} against "
          f"{statistics.median(b):.4g} {unit}", flush=True)


def runtime_in_memory():
    """The runtime directory where it is in use: on a file system in memory. Removed when the object dies."""
    directory = tempfile.TemporaryDirectory(prefix="holdfast-bench-", dir="/dev/shm")
    os.environ["HOLDFAST_RUNTIME_DIR"] = directory.name
    return directory


def line(title, value, unit, target):
    """A figure that needs no pair: a size, or a ratio of sizes."""
    print(f"{title}: {value:.4g} {unit} (target {target})".replace("  ", " "), flush=True)
