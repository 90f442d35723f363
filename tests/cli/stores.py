# SPDX-License-Identifier: BSD-2-Clause
"""Variable stores in other places and forms: volumes, block devices, AWS's uefi-data, directories of signed updates,
other architectures; and the formats that firmware descriptors name."""
import base64
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile

import program
from program import SOURCE, holdfast
from secure_boot_keys import SHA256, X509, STORED, Key, esl, signed_update
from tap import case, expect, main, skip

OVMF, AAVMF = pathlib.Path("/usr/share/OVMF"), pathlib.Path("/usr/share/AAVMF")
MS_4M = OVMF / "OVMF_VARS_4M.ms.fd"
HOME = program.scratch()
SCRATCH = pathlib.Path(HOME.name)
BEHIND = os.urandom(4096)  # what lies on a volume behind the store is nobody's business


def place():
    return pathlib.Path(tempfile.mkdtemp(dir=SCRATCH))


def volume(source=MS_4M, size=4 << 20):
    """A file as long as a logical volume is."""
    if not source.exists():
        skip(f"{source} is not installed")
    path = place() / "volume"
    store = source.read_bytes()[:size]
    path.write_bytes(store + bytes(size - len(store) - len(BEHIND)) + BEHIND)
    return path


class Loop:
    """A block device with a file's bytes."""

    def __init__(self, file, *options):
        if not shutil.which("losetup"):
            skip("losetup is not installed: package mount")
        done = subprocess.run(["losetup", "--find", "--show", *options, file], capture_output=True, text=True)
        if done.returncode:
            skip(f"no loop device here: {done.stderr.strip()}")
        self.device, self.file = pathlib.Path(done.stdout.strip()), file

    def bytes(self):
        with open(self.device, "rb") as f:
            return f.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["losetup", "--detach", self.device], check=True)


def variables(path):
    return holdfast("vars", "list", path, "--json", "--data", "--reveal").json["variables"]


@case("a file that is longer than its store is read, and written with what lies behind the store")
def _():
    path = volume()
    before = path.read_bytes()
    expect(variables(path) == variables(MS_4M), "other variables")
    holdfast("keys", "update", path, "--set", "microsoft", "--in-place")
    after = path.read_bytes()
    expect(len(after) == len(before) and after[0x84000:] == before[0x84000:] and after != before, "what lay behind")
    expect(holdfast("keys", "show", path, "--json").json["verdict"] == "current", "not updated")


@case("--backup names the file that keeps the old store; one that exists is not overwritten")
def _():
    path = volume()
    before, kept = path.read_bytes(), path.parent / "kept"
    report = holdfast("vars", "set", path, "Timeout", "--data", "0100", "--in-place", "--backup", kept, "--json").json
    expect(report["kept"] == str(kept) and kept.read_bytes() == before and path.read_bytes() != before, report)
    now = path.read_bytes()
    holdfast("vars", "set", path, "Timeout", "--data", "0200", "--in-place", "--backup", kept, status=3)
    holdfast("vars", "set", path, "Timeout", "--data", "0200", "--out", path.parent / "new", "--backup", kept, status=2)
    expect(path.read_bytes() == now and kept.read_bytes() == before and len(os.listdir(path.parent)) == 2, "written")


@case("a block device: read, changed in place with the old store kept in a file, the rest of it untouched")
def _():
    path = volume()
    before, kept = path.read_bytes(), path.parent / "kept"
    with Loop(path) as loop:
        expect(variables(loop.device) == variables(MS_4M), "other variables")
        change = "vars", "set", loop.device, "Timeout", "--data", "0100"
        expect("--backup" in holdfast(*change, "--in-place", status=2).err, "no word of --backup")
        holdfast(*change, "--in-place", "--backup", kept, "--dry-run")
        expect(loop.bytes() == before and not kept.exists(), "a dry run wrote")
        holdfast(*change, "--in-place", "--backup", kept)
        after = loop.bytes()
        expect(kept.read_bytes() == before[:0x84000], "the old store was not kept")
        expect(after[0x84000:] == before[0x84000:] and after[:0x84000] != before[:0x84000], "what lay behind")
        holdfast("vars", "set", kept, "Timeout", "--data", "0100", "--out", path.parent / "file")
        expect((path.parent / "file").read_bytes() == after[:0x84000], "not what a file would have become")
        expect(holdfast("vars", "rm", loop.device, "Timeout", "--out", path.parent / "new").status == 0, "--out")
        expect(loop.bytes() == after and (path.parent / "new").stat().st_size == 0x84000, "--out wrote to the device")
        rows = holdfast("keys", "audit", loop.device, "--json", status=1).json["rows"]
        expect([r["verdict"] for r in rows] == ["update available"], rows)
        holdfast("create", path.parent / "g.hold", "--firmware", OVMF / "OVMF_CODE_4M.secboot.fd", "--machine", "q35",
                 "--vars", loop.device)
        expect(variables(path.parent / "g.hold") == variables(loop.device), "create")


