# SPDX-License-Identifier: BSD-2-Clause
"""Our own scripts in real firmware: QEMU with acpi=off passes them through -fw_cfg.

The baseline must give a complete set of tables everywhere; where the extended form breaks a firmware, checker and
interpreter must have said so, fault by fault.
"""
import contextlib
import os
import pathlib
import subprocess
import tempfile
import time

import acpi_guest
from acpi_guest import DEBIAN12, OVMF_DONE, SEABIOS_DONE, Guest
from program import BUILD, SOURCE, holdfast
from tap import case, expect, main, note, skip

EMIT = BUILD / "tests" / "acpi" / "emit"
FAULT = b"internal error"
OURS = ["DSDT", "FACP", "FACS", "SSDT"]
TELL = ["etc/vmcoreinfo", "8"]  # a writable file that QEMU offers with any machine


def emit(directory, shape, features, tell=True):
    subprocess.run([EMIT, directory, shape, str(features), *(TELL if tell else [])], check=True)
    return directory


def files_of(directory):
    return {str(f.relative_to(directory)): f for f in sorted(pathlib.Path(directory).rglob("*")) if f.is_file()}


def predict(directory, firmware):
    """(report, faults) of the interpreter for what `emit` wrote, with the writable file added."""
    with tempfile.TemporaryDirectory() as scratch:
        acpi_guest.dump({n: f.read_bytes() for n, f in files_of(directory).items()} | {TELL[0]: bytes(16)}, scratch)
        run = holdfast("acpi", "run", scratch, "--as", firmware, "--json", status=None).json["runs"][0]
        checked = holdfast("acpi", "check", scratch, "--as", firmware, "--json", status=None)
        return run, checked


@contextlib.contextmanager
def booted(directory, done, flash=None, arm=False, machine=None):
    with tempfile.TemporaryDirectory(prefix="holdfast-acpi-") as scratch:
        arguments = ["-M", machine or "pc-q35-7.2,acpi=off", "-device", "vmcoreinfo", *(flash(scratch) if flash else [])]
        for name, file in files_of(directory).items():
            arguments += ["-fw_cfg", f"name={name},file={file}"]
        guest = Guest(DEBIAN12["arm" if arm else "qemu"], scratch, arguments, arm=arm)
        try:
            done(guest) if callable(done) else guest.wait_for(done)
            yield guest
        finally:
            guest.close()


def ours(memory, base=0):
    """Signatures of our tables that an operating system finds, by the best RSDP."""
    for tables in acpi_guest.tables_anywhere(memory, base):
        found = [s for s, _, t in tables.found if t[10:16] == b"HFTEST"]
        if found:  # and what is wrong with any of them
            return sorted(found + [f"{s}'s checksum" for s, _, t in tables.found if s != "FACS" and sum(t) % 256])
    return []


def until_installed(wanted, base=0, seconds=240):
    """A `done` for UEFI firmware, which boots slowly without ACPI and installs one table after the other: they are in
    memory, or what is there instead stays."""
    def wait(guest):
        end = time.monotonic() + seconds
        while ours(guest.memory(base), base) != wanted and time.monotonic() < end:
            time.sleep(1)
    return wait


def told(guest):
    guest.qmp("stop")
    return acpi_guest.number(guest.files()[TELL[0]], int(TELL[1]), 8)


def play_seabios(shape, features):
    with tempfile.TemporaryDirectory() as d:
        report, checked = predict(emit(d, shape, features), "seabios")
        with booted(d, SEABIOS_DONE) as guest:
            log = guest.wait_for(SEABIOS_DONE)
            found, address = ours(guest.memory()), told(guest)
    return report, checked, log.count(FAULT), found, address


for shape in ("narrow", "wide"):
    @case(f"SeaBIOS takes the baseline, {shape}")
    def _(shape=shape):
        report, checked, faults, found, address = play_seabios(shape, 0)
        expect(report["verdict"] == "complete" and checked.status == 0, f"not predicted: {report}")
        expect(faults == 0, f"{faults} internal errors")
        expect(found == OURS, f"tables {found}")
        expect(address != 0, "the address was not told")


@case("SeaBIOS loses everything to zone 3, as predicted fault by fault")
def _():
    report, checked, faults, found, address = play_seabios("wide", 1)
    expect(report["verdict"] == "none", f"predicted {report['verdict']}")
    expect(checked.status == 3 and checked.json["finding"]["rule"] == "zone", f"check: {checked}")
    expect(not found, f"tables {found}")
    expect(address == 0, "an address was told")
    predicted = sum(f["command"] is not None for f in report["faults"])
    expect(faults == predicted, f"{faults} internal errors, {predicted} predicted")
    note(f"{faults} faults")


