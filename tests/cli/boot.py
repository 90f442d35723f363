# SPDX-License-Identifier: BSD-2-Clause
"""`boot` on plain stores and containers, as a user calls it."""
import os
import pathlib
import shutil
import tempfile

import gpt
from program import holdfast, scratch
from tap import case, expect, main, skip

OVMF = pathlib.Path("/usr/share/OVMF")
MS_4M = OVMF / "OVMF_VARS_4M.ms.fd"
HOME = scratch()
DIR = pathlib.Path(HOME.name)
OWN = "4d2c1b2a-9c3e-4f6b-8a1d-6f6c64666173"


def base():
    """Debian's store with Boot0000 to Boot0002, two hot keys of Boot0000, no order; Debian 13's lacks the shell's entry."""
    path = DIR / "base.fd"
    if not MS_4M.exists():
        skip(f"{MS_4M} is not installed")
    if not path.exists():
        shutil.copy(MS_4M, path)
        if "0002" not in entries(path):
            add(path, "EFI Internal Shell", "--app", "shell")
            holdfast("vars", "rm", path, "BootOrder", "--in-place")
    return path


def fresh(name="vars.fd", source=None):
    source = source or base()
    if not source.exists():
        skip(f"{source} is not installed")
    return pathlib.Path(shutil.copy(source, pathlib.Path(tempfile.mkdtemp(dir=DIR)) / name))


def entries(store):
    return {f"{e['number']:04X}": e for e in holdfast("boot", "list", store, "--json").json["entries"]}


def value(store, name):
    got = holdfast("vars", "get", store, name, "--json", status=None)
    return got.json["data"] if got.status == 0 else None


def add(store, label, *words, status=0):
    return holdfast("boot", "add", store, "--label", label, *words, "--in-place", status=status)


@case("entries made from a disk's partition, a path, a URI, firmware's own applications")
def _():
    store = fresh()
    disk = gpt.image(DIR / "disk.img", {1: (gpt.LINUX, OWN, 4096, 8191), 15: (gpt.ESP, OWN, 2048, 4095)})
    big = gpt.image(DIR / "big.img", {2: (gpt.ESP, OWN, 256, 511)}, sector=4096)
    wanted = [
        ("Debian", ["--disk", disk, "--path", "/EFI/debian/shimx64.efi"],
         f"HD(15,GPT,{OWN},0x800,0x800)/\\EFI\\debian\\shimx64.efi"),
        ("One", ["--disk", disk, "--partition", "1", "--path", "x.efi"], f"HD(1,GPT,{OWN},0x1000,0x1000)/\\x.efi"),
        ("4096", ["--disk", big, "--path", "/x.efi"], f"HD(2,GPT,{OWN},0x100,0x100)/\\x.efi"),
        ("Anywhere", ["--path", "\\EFI\\x.efi", "--inactive"], "\\EFI\\x.efi"),
        ("Net", ["--uri", "https://boot.example/x.efi"], "Uri(https://boot.example/x.efi)"),
        ("Shell", ["--app", "shell"], "Fv(7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1)/FvFile(7c04a583-9e3e-4f1c-ad65-e05268d0b4d1)"),
    ]
    for label, words, path in wanted:
        add(store, label, *words)
        last = list(entries(store).values())
        entry = next(e for e in last if e["label"] == label)
        expect(entry["path"] == path and entry["ordered"] and entry["active"] == ("--inactive" not in words), entry)
    expect(value(store, "BootOrder") == "030004000500060007000800", value(store, "BootOrder"))
    add(store, "First", "--path", "/y.efi", "--args", "ro quiet", "--first")
    expect(value(store, "BootOrder").startswith("09000300"), value(store, "BootOrder"))
    expect(value(store, "Boot0009").endswith("ro quiet\0".encode("utf-16-le").hex()), value(store, "Boot0009"))
    expect(entries(store)["0002"]["path"] == entries(store)["0008"]["path"], "not the path that firmware wrote itself")
    arm = fresh("arm.fd", pathlib.Path("/usr/share/AAVMF/AAVMF_VARS.ms.fd"))
    add(arm, "Setup", "--app", "ui")
    made = entries(arm)
    expect(made["0003"]["path"] == made["0000"]["path"], made)


@case("what cannot be an entry is refused, and the store stays as it was")
def _():
    store = fresh()
    before = store.read_bytes()
    plain, both = DIR / "plain.img", DIR / "both.img"
    plain.write_bytes(bytes(1 << 20))
    gpt.image(both, {1: (gpt.ESP, OWN, 40, 50), 2: (gpt.ESP, OWN, 60, 70)})
    qcow2 = DIR / "disk.qcow2"
    qcow2.write_bytes(b"QFI\xfb" + bytes(4096))
    for words, status, said in (
            (["--disk", plain, "--path", "/x"], 5, "no GUID partition table"),
            (["--disk", both, "--path", "/x"], 2, "2 EFI System Partitions"),
            (["--disk", both, "--partition", "3", "--path", "/x"], 4, "partition 3: not found"),
            (["--disk", qcow2, "--path", "/x"], 2, "qemu-nbd"),
            (["--disk", DIR / "none.img", "--path", "/x"], 4, "No such file"),
            (["--uri", "ftp://x/"], 2, "http://"), (["--app", "games"], 2, "ui shell"), ([], 2, "boot target: give one of --path"),
            (["--path", "/x", "--uri", "http://x"], 2, "boot target: give one of --path"), (["--path", "/"], 2, "a file's path"),
            (["--partition", "1", "--path", "/x"], 2, "--partition: only with --disk")):
        result = add(store, "x", *words, status=status)
        expect(said in result.err, result)
    expect("--label" in holdfast("boot", "add", store, "--path", "/x", "--in-place", status=2).err, "label")
    expect(store.read_bytes() == before and os.listdir(store.parent) == [store.name], "changed")


