# SPDX-License-Identifier: BSD-2-Clause
"""The scripts of real QEMU in real firmware: what the interpreters say, byte for byte, is what the guest's memory holds.

Each case boots a machine, waits until its firmware is done, stops it, saves its memory, and reads the very files that
the firmware read. Where the firmware put each file is worked out from the memory alone; the interpreter is then told
these addresses (--at) and must arrive at the same bytes.
"""
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import acpi_guest
from acpi_guest import ADD_POINTER, ALLOCATE, DEBIAN12, OVMF_DONE, SEABIOS_DONE, WRITE_POINTER, Guest, Tables, number
from program import SOURCE, holdfast
from tap import case, expect, main, note, skip

DEBIAN13 = acpi_guest.debian13(SOURCE)


def debian13():
    """Debian 13's QEMU and firmware; a skip where they cannot be had."""
    if isinstance(DEBIAN13, str):
        skip(f"Debian 13's QEMU is not here: {DEBIAN13}")
    return DEBIAN13


@contextlib.contextmanager
def booted(machine, host=DEBIAN12, done=SEABIOS_DONE, arm=False, more=()):
    """(memory, files, directory) of a guest whose firmware has read its tables."""
    with tempfile.TemporaryDirectory(prefix="holdfast-acpi-") as directory:
        guest = Guest(host["arm" if arm else "qemu"], directory, ["-M", machine, *more], arm=arm)
        try:
            if callable(done):
                done(guest)
            else:
                guest.wait_for(done)
            guest.qmp("stop")
            memory = guest.memory(0x40000000 if arm else 0)
            yield memory, guest.files(), pathlib.Path(directory)
        finally:
            guest.close()


def run(files, directory, firmware, places):
    """The interpreter's report, and its output directory."""
    acpi_guest.dump(files, directory / "dump")
    at = [f"--at={name}={address:#x}" for name, address in places.items()]
    got = holdfast("acpi", "run", directory / "dump", "--as", firmware, *at, "--output", directory / "out", "--json",
                   status=None)
    return got.json["runs"][0], directory / "out"


def places_of(files, known, field):
    """Every file's address, from those that are known: a patched field minus the offset it held. `field(file, offset,
    size)` is the guest's value of a field, or None when that cannot be told (yet)."""
    script = acpi_guest.commands(files["etc/table-loader"])
    places = dict(known)
    for _ in script:
        for command in script:
            if command[0] == ADD_POINTER and command[2] not in places:
                _, dest, src, offset, size = command
                value = field(dest, offset, size, places)
                if value is not None:
                    places[src] = value - number(files[dest], offset, size)
            if command[0] == WRITE_POINTER and command[2] not in places:
                _, dest, src, offset, src_offset, size = command
                if number(files[dest], offset, size):
                    places[src] = number(files[dest], offset, size) - src_offset
    return places


def compare_in_place(memory, files, directory, firmware, justified=()):
    """SeaBIOS and qboot patch the files where the operating system finds them."""
    rsdp = files["etc/acpi/rsdp"]
    for root in acpi_guest.every_root(memory):
        if memory[root + 9:root + 16] == rsdp[9:16]:
            break
    else:
        raise AssertionError("no RSDP of QEMU's in the guest's memory")

    def field(dest, offset, size, places):
        return number(memory, places[dest] + offset, size) if dest in places else None

    places = places_of(files, {"etc/acpi/rsdp": root}, field)
    report, out = run(files, directory, firmware, places)
    expect(report["verdict"] == "complete", f"verdict {report}")
    allocated = [c[1] for c in acpi_guest.commands(files["etc/table-loader"]) if c[0] == ALLOCATE]
    for name in allocated:
        ours, theirs = (out / name).read_bytes(), memory[places[name]:places[name] + len(files[name])]
        if name not in justified:
            expect(ours == theirs, f"{name}: first difference at {first_difference(ours, theirs)}")
    guest = Tables(memory, root)
    expect({t["address"] for t in report["tables"]} == {a for _, a, _ in guest.found} | {guest.list_address},
           "another set of tables")
    note(f"{len(allocated)} files, {len(report['tables'])} tables equal, root {root:#x}")
    return report


