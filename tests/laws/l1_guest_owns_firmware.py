# SPDX-License-Identifier: BSD-2-Clause
"""L1: no host event changes the bytes a guest runs, ROMs included.

The "host's" firmware, VGA BIOS and network ROM are private copies that this test may replace: a descriptor directory of
its own ($XDG_CONFIG_HOME comes first in firmware.json's order) and a QEMU whose data directories are copies.
"""
import json
import os
import pathlib
import shutil

from guest import OVMF, Guest, digest
from program import holdfast, scratch
from tap import case, expect, main

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
DATA, CONFIG, CONTAINER = ROOT / "data", ROOT / "config", ROOT / "g.hold"
CODE, VARS = ROOT / "code.fd", ROOT / "vars.fd"
CODE_SIZE = pathlib.Path(OVMF["4m"][0]).stat().st_size
MACHINE = ["-M", "q35", "-vga", "std", "-device", "virtio-net-pci,id=net1"]
ROMS = ("vgabios-stdvga.bin", "efi-virtio.rom")


def host_files():
    """A host of our own: QEMU with copied data directories, and firmware with a descriptor."""
    DATA.mkdir()
    for directory in ("/usr/share/qemu", "/usr/share/seabios", "/usr/lib/ipxe/qemu"):
        for file in pathlib.Path(directory).iterdir() if os.path.isdir(directory) else ():
            if file.is_file() and file.suffix in (".bin", ".rom"):
                shutil.copy(file, DATA / file.name)
    shutil.copy(OVMF["4m"][0], CODE)
    shutil.copy(OVMF["4m"][1], VARS)
    firmware = CONFIG / "qemu" / "firmware"
    firmware.mkdir(parents=True)
    (firmware / "10-host.json").write_text(json.dumps({
        "description": "the host's", "interface-types": ["uefi"], "features": [], "tags": [],
        "mapping": {"device": "flash", "executable": {"filename": str(CODE), "format": "raw"},
                    "nvram-template": {"filename": str(VARS), "format": "raw"}},
        "targets": [{"architecture": "x86_64", "machines": ["pc-q35-*"]}]}))
    os.environ["XDG_CONFIG_HOME"] = str(CONFIG)
    program = ROOT / "qemu-system-x86_64"
    program.write_text(f'#!/bin/sh\nif [ "$*" = "-L help" ]; then echo {DATA}; exit; fi\n'
                       f'exec /usr/bin/qemu-system-x86_64 "$@" -L {DATA}\n')
    program.chmod(0o755)
    return str(program)


def replace(path):
    """As a package does: another file, renamed into place; other bytes of the same size."""
    new = path.with_suffix(".new")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    new.write_bytes(data)
    new.rename(path)


def booted(guest, start=0):
    """The network card makes the firmware try PXE for minutes; its first try to boot anything is enough."""
    guest.wait_text("BdsDxe: ", start=start)


def code_digest(guest):
    return guest.bank_digest((1 << 32) - CODE_SIZE, CODE_SIZE)


QEMU = host_files()
BEFORE = digest(CODE)
ROM_BEFORE = {name: digest(DATA / name) for name in ROMS}


def published_roms():
    directories = list(pathlib.Path(os.environ["HOLDFAST_RUNTIME_DIR"]).glob("*/roms"))
    return {f.name: digest(f) for d in directories for f in d.iterdir()}


@case("the first start takes firmware and ROMs into the container")
def _():
    holdfast("create", CONTAINER, "--firmware", "ovmf", "--machine", "q35")
    with Guest(CONTAINER, *MACHINE, qemu=QEMU) as guest:
        booted(guest)
        expect(code_digest(guest) == BEFORE, "other code than the host's at create")
    log = holdfast("log", CONTAINER).out
    for name in ROMS:
        expect(f"{name} recorded" in log, f"{name} was not recorded:\n{log}")


@case("the host's firmware, VGA BIOS and network ROM replaced: a restarted and a reset guest run the old bytes")
def _():
    for path in (CODE, VARS, *(DATA / name for name in ROMS)):
        replace(path)
    expect(digest(CODE) != BEFORE, "the replacement replaced nothing")
    with Guest(CONTAINER, *MACHINE, qemu=QEMU) as guest:
        booted(guest)
        expect(code_digest(guest) == BEFORE, "a restart took the host's new firmware")
        roms = published_roms()
        for name in ROMS:
            expect(roms.get(name) == ROM_BEFORE[name], f"{name}: a restart was given other bytes")
        start = len(guest.serial.data)
        guest.qmp.execute("system_reset")
        booted(guest, start)
        expect(code_digest(guest) == BEFORE, "a reset took the host's new firmware")


@case("QEMU takes the container's ROMs and not the host's: the device has the size of the old file")
def _():
    # The device's ROM size follows the file that QEMU found; the host's is made twice as big.
    path = DATA / "efi-virtio.rom"
    path.write_bytes(path.read_bytes() + bytes(path.stat().st_size))
    with Guest(CONTAINER, *MACHINE, "-S", qemu=QEMU) as guest:
        size = guest.connect().execute("qom-get", path="/machine/peripheral/net1", property="romsize")
        expect(size == 262144, f"the network ROM has {size} bytes: the host's file")


@case("a file of a ROM's name in the working directory is refused, as QEMU would prefer it")
def _():
    (ROOT / "efi-virtio.rom").write_bytes(b"x")
    result = holdfast("run", CONTAINER, "--qemu", QEMU, "--", "-display", "none", *MACHINE, status=3, cwd=ROOT)
    expect("rule 'rom'" in result.err and "efi-virtio.rom" in result.err, result)


@case("host files removed altogether: the guest starts")
def _():
    for path in (CODE, VARS, *(DATA / name for name in ROMS)):
        path.unlink()
    with Guest(CONTAINER, *MACHINE, qemu=QEMU) as guest:
        booted(guest)
        expect(code_digest(guest) == BEFORE, "other code")


main(DIRECTORY.cleanup)
