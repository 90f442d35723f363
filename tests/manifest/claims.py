# SPDX-License-Identifier: BSD-2-Clause
"""What the shipped manifests claim, tried on the images themselves.

Normally one image of each manifest; with HOLDFAST_LONG=1 all of them.
"""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import acpi_guest
from acpi_guest import DEBIAN12, SEABIOS_DONE, Guest
from guest import raw_flash
from program import BUILD, SOURCE
from tap import case, expect, main, note, skip

LONG = bool(os.environ.get("HOLDFAST_LONG"))
EMIT = BUILD / "tests" / "acpi" / "emit"
OURS = ["DSDT", "FACP", "FACS", "SSDT"]
HOSTS = {"debian12": DEBIAN12, "debian13": acpi_guest.debian13(SOURCE)}
MANIFESTS = {f.stem: json.loads(f.read_text()) for f in sorted((SOURCE / "data" / "manifests").glob("*.json"))}


def host_of(name):
    host = HOSTS[name.split("-")[0]]
    if isinstance(host, str):
        skip(f"Debian 13's firmware is not here: {host}")
    return host


def image_path(name, image):
    return host_of(name)["root"] / image["file"].lstrip("/")


@case("every image that is here has the digest its manifest names")
def _():
    seen = other = 0
    for name, manifest in MANIFESTS.items():
        if isinstance(HOSTS[name.split("-")[0]], str):
            continue
        for image in manifest["images"]:
            path = image_path(name, image)
            if not path.exists():
                continue
            seen += 1
            if hashlib.sha256(path.read_bytes()).hexdigest() != image["sha256"]:
                other += 1
                note(f"{path} is another build than {manifest['name']}: it has no manifest and gets the baseline")
    expect(seen, "no image of any manifest is here")
    if other == seen:
        skip("all firmware here is of other builds than the manifests'")


def images_here(name):
    """Those whose digest is the manifest's; one of them normally."""
    found = [image_path(name, i) for i in MANIFESTS[name]["images"]
             if image_path(name, i).exists() and
             hashlib.sha256(image_path(name, i).read_bytes()).hexdigest() == i["sha256"]]
    if not found:
        skip("this build is not installed here")
    return found if LONG else found[:1]


def our_tables(guest, base, seconds):
    """All of them, which firmware installs one after the other; or those that were there in the end."""
    end, best = time.monotonic() + seconds, []
    while best != OURS and time.monotonic() < end:
        for tables in acpi_guest.tables_anywhere(guest.memory(base), base):
            best = max(best, sorted(s for s, _, t in tables.found if t[10:16] == b"HFTEST"), key=len)
        if best != OURS:
            time.sleep(1)
    return best


def play_uefi(name, code, features):
    arm, host = "aavmf" in name, host_of(name)
    with tempfile.TemporaryDirectory(prefix="holdfast-claims-") as d:
        subprocess.run([EMIT, f"{d}/dump", "wide", str(features)], check=True)
        variables = pathlib.Path(d) / "vars.fd"
        shutil.copy(str(code).replace("CODE_4M.secboot", "CODE_4M").replace("CODE.secboot", "CODE")
                    .replace("CODE.no-secboot", "CODE").replace("_CODE", "_VARS"), variables)
        secure = "secboot" in code.name and not arm
        machine = "virt-7.2,acpi=off" if arm else "pc-q35-7.2,acpi=off" + (",smm=on" if secure else "")
        arguments = ["-M", machine, *raw_flash(code, variables)]
        arguments += ["-cpu", "cortex-a57"] if arm else []
        arguments += ["-global", "driver=cfi.pflash01,property=secure,value=on"] if secure else []
        for file in (pathlib.Path(d) / "dump").rglob("*"):
            if file.is_file():
                arguments += ["-fw_cfg", f"name={file.relative_to(pathlib.Path(d) / 'dump')},file={file}"]
        guest = Guest(host["arm" if arm else "qemu"], d, arguments, arm=arm)
        try:
            return our_tables(guest, 0x40000000 if arm else 0, 240)
        finally:
            guest.close()


for _name, _manifest in MANIFESTS.items():
    if _manifest["firmware"] != "ovmf":
        continue

    @case(f"{_manifest['name']} understands zone 3")
    def _(name=_name):
        for code in images_here(name):
            found = play_uefi(name, code, 1)
            expect(found == OURS, f"{code}: tables {found}")
            note(code)


def seconds_to_boot(bios, host, machine):
    with tempfile.TemporaryDirectory(prefix="holdfast-claims-") as d:
        guest = Guest(host["qemu"], d, ["-M", *machine, "-bios", bios])
        start = time.monotonic()
        try:
            guest.wait_for(SEABIOS_DONE, 180)
            return time.monotonic() - start
        finally:
            guest.close()


@case("SeaBIOS 1.16.2 stands still for half a minute at a drive on AHCI under QEMU 10.0, and only there")
def _():
    old = images_here("debian12-seabios-1.16.2")[0]
    new = images_here("debian13-seabios-1.16.3")[0]
    here, there = DEBIAN12, host_of("debian13-seabios-1.16.3")
    bare = ["pc-q35-7.2"]
    drive = [*bare, "-device", "ide-cd,bus=ide.0"]  # the empty CD-ROM that QEMU adds by itself without -nodefaults
    times = {"1.16.2 on QEMU 7.2": seconds_to_boot(old, here, drive),
             "1.16.3 on QEMU 10.0": seconds_to_boot(new, there, drive),
             "1.16.2 on QEMU 10.0, no drive": seconds_to_boot(old, there, bare)}
    slow = seconds_to_boot(old, there, drive)
    note(f"1.16.2 on QEMU 10.0: {slow:.1f} s; " + "; ".join(f"{k}: {v:.1f} s" for k, v in times.items()))
    expect(slow > 30 and slow - max(times.values()) > 15, "it is quick on QEMU 10.0, or slow elsewhere: the manifest is wrong")


main()