@case("move, next, rm: order and BootNext follow")
def _():
    store = fresh()
    for label in "ABC":
        add(store, label, "--path", f"/{label}.efi")
    for words, order in ((["0005", "--first"], "050003000400"), (["0005", "--last"], "030004000500"),
                         (["0005", "--before", "0004"], "030005000400"), (["0000", "--first"], "0000030005000400")):
        holdfast("boot", "move", store, *words, "--in-place")
        expect(value(store, "BootOrder") == order, (words, value(store, "BootOrder")))
    holdfast("boot", "move", store, "0005", "--before", "0002", "--in-place", status=4)  # in no order
    holdfast("boot", "move", store, "0005", "--in-place", status=2)
    holdfast("boot", "move", store, "0009", "--first", "--in-place", status=4)
    holdfast("boot", "next", store, "5", "--in-place", status=2)
    holdfast("boot", "next", store, "0005", "--in-place")
    expect(entries(store)["0005"]["next"], "not next")
    holdfast("boot", "rm", store, "0005", "0000", "--in-place")
    left = entries(store)
    expect("0005" not in left and "0000" not in left and value(store, "BootOrder") == "03000400", left)
    expect(value(store, "BootNext") is None and value(store, "Key0000") is None and value(store, "Key0001") is None,
           "BootNext or a hot key starts what is gone")
    holdfast("boot", "next", store, "0003", "--in-place")
    holdfast("boot", "next", store, "none", "--in-place")
    expect(value(store, "BootNext") is None, "still next")
    holdfast("boot", "rm", store, "0003", "0004", "--in-place")
    expect(value(store, "BootOrder") is None, "an empty order is a variable")


@case("prune, dedup, clear")
def _():
    store = fresh()
    for label, file in ("A", "a"), ("B", "b"), ("A again", "a"):
        add(store, label, "--path", f"/{file}.efi")
    good = store.read_bytes()
    for name, *words in (("Boot0006", "--data", "01"), ("BootOrder", "--order", "0003,0009,0004,0003,0006,0005"),
                         ("BootNext", "--data", "0900")):
        holdfast("vars", "set", store, name, *words, "--raw", "--in-place")
    said = holdfast("boot", "list", store)
    expect("BootOrder names 0009, which does not exist" in said.out and "unreadable" in said.out, said)
    holdfast("boot", "prune", store, "--in-place")
    expect(value(store, "BootOrder") == "030004000500" and value(store, "BootNext") is None and "0006" not in entries(store),
           entries(store))
    holdfast("boot", "dedup", store, "--in-place")
    expect(value(store, "BootOrder") == "03000400" and "0005" not in entries(store) and "0002" in entries(store), entries(store))
    count = len(os.listdir(store.parent))
    for verb in "prune", "dedup":
        expect("nothing to change" in holdfast("boot", verb, store, "--in-place").out, verb)
    expect(len(os.listdir(store.parent)) == count, "nothing to change, and it was written")
    holdfast("boot", "clear", store, "--in-place")
    expect(not entries(store) and value(store, "BootOrder") is None and value(store, "Timeout"), entries(store))
    store.write_bytes(good)
    expect(holdfast("vars", "diff", store, base(), status=1).out.count("<") == 4, "more than the three and their order changed")


@case("clone --fresh-boot: no entry, all else the same")
def _():
    guest, twin = DIR / "g.hold", DIR / "twin.hold"
    holdfast("create", guest, "--firmware", OVMF / "OVMF_CODE_4M.secboot.fd", "--vars", fresh(), "--machine", "q35")
    add(guest, "A", "--path", "/a.efi")
    expect("boot entries changed by the operator" in holdfast("log", guest).out, "not logged")
    command = "clone", guest, twin, "--uuid", "b8960a51-5ffa-4f40-8e81-887af75991db", "--fresh-boot"
    holdfast(*command, "--dry-run")
    expect(not twin.exists(), "a dry run made it")
    holdfast(*command)
    expect(not entries(twin) and len(entries(guest)) == 4, entries(twin))
    gone = {line.split()[1] for line in holdfast("vars", "diff", guest, twin, status=1).out.splitlines()}
    expect(gone == {"Boot0000", "Boot0001", "Boot0002", "Boot0003", "BootOrder", "Key0000", "Key0001"}, gone)
    holdfast("create", DIR / "bios.hold", "--firmware", "/usr/share/seabios/bios-256k.bin")
    holdfast("clone", DIR / "bios.hold", DIR / "no.hold", *command[3:], status=4)
    expect(not (DIR / "no.hold").exists(), "a clone that was refused is there")


main(HOME.cleanup)