def first_difference(a, b):
    return next((f"{i:#x}: {a[i:i + 8].hex()} {b[i:i + 8].hex()}" for i in range(min(len(a), len(b))) if a[i] != b[i]),
                f"length {len(a)} {len(b)}")


def without_links(table):
    """edk2's table protocol writes the addresses of its own FACS and DSDT copies into the FADT, and the checksum."""
    if table[:4] != b"FACP":
        return table
    table = bytearray(table)
    for at, size in ((9, 1), (36, 8), (132, 16)):
        table[at:at + size] = bytes(size)[:max(0, len(table) - at)]
    return bytes(table)


def compare_installed(memory, files, directory, base=0):
    """OVMF and AAVMF install copies."""
    found = acpi_guest.tables_anywhere(memory, base)
    expect(found, "no tables in the guest's memory")
    installed = {}
    for signature, _, table in found[0].found:
        installed.setdefault(signature, []).append(table)
    tables = files["etc/acpi/tables"]

    def field(dest, offset, size, places):
        """A field inside a table: read it from the installed copy that agrees in all but what is patched."""
        if dest != "etc/acpi/tables":
            return None
        start = max((number(files[d], o, s) for c, d, x, o, s in
                     (c for c in acpi_guest.commands(files["etc/table-loader"]) if c[0] == ADD_POINTER)
                     if x == dest and number(files[d], o, s) <= offset), default=0)
        signature, length = tables[start:start + 4].decode(errors="replace"), number(tables, start + 4, 4)
        if offset + size > start + length or signature in ("FACP", "RSDT", "XSDT"):
            return None
        for copy in installed.get(signature, []):
            if len(copy) == length and copy[10:32] == tables[start + 10:start + 32]:
                return number(copy, offset - start, size)
        return None

    # The tables' own file and the RSDP's are freed again; any page serves as their address.
    places = places_of(files, {"etc/acpi/tables": base + 0x1000000, "etc/acpi/rsdp": base + 0x2000000}, field)
    report, out = run(files, directory, "ovmf", places)
    expect(report["verdict"] == "complete", f"verdict {report}")
    for n, row in enumerate(report["tables"]):
        ours = next((out / "tables").glob(f"{n:02}-*")).read_bytes()
        copies = installed.get(row["signature"], [])
        match = [c for c in copies if without_links(c) == without_links(ours)]
        expect(match, f"{row['signature']}, {len(ours)} bytes: " + "; ".join(first_difference(ours, c) for c in copies))
        copies.remove(match[0])
    left = sorted(s for s, copies in installed.items() for _ in copies)
    expect(set(left) <= {"BGRT"}, f"the guest has more tables: {left}")
    for row in report["files"]:
        if row["kept"]:
            name = row["file"]
            at = places[name] - base
            ours = (out / name).read_bytes()
            expect(memory[at:at + len(ours)] == ours, f"{name}: {first_difference(ours, memory[at:at + len(ours)])}")
    note(f"{len(report['tables'])} tables equal, the firmware's own: {left}; "
         f"files kept: {[f['file'] for f in report['files'] if f['kept']]}")
    return report


VMGENID = ["-device", "vmgenid,guid=324e6eaf-d1d1-4bf6-bf41-b9bb6c91fb87"]
NVDIMM = ["-m", "256,maxmem=1G,slots=2", "-object", "memory-backend-ram,id=n,size=64M",
          "-device", "nvdimm,memdev=n,id=nv0"]


@case("SeaBIOS, pc-i440fx-2.6")
def _():
    with booted("pc-i440fx-2.6") as guest:
        compare_in_place(*guest, "seabios")


@case("SeaBIOS, pc-i440fx-7.2 with vmgenid, an NVDIMM and 64 possible CPUs")
def _():
    with booted("pc-i440fx-7.2,nvdimm=on", more=[*VMGENID, *NVDIMM, "-smp", "4,maxcpus=64"]) as guest:
        report = compare_in_place(*guest, "seabios")
        expect(len(report["told"]) == 1, "vmgenid's address was not told")


