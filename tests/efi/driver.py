# SPDX-License-Identifier: BSD-2-Clause
"""The driver in real firmware, with a host of the test's own that behaves well and badly. One QEMU per firmware; every
case is a reset of it.

On x86 the guest has memory above 4 GiB and a disk to boot from, the latter because firmware that knows what to boot
connects no other device."""
import os
import pathlib
import struct

import mapping
from tap import case, expect, main, note, skip
from window_guest import WindowGuest, debian12, debian12_arm, debian13, debian13_arm

LONG = os.environ.get("HOLDFAST_LONG")
STARTED, READY = 1, 2
INSTALLED, NO_FILES, BAD_FILES, BAD_SCRIPT = 1, 2, 3, 4
STAGE_AT, LOADER_AT = 16, 20
LOG = b"Holdfast keeps what a guest brings.\n"
DISK = ["-drive", "if=none,id=disk,file=null-co://,file.size=1M,file.read-zeroes=on,format=raw",
        "-device", "virtio-blk-pci,drive=disk,bootindex=1"]

guests = {}


def guest_of(machine):
    """The one QEMU of this machine; the others are ended."""
    if machine not in guests:
        close_all()
        made = machine()
        guests[machine] = WindowGuest(made, *(DISK if made.arch == "x86_64" else ()))
    return guests[machine]


def close_all():
    for name in list(guests):
        guests.pop(name).__exit__()


def own_ssdt(guest):
    return [t for t in guest.tables().get("SSDT", []) if t[10:18] == b"HOLDFSLO"]


def installed(guest, high):
    """One SSDT, sound, with the address of a log that is where it should be."""
    found = own_ssdt(guest)
    expect(len(found) == 1, f"{len(found)} SSDTs of ours among the tables")
    address = struct.unpack_from("<Q", found[0], 42)[0]
    expect(sum(found[0]) % 256 == 0, "the SSDT's checksum")
    expect((address >= 1 << 32) == high, f"the log lies at {address:#x}")
    expect(guest.read(address, len(LOG)) == LOG, f"no log at {address:#x}")


def nothing_installed(guest, outcome):
    expect(guest.word(LOADER_AT) == outcome, f"outcome {guest.word(LOADER_AT)}, not {outcome}")
    expect(not own_ssdt(guest), "an SSDT of ours is among the tables")


def both_agree(guest):
    peer = guest.boot("good")
    for line in ("stage started", "asked lifecycle 1 status 1", "asked acpi-loader 3 status 1", "loader installed",
                 "stage ready-to-boot"):
        peer.wait(line)
    installed(guest, high=guest.machine.arch == "x86_64")
    if guest.machine.arch == "aarch64":
        mapped_write_back(guest)


def mapped_write_back(guest):
    """The window as ordinary memory, the serial port as a device; the firmware waits for a key in its shell."""
    guest.wait_booted()
    path, address = pathlib.Path(guest.directory.name) / "gdb", mapping.window_address(guest.guest.qmp)
    window, port = mapping.memory_types(guest, path, address, 0x09000000)
    expect(window == 0xff and port <= 0x0c, f"the window is mapped with {window:#x}, the serial port with {port:#x}")


def refused_and_retried(guest):
    """The directory promised a bit that the answer refuses; the driver asks again without it."""
    peer = guest.boot("retry")
    for line in ("asked acpi-loader 3 status 4", "asked acpi-loader 1 status 1", "loader installed", "stage ready-to-boot"):
        peer.wait(line)
    installed(guest, high=guest.machine.arch == "x86_64")


def one_bit_masked(guest):
    peer = guest.boot("good", bits=2)
    for line in ("asked acpi-loader 2 status 1", "loader installed", "stage ready-to-boot"):
        peer.wait(line)
    installed(guest, high=False)


def lifecycle_masked(guest):
    peer = guest.boot("masked")
    peer.wait("loader installed")
    guest.wait_booted()
    expect(guest.word(STAGE_AT) == STARTED, f"stage {guest.word(STAGE_AT)} although its bit is masked")
    installed(guest, high=guest.machine.arch == "x86_64")


