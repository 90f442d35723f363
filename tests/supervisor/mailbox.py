# SPDX-License-Identifier: BSD-2-Clause
"""The host's half of the mailbox under a real QEMU. The guest's half is played by a program that maps the window's file:
what it does, firmware would. The machine runs SeaBIOS, which knows nothing of any of this."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time

from guest import Guest, OVMF, TimedOut, create, digest, wait_until
from moving import Host, Traveller, debian13
from program import BUILD, await_end, holdfast, scratch
from relay import Relay
from tap import case, expect, main, skip

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
PLAY = BUILD / "tests" / "mailbox" / "play-guest"
PROMISE = BUILD / "tests" / "supervisor" / "promise"
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

    def play(self, *words, status=0, env=None):
        result = subprocess.run([PLAY, self.window, *map(str, words)], stdout=subprocess.PIPE, text=True, timeout=120,
                                env={**os.environ, **(env or {})})
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
        files = ROOT / "files"
        files.mkdir()
        wait_until(lambda: guest.play("files", files), 60, "the files are there")
        address = guest.connect().execute("query-pci")[0]["devices"]
        address = [d for d in address if d["qdev_id"] == "hf-mailbox"][0]
        expect(b"0000:00:%02x.%x\0" % (address["slot"], address["function"]) in
               (files / "etc_holdfast_ssdt").read_bytes(), "the table names another device")
        expect(b"lifecycle 1: offered 0, agreed nothing" in (files / "etc_holdfast_log").read_bytes(), "the log")
        script = (files / "etc_table-loader").read_bytes()
        zones = {script[at + 64] for at in range(0, len(script), 128) if script[at] == 1}
        expect(zones <= {1, 3} and 3 in zones, f"zones {zones}, and NOACPI was not agreed")
        expect(guest.play("agree", "lifecycle", "0x1") == "agreed 0x1", "lifecycle")
        expect(guest.play("ask", "acpi-loader", "0x3") == "status 6 bit -1 agreed 0x1", "locked twice")
        rows = contract()
        expect(rows["acpi-loader"]["agreed"] == [0] and rows["acpi-loader"]["offered"] == [0, 1], rows)
        expect(rows["lifecycle"]["agreed"] == [0] and rows["lifecycle"]["locked"], rows)
        guest.play("report", 2)
        wait_until(lambda: "the firmware reported: ready-to-boot" in log(), 60, "the stage is in the log")
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
        await_end(qemu)
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


def wakes(guest):
    """How often the supervisor slept and was woken: each look at the window is one; others come some five times a second."""
    status = pathlib.Path(f"/proc/{guest.process.pid}/status").read_text()
    return int(status.split("\nvoluntary_ctxt_switches:")[1].split()[0])


def wakes_a_second(guest, seconds):
    """By the clock, since a sleep on a busy machine lasts longer."""
    before, begin = wakes(guest), time.monotonic()
    time.sleep(seconds)
    return (wakes(guest) - before) / (time.monotonic() - begin)


@case("it looks often while the guest boots or asks, seldom once an operating system runs, never while it is paused")
def _():
    path = ROOT / "w.hold"
    create(path, "seabios", "pc-i440fx-7.2")
    with Played(path, options=["--mailbox"]) as guest:
        guest.booted().play("start")
        wait_until(lambda: wakes_a_second(guest, 2) > 20, 60, "looks every 10 ms: at other times there are five a second")
        guest.connect().execute("stop")
        wait_until(lambda: wakes_a_second(guest, 2) < 10, 20, "no looks while the guest is paused")
        guest.qmp.execute("cont")
        guest.play("report", 3)
        wait_until(lambda: "the firmware reported: exit-boot-services" in log(path), 60, "the last stage is in the log")
        wait_until(lambda: wakes_a_second(guest, 2) < 10, 60, "calm")

        def asks():
            before = wakes(guest)
            guest.play("order", 1, 0)
            time.sleep(0.5)
            return wakes(guest) - before >= 20
        wait_until(asks, 60, "looks that follow each other after an order")


@case("a saved state comes back with its contract, in a window made anew")
def _():
    state = ROOT / "saved"
    with Played() as guest:
        guest.booted().play("start")
        expect(guest.play("agree", "acpi-loader", 1) == "agreed 0x1", "acpi-loader")
        qmp = guest.connect()
        generation = guest.window.read_bytes()[4096 + 8:4096 + 12]
        qmp.execute("migrate", uri=f"exec:cat>{state}")
        wait_until(lambda: qmp.execute("query-migrate").get("status") == "completed", 60, "the saved state")
        qmp.execute("quit")
        guest.wait()
    with Played(PATH, "-incoming", f"exec:cat {state}") as guest:
        wait_until(lambda: guest.connect().status() == "running", 60, "the guest goes on")
        now = guest.window.read_bytes()
        expect(now[:4] == b"HFMG" and now[8] == 1, "the guest's page was not brought along")
        expect(now[4096:4100] == b"HFMH" and now[4096 + 8:4096 + 12] != generation, "the host's half was not made anew")
        expect("acpi-loader 1 locked 0x3 0x1" in guest.play("domains"), guest.play("domains"))
        expect(contract()["acpi-loader"]["agreed"] == [0], contract())
        expect(guest.play("ask", "acpi-loader", 1) == "status 1 bit -1 agreed 0x1", "not agreed any more")
        expect(guest.play("ask", "acpi-loader", 3) == "status 6 bit -1 agreed 0x1", "agreed to more")
        expect(guest.play("agree", "lifecycle", 1) == "agreed 0x1", "the other domain")
        (ROOT / "arrived").mkdir()
        wait_until(lambda: "etc_holdfast_ssdt" in guest.play("files", ROOT / "arrived"), 60, "the files are given again")
        guest.system_reset()
        expect("acpi-loader 1 open 0x3 0x0" in guest.play("domains"), guest.play("domains"))


def played_on(host, *words):
    window = next((host.root / "runtime").glob("*/mailbox"))
    return subprocess.run([PLAY, window, *map(str, words)], stdout=subprocess.PIPE, text=True, timeout=120).stdout.strip()


def contract_on(host):
    rows = host.holdfast("show", host.container, "--json").json["contract"]
    return {row["domain"]: row["agreed"] if row["locked"] else None for row in rows}


def move(guest, to):
    """A guest that is lost on the way says why."""
    try:
        guest.move(to)
    except TimedOut as why:
        raise TimedOut(f"{why}; run by {to.supervisor()}, QEMU {to.child('qemu')}\n{guest.said()}"
                       f"{to.holdfast('log', to.container, status=None)}") from None


def moves(there):
    """There with one domain locked, the other one locked there, and back."""
    here = Host(ROOT / f"from-{there.root.name}")
    here.holdfast("create", here.container, "--firmware", "seabios", "--machine", "pc-i440fx-7.2")
    with Traveller(here, "-M", "pc-i440fx-7.2", port="debugcon", options=["--mailbox"]) as guest:
        guest.wait_text("No bootable device")
        played_on(here, "start")
        expect(played_on(here, "agree", "acpi-loader", 1) == "agreed 0x1", "here")
        move(guest, there)
        expect(contract_on(there) == {"acpi-loader": [0], "lifecycle": None}, contract_on(there))
        expect("acpi-loader 1 locked 0x3 0x1" in played_on(there, "domains"), played_on(there, "domains"))
        expect(played_on(there, "ask", "acpi-loader", 1) == "status 1 bit -1 agreed 0x1", "not kept")
        expect(played_on(there, "agree", "lifecycle", 1) == "agreed 0x1", "the other domain")
        expect("mode 1" in played_on(there, "order", 1, 0), "an order")
        move(guest, here)
        expect(contract_on(here) == {"acpi-loader": [0], "lifecycle": [0]}, contract_on(here))
        expect(played_on(here, "ask", "acpi-loader", 3) == "status 6 bit -1 agreed 0x1", "locked no more")
        start = len(guest.serial.data)
        guest.connect().execute("system_reset")
        guest.wait_text("No bootable device", start=start)
        expect(contract_on(here) == {"acpi-loader": None, "lifecycle": None}, contract_on(here))


@case("a contract moves with the running guest, there and back, and is open after a reset")
def _():
    moves(Host(ROOT / "there"))


@case("... and to Debian 13's QEMU and back")
def _():
    programs = debian13()
    if isinstance(programs, str):
        skip(programs)
    moves(Host(ROOT / "there13", qemu=programs["x86_64"]))


def promise(host, *words):
    subprocess.run([PROMISE, host.container, *map(str, words)], check=True, env={**os.environ, **host.env})


@case("what is locked while the guest moves, and is not known there, keeps it here; nothing is half")
def _():
    here, there = Host(ROOT / "knows"), Host(ROOT / "does-not-know")
    here.holdfast("create", here.container, "--firmware", "seabios", "--machine", "pc-i440fx-7.2")
    with Traveller(here, "-M", "pc-i440fx-7.2", port="debugcon", options=["--mailbox"]) as guest:
        guest.wait_text("No bootable device")
        for words in (("lifecycle", 1, 9), ("of-a-later-version", 3, 0)):
            played_on(here, "start")
            expect(played_on(here, "agree", "acpi-loader", 1) == "agreed 0x1", "acpi-loader")
            def watch(step):
                if step == ">STREAM":
                    promise(here, *words)
            with Relay(ROOT / "relay", there.receive(), watch) as relay:
                result = guest.move(there, where=relay.where, status=None)
            expect(result.status != 0 and f"domain '{words[0]}'" in result.err, f"{words}: {result}{there.said()}")
            expect(">OFFER.2" in relay.steps and "<ASK" not in relay.steps, relay.steps)
            expect(here.state() == "held" and there.supervisor() is None, f"{here.owner()}{there.said()}")
            wait_until(lambda: guest.connect().status() == "running", 60, "the guest runs on")
            expect(played_on(here, "ask", "acpi-loader", 1) == "status 1 bit -1 agreed 0x1", "not kept")
            start = len(guest.serial.data)
            guest.connect().execute("system_reset")
            guest.wait_text("No bootable device", start=start)  # SeaBIOS resets once more by itself
            expect(contract_on(here) == {"acpi-loader": None, "lifecycle": None}, contract_on(here))
        move(guest, there)
        expect(contract_on(there) == {"acpi-loader": None, "lifecycle": None}, contract_on(there))


@case("a saved state with a bit that is not known here is refused, and comes back when it is")
def _():
    state, path = ROOT / "promised", ROOT / "p.hold"
    create(path, "seabios", "pc-i440fx-7.2")
    with Played(path, options=["--mailbox"]) as guest:
        guest.booted().play("start")
        expect(guest.play("agree", "acpi-loader", 1) == "agreed 0x1", "acpi-loader")
        qmp = guest.connect()
        qmp.execute("migrate", uri=f"exec:cat>{state}")
        wait_until(lambda: qmp.execute("query-migrate").get("status") == "completed", 60, "the saved state")
        qmp.execute("quit")
        guest.wait()
    subprocess.run([PROMISE, path, "acpi-loader", "1", "9"], check=True)
    with Played(path, "-incoming", f"exec:cat {state}") as guest:
        expect(guest.wait() == 3, guest.said())
        expect("rule 'contract'" in guest.said() and "bits 9 of domain 'acpi-loader'" in guest.said(), guest.said())
    subprocess.run([PROMISE, path, "acpi-loader", "1", "0"], check=True)
    with Played(path, "-incoming", f"exec:cat {state}") as guest:
        wait_until(lambda: guest.connect().status() == "running", 60, "the guest goes on")
        expect(contract(path)["acpi-loader"]["agreed"] == [0], contract(path))


@case("a boot-only mailbox stays silent after a move, whatever the guest's page says then")
def _():
    here, there = Host(ROOT / "silent"), Host(ROOT / "silent-there")
    here.holdfast("create", here.container, "--firmware", "seabios", "--machine", "pc-i440fx-7.2")
    with Traveller(here, "-M", "pc-i440fx-7.2", port="debugcon", options=["--mailbox=boot-only"]) as guest:
        guest.wait_text("No bootable device")
        played_on(here, "start")
        expect(played_on(here, "agree", "lifecycle", 1) == "agreed 0x1", "lifecycle")
        played_on(here, "report", 3)
        wait_until(lambda: "exit-boot-services" in here.holdfast("log", here.container).out, 60, "the last stage")
        played_on(here, "report", 0)
        move(guest, there)
        silent = subprocess.run([PLAY, next((there.root / "runtime").glob("*/mailbox")), "order", "1", "0"],
                                stdout=subprocess.PIPE, text=True, timeout=120, env={**os.environ, "PLAY_WAIT_MS": "2000"})
        expect("error" in silent.stdout, f"it answers: {silent.stdout}")
        expect(there.holdfast("log", there.container).out.count("the firmware reported") == 2, "reported again")
        start = len(guest.serial.data)
        guest.connect().execute("system_reset")
        guest.wait_text("No bootable device", start=start)
        played_on(there, "start")
        expect("mode 2" in played_on(there, "order", 1, 0), "silent after a reset, too")


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


@case("the guest stages an image: only one that its owner allowed, whole, paired, and not too large")
def _():
    path = ROOT / "u.hold"
    create(path, "seabios", "pc-i440fx-7.2")
    digests = {}
    images = {}
    bios = pathlib.Path("/usr/share/seabios/bios-256k.bin").read_bytes()
    other = bytearray(bios)
    at = other.rindex(b"SeaBIOS (version ")
    other[at + 22] ^= 1  # in the version: another build, as far as a digest goes
    for name, data in (("good", bytes(other)), ("ovmf", pathlib.Path(OVMF["4m"][0]).read_bytes()),
                       ("large", bytes(9 << 20)), ("unknown", bios[:-1] + b"x")):
        images[name] = ROOT / f"{name}.fd"
        images[name].write_bytes(data)
        digests[name] = digest(images[name])
    allowed = ",".join(digests[n] for n in ("good", "ovmf", "large"))
    result = holdfast("set", path, f"guest-update={allowed},12", status=2)
    expect("'12'" in result.err, result)
    holdfast("set", path, f"guest-update={allowed}")
    with Played(path, options=["--mailbox"]) as guest:
        guest.booted()
        first = guest.play("order", 1, 0).splitlines()
        expect(first[0].startswith("done 1 "), first)
        expect(first[1] == "mode 1 life 0 boots 0 failed 0", first)
        expect(guest.play("update", images["unknown"], digests["unknown"]).startswith("done 3 "), "not allowed, but taken")
        expect(guest.play("update", images["large"], digests["large"]).startswith("done 4 "), "9 MiB were taken")
        expect(guest.play("update", images["unknown"], digests["good"]).startswith("done 6 "), "other bytes were taken")
        refused = guest.play("update", images["ovmf"], digests["ovmf"])
        expect(refused.startswith("done 2 rule kind text"), refused)
        expect(guest.play("order", 3, 0).startswith("done 2 rule fallback"), "a rollback to nothing")
        expect(show(path)["slots"]["staged"] is None, "something is staged")
        staged = guest.play("update", images["good"], digests["good"]).splitlines()
        expect(staged[0].startswith("done 1 ") and "life 1" in staged[1], staged)
        expect(show(path)["slots"]["staged"]["sha256"] == digests["good"], show(path)["slots"])
        expect(show(path)["slots"]["staged"]["origin"] == "inside the guest", show(path)["slots"])
        start = len(guest.serial.data)
        guest.qmp_ready = False
        guest.connect().execute("system_reset")
        guest.wait_text("No bootable device", start=start)
        expect(show(path)["slots"]["active"]["sha256"] == digests["good"], show(path)["slots"])
        confirmed = guest.play("order", 2, 0).splitlines()
        expect(confirmed[0] == "done 1 rule  text confirmed" and "life 0" in confirmed[1], confirmed)
        expect(show(path)["lifecycle"]["state"] == "steady", show(path)["lifecycle"])
        expect(guest.play("order", 3, 2).startswith("done 1 "), "the fallback does not come back")
        expect(show(path)["lifecycle"]["state"] == "rollback", show(path)["lifecycle"])
        holdfast("rollback", path, "--variables", "fallback")
        refused = guest.play("order", 2, 0).splitlines()
        expect(refused[0].startswith("done 2 rule host-decided ") and "life 3" in refused[1], refused)
    text = " / ".join(log(path))
    for words in ("the guest ordered: take an image; refused: the guest's owner", "the guest ordered: stage it; done",
                  "the guest ordered: confirm; done", "the guest ordered: stage it; refused: the image is "):
        expect(words in text, f"{words!r} is not in the log: {text}")


@case("a boot-only mailbox is silent once boot services ended")
def _():
    path = ROOT / "b.hold"
    create(path, "seabios", "pc-i440fx-7.2")
    with Played(path, options=["--mailbox=boot-only"]) as guest:
        guest.booted().play("start")
        expect(guest.play("agree", "lifecycle", 1) == "agreed 0x1", "lifecycle")
        expect("mode 2" in guest.play("order", 1, 0), "an order before that")
        guest.play("report", 3)
        wait_until(lambda: "the firmware reported: exit-boot-services" in log(path), 60, "the last stage is in the log")
        expect("error" in guest.play("order", 1, 0, status=1, env={"PLAY_WAIT_MS": "2000"}), "still answered")


main()
