# SPDX-License-Identifier: BSD-2-Clause
"""The option ROM: its headers, its size, and that two builds at two places are the same bytes."""
import hashlib
import os
import pathlib
import re
import shlex
import shutil
import struct
import subprocess
import tempfile

from program import BUILD, SOURCE
from tap import case, expect, main

ROM = BUILD / "efi" / "holdfast-mailbox.rom"
X64, AA64 = 0x8664, 0xAA64


def images(rom):
    """(header at, machine, pcir fields, EFI image) of each image in turn, as PCI and UEFI specifications lay it out."""
    at = 0
    while True:
        signature, blocks, efi, subsystem, machine, packed, image, pcir = struct.unpack_from("<HHIHHH8xHH", rom, at)
        expect(signature == 0xAA55, f"0xAA55 at {at:#x}, not {signature:#x}")
        expect((efi, subsystem, packed) == (0xEF1, 11, 0), f"EFI header: {efi:#x}, subsystem {subsystem}, {packed}")
        expect(pcir % 4 == 0, f"the PCI data structure is at {pcir:#x}, not at a multiple of 4")
        fields = struct.unpack_from("<4sHHHHB3sHHBBHHH", rom, at + pcir)
        expect(fields[7] == blocks, f"{fields[7]} blocks in one header, {blocks} in the other")
        yield at, machine, fields, rom[at + image:at + blocks * 512]
        at += blocks * 512
        if fields[10] & 0x80:
            expect(at == len(rom), f"the last image ends at {at}, the ROM at {len(rom)}")
            return


@case("the ROM has an image for x86-64 and one for AArch64, for the window's device")
def _():
    found = list(images(ROM.read_bytes()))
    expect([machine for _, machine, _, _ in found] == [X64, AA64], f"machines {[hex(f[1]) for f in found]}")
    for _, machine, fields, image in found:
        expect(fields[:3] == (b"PCIR", 0x1AF4, 0x1110), f"{fields[:3]}")
        expect(fields[4:7] == (0x1C, 3, b"\0\0\5"), f"length, revision, class: {fields[4:7]}")
        expect(fields[9] == 3, f"code type {fields[9]}")
        header = struct.unpack_from("<I", image, 0x3C)[0]
        expect(image[header:header + 6] == b"PE\0\0" + struct.pack("<H", machine), "the image's own header differs")


@case("only the last image is marked as the last")
def _():
    marks = [fields[10] for _, _, fields, _ in images(ROM.read_bytes())]
    expect(marks == [0, 0x80], f"{marks}")


@case("nothing stands behind a driver: firmware that checks its signature would take that for a part of it")
def _():
    for (_, _, _, image), name in zip(images(ROM.read_bytes()), ("x64", "aa64")):
        built = (BUILD / "efi" / f"holdfast-mailbox-{name}.efi").read_bytes()
        expect(image == built, f"{name}: not the driver as it was built")


@case("the ROM is below 64 KiB")
def _():
    expect(ROM.stat().st_size < 64 << 10, f"{ROM.stat().st_size} bytes")


@case("the images have no time of linking and no path in them")
def _():
    for _, _, _, image in images(ROM.read_bytes()):
        header = struct.unpack_from("<I", image, 0x3C)[0]
        expect(struct.unpack_from("<I", image, header + 8)[0] == 0, "a time of linking")
        for word in (str(SOURCE).encode(), b"src/", b".pdb", b".c\0"):
            expect(word not in image, f"{word} is in the image")


@case("the images can be relocated: firmware does not load them otherwise")
def _():
    for _, _, _, image in images(ROM.read_bytes()):
        header = struct.unpack_from("<I", image, 0x3C)[0]
        expect(struct.unpack_from("<I", image, header + 24 + 112 + 5 * 8 + 4)[0] > 0, "no base relocations")


@case("two builds at two places are the same bytes")
def _():
    with tempfile.TemporaryDirectory(prefix="holdfast-rom-") as place:
        copies = []
        for name in ("a", "a-much-longer-name/below"):
            tree = pathlib.Path(place) / name
            tree.mkdir(parents=True)
            for part in ("efi", "src"):
                shutil.copytree(SOURCE / part, tree / part)
            copies.append(tree)
        digests = {hashlib.sha256(rebuilt(tree)).hexdigest() for tree in copies}
        expect(len(digests) == 1, f"two places, two ROMs: {digests}")
        expect(digests == {hashlib.sha256(ROM.read_bytes()).hexdigest()}, "the tree's own ROM is another one")


@case("a firmware of one's own: what the page for its authors says compiles, and needs nothing that it does not name")
def _():
    blocks = (SOURCE / "docs" / "efi.md").read_text().split("```")
    command = next(b for b in blocks if "own.c" in b and "clang" in b).replace("\\\n", " ").split()
    with tempfile.TemporaryDirectory(prefix="holdfast-own-") as place:
        own = pathlib.Path(place) / "own.c"
        own.write_text(next(b for b in blocks if b.startswith("c\n"))[2:])
        words = [str(own) if w == "own.c" else f"-I{SOURCE / w[2:]}" if w.startswith("-I") else
                 str(SOURCE / w) if w.startswith("src/") else w for w in command]
        subprocess.run([*words, "-Wall", "-Werror"], check=True, cwd=place)
        objects = sorted(pathlib.Path(place).glob("*.o"))
        needs = [f"--defsym={name}=0" for name in ("memcpy", "memset", "memcmp")]
        subprocess.run(["ld.lld", "-e", "own_negotiation", *needs, *objects, "-o", "own"], check=True, cwd=place)


def rebuilt(tree):
    """The ROM, by the build's own commands, with the sources at `tree`."""
    commands = subprocess.run(["ninja", "-C", BUILD, "-t", "commands", "efi/holdfast-mailbox.rom"], stdout=subprocess.PIPE,
                              text=True, check=True).stdout.splitlines()
    out = tree / "out"
    (out / "efi").mkdir(parents=True)
    relative = os.path.relpath(SOURCE, BUILD)
    for command in commands:
        if "ninja:" in command:
            continue
        words = [re.sub(rf"^(-I|){re.escape(place)}(?=/|$)", rf"\g<1>{tree}", word, count=1)
                 for word in shlex.split(command) for place in [relative if word.startswith(relative) else str(SOURCE)]]
        subprocess.run(words, check=True, cwd=out)
    return (out / "efi" / "holdfast-mailbox.rom").read_bytes()


main()
