# SPDX-License-Identifier: BSD-2-Clause
"""What a program that was linked with an earlier libholdfast-fw.so of this major version relies on is still there: held
with abidiff (abigail-tools) against the recorded interface.

Usage: abi.py --record LIBRARY    after a change that only adds (a function, a member in place of a reserved one), or with a new major version
"""
import lzma
import os
import pathlib
import platform
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RECORD = ROOT / "tests" / "data" / "holdfast-fw-0.abi.xz"
HEADERS = [option for room in ("base", "fwcfg", "negotiate", "acpi", "flash", "fw")
           for option in ("--headers-dir", ROOT / "src" / room / "include" / "holdfast")]


def call(*command):
    return subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def described(library):
    got = subprocess.run(["abidw", *map(str, HEADERS), "--no-show-locs", "--no-corpus-path", "--no-comp-dir-path",
                          str(library)], stdout=subprocess.PIPE, check=True)
    return got.stdout


if sys.argv[1:2] == ["--record"]:
    RECORD.write_bytes(lzma.compress(described(sys.argv[2])))
    sys.exit()

from tap import case, expect, main, skip  # noqa: E402


@case("every function and type of the recorded interface is as it was")
def _():
    library = pathlib.Path(os.environ["HOLDFAST_BUILD_ROOT"]) / "src" / "fw" / "libholdfast-fw.so.0"
    if platform.machine() != "x86_64":
        skip(f"the recorded interface is that of x86-64, this is {platform.machine()}")
    try:
        call("abidiff", "--version")
    except FileNotFoundError:
        skip("abidiff is not installed (abigail-tools)")
    if ".debug_info" not in call("readelf", "-S", library).stdout or os.environ.get("HOLDFAST_SLOWED"):
        skip("this library has no description of its types, or one that the sanitizers changed")
    with tempfile.TemporaryDirectory() as place:
        was = pathlib.Path(place) / "was.abi"
        was.write_bytes(lzma.decompress(RECORD.read_bytes()))
        expect(b"hf_fwcfg_config" in was.read_bytes(), "the record holds no types")
        got = call("abidiff", "--no-added-syms", was, library)
    expect(got.returncode == 0, f"abidiff says {got.returncode}:\n{got.stdout}")


main()