def acpi_missing(guest):
    guest.boot("refuse").wait("stage ready-to-boot")
    nothing_installed(guest, 0)


def late_answers(guest):
    peer = guest.boot("busy")
    for line in ("asked lifecycle 1 status 1", "asked acpi-loader 3 status 1", "loader installed", "stage ready-to-boot"):
        peer.wait(line)
    installed(guest, high=guest.machine.arch == "x86_64")


def never_answers(guest):
    guest.boot("silent").wait("stage started")
    guest.wait_booted()
    expect(guest.word(STAGE_AT) == STARTED, f"stage {guest.word(STAGE_AT)}")
    nothing_installed(guest, 0)


def answers_garbage(guest):
    guest.boot("garbage").wait("stage started")
    guest.wait_booted()
    expect(not own_ssdt(guest), "an SSDT of ours is among the tables")


def new_generations(guest):
    peer = guest.boot("generations")
    for line in ("made anew 5 times", "asked lifecycle 1 status 1", "asked acpi-loader 3 status 1", "stage ready-to-boot"):
        peer.wait(line)
    outcome = guest.word(LOADER_AT)
    expect(outcome in (INSTALLED, BAD_FILES), f"outcome {outcome}")
    if outcome == INSTALLED:
        installed(guest, high=guest.machine.arch == "x86_64")
    else:
        nothing_installed(guest, BAD_FILES)


def bad_script(guest):
    peer = guest.boot("script")
    peer.wait("loader bad-script")
    peer.wait("stage ready-to-boot")
    nothing_installed(guest, BAD_SCRIPT)


def owned_tables(guest):
    peer = guest.boot("tables")
    peer.wait("loader bad-script")
    peer.wait("stage ready-to-boot")
    expect(len(guest.tables()["FACP"]) == 1, "two FADTs")
    nothing_installed(guest, BAD_SCRIPT)


def no_files(guest):
    peer = guest.boot("no-files")
    peer.wait("loader no-files")
    peer.wait("stage ready-to-boot")
    nothing_installed(guest, NO_FILES)


def nobody_there(guest):
    guest.boot("absent")
    guest.wait_booted()
    expect(guest.window.read_bytes() == bytes(1 << 20), "the driver wrote into a window without a host")


CASES = [
    ("both domains are agreed on, the tables stand among the firmware's", both_agree, True),
    ("a domain is refused and asks again with less, the other does not notice", refused_and_retried, True),
    ("one bit is masked: what it was for is not done", one_bit_masked, True),
    ("lifecycle is masked, acpi-loader does not notice", lifecycle_masked, False),
    ("acpi-loader is not there, lifecycle does not notice", acpi_missing, False),
    ("a host whose disk is busy is waited for", late_answers, True),
    ("a host that never answers means no features", never_answers, True),
    ("a host that answers garbage means no features", answers_garbage, True),
    ("a question whose answer got lost is repeated, files made anew are read anew", new_generations, True),
    ("a script with a bad command installs nothing", bad_script, True),
    ("a script that brings the firmware's own tables installs nothing", owned_tables, False),
    ("files that never come are not waited for for ever", no_files, False),
    ("without a host the window is left alone", nobody_there, False),
]


def every_case_for(machine, label, always):
    """Registers the cases; `always` says which of them are not left to the long run, where they count as skipped."""
    for words, function, usual in CASES:
        def body(function=function, left=not LONG and not always(function, usual)):
            if left:
                skip("tests/run --long runs every case with every firmware")
            guest = guest_of(machine)
            function(guest)
            note(f"{guest.machine.name}: {' | '.join(guest.peer.lines)}")
        case(f"{label}: {words}")(body)


every_case_for(debian12, "OVMF, QEMU 7.2", lambda function, usual: usual)
every_case_for(debian13, "OVMF, QEMU 10.0", lambda function, usual: function in (refused_and_retried,))
every_case_for(debian12_arm, "AAVMF, QEMU 7.2", lambda function, usual: function in (both_agree, answers_garbage))
every_case_for(debian13_arm, "AAVMF, QEMU 10.0", lambda function, usual: function in (refused_and_retried,))

main(cleanup=close_all)
