# SPDX-License-Identifier: BSD-2-Clause
"""`holdfast run --mailbox` with the driver in its ROM, and a real Linux: the tables that it finds, what `show` and `log`
say of the same boot, and what its start, or that it does not start, does to an upgrade."""
import hashlib
import pathlib
import re
import struct

import linux
from broken_firmware import without_fat
from guest import OVMF, Guest, create, digest, export, wait_until
from program import BUILD, holdfast, scratch
from tap import case, expect, main, skip
from window_guest import debian12_arm, debian13, debian13_arm

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
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


def words_at(system, address):
    """Text in physical memory. Arm lets nobody read() what the firmware kept for itself; devmem maps it."""
    said = system.run(f"at={address}; until devmem $at 64 | tee /word | grep -q 0x00; do cat /word; at=$((at + 8)); done; "
                      "cat /word")
    return b"".join(int(word, 16).to_bytes(8, "little") for word in said.out.split()).rstrip(b"\0").decode()


def check_boot(path, system, acpi_bits, high):
    """Tables in the guest, the log in its memory and `show`: all of them tell the same."""
    table = own_table(system)
    expect(sum(table) % 256 == 0, "the SSDT's checksum")
    address, size = property_of(table, "holdfast,log", "<Q"), property_of(table, "holdfast,log-size", "<I")
    expect((address >= 1 << 32) == high, f"the log lies at {address:#x}")
    expect(size == 4096, f"the log's size is {size}")
    text = words_at(system, address + property_of(table, "holdfast,log-offset", "<I"))
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
    holdfast("set", path, "mask=acpi-loader.0", "trial-boots=1", "trial-timeout=0")
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
        wait_until(lambda: times(path, AGREED) == 2, 900, "the driver runs in the firmware that hangs")
        holdfast("set", path, "trial-timeout=1")  # not before: on a busy machine it takes long to get there
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


def arm_guest(m, path, type_name, files=None):
    tool = BUILD / "guest" / "holdfast-guest-aarch64"
    if not tool.exists():
        skip("holdfast-guest is not built for AArch64: packages gcc-aarch64-linux-gnu, libc6-dev-arm64-cross")
    boot = linux.arguments(ROOT, m.arch, append="iomem=relaxed", files={"bin/holdfast-guest": tool, **(files or {})})
    return Guest(path, "-M", type_name, *boot, options=["--mailbox"], arch=m.arch, qemu=m.qemu, memory="768")


def other_aavmf():
    """Debian's AAVMF under another digest, without the zeros that fill its flash."""
    code = bytearray(pathlib.Path(OVMF["aavmf"][0]).read_bytes())
    at = code.rindex(b"\xff" * 64) + 16
    code[at:at + 5] = b"other"
    return bytes(code).rstrip(b"\0")


@case("AAVMF: tables and log in Linux; holdfast-guest stages, confirms and takes back, and each boot negotiates anew")
def _():
    m, path = debian12_arm(), ROOT / "arm.hold"
    create(path, "aavmf", "virt-7.2", m.arch)
    old, new = show(path)["slots"]["active"]["sha256"], other_aavmf()
    wanted = hashlib.sha256(new).hexdigest()
    holdfast("set", path, "mask=acpi-loader.0", "confirm-by=manual", "guest-confirm=on", f"guest-update={wanted}")
    with arm_guest(m, path, "virt-7.2", {"new.fd": new}) as guest:
        system = linux.Linux(guest)
        check_boot(path, system, [1], high=False)
        said = system.run("holdfast-guest status").out
        expect("steady" in said and old in said, said)
        said = system.run("head -c 1000000 /new.fd >/short.fd; holdfast-guest update /short.fd", status=3).out
        expect("rule 'guest-update'" in said, said)
        holdfast("set", path, "mask=")
        said = system.run("holdfast-guest update /new.fd").out
        expect("staged" in said and wanted in said, said)

        system = system.reboot()
        expect(show(path)["slots"]["active"]["sha256"] == wanted, f"the update does not run: {holdfast('log', path)}")
        check_boot(path, system, [0, 1], high=False)
        expect("trial" in system.run("holdfast-guest status").out, "no trial")
        system.run("holdfast-guest confirm")
        expect(show(path)["lifecycle"]["state"] == "steady", f"{holdfast('show', path)}")
        system.run("holdfast-guest rollback --variables current")

        system = system.reboot()
        said = system.run("holdfast-guest status").out
        expect("steady" in said and old in said, said)
        expect(show(path)["slots"]["active"]["sha256"] == old, f"the code is not back: {holdfast('log', path)}")
        expect(times(path, AGREED) == 3 and times(path, BOOTED) == 3, f"{holdfast('log', path)}")


@case("AAVMF, QEMU 10.0, which lets nobody be careless with a device's memory: the same driver, tables and tool")
def _():
    m, path = debian13_arm(), ROOT / "arm-13.hold"
    create(path, "aavmf", "virt-10.0", m.arch)
    holdfast("set", path, "mask=acpi-loader.1")
    with arm_guest(m, path, "virt-10.0") as guest:
        system = linux.Linux(guest)
        check_boot(path, system, [0], high=False)
        expect("steady" in system.run("holdfast-guest status").out, "the tool says something else")


@case("OVMF, QEMU 10.0: tables and log in Linux, one bit masked; a mailbox for the boot alone says so to the tool")
def _():
    m, path = debian13(), ROOT / "x86-13.hold"
    create(path, "4m", "pc-q35-10.0", m.arch)
    holdfast("set", path, "mask=acpi-loader.1")
    boot = linux.arguments(ROOT, m.arch, append="iomem=relaxed",
                           files={"bin/holdfast-guest": BUILD / "guest" / "holdfast-guest"})
    with Guest(path, "-M", "pc-q35-10.0", *boot, options=["--mailbox=boot-only"], qemu=m.qemu, memory="3072") as guest:
        system = linux.Linux(guest)
        check_boot(path, system, [0], high=True)
        said = system.run("holdfast-guest status", status=3).out
        expect("rule 'boot-only'" in said and "mailbox=always" in said, said)


main()
