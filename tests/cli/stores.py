# SPDX-License-Identifier: BSD-2-Clause
"""Variable stores in other places than a file of their own length: volumes and block devices."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import program
from program import holdfast
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
        holdfast("keys", "audit", loop.device, status=1)
        holdfast("create", path.parent / "g.hold", "--firmware", OVMF / "OVMF_CODE_4M.fd", "--vars", loop.device)
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


main(cleanup=HOME.cleanup)