@case("SeaBIOS, pc-q35-7.2 with vmgenid and a TPM")
def _():
    if not shutil.which("swtpm"):
        skip("swtpm is not installed")
    with tempfile.TemporaryDirectory(prefix="holdfast-tpm-") as state:
        tpm = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}",
                                "--ctrl", f"type=unixio,path={state}/sock"], stdout=subprocess.DEVNULL)
        try:
            while not os.path.exists(f"{state}/sock"):
                expect(tpm.poll() is None, "swtpm ended")
            with booted("pc-q35-7.2", more=[*VMGENID, "-chardev", f"socket,id=c,path={state}/sock", "-tpmdev",
                                            "emulator,id=t,chardev=c", "-device", "tpm-tis,tpmdev=t"]) as guest:
                # SeaBIOS writes its own measurements into the log once the script is done.
                compare_in_place(*guest, "seabios", justified=["etc/tpm/log"])
        finally:
            tpm.kill()
            tpm.wait()


@case("Debian 13: SeaBIOS, its newest q35")
def _():
    with booted("q35", debian13(), more=[*VMGENID]) as guest:
        compare_in_place(*guest, "seabios")


@case("qboot, microvm with ACPI")
def _():
    if not os.path.exists("/usr/share/qemu/qboot.rom"):
        skip("Debian's qemu-system-data brings no qboot.rom here")

    def tables_are_there(guest):
        end = time.monotonic() + 20
        while not any(True for _ in acpi_guest.every_root(guest.memory(0xe0000, 0x20000))):
            expect(time.monotonic() < end, "qboot left no RSDP within 20 s")
            time.sleep(0.2)
        time.sleep(0.5)

    with booted("microvm,acpi=on", done=tables_are_there, more=["-bios", "/usr/share/qemu/qboot.rom"]) as guest:
        compare_in_place(*guest, "qboot")


@case("OVMF, pc-q35-7.2 with vmgenid and an NVDIMM")
def _():
    with tempfile.TemporaryDirectory() as d:
        with booted("pc-q35-7.2,nvdimm=on", done=OVMF_DONE, more=[*acpi_guest.ovmf(DEBIAN12, d), *VMGENID, *NVDIMM]) as guest:
            report = compare_installed(*guest)
            expect(len(report["told"]) == 1, "vmgenid's address was not told")


@case("OVMF, pc-i440fx-2.6 with 64 possible CPUs")
def _():
    with tempfile.TemporaryDirectory() as d:
        with booted("pc-i440fx-2.6", done=OVMF_DONE, more=[*acpi_guest.ovmf(DEBIAN12, d), "-smp", "2,maxcpus=64"]) as guest:
            compare_installed(*guest)


@case("Debian 13: OVMF, its newest q35 with vmgenid")
def _():
    with tempfile.TemporaryDirectory() as d:
        with booted("q35", debian13(), done=OVMF_DONE, more=[*acpi_guest.ovmf(debian13(), d), *VMGENID]) as guest:
            compare_installed(*guest)


@case("AAVMF, virt-7.2 with error reporting (GHES)")
def _():
    if not os.path.exists("/usr/share/AAVMF/AAVMF_CODE.fd"):
        skip("AAVMF is not installed")
    with tempfile.TemporaryDirectory() as d:
        with booted("virt-7.2,ras=on", done=OVMF_DONE, arm=True, more=acpi_guest.aavmf(d)) as guest:
            compare_installed(*guest, base=0x40000000)


@case("the checker passes what QEMU sends, for whom it is meant")
def _():
    with booted("pc-q35-7.2", more=VMGENID) as (memory, files, directory):
        acpi_guest.dump(files, directory / "d")
        holdfast("acpi", "check", directory / "d", "--as", "seabios", "--as", "ovmf")
        expect("ALLOCATE etc/acpi/tables align 64 zone HIGH" in holdfast("acpi", "show", directory / "d").out, "show")


main()
