# SPDX-License-Identifier: BSD-2-Clause
"""The mailbox's ROM in a guest with Secure Boot: what holdfast refuses beforehand, and what firmware makes of it."""
import pathlib
import shutil

import debian_firmware
import signing
from guest import OVMF, Guest, raw_flash
from program import BUILD, holdfast, scratch
from tap import case, expect, main

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
ROM = BUILD / "efi" / "holdfast-mailbox.rom"
SECURE = ["-M", "q35,smm=on"]
WINDOW = bytes(4096) + b"HFMH\1\0\0\0\1\0\0\0" + bytes((1 << 20) - 4108)  # a host that is there and never answers


def create(name, arch="x86_64"):
    path = ROOT / f"{name}.hold"
    if arch == "aarch64":
        return holdfast("create", path, "--firmware", OVMF["aavmf"][0], "--vars", debian_firmware.AAVMF / "AAVMF_VARS.snakeoil.fd",
                        "--machine", "virt", "--arch", arch) and path
    holdfast("create", path, "--firmware", OVMF["secboot"][0], "--vars", debian_firmware.OVMF / "OVMF_VARS_4M.snakeoil.fd",
             "--machine", "q35")
    return path


def enroll(path, name, data, *options):
    file = ROOT / "list"
    file.write_bytes(data)
    there = holdfast("vars", "get", path, name, status=None).status == 0
    holdfast("vars", "set", path, name, "--file", file, *options,
             *(["--authenticated"] if there else ["--attributes", "NV+BS+RT+TA"]))


def refused(path, rom, *words, machine=SECURE):
    result = holdfast("run", path, "--mailbox", "--", *machine, "-display", "none", "-S", status=3,
                      env={"HOLDFAST_MAILBOX_ROM": str(rom)})
    expect("rule 'secure-boot'" in result.err and all(w in result.err for w in words), f"wanted {words}: {result}")


def taken(path, rom):
    with Guest(path, *SECURE, "-S", options=["--mailbox"], env={"HOLDFAST_MAILBOX_ROM": str(rom)}) as guest:
        guest.connect()


def contract(path):
    return {row["domain"]: row["agreed"] for row in holdfast("show", path, "--json").json["contract"]}


def runs_and_agrees(guest, path):
    with guest:
        guest.serial.wait_for(lambda _: "the firmware reported: ready-to-boot" in holdfast("log", path).out, 300,
                              "the driver's report")
    expect(contract(path) == {"lifecycle": [0], "acpi-loader": [0, 1]}, f"{contract(path)}")


def ran(machine, code, variables, *more, arch="x86_64"):
    """Whether bare QEMU's firmware runs the unsigned ROM. Its own shell is not signed, so the boot ends with words."""
    copy, window = ROOT / "vars.fd", ROOT / "window"
    shutil.copy(variables, copy)
    window.write_bytes(WINDOW)
    with Guest(None, "-M", machine, *more, *raw_flash(code, copy),
               "-object", f"memory-backend-file,id=window,mem-path={window},size=1M,share=on",
               "-device", f"ivshmem-plain,memdev=window,romfile={ROM}", arch=arch, bare=True) as guest:
        guest.wait_text("Security Violation")
        return window.read_bytes()[:4] == b"HFMG"


@case("refused beforehand: unsigned, a stranger's, changed after it was signed, one of its drivers alone signed")
def _():
    path = create("refusals")
    refused(path, ROM, "not signed", "x86-64")
    signing.need_tools()
    stranger = signing.signed(ROOT, "stranger", signing.Key(ROOT, "A stranger"))
    refused(path, signing.rom(ROOT, "stranger.rom", stranger), "CN=A stranger", "db")
    good = signing.signed(ROOT, "good", signing.Snakeoil(ROOT))
    changed = bytearray(good[0].read_bytes())
    changed[0x1000] ^= 1
    (ROOT / "changed.efi").write_bytes(changed)
    refused(path, signing.rom(ROOT, "changed.rom", [ROOT / "changed.efi", good[1]]), "does not match")
    longer = ROOT / "longer.efi"  # as zeros to a multiple of 512 would do
    longer.write_bytes(good[0].read_bytes() + bytes(8))
    refused(path, signing.rom(ROOT, "longer.rom", [longer, good[1]]), "does not match")
    refused(path, signing.rom(ROOT, "half.rom", [good[0], signing.IMAGES[1]]), "AArch64", "not signed")
    expect(holdfast("show", path, "--json").json["roms"] == [], "a refusal recorded a ROM")


@case("db decides: a certificate whose issuer is in it, and a digest without any signature; dbx has the last word")
def _():
    signing.need_tools()
    authority = signing.Key(ROOT, "The authority")
    leaf = signing.Key(ROOT, "The leaf", issuer=authority)
    images = signing.signed(ROOT, "leaf", leaf)
    rom, path = signing.rom(ROOT, "leaf.rom", images), create("lists")
    refused(path, rom, "CN=The leaf")
    enroll(path, "db", signing.list_of(signing.X509, signing.Key(ROOT, "Another").der, authority.der))
    for dbx, words in ((signing.list_of(signing.X509, leaf.der), "forbids"),
                       (signing.list_of(signing.X509, authority.der), "forbids"),
                       (signing.list_of(signing.X509_SHA256, signing.revoked(leaf)), "forbids"),
                       (signing.list_of(signing.SHA256, bytes(32), signing.signed_digest(images[1])), "AArch64"),
                       (b"garbage", "cannot be read")):
        enroll(path, "dbx", dbx, *(["--raw"] if dbx == b"garbage" else []))
        refused(path, rom, "dbx", words)
    enroll(path, "dbx", signing.list_of(signing.SHA256, bytes(32)))
    taken(path, rom)
    path = create("digests")
    enroll(path, "db", signing.list_of(signing.SHA256, *map(signing.signed_digest, images)))
    taken(path, ROM)


@case("a signed ROM runs: OVMF, and AAVMF, which itself looks at the signature")
def _():
    signing.need_tools()
    good = signing.signed(ROOT, "good", signing.Snakeoil(ROOT))
    env = {"HOLDFAST_MAILBOX_ROM": str(signing.rom(ROOT, "good.rom", good))}
    path = create("arm", "aarch64")
    refused(path, ROM, "not signed", machine=["-M", "virt"])
    runs_and_agrees(Guest(path, "-M", "virt", options=["--mailbox"], env=env, arch="aarch64"), path)
    path = create("x86")
    runs_and_agrees(Guest(path, *SECURE, options=["--mailbox"], env=env), path)


@case("an unsigned ROM: Debian's OVMF runs it all the same, so that the refusal is holdfast's own; AAVMF does not")
def _():
    expect(ran("q35,smm=on", OVMF["secboot"][0], debian_firmware.OVMF / "OVMF_VARS_4M.snakeoil.fd",
               "-global", "driver=cfi.pflash01,property=secure,value=on"), "OVMF did not run it")
    expect(not ran("virt", OVMF["aavmf"][0], debian_firmware.AAVMF / "AAVMF_VARS.snakeoil.fd", arch="aarch64"), "AAVMF ran it")


main()