@case("a block device without a store, or which a QEMU has open, is left alone")
def _():
    empty, path = place() / "empty", volume()
    empty.write_bytes(bytes(4 << 20))
    with Loop(empty) as loop:
        expect("no variable store" in holdfast("vars", "list", loop.device, status=3).err, "zeros")
    with Loop(path, "--read-only") as loop:
        kept = path.parent / "kept"
        error = holdfast("vars", "rm", loop.device, "Timeout", "--in-place", "--backup", kept, status=1).err
        expect("Read-only" in error or "Operation not permitted" in error or "Permission denied" in error, error)
    if not shutil.which("qemu-io"):
        skip("qemu-io is not installed: package qemu-utils")
    with Loop(path) as loop:
        qemu = subprocess.Popen(["qemu-io", "-f", "raw", loop.device], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        qemu.stdin.write(b"read 0 512\n")
        qemu.stdin.flush()
        while b"ops;" not in qemu.stdout.readline():
            pass
        before = loop.bytes()
        result = holdfast("vars", "rm", loop.device, "Timeout", "--in-place", "--backup", path.parent / "busy", "--json",
                          status=3)
        qemu.communicate(b"quit\n")
        expect(result.json["error"]["rule"] == "in-use" and loop.bytes() == before, result)
        expect(not (path.parent / "busy").exists(), "a backup of what was not changed")


def exported(store=MS_4M):
    if not store.exists():
        skip(f"{store} is not installed")
    path = place() / "uefi-data"
    holdfast("vars", "export", store, path, "--format", "aws")
    return path


def meaning(path):
    """What any form keeps; certdb is made anew where the form has none."""
    return sorted((v["guid"], v["name"], v["attributes"], v["data"], v.get("time")) for v in variables(path)
                  if v["name"] != "certdb")


@case("AWS's form holds the same variables and times, is changed as itself, and becomes a bank again")
def _():
    aws = exported()
    raw = base64.b64decode(aws.read_bytes(), validate=True)
    expect(raw[:8] == b"AMZNUEFI" and raw[12:16] == bytes(4), raw[:16])
    expect(meaning(aws) == meaning(MS_4M), "other variables")
    holdfast("keys", "update", aws, "--set", "microsoft", "--in-place")
    expect(base64.b64decode(aws.read_bytes())[:8] == b"AMZNUEFI", "not written as it was read")
    bank = aws.parent / "bank.fd"
    holdfast("keys", "update", MS_4M, "--set", "microsoft", "--out", bank)
    expect(holdfast("keys", "show", aws, "--json").json["verdict"] == "current", "not updated")
    expect(meaning(aws) == meaning(bank), "not what a bank would have become")
    holdfast("vars", "export", aws, aws.parent / "again.fd", "--layout", "4m")
    expect(meaning(aws.parent / "again.fd") == meaning(bank), "back to a bank")


@case("who may change a variable is kept in AWS's form, and what it cannot hold is named")
def _():
    store = place() / "store.json"
    store.write_text('{"version": 2, "variables": [{"name": "Mine", "guid": "4d2c1b2a-9c3e-4f6b-8a1d-6f6c64666173", "attr": 39, '
                    f'"data": "01", "time": "{"da07030613110f" + "00" * 9}", "digest": "{"5a" * 32}"}}]}}')
    holdfast("vars", "export", store, aws := store.parent / "aws", "--format", "aws")
    holdfast("vars", "export", aws, again := store.parent / "again.json", "--format", "qemu", "--accept-loss")
    expect('"digest": "' + "5a" * 32 in again.read_text(), again.read_text())
    holdfast("vars", "set", store, "T", "--guid", "Shim", "--data", "01", "--out", other := store.parent / "other.json")
    holdfast("vars", "export", other, store.parent / "fine", "--format", "aws")
    text = other.read_text().replace('"attr": 39', '"attr": 7')
    other.write_text(text)
    error = holdfast("vars", "export", other, store.parent / "no", "--format", "aws", status=3)
    expect("its time" in error.out and "change variables that are not there" in error.out, error)


@case("uefi-data that is cut, changed or of another version: one error that names the field, nothing written")
def _():
    aws = exported()
    text = aws.read_bytes()
    raw = base64.b64decode(text)

    def crc32c(data):
        crc = 0xFFFFFFFF
        for byte in data:
            crc ^= byte
            for _ in range(8):
                crc = crc >> 1 ^ (0x82F63B78 & -(crc & 1))
        return crc ^ 0xFFFFFFFF

    def with_crc(rest):
        return base64.b64encode(raw[:8] + struct.pack("<I", crc32c(rest)) + rest)

    version = with_crc(struct.pack("<I", 1) + raw[16:])
    for content, status, words in ((text[:-4], 5, "checksum"), (text[:-3], 5, "multiple of 4"), (text[:16], 5, "header"),
                                   (text[:40] + b"*" + text[41:], 5, "byte 40"), (version, 3, "version 1"),
                                   (with_crc(raw[12:-9]), 5, "zlib stream"),
                                   (with_crc(raw[12:] + b"x"), 5, "behind the zlib stream")):
        aws.write_bytes(content)
        result = holdfast("keys", "update", aws, "--set", "microsoft", "--in-place", status=None)
        expect(words in result.err and result.status == status, (words, result))
        expect(aws.read_bytes() == content and len(os.listdir(aws.parent)) == 1, "written")


class Auth:
    """What efitools makes for enrolment."""

    def __init__(self):
        self.path = place() / "keys"
        self.path.mkdir()
        self.pk, self.kek, self.db = (Key(self.path, f"own {n}") for n in ("PK", "KEK", "db"))
        self.put("PK", self.pk, "PK", esl(X509, [self.pk.bytes]))
        self.put("KEK", self.pk, "KEK", esl(X509, [self.kek.bytes]))
        self.put("DB", self.kek, "db", esl(X509, [self.db.bytes]))
        self.put("dbx", self.kek, "dbx", esl(SHA256, [b"\x11" * 32]))

    def put(self, name, key, variable, lists):
        (self.path / f"{name}.auth").write_bytes(signed_update(key, variable, lists, STORED))


@case("a directory of .auth files is a store: its lists, their time, the attributes that firmware wants")
def _():
    keys, plain = Auth(), OVMF / "OVMF_VARS_4M.fd"
    found = {v["name"]: v for v in variables(keys.path)}
    expect(sorted(found) == ["KEK", "PK", "db", "dbx"] and {v["attributes"] for v in found.values()} == {0x27}, found)
    expect(bytes.fromhex(found["db"]["data"]) == esl(X509, [keys.db.bytes]), "the header is in the variable")
    expect(found["db"]["time"] == "2010-03-06 19:17:21", found["db"])
    new = place() / "new.fd"
    holdfast("vars", "import", plain, keys.path, "--authenticated", "--out", new)
    state = holdfast("keys", "show", new, "--json").json
    expect(state["mode"] == "user" and state["dbx"]["digests"] == 1, state)
    holdfast("vars", "rm", keys.path, "db", "--authenticated", "--in-place", status=2)
    keys.put("noPK", keys.pk, "PK", b"")  # efitools' way back to setup mode
    expect(sorted(v["name"] for v in variables(keys.path)) == sorted(found), "an update that removes")
    keys.put("mine", keys.pk, "PK", esl(X509, [keys.pk.bytes]))
    expect("called after no variable" in holdfast("vars", "list", keys.path, status=5).err, "mine.auth")
    (keys.path / "mine.auth").write_bytes(keys.db.bytes)
    expect("mine.auth" in holdfast("vars", "list", keys.path, status=5).err, "no update")


@case("keys update --from a directory of .auth files verifies each as firmware would")
def _():
    keys, plain = Auth(), OVMF / "OVMF_VARS_4M.fd"
    enrolled, other, new = place() / "enrolled.fd", Auth(), place() / "new.fd"
    holdfast("vars", "import", plain, keys.path, "--authenticated", "--out", enrolled)
    more = Key(keys.path, "more")
    keys.put("DB", keys.kek, "db", esl(X509, [more.bytes]))
    (keys.path / "dbx.auth").unlink()
    report = holdfast("keys", "update", enrolled, "--from", keys.path, "--allow", "managed", "--allow", "old-update",
                      "--out", new, "--json").json
    expect([(c["variable"], c["added"], c["signed_by"]) for c in report["changes"]] == [("db", 1, "own KEK")], report)
    result = holdfast("keys", "update", enrolled, "--from", other.path, "--allow", "managed", "--out", place() / "no",
                      "--json", status=3)
    expect(result.json["error"]["rule"] == "signature", result)


def commands(section):
    """The lines for holdfast in a section of docs/keys.md, as words."""
    text = (SOURCE / "docs" / "keys.md").read_text().split(f"## {section}\n")[1].split("\n## ")[0]
    return [line.split()[1:] for line in text.splitlines() if line.startswith("    holdfast ")]


@case("docs/keys.md's commands for Proxmox, on a loop device: updated, and back again")
def _():
    path, home = volume(), place()
    before = path.read_bytes()
    with Loop(path) as loop:
        for words in commands("Proxmox"):
            holdfast(*[str(loop.device) if w.startswith("/dev/pve/") else w for w in words], cwd=home,
                     status=1 if words[1] == "audit" else 0)
            if words[1] == "show":
                expect(holdfast("keys", "show", loop.device, "--json").json["verdict"] == "current", "not updated")
        expect(meaning(loop.device) == meaning(MS_4M), "not the old variables")
        expect((home / "vm-101-before.fd").read_bytes() == before[:0x84000], "not the old store")
        expect(loop.bytes()[0x84000:] == before[0x84000:], "what lay behind")


@case("docs/keys.md's commands for BitLocker: staged, measured, taken back")
def _():
    home = place()
    holdfast("create", home / "G.hold", "--firmware", OVMF / "OVMF_CODE_4M.secboot.fd", "--vars", MS_4M, "--machine", "q35")
    now = holdfast("measure", home / "G.hold", "--json").json["sha256"]["pcr7"]
    found = [holdfast(*words, cwd=home).out for words in commands("A guest with BitLocker")]
    expect(len(found) == 2 and "PCR 7" in found[1] and now not in found[1], found)
    holdfast("unstage", home / "G.hold")


@case("a firmware descriptor's format is honoured: qcow2 is unpacked, a file in another format refused, vmdk passed over")
def _():
    home, code = place(), OVMF / "OVMF_CODE_4M.fd"
    directory, packed = home / "qemu" / "firmware", home / "code.qcow2"
    directory.mkdir(parents=True)
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", code, packed], check=True)
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", OVMF / "OVMF_VARS_4M.fd", home / "vars.qcow2"], check=True)

    def describe(name, code_format, code_file, vars_format=None, vars_file=OVMF / "OVMF_VARS_4M.fd"):
        def file(format_, path):
            return {"filename": str(path), **({"format": format_} if format_ else {})}
        (directory / name).write_text(json.dumps({
            "description": "", "interface-types": ["uefi"], "features": [], "tags": [],
            "mapping": {"device": "flash", "mode": "split", "executable": file(code_format, code_file),
                        "nvram-template": file(vars_format, vars_file)},
            "targets": [{"architecture": "x86_64", "machines": ["pc-q35-*"]}]}))

    def create(name, word="ovmf", status=0):
        return holdfast("create", home / name, "--firmware", word, "--machine", "q35", "--arch", "x86_64",
                        "--json", env={"XDG_CONFIG_HOME": str(home)}, status=status)

    describe("00-a.json", "vmdk", packed)
    describe("00-b.json", "qcow2", packed, "qcow2", home / "vars.qcow2")
    create("packed.hold")
    holdfast("export", home / "packed.hold", home / "out")
    expect((home / "out" / "code.fd").read_bytes() == code.read_bytes(), "code")
    expect((home / "out" / "vars.fd").read_bytes() == (OVMF / "OVMF_VARS_4M.fd").read_bytes(), "variables")
    expect("'vmdk': unsupported" in create("no.hold", "00-a", status=3).json["error"]["text"], "by name")
    for formats in (("raw", packed), (None, packed), ("qcow2", code), ("raw", code, "raw", home / "vars.qcow2")):
        describe("00-b.json", *formats)
        result = create("no.hold", status=3)
        expect(result.json["error"]["rule"] == "format" and not (home / "no.hold").exists(), (formats, result))


@case("stores of QEMU's riscv64 and loongarch64 machines are named as those, and pair with no AAVMF")
def _():
    source, code = AAVMF / "AAVMF_VARS.fd", AAVMF / "AAVMF_CODE.fd"
    if not source.exists():
        skip(f"{source} is not installed")
    holdfast("vars", "export", OVMF / "OVMF_VARS_4M.fd", made := place() / "made.fd", "--layout", "aavmf")
    store = made.read_bytes()[:0xC0000]  # RISCV_VIRT_VARS.fd and QEMU_VARS.fd of Debian 13 have this volume and NULs
    for arch, size, base in ("riscv64", 32 << 20, 0x22000000), ("loongarch64", 16 << 20, 0x1D000000):
        path = place() / "vars.fd"
        path.write_bytes(store + bytes(size - len(store)))
        image = holdfast("image", "identify", path, "--json").json["image"]
        expect((image["kind"], image["arch"], image["bank_size"], image["base"]) == ("vars", arch, size, base), image)
        report = holdfast("vars", "list", path, "--json").json
        expect((report["layout"], report["arch"]) == ("aavmf", arch), report)
        expect(f"aavmf of {arch}" in holdfast("vars", "list", path).out, "words")
        result = holdfast("create", path.parent / "no.hold", "--firmware", code, "--vars", path, "--json", status=3)
        expect(result.json["error"]["rule"] == "pair" and arch in result.json["error"]["text"], result)
        holdfast("vars", "set", path, "Timeout", "--data", "0100", "--in-place")
        expect(len(path.read_bytes()) == size, "another size")
    expect(holdfast("vars", "list", source, "--json").json["arch"] is None, "AAVMF's own")


main(cleanup=HOME.cleanup)
