# SPDX-License-Identifier: BSD-2-Clause
"""Real firmware on a VMM that is nothing but the library: SeaBIOS, which never heard of negotiation, and the example
firmware, which negotiates; VMMs without, with and with fewer extensions; guests that move between them at a reset."""
import functools
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from tap import case, expect, main, note, skip

BUILD = pathlib.Path(os.environ["HOLDFAST_BUILD_ROOT"])
SOURCE = pathlib.Path(os.environ["HOLDFAST_SOURCE_ROOT"])
PROGRAM = BUILD / "examples/kvm-pc/kvm-pc"
FIRMWARE = BUILD / "examples/firmware/firmware.rom"
SEABIOS = pathlib.Path("/usr/share/seabios/bios-256k.bin")
DIRECTORY = pathlib.Path(tempfile.mkdtemp())
NOTHING, EXTENDED = ["--no-negotiation"], ["--acpi", "3"]


def run(*options, status=0):
    done = subprocess.run([str(PROGRAM), "--seconds", "60", *map(str, options)], capture_output=True, timeout=90)
    text = (done.stdout + b"\n" + done.stderr).decode(errors="replace")
    if done.returncode == 77 or "KVM: no virtual machine" in text:
        skip(f"/dev/kvm cannot be used here: {text.strip()}")
    expect(done.returncode == status, f"exit status {done.returncode}, not {status}:\n{text}")
    return text


def seabios(*options):
    if not SEABIOS.exists():
        skip("seabios is not installed")
    return run(*options, "--until", "No bootable device.", "--audit")


def example(*options, **more):
    return run(*options, "--until", "firmware done", **more)


@functools.cache
def agreed():
    """What the example firmware said when it agreed on everything, and the state that was saved then. Skips without KVM."""
    state = DIRECTORY / "agreed"
    return example("--firmware", FIRMWARE, *EXTENDED, "--save", state), state


def complete(text):
    """SeaBIOS found its tables and told the host where the device's data is."""
    expect("internal error" not in text, text)
    expect("table(50434146)=" in text and "ACPI: parse DSDT" in text, f"no tables:\n{text}")
    expect("parse error" not in text, text)
    expect("etc/example_addr: 0x0\n" not in text, f"the host was not told:\n{text}")
    note(next(l for l in text.splitlines() if "parse DSDT" in l))


@case("SeaBIOS on a VMM of before")
def _():
    complete(seabios("--firmware", SEABIOS, *NOTHING))


@case("SeaBIOS on a VMM with extensions gets what it understands")
def _():
    text = seabios("--firmware", SEABIOS, *EXTENDED)
    complete(text)
    expect("etc/negotiate/window            160 bytes: 0 selects" in text, "SeaBIOS knows the window")


@case("Debian 13's SeaBIOS too")
def _():
    found = subprocess.run([SOURCE / "tests/lib/debian13"], capture_output=True, text=True)
    if found.returncode == 77:
        skip(found.stderr.strip().splitlines()[-1])
    expect(found.returncode == 0, found.stderr)
    complete(seabios("--firmware", pathlib.Path(found.stdout.strip()) / "usr/share/seabios/bios-256k.bin", *EXTENDED))


@case("SeaBIOS on a VMM that does not ask (the proposal of 2017) loses the device")
def _():
    text = seabios("--firmware", SEABIOS, *EXTENDED, "--always")
    expect("internal error detected at romfile_loader_allocate" in text, text)
    expect("etc/example_addr: 0x0\n" in text, text)


@case("SeaBIOS moves to a VMM with more, resets there, and gets what it understands")
def _():
    state = DIRECTORY / "moves"
    complete(seabios("--firmware", SEABIOS, *NOTHING, "--save", state))
    complete(seabios("--load", state, *EXTENDED))


@case("SeaBIOS moves back")
def _():
    state = DIRECTORY / "moves-back"
    complete(seabios("--firmware", SEABIOS, *EXTENDED, "--save", state))
    complete(seabios("--load", state, *NOTHING))


@case("SeaBIOS resets the machine itself, three boots")
def _():
    text = seabios("--firmware", SEABIOS, *EXTENDED, "--boot-fail-wait", "100", "--times", "3")
    expect(text.count("ACPI: parse DSDT") == 3, text)


@case("the example firmware agrees and gets the extended script")
def _():
    text, _state = agreed()
    expect("agreed 0x3" in text and "zone 3, no tables" in text and "1 tables" in text, text)
    expect("told the host" in text, text)


@case("it moves to an equal VMM, resets, and agrees anew")
def _():
    text = example("--load", agreed()[1], *EXTENDED)
    expect("agreed 0x3" in text and "zone 3, no tables" in text, text)


@case("it is refused by a VMM that lacks what was agreed, by the bit's number")
def _():
    text = example("--load", agreed()[1], "--acpi", "1", status=3)
    expect("bit 1 was agreed with the guest; this host does not support it" in text, text)


@case("it is refused by a VMM without the domain, by the domain's name")
def _():
    text = example("--load", agreed()[1], *NOTHING, status=3)
    expect("'acpi-loader' was agreed" in text, text)


@case("with fewer extensions, or none, it takes less")
def _():
    text = example("--firmware", FIRMWARE, "--acpi", "1")
    expect("agreed 0x1" in text and "no tables\n" not in text and "1 tables" in text, text)
    text = example("--firmware", FIRMWARE, *NOTHING)
    expect("baseline" in text and "zone 3" not in text and "1 tables" in text, text)


@case("a state that is damaged is refused, not loaded")
def _():
    good, damaged = agreed()[1].read_bytes(), DIRECTORY / "damaged"
    for cut in (10, len(good) - 3):
        damaged.write_bytes(good[:cut])
        example("--load", damaged, *EXTENDED, status=5)
    damaged.write_bytes(good[:-30] + bytes([good[-30] ^ 1]) + good[-29:])
    example("--load", damaged, *EXTENDED, status=5)


@case("the example firmware on real QEMU: its guest's half, QEMU's host")
def _():
    log = DIRECTORY / "log"
    for machine in ("pc", "q35"):
        log.write_text("")
        try:
            process = subprocess.Popen(["qemu-system-x86_64", "-M", f"{machine},accel=tcg", "-device", "vmgenid", "-bios",
                                        FIRMWARE, "-nodefaults", "-display", "none", "-debugcon", f"file:{log}", "-global",
                                        "isa-debugcon.iobase=0x402"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except FileNotFoundError:
            skip("qemu-system-x86_64 is not installed")
        end = time.monotonic() + 120
        while "firmware done" not in log.read_text() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        process.kill()
        process.wait()
        text = log.read_text()
        expect("told the host" in text and "firmware done" in text and "no tables" not in text, text)


main(lambda: shutil.rmtree(DIRECTORY))
