# SPDX-License-Identifier: BSD-2-Clause
"""The simulator of law L5 must not be the referee of its own game.

For every firmware family, VMM and reset one cell is also played with real SeaBIOS and real OVMF in QEMU: the very bytes
that the simulated firmware was given, by a VMM that negotiates (so that this firmware gets the baseline) and by one that
does not care. The verdicts must agree. The same payload is booted once for all cells that share it; in that boot come
first no reset, then S3, then a warm reset.
"""
import pathlib
import subprocess
import tempfile
import time

import acpi_guest
from acpi_guest import DEBIAN12, OVMF_DONE, SEABIOS_DONE, Guest, number
from program import BUILD
from tap import case, expect, main, note

SCENARIO = BUILD / "tests" / "laws" / "scenario"
OURS = {"DSDT", "FACP", "FACS", "SSDT"}
VMMS = ("plain", "extended", "more")
PM1_CONTROL, SLEEP_S3 = 0x604, 0x2400
played = {}  # (family, payload) -> {reset: verdict}


def cell(family, vmm, care, directory):
    """(verdict, {name: bytes}) of the simulator."""
    got = subprocess.run([SCENARIO, "--cell", family, vmm, care, directory], stdout=subprocess.PIPE, text=True,
                         check=True)
    files = {str(f.relative_to(directory)): f.read_bytes() for f in sorted(pathlib.Path(directory).rglob("*"))
             if f.is_file()}
    return got.stdout.strip(), files


def tables_of(memory):
    """The set that holds our FADT, whatever else is in it; None when there is none."""
    for tables in acpi_guest.tables_anywhere(memory):
        if any(s == "FACP" and t[10:16] == b"HFTEST" for s, _, t in tables.found):
            return tables
    return None


def verdict(guest):
    """"complete" when the guest finds our tables and nothing that is none, and the host was told the address."""
    tables = tables_of(guest.memory())
    if not tables:
        return "no tables"
    if any(s != "FACS" and sum(t) % 256 for s, _, t in tables.found):
        return "a wrong checksum"
    found = {s for s, _, _ in tables.found}
    if found != OURS:
        return f"tables {sorted(found)}"
    guest.qmp("stop")
    told = number(guest.files()["etc/vmcoreinfo"], 8, 8)
    guest.qmp("cont")
    return "complete" if told else "the address was not told"


def settle(guest, family, seconds=240):
    """Until firmware has done its work with the script: SeaBIOS tries to boot; for OVMF, which boots slowly without
    ACPI of QEMU's own, all our tables are there, or its boot manager runs."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen = b"".join(p.read_bytes() for p in (guest.console, guest.serial) if p.exists())
        seen = seen[guest.mark:]
        if any(w in seen for w in (SEABIOS_DONE if family == "seabios" else OVMF_DONE)):
            guest.mark += len(seen)
            return
        if family == "ovmf" and verdict(guest) == "complete":
            return
        time.sleep(0.2)
    raise AssertionError("firmware does not come to an end")


def at_waking_vector(guest):
    registers = guest.qmp("human-monitor-command", **{"command-line": "info registers"})
    real_mode = "EIP=00000000" in registers and "CS =0100" in registers
    return real_mode or "RIP=0000000000001000" in registers or "EIP=00001000" in registers


def suspend_and_wake(guest):
    """S3 by hand: a waking vector at 0x1000 that loops, sleep through the PM register, wake by QMP."""
    places = {s: a for s, a, _ in tables_of(guest.memory()).found}
    guest.qtest("write 0x1000 2 0xebfe")
    guest.qtest(f"writel {places['FACS'] + 12:#x} 0x1000")
    before = int.from_bytes(bytes.fromhex(guest.qtest(f"read {places['FACP'] + 36:#x} 4")[2:]), "little")
    # SeaBIOS looks for the FACS in the FADT's 32-bit field only, which our 64-bit tables leave empty.
    guest.qtest(f"writel {places['FACP'] + 36:#x} {places['FACS']:#x}")
    guest.qtest(f"outw {PM1_CONTROL:#x} {SLEEP_S3:#x}")
    end = time.monotonic() + 10
    while guest.qmp("query-status")["status"] != "suspended":
        expect(time.monotonic() < end, "the guest does not suspend")
        time.sleep(0.05)
    guest.qmp("system_wakeup")
    end = time.monotonic() + 90
    while not at_waking_vector(guest):
        expect(time.monotonic() < end, "the guest does not come to its waking vector")
        time.sleep(0.2)
    guest.qtest(f"writel {places['FACP'] + 36:#x} {before:#x}")


def play(family, files):
    """{reset: verdict} of real firmware with these files."""
    key = (family, tuple(sorted(files.items())))
    if key in played:
        return played[key]
    verdicts = {}
    with tempfile.TemporaryDirectory(prefix="holdfast-l5-") as d:
        acpi_guest.dump(files, pathlib.Path(d) / "dump")
        arguments = ["-M", "pc-q35-7.2,acpi=off", "-device", "vmcoreinfo"]
        arguments += acpi_guest.ovmf(DEBIAN12, d) if family == "ovmf" else []
        for name in files:
            arguments += ["-fw_cfg", f"name={name},file={d}/dump/{name}"]
        guest = Guest(DEBIAN12["qemu"], d, arguments)
        guest.mark = 0
        try:
            settle(guest, family)
            verdicts["none"] = verdict(guest)
            if verdicts["none"] == "complete":
                suspend_and_wake(guest)
                verdicts["S3"] = verdict(guest)
            guest.qmp("stop")
            guest.qmp("cont")
            guest.mark = sum(p.stat().st_size for p in (guest.console, guest.serial) if p.exists())
            # What an earlier boot left in memory must not count.
            wipe = tables_of(guest.memory())
            for _, address, table in wipe.found if wipe else []:
                guest.qtest(f"memset {address:#x} {len(table)} 0")
            guest.qmp("system_reset")
            settle(guest, family)
            verdicts["warm"] = verdict(guest)
        finally:
            guest.close()
    played[key] = verdicts
    return verdicts


for _family in ("seabios", "ovmf"):
    for _vmm in VMMS:
        @case(f"{_family} and a VMM {_vmm}: the simulator and real firmware agree, at every reset")
        def _(family=_family, vmm=_vmm):
            for care in ("careful", "careless"):
                with tempfile.TemporaryDirectory() as directory:
                    simulated, files = cell(family, vmm, care, directory)
                real = play(family, files)
                note(f"{care}: simulated '{simulated}', real {real}")
                for reset, found in real.items():
                    expect((simulated == "complete") == (found == "complete"),
                           f"{care}, {reset}: simulated '{simulated}', real '{found}'")
                expect(care == "careless" or real.get("S3") == "complete", "the baseline was not played through S3")


main()
