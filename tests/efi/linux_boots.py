# SPDX-License-Identifier: BSD-2-Clause
"""`holdfast run --mailbox` with the driver, and a real Linux: its ACPI tables, and what `show` says of the same boot."""
import os
import pathlib
import re
import struct

import linux
from guest import Guest, create, wait_until
from program import holdfast, scratch
from tap import case, expect, main
from window_guest import debian12, debian12_arm, debian13

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
LONG = os.environ.get("HOLDFAST_LONG")


def contract(path):
    return {row["domain"]: row for row in holdfast("show", path, "--json").json["contract"]}


def times(path, text):
    """How often the log says this of the mailbox: what is said again becomes a count."""
    return sum(e["count"] for e in holdfast("log", path, "--json").json["events"]
               if e["kind"] == "mailbox" and e["text"] == text)


def own_table(system):
    """The bytes of our SSDT, as Linux shows it."""
    names = system.run("grep -l HOLDFSMAILBOX /sys/firmware/acpi/tables/SSDT*").out.split()
    expect(len(names) == 1, f"our SSDT is there {len(names)} times: {names}")
    return bytes.fromhex(re.sub(r"\s", "", system.run(f"xxd -p {names[0]}").out))


def property_of(table, key, opcode, form):
    at = table.index(key.encode() + b"\0" + opcode) + len(key) + 2
    return struct.unpack_from(form, table, at)[0]


def check_boot(path, system, acpi_bits, high, boots):
    """Tables in the guest, the log in its memory, `show` and `log`: all of them tell the same."""
    table = own_table(system)
    expect(sum(table) % 256 == 0, "the SSDT's checksum")
    address = property_of(table, "log-address", b"\x0e", "<Q")
    expect((address >= 1 << 32) == high, f"the log lies at {address:#x}")
    size = property_of(table, "log-size", b"\x0c", "<I")
    text = system.run(f"dd if=/dev/mem bs={size} skip={address // size} count=1 2>/dev/null | tr -d '\\0'").out
    rows = contract(path)
    wanted = ["holdfast: agreed on in this boot"] + [
        f"{name} {','.join(map(str, row['agreed']))}" for name, row in rows.items()]
    expect(sorted(text.splitlines()) == sorted(wanted), f"the guest reads {text!r}, `show` says {rows}")
    expect(rows["acpi-loader"]["agreed"] == acpi_bits and rows["lifecycle"]["agreed"] == [0], f"{rows}")
    device = system.run("cat /sys/bus/acpi/devices/PRP0001:*/modalias").out
    expect("holdfast,mailbox" in device, device)
    pci = property_of(table, "pci-address", b"\x0c", "<I")
    found = system.run(f"cat /sys/bus/pci/devices/0000:00:{pci >> 3:02x}.{pci & 7}/device").out
    expect(found.strip() == "0x1110", f"PCI address {pci:#x}: {found}")
    wait_until(lambda: times(path, "the firmware reported exit-boot-services") == boots, 60, "the log has the last stage")
    offer = f"offered: lifecycle 0; acpi-loader {','.join(map(str, acpi_bits))}"
    for text in (offer, f"acpi-loader: the firmware asked for {','.join(map(str, acpi_bits))}; agreed"):
        expect(times(path, text) == 1, f"{text!r} is not in the log once")
    for text in ("started", "of its tables installed", "ready-to-boot"):
        expect(times(path, f"the firmware reported {text}") == boots, f"{text!r} is not in the log {boots} times")


def register(label, machine, kind, type_name, memory, high):
    @case(f"{label}: tables and log in Linux, one bit masked; after a reboot without the mask, anew")
    def _():
        m = machine()
        path = ROOT / f"{kind}-{label[-4:]}.hold"
        create(path, kind, type_name, m.arch)
        holdfast("set", path, "mask=acpi-loader.0")
        boot = linux.arguments(ROOT, m.arch, append="iomem=relaxed")  # or Linux shows nobody the log
        with Guest(path, "-M", type_name, *boot, options=["--mailbox"], arch=m.arch, qemu=m.qemu, memory=memory) as guest:
            system = linux.Linux(guest)
            check_boot(path, system, [1], high=False, boots=1)
            holdfast("set", path, "mask=")
            system = system.reboot()
            check_boot(path, system, [0, 1], high, boots=2)


register("OVMF, QEMU 7.2", debian12, "4m", "pc-q35-7.2", "3072", True)
if LONG:
    register("OVMF, QEMU 10.0", debian13, "4m", "pc-q35-10.0", "3072", True)
    register("AAVMF, QEMU 7.2", debian12_arm, "aavmf", "virt-7.2", "512", False)

main()
