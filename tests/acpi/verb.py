# SPDX-License-Identifier: BSD-2-Clause
"""holdfast acpi show, check, run: on what the builder makes of the tests' sample machine, whole and damaged."""
import os
import pathlib
import re
import struct
import subprocess
import tempfile

from program import BUILD, SOURCE, holdfast
from tap import case, expect, main

EMIT = BUILD / "tests" / "acpi" / "emit"
scratch = tempfile.TemporaryDirectory(prefix="holdfast-acpi-")
ROOT = pathlib.Path(scratch.name)


def dump(name, shape="narrow", features=0, tell=True):
    directory = ROOT / name
    subprocess.run([EMIT, directory, shape, str(features), *(["etc/device_addr", "0"] if tell else [])], check=True)
    if tell:
        (directory / "etc/device_addr").write_bytes(bytes(8))
    return directory


def change(directory, at, byte):
    path = directory / "etc/table-loader"
    data = bytearray(path.read_bytes())
    data[at] = byte
    path.write_bytes(data)


@case("show lists the commands, and says how many more are padding")
def _():
    d = dump("show")
    text = holdfast("acpi", "show", d).out
    expect("  0  ALLOCATE etc/acpi/tables align 64 zone HIGH, 4096 bytes" in text, text)
    expect("(FACP) 4 bytes -> etc/acpi/tables+0x40 (DSDT)" in text, text)
    expect("WRITE_POINTER etc/device_addr+0x0 8 bytes <- address of etc/device_page+0x38" in text, text)
    expect("and padding for 17 more" in text, text)
    report = holdfast("acpi", "show", d, "--json").json
    expect(report["schema"] == 1 and len(report["commands"]) == 15 and report["padding"] == 17, report)


@case("check: safe, or the first unsafe command, its rule and for whom; status 3")
def _():
    d = dump("check")
    expect(holdfast("acpi", "check", d, "--as", "seabios", "--as", "ovmf").out == "safe\n", "not safe")
    all_three = holdfast("acpi", "check", d, "--json", status=3).json
    expect(all_three["finding"]["rule"] == "write-pointer" and all_three["finding"]["unsafe_for"] == ["qboot"], all_three)
    change(d, 64, 3)
    finding = holdfast("acpi", "check", d, "--as", "seabios", "--json", status=3).json["finding"]
    expect(finding["command"] == 0 and finding["rule"] == "zone", finding)
    text = holdfast("acpi", "check", d, "--as", "seabios", status=3).out
    expect("command 0 is not safe for seabios" in text and "zone 64BIT" in text and "rule: zone" in text, text)


@case("check --features: what was agreed is allowed")
def _():
    d = dump("features", "wide", 3)
    holdfast("acpi", "check", d, "--as", "ovmf", "--features", "64bit,noacpi")
    holdfast("acpi", "check", d, "--as", "ovmf", "--features", "64bit", status=3)


@case("run: tables, addresses told, faults; status 1 when some firmware gets no complete set")
def _():
    d = dump("run")
    report = holdfast("acpi", "run", d, "--as", "ovmf", "--json").json["runs"][0]
    expect(report["verdict"] == "complete" and len(report["tables"]) == 4, report)
    expect(report["told"][0]["file"] == "etc/device_addr" and report["told"][0]["value"] > 0, report)
    runs = holdfast("acpi", "run", d, "--json", status=1).json["runs"]
    expect([r["verdict"] for r in runs] == ["complete", "complete", "stopped"], runs)
    text = holdfast("acpi", "run", d, status=1).out
    expect("seabios: the guest gets a complete set of tables" in text, text)
    expect("qboot: the guest gets nothing: the firmware stops" in text and "unknown command: WRITE_POINTER" in text, text)
    change(d, 64, 3)
    text = holdfast("acpi", "run", d, "--as", "seabios", status=1).out
    expect("seabios: the guest gets none of the host's tables" in text, text)
    expect("command 0: the zone is unknown to this firmware" in text, text)


