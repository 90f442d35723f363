# SPDX-License-Identifier: BSD-2-Clause
"""holdfast-fwcfg-conformance against real QEMUs (machine types old and new, ports and MMIO) and against a pipe.

HOLDFAST_LONG=1: ten times as many operations in lock step."""
import os
import pathlib
import re
import shutil
import struct
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


class Peer:
    """A machine that takes qtest commands; closes with the block."""

    def __init__(self, command, reset):
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, bufsize=1)
        self.how = reset

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        answer = self.process.stdout.readline().strip()
        expect(answer.startswith("OK"), f"'{answer}' to '{line}'")
        return answer[3:]

    def item(self, key, size):
        self.ask(f"outw 0x510 {key:#x}")
        return bytes(int(self.ask("inb 0x511"), 16) for _ in range(size))

    def key(self, name):
        directory = self.item(0x19, 2052)
        rows = [directory[4 + 64 * i:][:64] for i in range(int.from_bytes(directory[:4], "big"))]
        return next(int.from_bytes(r[4:6], "big") for r in rows if r[8:].rstrip(b"\0") == name.encode())

    def dma(self, control, length, address, high=True):
        descriptor = struct.pack(">IIQ", control, length, address)
        self.ask(f"write 0x100000 16 0x{descriptor.hex()}")
        if high:
            self.ask("outl 0x514 0")
        self.ask("outl 0x518 0x00001000")
        return int(self.ask("read 0x100000 4")[2:], 16)

    def reset(self):
        for line in self.how:
            self.ask(line)


def differences(peer):
    """(item after a write from no memory, does the low half alone reach low memory after half an address and a reset)"""
    key = peer.key("etc/smi/requested-features")
    peer.ask("write 0x101000 8 0x0102030405060708")
    expect(peer.dma(key << 16 | 0x18, 8, 0x101000) == 0, "the write failed")
    expect(peer.dma(key << 16 | 0x18, 8, 1 << 40) == 1, "the write from no memory did not fail")
    left = peer.item(key, 8)
    peer.ask("outl 0x514 0x01000000")
    peer.reset()
    return left, peer.dma(8, 0, 0, high=False) == 0


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

    @case("what docs/libholdfast-fw.md calls different: this device")
    def _():
        with Peer([PIPE], ["reset"]) as peer:
            expect(differences(peer) == (bytes(range(1, 9)), True), "the page is wrong about this device")

    @case("a peer that dies, and one that talks nonsense, are told apart from one that fails")
    def _():
        for command in (["true"], ["yes"]):
            done = subprocess.run([str(PROGRAM), "--", *command], capture_output=True, text=True, timeout=30)
            expect(done.returncode == 1 and "Bail out!" in done.stdout, f"{command}: {done.stdout}")

    @case("wrong usage is status 2")
    def _():
        for options in ([], ["--slots", "3", "--", "true"], ["--port", "x", "--", "true"]):
            done = subprocess.run([str(PROGRAM), *options], capture_output=True, text=True)
            expect(done.returncode == 2 and done.stderr.count("\n") == 1 and "--help" in done.stderr, f"{options}: {done.returncode}")

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

    @case("what docs/libholdfast-fw.md calls different: QEMU")
    def _():
        with Peer(["qemu-system-x86_64", "-M", "q35", *STOPPED], ["outb 0xcf9 6", "inb 0xcf9"]) as peer:
            expect(differences(peer) == (bytes(8), False), "the page is wrong about QEMU")


main()
