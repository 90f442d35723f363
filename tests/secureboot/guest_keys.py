# SPDX-License-Identifier: BSD-2-Clause
"""Real Secure Boot firmware: keys staged while it runs, applied at its reset, enforced, rolled back; PCR 7 as predicted."""
import hashlib
import pathlib
import re
import shutil
import socket
import sqlite3
import struct
import subprocess
import time

import debian_firmware
import gpt
from guest import OVMF, Guest, clean, export, raw_flash
from program import BUILD, holdfast, scratch
from secure_boot_keys import SHA256, Key, esl
from tap import case, expect, main, skip

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
CODE, VARS = OVMF["secboot"]
SECURE = ["-M", "q35,smm=on"]
RUNS, DENIED = "the program of the test runs", ("Access Denied", "Security Violation")


def need(*programs):
    for program, package in programs:
        if not shutil.which(program):
            skip(f"{program} is not installed: package {package}")


LOADER, SECTORS = "/EFI/test/loader.efi", 5760


def disk(program):
    """One with an EFI System Partition in which firmware finds nothing by default: an entry has to name the program."""
    fat, path = ROOT / "esp", ROOT / f"{program.stem}.img"
    subprocess.run(["mformat", "-i", fat, "-C", "-f", "2880", "::"], check=True)
    for directory in "::/EFI", "::/EFI/test":
        subprocess.run(["mmd", "-i", fat, directory], check=True)
    subprocess.run(["mcopy", "-i", fat, program, f"::{LOADER}"], check=True)
    gpt.image(path, {1: (gpt.ESP, "11111111-2222-3333-4444-555555555557", 2048, 2047 + SECTORS)}, size=16 << 20)
    with open(path, "r+b") as image:
        image.seek(2048 * 512)
        image.write(fat.read_bytes())
    return path, ["-drive", f"file={path},format=raw,if=none,id=disk", "-device", "virtio-blk-pci,drive=disk"]


def signed(key, arch="x86_64"):
    program = ROOT / f"signed-{arch}.efi"
    subprocess.run(["sbsign", "--key", key.key, "--cert", key.pem, "--output", program,
                    BUILD / "tests" / "secureboot" / f"says-so-{arch}.efi"], check=True, capture_output=True)
    return program


def outcome(guest, start=0):
    """Whether the firmware ran the program."""
    text = guest.serial.wait_for(lambda d: clean(d[start:]) if RUNS in clean(d[start:]) or
                                 any(w in clean(d[start:]) for w in DENIED) else None, 600, "the firmware's verdict")
    return RUNS in text


def create(name):
    path = ROOT / f"{name}.hold"
    holdfast("create", path, "--firmware", CODE, "--vars", VARS, "--machine", "q35")
    holdfast("set", path, "confirm-by=manual")
    return path


def life(path):
    return holdfast("show", path, "--json").json["lifecycle"]["state"]


