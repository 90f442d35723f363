# SPDX-License-Identifier: BSD-2-Clause
"""`holdfast run --mailbox` with the driver in its ROM, and a real Linux: the tables that it finds, what `show` and `log`
say of the same boot, and what its start, or that it does not start, does to an upgrade."""
import os
import pathlib
import re
import struct

import linux
from broken_firmware import without_fat
from guest import OVMF, Guest, create, digest, export, wait_until
from program import holdfast, scratch
from tap import case, expect, main
from window_guest import debian12, debian12_arm, debian13

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
LONG = os.environ.get("HOLDFAST_LONG")
CODE = pathlib.Path(OVMF["4m"][0])
AGREED = "lifecycle: the firmware asked for 0; agreed"  # once in a boot, if the driver runs
BOOTED = "the firmware reported: exit-boot-services"


def show(path):
    return holdfast("show", path, "--json").json


def times(path, text):
    """How often the log says this of the mailbox: what is said again becomes a count."""
    return sum(e["count"] for e in holdfast("log", path, "--json").json["events"]
               if e["kind"] == "mailbox" and e["text"] == text)


def numbers(bits):
    return ",".join(map(str, bits)) or "none"


# ---- what Linux sees ----

def own_table(system):
    """The bytes of our SSDT, as Linux shows it."""
    names = system.run("grep -l 'HOLDFSMAILBOX' /sys/firmware/acpi/tables/SSDT*").out.split()
    expect(len(names) == 1, f"our SSDT is there {len(names)} times: {names}")
    return bytes.fromhex(re.sub(r"\s", "", system.run(f"xxd -p {names[0]}").out))


def property_of(table, key, form):
    """The value behind a key: its name, the name's end, one byte of opcode."""
    return struct.unpack_from(form, table, table.index(key.encode() + b"\0") + len(key) + 2)[0]


def check_boot(path, system, acpi_bits, high):
    """Tables in the guest, the log in its memory and `show`: all of them tell the same."""
    table = own_table(system)
    expect(sum(table) % 256 == 0, "the SSDT's checksum")
    address, size = property_of(table, "holdfast,log", "<Q"), property_of(table, "holdfast,log-size", "<I")
    expect((address >= 1 << 32) == high, f"the log lies at {address:#x}")
    address += property_of(table, "holdfast,log-offset", "<I")
    text = system.run(f"dd if=/dev/mem bs=8 skip={address // 8} count={size // 8} 2>/dev/null | tr -d '\\0'").out
    rows = {row["domain"]: row for row in show(path)["contract"]}
    for name, row in rows.items():
        line = f"{name} {row['version']}: offered {numbers(row['offered'])}, agreed {numbers(row['agreed'])}"
        expect(line in text.splitlines(), f"the guest reads {text!r}, `show` says {line!r}")
    expect(rows["acpi-loader"]["agreed"] == acpi_bits and rows["lifecycle"]["agreed"] == [0], f"{rows}")
    expect(system.run("ls -d /sys/bus/acpi/devices/HFMB0001:*").out, "Linux did not read the table")
    pci = property_of(table, "holdfast,pci-address", "12s").decode()
    expect(system.run(f"cat /sys/bus/pci/devices/{pci}/device").out.strip() == "0x1110", f"no window at {pci}")


@case("tables in Linux with a bit masked; an upgrade that boots is confirmed, one that hangs before Linux is rolled back")
def _():
    path = ROOT / "upgraded.hold"
    create(path, "4m", "pc-q35-7.2")
    good, hangs = ROOT / "good.fd", ROOT / "hangs.fd"
    code = bytearray(CODE.read_bytes())
    at = code.rindex(b"\xff" * 64) + 16
    code[at:at + 4] = b"good"
    good.write_bytes(code)
    hangs.write_bytes(without_fat(bytes(code)))
    boot = linux.disk(ROOT, path, append="iomem=relaxed")  # or Linux shows nobody the log
    holdfast("set", path, "mask=acpi-loader.0", "trial-boots=1")
    holdfast("stage", path, good)
    with Guest(path, "-M", "pc-q35-7.2", *boot, options=["--mailbox"], memory="3072") as guest:
        system = linux.Linux(guest)
        wait_until(lambda: show(path)["lifecycle"]["state"] == "steady", 60, "confirmed when Linux took over")
        expect("mailbox" in f"{holdfast('log', path)}", "the log does not tell by what")
        expect(show(path)["slots"]["active"]["sha256"] == digest(good), "not the upgrade")
        check_boot(path, system, [1], high=False)
        system.setvar("Marker", "cafe")

        # The mask goes and another upgrade comes; this one ends in the firmware's own shell.
        holdfast("set", path, "mask=")
        holdfast("stage", path, hangs)
        start = len(guest.serial.data)
        system.tell("reboot -f")
        wait_until(lambda: times(path, AGREED) == 2, 300, "the driver runs in the firmware that hangs")
        holdfast("set", path, "trial-timeout=1")  # it has had its time, on however busy a machine
        system = linux.Linux(guest, start=start)
        log = f"{holdfast('log', path)}"
        expect(show(path)["slots"]["active"]["sha256"] == digest(good), f"the code is not back: {log}")
        expect(system.getvar("Marker") == "cafe", "the variables are not back")
        check_boot(path, system, [0, 1], high=True)
        wait_until(lambda: times(path, BOOTED) == 2, 60, "two of three boots reached Linux")
        expect(times(path, AGREED) == 3, "the driver did not run in the firmware that hangs")
        expect(system.power_off() == 0, guest.said())


@case("what comes back after the hang is the same, code and variables, byte for byte")
def _():
    path = ROOT / "upgraded.hold"
    before = export(path, ROOT / "before")
    holdfast("set", path, "trial-timeout=0")
    holdfast("stage", path, ROOT / "hangs.fd")
    started = times(path, AGREED)
    with Guest(path, "-M", "pc-q35-7.2", "-no-reboot", memory="3072") as guest:
        guest.shell().tell("reset -w")  # ends QEMU, and the boot has failed
        guest.wait()
    expect(times(path, AGREED) > started, "the driver did not run")
    during = export(path, ROOT / "during")
    expect(all(during[name] != before[name] for name in before), "code and variables did not change in between")
    with Guest(path, "-M", "pc-q35-7.2", "-S", memory="3072") as guest:
        guest.connect()
        after = export(path, ROOT / "after")
    expect(after == before, [name for name in before if after[name] != before[name]])


def register(label, machine, kind, type_name, memory, high):
    @case(f"{label}: tables and log in Linux, one bit masked; after a reboot without the mask, anew")
    def _():
        m = machine()
        path = ROOT / f"{m.arch}-{type_name}.hold"
        create(path, kind, type_name, m.arch)
        holdfast("set", path, "mask=acpi-loader.0")
        boot = linux.arguments(ROOT, m.arch, append="iomem=relaxed")
        with Guest(path, "-M", type_name, *boot, options=["--mailbox"], arch=m.arch, qemu=m.qemu, memory=memory) as guest:
            system = linux.Linux(guest)
            check_boot(path, system, [1], high=False)
            holdfast("set", path, "mask=")
            check_boot(path, system.reboot(), [0, 1], high)


if LONG:
    register("OVMF, QEMU 10.0", debian13, "4m", "pc-q35-10.0", "3072", True)
    register("AAVMF, QEMU 7.2", debian12_arm, "aavmf", "virt-7.2", "512", False)

main()