@case("run --at places every file, --output writes files and tables")
def _():
    d, out = dump("at"), ROOT / "at-out"
    places = {"etc/acpi/tables": 0x7f000000, "etc/acpi/rsdp": 0xf6000, "etc/device_page": 0x7f100000}
    report = holdfast("acpi", "run", d, "--as", "seabios", "--output", out, "--json",
                      *[f"--at={f}={a:#x}" for f, a in places.items()]).json["runs"][0]
    expect({f["file"]: f["address"] for f in report["files"]} == places, report["files"])
    tables = sorted(p.name for p in (out / "tables").iterdir())
    expect(tables == ["00-RSDT.aml", "01-FACP.aml", "02-FACS.aml", "03-DSDT.aml", "04-SSDT.aml"], tables)
    fadt = (out / "tables/01-FACP.aml").read_bytes()
    expect(sum(fadt) % 256 == 0 and struct.unpack("<I", fadt[40:44])[0] == 0x7f000040, "the FADT")
    expect((out / "etc/acpi/rsdp").stat().st_size == 20, "the RSDP")
    expect("exists already" in holdfast("acpi", "run", d, "--as", "seabios", "--output", out, status=3).err, "no refusal")
    only_one = holdfast("acpi", "run", d, "--as", "seabios", "--at", "etc/acpi/rsdp=0xf6000", status=1).out
    expect("no memory of that kind" in only_one, only_one)


@case("bad arguments and bad directories: one clear error, the right status")
def _():
    d = dump("bad")
    for arguments, status, words in (
            (["run", d, "--as", "bios"], 2, "seabios, ovmf"),
            (["run", d, "--features", "zone3"], 2, "64bit, noacpi"),
            (["run", d, "--at", "x"], 2, "FILE=ADDRESS"),
            (["run", d, "--at", "x=0"], 2, "not 0"),
            (["run", d, "--output", ROOT / "o"], 2, "--as"),
            (["show", ROOT / "nowhere"], 4, "nowhere"),
            (["show", d / "etc" / "table-loader"], 4, "not a directory"),
            (["show", d / "etc" / "acpi"], 4, "etc/table-loader not found")):
        result = holdfast("acpi", *arguments, status=status)
        expect(words in result.err and result.err.count("\n") == 1, f"{arguments}: {result.err}")


@case("a script over the limit is refused, links are passed over")
def _():
    d = dump("large")
    (d / "etc/table-loader").write_bytes(bytes(0x10080))
    result = holdfast("acpi", "show", d, status=3)
    expect("65536" in result.err, result.err)
    d = dump("links")
    os.symlink("/etc/passwd", d / "etc/link")
    os.mkfifo(d / "etc/fifo")
    holdfast("acpi", "show", d)


@case("a hostile dump cannot write outside of --output, nor forge lines")
def _():
    d = dump("hostile", tell=False)
    change(d, 4, 0x1b)  # an escape in the name of the first command
    text = holdfast("acpi", "show", d).out
    expect("\x1b" not in text and "?tc/acpi/tables" in text, repr(text[:200]))
    # A table whose signature is a path: the name is made plain.
    d = dump("path", tell=False)
    data = bytearray((d / "etc/acpi/tables").read_bytes())
    at = data.index(b"SSDT")
    data[at:at + 4] = b"../x"
    (d / "etc/acpi/tables").write_bytes(data)
    holdfast("acpi", "run", d, "--as", "seabios", "--output", ROOT / "path-out", status=None)
    names = [p.name for p in (ROOT / "path-out/tables").iterdir()]
    expect("04-____.aml" in names, names)


@case("docs/acpi.md lists the rules, each with its consumers and its words")
def _():
    code = (SOURCE / "src/acpi/check_rules.c").read_text()
    text = (SOURCE / "docs/acpi.md").read_text()
    rows = re.findall(r'\{"([a-z0-9-]+)", "([^"]+)"(?:\s*"([^"]*)")?,', code)
    expect(len(rows) > 25, "the table in check_rules.c is not found")
    missing = {name for name, _, _ in rows if f"`{name}`" not in text}
    expect(not missing, f"docs/acpi.md lacks the rules {sorted(missing)}")
    named = set(re.findall(r"^\| `([a-z0-9-]+)` \|", text, re.M))
    expect(named <= {name for name, _, _ in rows} | {"size", "outcome"}, f"rules that are none: {named}")


main(scratch.cleanup)