def snapshot(path, reason):
    """The digest of the variables in the only snapshot that was taken for this reason."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as store:
        [(digest,)] = store.execute("SELECT vars FROM snapshot WHERE reason = ?", (reason,)).fetchall()
    return digest.hex()


@case("staged while the guest runs, enforced after its reset for an entry of `boot add`, rolled back byte for byte; dbx wins")
def _():
    need(("sbsign", "sbsigntool"), ("mformat", "mtools"), ("openssl", "openssl"))
    own, path = Key(ROOT, "a key of the test"), create("guest")
    program = signed(own)
    image, drive = disk(program)
    holdfast("boot", "add", path, "--label", "test", "--disk", image, "--path", LOADER, "--first")
    holdfast("keys", "would-boot", image, path, status=3)
    with Guest(path, *SECURE, *drive) as guest:
        expect(not outcome(guest), "firmware ran what no certificate in db vouches for")
        report = holdfast("keys", "update", path, "--set", "microsoft", "--db", own.pem, "--json").json
        expect(report["staged"] and life(path) == "staged", report)
        expect(holdfast("keys", "show", path, "--json").json["verdict"] == "update available", "changed under the guest")
        start = len(guest.serial.data)
        guest.connect().execute("system_reset")
        expect(outcome(guest, start), "firmware did not run what the new certificate vouches for")
        expect(life(path) == "trial" and holdfast("keys", "show", path, "--json").json["verdict"] == "current", "state")
        holdfast("keys", "would-boot", image, path)
        holdfast("rollback", path, "--variables", "fallback")
    with Guest(path, *SECURE, *drive, "-S") as guest:  # rolled back, and not one instruction run
        guest.connect()
        after = export(path, ROOT / "after")["vars"]
        expect(hashlib.sha256(after).hexdigest() == snapshot(path, "before apply"), "not byte for byte")
    revoked = ROOT / "revoked.esl"
    revoked.write_bytes(esl(SHA256, [authenticode(program)]))
    holdfast("keys", "update", path, "--db", own.pem, "--dbx", revoked)
    expect("dbx has its digest" in holdfast("keys", "would-boot", program, path, status=3).out, "would-boot")
    with Guest(path, *SECURE, *drive) as guest:
        expect(not outcome(guest), "firmware ran what dbx forbids")


@case("the same with AAVMF: not run before the reset that adds its certificate, run behind it, and rolled back")
def _():
    need(("sbsign", "sbsigntool"), ("mformat", "mtools"), ("openssl", "openssl"), ("qemu-system-aarch64", "qemu-system-arm"))
    code, variables = (debian_firmware.AAVMF / f"AAVMF_{part}.ms.fd" for part in ("CODE", "VARS"))
    if not code.exists():
        skip(f"{code} is not there: package qemu-efi-aarch64")
    own, path = Key(ROOT, "a key of the test for AArch64"), ROOT / "arm.hold"
    holdfast("create", path, "--firmware", code, "--vars", variables, "--machine", "virt", "--arch", "aarch64")
    holdfast("set", path, "confirm-by=manual")
    image, drive = disk(signed(own, "aarch64"))
    holdfast("boot", "add", path, "--label", "test", "--disk", image, "--path", LOADER, "--first")
    with Guest(path, "-M", "virt", *drive, arch="aarch64") as guest:
        expect(not outcome(guest), "firmware ran what no certificate in db vouches for")
        holdfast("keys", "update", path, "--set", "microsoft", "--db", own.pem)
        expect(life(path) == "staged", life(path))
        start = len(guest.serial.data)
        guest.connect().execute("system_reset")
        expect(outcome(guest, start), "firmware did not run what the new certificate vouches for")
        expect(life(path) == "trial" and holdfast("keys", "show", path, "--json").json["verdict"] == "current", "state")
        holdfast("rollback", path, "--variables", "fallback")
    with Guest(path, "-M", "virt", *drive, "-S", arch="aarch64") as guest:
        guest.connect()
        after = export(path, ROOT / "after-arm")["vars"]
        expect(hashlib.sha256(after).hexdigest() == snapshot(path, "before apply"), "not byte for byte")


def authenticode(program):
    """The digest that dbx names a program by: what its signature is over, behind the algorithm of a DigestInfo."""
    return re.search(rb"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20(.{32})",
                     program.read_bytes(), re.S).group(1)


class Tpm:
    """swtpm, which outlives the QEMU that uses it, so that its PCRs can be read afterwards."""

    def __init__(self, directory):
        need(("swtpm", "swtpm"))
        self.control, state = directory / "tpm.sock", directory / "tpm"
        state.mkdir()
        self.process = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--ctrl",
                                         f"type=unixio,path={self.control}"])
        while not self.control.exists():
            time.sleep(0.01)

    def arguments(self):
        return ["-chardev", f"socket,id=tpm,path={self.control}", "-tpmdev", "emulator,id=tpm0,chardev=tpm",
                "-device", "tpm-crb,tpmdev=tpm0"]

    def pcr(self, number):
        """TPM2_PCR_Read of the SHA-256 bank, over a data channel that its control channel is given."""
        control, (ours, theirs) = socket.socket(socket.AF_UNIX), socket.socketpair()
        control.connect(str(self.control))
        socket.send_fds(control, [struct.pack(">I", 0x10)], [theirs.fileno()])  # CMD_SET_DATAFD
        expect(control.recv(4) == bytes(4), "swtpm takes no data channel")
        select = bytearray(3)
        select[number // 8] |= 1 << number % 8
        body = struct.pack(">IHB", 1, 0x000B, 3) + select
        ours.sendall(struct.pack(">HII", 0x8001, 10 + len(body), 0x17E) + body)
        answer = ours.recv(4096)
        expect(answer[6:10] == bytes(4), answer.hex())
        return answer[-32:].hex()

    def close(self):
        self.process.kill()
        self.process.wait()


@case("PCR 7 is what `measure` predicts, before and after an update")
def _():
    path, firmware = create("measured"), []
    for number, (memory, update) in enumerate((("256", None), ("320", ["--set", "microsoft"]))):
        if update:
            holdfast("keys", "update", path, *update, "--stage")
            staged = holdfast("measure", path, "--staged", "--json").json["sha256"]["pcr7"]
            holdfast("unstage", path)
            holdfast("keys", "update", path, *update)
        predicted = holdfast("measure", path, "--json").json["sha256"]["pcr7"]
        expect(not update or staged == predicted, "staged")
        place = ROOT / f"measured{number}"
        place.mkdir()
        files = export(path, place / "banks")
        expect(files["vars"], "no variables")
        tpm = Tpm(place)
        try:
            with Guest(None, *SECURE, "-global", "driver=cfi.pflash01,property=secure,value=on",
                       *raw_flash(place / "banks" / "code.fd", place / "banks" / "vars.fd"), *tpm.arguments(),
                       bare=True, memory=memory) as guest:
                guest.serial.wait_for(lambda d: b"BdsDxe" in d or any(w.encode() in d for w in DENIED), 600, "the boot manager")
                guest.process.kill()
                guest.process.wait()
            found = tpm.pcr(7)
            firmware.append(tpm.pcr(0))
        finally:
            tpm.close()
        expect(found == predicted, f"PCR 7 is {found}; predicted is {predicted}")
    expect(firmware[0] != firmware[1], "the same firmware in another machine: PCR 0 can be predicted after all")
    expect("PCR 0" in holdfast("measure", path).out, "nothing of PCR 0")


main()