@case("SeaBIOS loses the device to 'no ACPI', as predicted fault by fault")
def _():
    report, checked, faults, found, address = play_seabios("narrow", 2)
    expect(report["verdict"] == "damaged", f"predicted {report['verdict']}")
    expect(checked.status == 3 and checked.json["finding"]["rule"] == "zone", f"check: {checked}")
    expect(found == OURS, f"tables {found}")
    expect(address == 0, "an address was told")
    predicted = sum(f["command"] is not None for f in report["faults"])
    expect(faults == predicted == 3, f"{faults} internal errors, {predicted} predicted")


def play_uefi(shape, features, flash, arm=False, machine=None):
    base = 0x40000000 if arm else 0
    with tempfile.TemporaryDirectory() as d:
        report, _ = predict(emit(d, shape, features), "ovmf")
        expect(report["verdict"] == "complete", f"predicted {report}")
        with booted(d, until_installed(OURS, base), flash, arm, machine) as guest:
            found, address = ours(guest.memory(base), base), told(guest)
    expect(found == OURS, f"tables {found}")
    expect(address != 0, "the address was not told")


@case("OVMF takes the baseline")
def _():
    play_uefi("narrow", 0, lambda d: acpi_guest.ovmf(DEBIAN12, d))


@case("OVMF takes the extended form too, as predicted: it looks at no zone")
def _():
    play_uefi("wide", 3, lambda d: acpi_guest.ovmf(DEBIAN12, d))


@case("AAVMF takes the baseline")
def _():
    if not os.path.exists("/usr/share/AAVMF/AAVMF_CODE.fd"):
        skip("AAVMF is not installed")
    play_uefi("wide", 0, acpi_guest.aavmf, arm=True, machine="virt-7.2,acpi=off")


# Damage to the baseline, and what each firmware makes of it: the interpreter's word against the real one's.

def change(directory, name, at, data):
    path = pathlib.Path(directory) / name
    was = path.read_bytes()
    path.write_bytes(was[:at] + data + was[at + len(data):])


def one_past_the_end(d):  # command 5 is the SSDT's pointer to the page, of 4096 bytes
    change(d, "etc/acpi/tables", 64 + 100 + 48, (4096).to_bytes(4, "little"))


def checksum_not_zero(d):
    change(d, "etc/acpi/tables", 64 + 9, b"\x07")


def align_8192(d):
    change(d, "etc/table-loader", 60, (8192).to_bytes(4, "little"))


def unknown_command(d):  # in the padding, after all others
    change(d, "etc/table-loader", 20 * 128, b"\x09")


def no_such_file(d):  # the page's ALLOCATE
    change(d, "etc/table-loader", 2 * 128 + 4, b"etc/other_page\0")


def pointer_of_3_bytes(d):
    change(d, "etc/table-loader", 5 * 128 + 120, b"\x03")


DAMAGE = (one_past_the_end, checksum_not_zero, align_8192, unknown_command, no_such_file, pointer_of_3_bytes)


def predicted_tables(report):
    return sorted(t["signature"] for t in report["tables"] if t["signature"] not in ("RSDT", "XSDT"))


for damage in DAMAGE:
    @case(f"SeaBIOS and its interpreter agree on damage: {damage.__name__.replace('_', ' ')}")
    def _(damage=damage):
        with tempfile.TemporaryDirectory() as d:
            damage(emit(d, "narrow", 0))
            report, _ = predict(d, "seabios")
            with booted(d, SEABIOS_DONE) as guest:
                log = guest.wait_for(SEABIOS_DONE)
                found, address = ours(guest.memory()), told(guest)
        expect(found == predicted_tables(report), f"tables {found}, predicted {predicted_tables(report)}")
        told_it = bool(report["told"])
        expect(bool(address) == told_it, f"told {address:#x}, predicted {told_it}")
        # A file that is missing is passed over in silence; all else is one complaint each.
        faults = [f for f in report["faults"] if f["command"] is not None and "no such file in" not in f["reason"]]
        expect(log.count(FAULT) == len(faults), f"{log.count(FAULT)} complaints, predicted {faults}")


for damage in DAMAGE:
    @case(f"OVMF and its interpreter agree on damage: {damage.__name__.replace('_', ' ')}")
    def _(damage=damage):
        with tempfile.TemporaryDirectory() as d:
            damage(emit(d, "narrow", 0))
            report, _ = predict(d, "ovmf")
            predicted = predicted_tables(report)
            done = until_installed(predicted) if predicted else OVMF_DONE
            with booted(d, done, lambda x: acpi_guest.ovmf(DEBIAN12, x)) as guest:
                found, address = ours(guest.memory()), told(guest)
        expect(found == predicted, f"tables {found}, predicted {predicted}")
        told_it = any(t["value"] for t in report["told"])
        expect(bool(address) == told_it, f"told {address:#x}, predicted {told_it}")
        note(f"{predicted or 'nothing'}, as predicted")


main()
