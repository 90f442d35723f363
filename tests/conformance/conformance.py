# SPDX-License-Identifier: BSD-2-Clause
"""holdfast-fwcfg-conformance against real QEMUs (machine types old and new, ports and MMIO) and against a pipe.

HOLDFAST_LONG=1: ten times as many operations in lock step."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

from tap import case, expect, main, note, skip

BUILD = pathlib.Path(os.environ["HOLDFAST_BUILD_ROOT"])
SOURCE = pathlib.Path(os.environ["HOLDFAST_SOURCE_ROOT"])
PROGRAM = BUILD / "src/conformance/holdfast-fwcfg-conformance"
PIPE = BUILD / "examples/pipe-device/pipe-device"
STOPPED = "-S -nodefaults -display none -qtest stdio -qtest-log /dev/null".split()
MMIO = ["--mmio", "0x9020000", "--memory", "0x40100000"]
OPERATIONS = 30000 if os.environ.get("HOLDFAST_LONG") else 3000
WHAT = sys.argv[1]


def run(options, command):
    """The program's lines; they must end in a plan and hold no failure."""
    done = subprocess.run([str(PROGRAM), "--operations", str(OPERATIONS), *options, "--", *map(str, command)],
                          capture_output=True, text=True, timeout=300)
    note("\n".join(l for l in done.stdout.splitlines() if not l.startswith("ok") or "lock step" in l or "SKIP" in l))
    expect(done.returncode == 0, f"exit status {done.returncode}\n{done.stderr}")
    return done.stdout


def debian13():
    found = subprocess.run([str(SOURCE / "tests/lib/debian13")], capture_output=True, text=True)
    if found.returncode == 77:
        skip(found.stderr.strip().splitlines()[-1])
    expect(found.returncode == 0, found.stderr)
    return pathlib.Path(found.stdout.strip()) / "run"


def machine(binary, name, options, *arguments, release=12):
    @case(f"Debian {release}: {binary} -M {name} {' '.join(arguments)}")
    def _():
        program = debian13() / binary if release == 13 else shutil.which(binary)
        if not program:
            skip(f"{binary} is not installed")
        run(options, [program, "-M", name, *arguments, *STOPPED])


if WHAT == "pipe":
    @case("a device of this library behind a pipe, as ports")
    def _():
        out = run(["--reset", "line"], [PIPE])
        expect("SKIP" not in out, "nothing is to be skipped")

    @case("the same as MMIO")
    def _():
        out = run(["--mmio", "0x9000000", "--reset", "line"], [PIPE, "--mmio", "0x9000000"])
        expect("SKIP" not in out, "nothing is to be skipped")

    @case("a peer that dies, and one that talks nonsense, are told apart from one that fails")
    def _():
        for command in (["true"], ["yes"]):
            done = subprocess.run([str(PROGRAM), "--", *command], capture_output=True, text=True, timeout=30)
            expect(done.returncode == 1 and "Bail out!" in done.stdout, f"{command}: {done.stdout}")

    @case("wrong usage is status 2")
    def _():
        for options in ([], ["--slots", "3", "--", "true"], ["--port", "x", "--", "true"]):
            done = subprocess.run([str(PROGRAM), *options], capture_output=True, text=True)
            expect(done.returncode == 2 and "usage:" in done.stderr, f"{options}: {done.returncode}")

    @case("the man page has every option of --help, and no other")
    def _():
        shown = subprocess.run([str(PROGRAM), "--help"], capture_output=True, text=True, check=True).stdout
        page = (SOURCE / "man/holdfast-fwcfg-conformance.1.scd").read_text()
        options = set(re.findall(r"^  (--[a-z]+)", shown, re.M))
        described = set(re.findall(r"^\*(--[a-z]+)\*", page, re.M))
        expect(options == described, f"{options} in --help, {described} on the page")
else:
    FILES = ["-device", "vmgenid", "-device", "vmcoreinfo", "-fw_cfg", "name=opt/org.example/x,string=x"]
    OLD = ["--slots", "16"]
    machine("qemu-system-x86_64", "pc-q35-7.2", [], *FILES)
    machine("qemu-system-x86_64", "pc-i440fx-7.2", [], *FILES)
    machine("qemu-system-x86_64", "pc-i440fx-2.5", OLD, *FILES)
    machine("qemu-system-x86_64", "pc-i440fx-2.6", OLD)
    machine("qemu-system-x86_64", "pc-q35-2.8", OLD)
    machine("qemu-system-x86_64", "isapc", ["--reset", "none"])
    machine("qemu-system-x86_64", "microvm", ["--reset", "none"])
    machine("qemu-system-x86_64", "q35", [], "-global", "fw_cfg.dma_enabled=off")
    machine("qemu-system-x86_64", "q35", [], "-global", "ICH9-LPC.x-smi-cpu-hotunplug=off")
    machine("qemu-system-aarch64", "virt", MMIO)
    machine("qemu-system-x86_64", "q35", [], *FILES, release=13)
    machine("qemu-system-aarch64", "virt", MMIO, release=13)
main()
