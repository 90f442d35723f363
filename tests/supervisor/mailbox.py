# SPDX-License-Identifier: BSD-2-Clause
"""The host's half of the mailbox under a real QEMU. The guest's half is played by a program that maps the window's file:
what it does, firmware would. The machine runs SeaBIOS, which knows nothing of any of this."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess

from guest import Guest, OVMF, create, digest, wait_until
from program import BUILD, holdfast, scratch
from tap import case, expect, main

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
PLAY = BUILD / "tests" / "mailbox" / "play-guest"
RUNTIME = pathlib.Path(os.environ["HOLDFAST_RUNTIME_DIR"])
PATH = ROOT / "g.hold"


class Played(Guest):
    """A guest whose firmware is the test."""

    def __init__(self, path=PATH, *arguments, options=(), **more):
        super().__init__(path, "-M", "pc-i440fx-7.2", *arguments, options=options, port="debugcon", **more)
        self.window = RUNTIME / show(path)["id"] / "mailbox"

    def booted(self):
        self.wait_text("No bootable device")
        return self

    def play(self, *words, status=0):
        result = subprocess.run([PLAY, self.window, *map(str, words)], stdout=subprocess.PIPE, text=True, timeout=60)
        expect(status is None or result.returncode == status, f"{words}: {result.returncode} {result.stdout}")
        return result.stdout.strip()

    def system_reset(self):
        start = len(self.serial.data)
        self.connect().execute("system_reset")
        self.wait_text("No bootable device", start=start)  # SeaBIOS resets once more by itself


def show(path=PATH):
    return holdfast("show", path, "--json").json


def contract(path=PATH):
    return {row["domain"]: row for row in show(path)["contract"]}


def log(path=PATH):
    return [e["text"] for e in holdfast("log", path, "--json").json["events"] if e["kind"] == "mailbox"]


def make_rom(path):
    """An option ROM with a driver for UEFI that is no more than its headers."""
    rom = bytearray(1024)
    rom[0:12] = b"\x55\xaa\x02\x00\xf1\x0e\x00\x00\x0b\x00\x64\x86"
    rom[0x16:0x1a] = b"\x40\x00\x1c\x00"  # the image, the PCI data structure
    rom[0x1c:0x20] = b"PCIR"
    rom[0x2c:0x32] = b"\x02\x00\x00\x00\x03\x80"
    path.write_bytes(rom)
    return path


@case("the mailbox is hardware: recorded once, there at later runs without the option")
def _():
    create(PATH, "seabios", "pc-i440fx-7.2")
    for options in (("--mailbox",), ()):
        with Played(options=options) as guest:
            guest.booted()
            expect(guest.window.stat().st_mode & 0o777 == 0o600, "others can read the window")
            expect(guest.window.stat().st_size == 1 << 20, "not 1 MiB")
            device = guest.connect().execute("qom-get", path="/machine/peripheral/hf-mailbox", property="type")
            expect(device == "ivshmem-plain", device)
            blocks = [o["name"] for o in guest.qmp.execute("qom-list", path="/objects")]
            expect({"pc.ram", "hf-window"} <= set(blocks), blocks)
        expect(not guest.window.exists(), "the window is left behind")
    expect(show()["settings"]["mailbox"] == "always", show()["settings"])


@case("domains are agreed on one by one: one refused and retried, one accepted; stages, log and show agree")
def _():
    with Played() as guest:
        guest.booted().play("start")
        expect(guest.play("ask", "acpi-loader", "0x21") == "status 4 bit 5 agreed 0x0", "an unknown bit was taken")
        expect(not contract()["acpi-loader"]["locked"], "a refusal locked the domain")
        expect(guest.play("ask", "acpi-loader", "0x1") == "status 1 bit -1 agreed 0x1", "a known bit was refused")
        expect(not contract()["lifecycle"]["locked"], "one domain's lock is another's")
        expect(guest.play("agree", "lifecycle", "0x1") == "agreed 0x1", "lifecycle")
        expect(guest.play("ask", "acpi-loader", "0x3") == "status 6 bit -1 agreed 0x1", "locked twice")
        rows = contract()
        expect(rows["acpi-loader"]["agreed"] == [0] and rows["acpi-loader"]["offered"] == [0, 1], rows)
        expect(rows["lifecycle"]["agreed"] == [0] and rows["lifecycle"]["locked"], rows)
        guest.play("report", 2)
        wait_until(lambda: "the firmware reported ready-to-boot" in log(), 60, "the stage is in the log")
        text = " / ".join(log())
        for words in ("offered: lifecycle 0; acpi-loader 0,1", "acpi-loader: the firmware asked for 0,5; refused: "
                      "unsupported, bit 5", "acpi-loader: the firmware asked for 0; agreed"):
            expect(words in text, f"{words!r} is not in the log: {text}")

        # A reset opens everything; what is masked by then is not offered.
        holdfast("set", PATH, "mask=acpi-loader.1")
        guest.system_reset()
        expect(guest.play("domains").splitlines() == ["lifecycle 1 open 0x1 0x0", "acpi-loader 1 open 0x1 0x0"],
               guest.play("domains"))
        rows = contract()
        expect(not rows["acpi-loader"]["locked"] and rows["acpi-loader"]["offered"] == [0], rows)
        guest.play("start")
        expect(guest.play("agree", "acpi-loader", "0x3") == "agreed 0x1", "a masked bit was agreed")
        expect(guest.play("ask", "acpi-loader", "0x1") == "status 1 bit -1 agreed 0x1", "not the same twice")
        generation = guest.window.read_bytes()[4096 + 8:4096 + 12]

        # holdfast is killed: QEMU ends with it, and the next run begins with nothing agreed.
        qemu = guest.child("qemu")
        guest.process.kill()
        guest.process.wait()
        wait_until(lambda: not pathlib.Path(f"/proc/{qemu}").exists(), 60, "QEMU ended too")
        expect(contract()["acpi-loader"]["locked"], "the container forgot what was agreed")
    holdfast("set", PATH, "mask=")
    with Played() as guest:
        guest.booted()
        rows = contract()
        expect(not rows["acpi-loader"]["locked"] and rows["acpi-loader"]["offered"] == [0, 1], rows)
        expect(guest.window.read_bytes()[4096 + 8:4096 + 12] != generation, "the same generation again")
        expect(guest.window.read_bytes()[:160] == bytes(160), "the guest's page was not cleared")


@case("a guest that is paused is not answered, and what it asked is answered when it goes on")
def _():
    with Played() as guest:
        guest.booted().play("start")
        guest.connect().execute("stop")
        asked = subprocess.Popen([PLAY, guest.window, "agree", "lifecycle", "1"], stdout=subprocess.PIPE, text=True)
        wait_until(lambda: guest.window.read_bytes()[8] == 1, 60, "the question is there")
        expect(guest.window.read_bytes()[4096 + 12] == 0, "answered while paused")
        guest.qmp.execute("cont")
        expect(asked.communicate(timeout=60)[0] == "agreed 0x1\n", "not answered")


@case("set mailbox=off removes it, logged, at the next power-on")
def _():
    holdfast("set", PATH, "mailbox=off")
    with Played() as guest:
        guest.booted()
        expect(not guest.window.exists(), "a window")
        expect("hf-mailbox" not in [o["name"] for o in guest.connect().execute("qom-list", path="/machine/peripheral")],
               "a device")
    expect(show()["contract"] == [] and not show()["mailbox"]["present"], show())
    expect("the machine is without the mailbox" in log(), log())


@case("RAM that the owner names is recorded, so that preflight refuses to move the guest live")
def _():
    ram = ("-object", "memory-backend-ram,id=own,size=256M", "-machine", "memory-backend=own")
    with Played(PATH, *ram, options=["--mailbox=boot-only"]) as guest:
        guest.booted()
        caps = ROOT / "caps.json"
        caps.write_text(holdfast("caps", "--json").out)
        expect(show()["mailbox"] == {"mode": "boot-only", "present": True, "rom": False, "memory_named": True}, show())
        result = holdfast("preflight", PATH, "--host", caps, status=None)
        expect("RAM is an object" in result.out + result.err, result)
    holdfast("set", PATH, "mailbox=off")


@case("UEFI firmware wants the ROM; with Secure Boot a signed one; with a TPM the owner's word")
def _():
    missing = {"HOLDFAST_MAILBOX_ROM": str(ROOT / "missing.rom")}
    plain, secure = ROOT / "plain.hold", ROOT / "secure.hold"
    rom = make_rom(ROOT / "unsigned.rom")
    create(plain, "4m", "q35")
    create(secure, "secboot", "q35")
    arguments = ["--", "-M", "q35", "-display", "none", "-S"]
    result = holdfast("run", plain, "--mailbox", *arguments, env=missing, status=4)
    expect("missing.rom" in result.err, result)
    result = holdfast("run", secure, "--mailbox", *arguments, env={"HOLDFAST_MAILBOX_ROM": str(rom)}, status=3)
    expect("rule 'secure-boot'" in result.err and "db" in result.err, result)
    tpm = ["-chardev", "socket,id=t,path=/nowhere", "-tpmdev", "emulator,id=t,chardev=t", "-device", "tpm-crb,tpmdev=t"]
    result = holdfast("run", plain, "--mailbox", *arguments, *tpm, env={"HOLDFAST_MAILBOX_ROM": str(rom)}, status=3)
    expect("rule 'tpm-aware'" in result.err and "PCR 2" in result.err, result)
    result = holdfast("run", plain, "--mailbox", *arguments, env={"HOLDFAST_MAILBOX_ROM": "/dev/null"}, status=3)
    expect("rule" in result.err, result)
    expect(show(plain)["settings"]["mailbox"] == "off" and show(plain)["roms"] == [], "a refusal changed the container")


main()
