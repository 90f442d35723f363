# SPDX-License-Identifier: BSD-2-Clause
"""Upgrades of real guests at their resets: applied, tried, confirmed, rolled back, held."""
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

from guest import OVMF, Guest, create, digest, export, wait_until
from listening import listens
from program import PROGRAM, SOURCE, await_end, holdfast
from tap import case, expect, main, note, skip

DIRECTORY = tempfile.TemporaryDirectory(prefix="holdfast-upgrades-")
PATH = pathlib.Path(DIRECTORY.name)
CODE, VARS = OVMF["4m"]
# What a processor finds at its reset vector, 16 bytes before the end: `jmp $`; and mov dx,0xcf9; mov al,6; out dx,al.
HANGS = b"\xeb\xfe"
RESETS = b"\xba\xf9\x0c\xb0\x06\xee\xeb\xfe"

for name in ("RUNTIME", "STATE"):
    (PATH / name).mkdir(mode=0o700)
    os.environ[f"HOLDFAST_{name}_DIR"] = str(PATH / name)


def image(name, reset_vector=None):
    """OVMF's code with another digest: a name where no code looks, or another reset vector."""
    code = bytearray(pathlib.Path(CODE).read_bytes())
    if reset_vector:
        code[-16:-16 + len(reset_vector)] = reset_vector
    at = code.rindex(b"\xff" * 64) + 16
    code[at:at + len(name)] = name.encode()
    file = PATH / f"{name}.fd"
    file.write_bytes(code)
    return file


def container(name, *settings):
    path = PATH / f"{name}.hold"
    create(path, "4m", "pc-q35-7.2")
    if settings:
        must("set", path, *settings)
    return path


def must(*arguments):
    """Exit status 0, or the test fails with what was said."""
    return holdfast(*arguments)


def shown(path):
    return must("show", path, "--json").json


def life(path):
    return shown(path)["lifecycle"]["state"]


def active(path):
    return shown(path)["slots"]["active"]["sha256"]


def guest_resets(guest, shell):
    start = len(guest.serial.data)
    shell.tell("reset -w")
    return guest.shell(start=start)


def both(path, name):
    return export(path, PATH / f"export-{name}")


FOUND = subprocess.run([SOURCE / "tests" / "lib" / "debian13"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
NEWER = "Debian 13's OVMF" if FOUND.returncode == 0 else "this machine's OVMF under another digest"


def newer():
    if FOUND.returncode == 0:
        return pathlib.Path(FOUND.stdout.strip()) / "usr/share/OVMF/OVMF_CODE_4M.fd"
    return image("second")


if FOUND.returncode:
    @case("Debian 13's OVMF, staged on a running guest")
    def _():
        skip(f"the next case takes {NEWER}: {FOUND.stderr.strip()}")


@case(f"{NEWER}, staged on a running guest, applied at its own reset, tried, confirmed, rolled back with variables")
def _():
    path, new = container("manual", "confirm-by=manual"), newer()
    with Guest(path) as guest:
        shell = guest.shell()
        shell.setvar("Marker", "cafe")
        process = guest.child("qemu")
        must("stage", path, new)
        expect(active(path) == digest(CODE), "staging changed what runs")
        shell = guest_resets(guest, shell)
        expect(active(path) == digest(new), "the image was not applied at the reset")
        expect(guest.child("qemu") != process, "QEMU was not started anew")
        expect(shell.getvar("Marker") == "cafe", "the variables were not carried over")
        expect(life(path) == "trial", f"no trial: {holdfast('show', path)}")
        process = guest.child("qemu")
        shell = guest_resets(guest, shell)
        expect(guest.child("qemu") == process, "a reset that changes nothing ended QEMU")
        must("confirm", path)
        expect(life(path) == "steady", f"{holdfast('show', path)}")
        shell.setvar("Marker", "beef")
        expect(shell.getvar("Marker") == "beef", "not set")
        refused = holdfast("rollback", path, status=3)
        expect("Marker" in f"{refused}", f"the difference was not told: {refused}")
        must("rollback", path, "--variables", "fallback")
        shell = guest_resets(guest, shell)
        expect(active(path) == digest(CODE), "the code is not back")
        expect(shell.getvar("Marker") == "cafe", "the variables are not back")
        expect(guest.power_off(shell) == 0, guest.said())


def ends_at_once(path, *arguments):
    """A boot of a trial that ends at its first reset."""
    with Guest(path, "-no-reboot", *arguments) as guest:
        expect(guest.wait(120) == 0, guest.said())


@case("rolled back by itself, code and variables are byte for byte what a real boot had left: garbage, and a reset loop")
def _():
    path = PATH / "manual.hold"  # OVMF has run from it, and written its variables
    before = both(path, "bytes-before")
    for name, vector, settings, boots in [("garbage1", HANGS, ["trial-timeout=2", "trial-boots=1"], 1),
                                          ("looping1", RESETS, ["trial-boots=3"], 3)]:
        must("set", path, "confirm-by=agent", *settings)
        must("stage", path, image(name, vector))
        for number in range(boots):
            expect(number == 0 or life(path) == "trial", f"{name}: the trial ended after {number} boots")
            ends_at_once(path)
        with Guest(path, "-S") as guest:  # applied, and not one instruction run
            guest.connect()
            after = both(path, f"{name}-after")
        expect(after == before, f"{name}: code {after['code'] == before['code']}, variables {after['vars'] == before['vars']}")


@case("confirmed by running time after a sign of life; an unconfirmed healthy guest is left alone")
def _():
    path = container("uptime", "confirm-by=uptime", "confirm-uptime=86400", "trial-timeout=0")
    must("stage", path, image("third"))
    with Guest(path) as guest:
        shell = guest.shell()
        process = guest.child("qemu")
        shell.setvar("Alive", "01")
        must("set", path, "trial-timeout=1")  # not before: how long it takes to the first sign of life is the machine's
        guest.looked()
        guest.looked()
        must("set", path, "confirm-uptime=2")
        wait_until(lambda: life(path) == "steady", 60, "confirmation by running time")
        expect(guest.child("qemu") == process, "a timer ended a healthy guest")
        expect("uptime" in f"{holdfast('log', path)}", "the log does not tell by what")
        guest.power_off(shell)


@case("firmware that hangs without any event is timed out and rolled back in the same run")
def _():
    path = container("hangs", "trial-timeout=3", "trial-boots=1")
    before = both(path, "hangs-before")
    must("stage", path, image("garbage", HANGS))
    with Guest(path) as guest:
        guest.shell()
        expect(active(path) == digest(CODE), f"not rolled back: {holdfast('log', path)}")
        noted = guest.said()
        guest.process.send_signal(signal.SIGTERM)
        guest.wait()
    log = f"{holdfast('log', path)}"
    expect("no sign of life" in log, f"{log}\n{noted}")
    after = both(path, "hangs-after")
    expect(after["code"] == before["code"], "code differs")


@case("firmware that resets in a loop is rolled back after three boots, in milliseconds")
def _():
    path = container("loops")
    before = both(path, "loops-before")
    must("stage", path, image("looping", RESETS))
    with Guest(path, "-S", options=("--confirm-by", "agent")) as guest:
        guest.connect().execute("cont")
        wait_until(lambda: active(path) == digest(CODE), 60, f"rollback: {guest.said()}")
        guest.process.send_signal(signal.SIGTERM)
        guest.wait()
    after = both(path, "loops-after")
    expect(after["code"] == before["code"], "code differs")


def size_of(path):
    return sum(p.stat().st_size for p in path.parent.glob(path.name + "*"))


@case("thousands of resets while armed stay in one process, and the container within bounds")
def _():
    path, wanted = container("thousands", "confirm-by=manual"), 10000 if os.environ.get("HOLDFAST_LONG") else 0
    must("stage", path, image("looping2", RESETS))
    with Guest(path) as guest:
        guest.connect()
        process, start, largest, resets = guest.child("qemu"), time.monotonic(), 0, 0
        while resets < (wanted or 100) or (not wanted and time.monotonic() < start + 12):
            time.sleep(0.5)
            resets, largest = shown(path)["lifecycle"]["boots"]["started"], max(largest, size_of(path))
            with guest.monitor.changed:
                guest.monitor.data = b""  # some of it for every reset
        note(f"{resets} resets, {(time.monotonic() - start) * 1000 / resets:.1f} ms each, start included")
        expect(guest.child("qemu") == process, "QEMU was started anew")
        expect(life(path) == "trial", "the trial ended by itself")
        guest.process.send_signal(signal.SIGTERM)
        guest.wait()
    note(f"{size_of(path) >> 10} KiB, at most {largest >> 10} KiB while it ran")
    expect(largest < 16 << 20, f"the container grew to {largest} bytes")


@case("a disk plugged in after the start keeps the upgrade waiting, and stays")
def _():
    path, disk = container("plugged", "confirm-by=manual"), PATH / "disk.raw"
    disk.write_bytes(bytes(1 << 20))
    with Guest(path, "-device", "pcie-root-port,id=port1") as guest:
        shell, qmp = guest.shell(), guest.connect()
        qmp.execute("blockdev-add", driver="raw", **{"node-name": "late"}, file={"driver": "file", "filename": str(disk)})
        qmp.execute("device_add", driver="virtio-blk-pci", drive="late", id="disk1", bus="port1")
        process = guest.child("qemu")
        must("stage", path, image("fourth"))
        shell = guest_resets(guest, shell)
        expect(guest.child("qemu") == process, "QEMU was started anew, and the disk is gone")
        expect(any("disk1" in d.get("qdev", "") for d in qmp.execute("query-block")), "no disk")
        expect(life(path) == "staged", "the upgrade does not wait")
        expect("disk1" in f"{holdfast('show', path)}", f"show does not say why: {holdfast('show', path)}")
        guest.power_off(shell)
    with Guest(path, "-S") as guest:
        guest.connect()
        expect(life(path) == "applied", "not applied at the power-on")


@case("a cold reset opens the disks anew")
def _():
    path, disk = container("cold"), PATH / "cold.raw"
    disk.write_bytes(bytes(1 << 20))
    with Guest(path, "-drive", f"file={disk},format=raw,if=none,id=d0", "-device", "virtio-blk-pci,drive=d0",
               options=("--reset", "cold")) as guest:
        shell = guest.shell()
        other = PATH / "other.raw"
        other.write_bytes(bytes(3 << 20))
        other.rename(disk)
        process = guest.child("qemu")
        guest_resets(guest, shell)
        expect(guest.child("qemu") != process, "QEMU went on")
        guest.qmp_ready = False
        sizes = [d["inserted"]["image"]["virtual-size"] for d in guest.connect().execute("query-block")
                 if d.get("device") == "d0"]
        expect(sizes == [3 << 20], f"the old disk is still open: {sizes}")


def kill_everything(guest, host_too):
    """No process of this guest is left; with `host_too` neither is anything that a host forgets when it goes down."""
    children = [c for c in (guest.child("qemu"), guest.child("nbdkit")) if c]
    guest.process.kill()
    guest.process.wait()
    for child in children:
        try:
            os.kill(child, signal.SIGKILL)
        except ProcessLookupError:
            pass
    for child in children:
        await_end(child)
    if host_too:
        shutil.rmtree(PATH / "RUNTIME")
        (PATH / "RUNTIME").mkdir(mode=0o700)
        os.environ["HOLDFAST_BOOT_ID"] = str(uuid.uuid4())


def kill_verb(dice, *arguments):
    """A verb killed at any moment of it."""
    verb = subprocess.Popen([PROGRAM, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
    time.sleep(dice.random() * 0.1)
    verb.kill()
    verb.wait()


class Lives:
    """A guest whose firmware resets at once, so that whatever waits for a reset happens within milliseconds. The bytes
    of its variables never change, so they are the same at every step."""

    def __init__(self, dice):
        self.dice = dice
        self.old, self.new = image("killed-old", RESETS), image("killed-new", RESETS)
        self.path = PATH / f"killed-{time.monotonic_ns()}.hold"
        must("create", self.path, "--firmware", self.old, "--vars", VARS, "--machine", "pc-q35-7.2")
        must("set", self.path, "confirm-by=manual")
        self.vars = both(self.path, f"killed-{time.monotonic_ns()}")["vars"]

    def allowed(self, when, *states):
        """`states`: (life, which firmware is active)."""
        must("check", self.path)
        now, slots = shown(self.path), {digest(self.old): "old", digest(self.new): "new"}
        state = (now["lifecycle"]["state"], slots[now["slots"]["active"]["sha256"]])
        expect(state in states, f"{when}: {state}, not one of {states}\n{holdfast('log', self.path)}")
        banks = both(self.path, f"killed-{time.monotonic_ns()}")
        expect(banks["vars"] == self.vars, f"{when}: other variables")
        expect(banks["code"] == (self.old if state[1] == "old" else self.new).read_bytes(), f"{when}: other code")
        return state

    def boot_until(self, when, state, *allowed):
        """Runs until that, and for a moment more; then everything is killed."""
        with Guest(self.path) as guest:
            wait_until(lambda: (life(self.path), active(self.path)) == state, 60, f"{when}: {guest.said()}")
            time.sleep(self.dice.random() * 0.3)
            kill_everything(guest, self.dice.random() < 0.5)
        return self.allowed(when, *allowed)

    def verb(self, when, after, *arguments):
        """Killed, then done, in a guest that runs; which is then killed in turn, at once or a moment later."""
        with Guest(self.path) as guest:
            guest.connect()
            kill_verb(self.dice, *arguments)
            result = holdfast(*arguments, status=None)  # refused when the first was quick enough
            expect(result.status in (0, 3), f"{when}: {result}")
            time.sleep(self.dice.choice([0, self.dice.random() * 0.6]))
            kill_everything(guest, self.dice.random() < 0.5)
        return self.allowed(when, *after)


@case("everything killed, the host too, at every step of an upgrade: the trial goes on, nothing goes back without a reason")
def _():
    seed = int(os.environ.get("HOLDFAST_SEED", random.randrange(1 << 32)))
    note(f"HOLDFAST_SEED={seed}")
    dice = random.Random(seed)
    for _ in range(40 if os.environ.get("HOLDFAST_LONG") else 1):
        lives = Lives(dice)
        old, new = digest(lives.old), digest(lives.new)
        lives.verb("stage", [("staged", "old"), ("applied", "new"), ("trial", "new")], "stage", lives.path, lives.new)
        lives.boot_until("apply", ("trial", new), ("trial", "new"))
        lives.boot_until("trial boot", ("trial", new), ("trial", "new"))
        lives.verb("confirm", [("steady", "new")], "confirm", lives.path)
        back = lives.verb("rollback", [("rollback", "new"), ("steady", "old")], "rollback", lives.path)
        note(f"rollback: {back}")
        lives.boot_until("rolled back", ("steady", old), ("steady", "old"))
    os.environ.pop("HOLDFAST_BOOT_ID", None)


@case("policy host takes the host's file at a reset, and only there")
def _():
    file = PATH / "host.fd"
    shutil.copy(CODE, file)
    path = container("host", "policy=host", f"firmware={file}", "confirm-by=manual")
    with Guest(path) as guest:
        shell = guest.shell()
        new = image("sixth")
        new.rename(file)
        expect(active(path) == digest(CODE), "the host changed the firmware of a running guest")
        guest_resets(guest, shell)
        expect(active(path) == digest(file), f"the host's firmware was not taken: {holdfast('log', path)}")


@case("a guest with a TPM wants its owner's word")
def _():
    if not shutil.which("swtpm"):
        skip("swtpm is not installed")
    path, new = container("tpm"), image("seventh")
    (PATH / "tpm").mkdir()
    sock = PATH / "tpm.sock"
    tpm = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={PATH / 'tpm'}", "--ctrl",
                            f"type=unixio,path={sock}"])
    try:
        wait_until(lambda: listens(sock), 60, "swtpm")
        with Guest(path, "-chardev", f"socket,id=tpm,path={sock}", "-tpmdev", "emulator,id=t0,chardev=tpm", "-device",
                   "tpm-tis,tpmdev=t0", "-S") as guest:
            wait_until(lambda: shown(path)["lifecycle"]["tpm"], 30, "the TPM was noticed")
            guest.connect().execute("quit")
            guest.wait()
    finally:
        tpm.kill()
        tpm.wait()
    refused = holdfast("stage", path, new, status=3)
    expect("PCR 0" in f"{refused}", f"{refused}")
    must("stage", path, new, "--tpm-aware")


@case("a saved state brings its own variables, newer ones are kept; after an upgrade it is refused")
def _():
    path, state = container("saved", "confirm-by=manual"), PATH / "state"
    with Guest(path) as guest:
        shell, qmp = guest.shell(), guest.connect()
        shell.setvar("Marker", "01")
        qmp.execute("stop")
        qmp.execute("migrate", uri=f"exec:cat>{state}")
        wait_until(lambda: qmp.execute("query-migrate").get("status") == "completed", 60, "the saved state")
        qmp.execute("quit")
        guest.wait()
    expect(shown(path)["lifecycle"]["suspended"], f"the saved state was not noticed: {holdfast('log', path)}")
    with Guest(path) as guest:
        shell = guest.shell()
        shell.setvar("Marker", "02")
        guest.power_off(shell)
    with Guest(path, "-incoming", f"exec:cat {state}") as guest:
        guest.connect()
        wait_until(lambda: guest.qmp.status() == "running", 60, f"the restored guest: {guest.said()}")
        guest.serial.send(b"\r")
        shell = guest.shell()
        expect(shell.getvar("Marker") == "01", "the restored guest has not its own variables")
        guest.power_off(shell)
    expect("newer ones are snapshot" in f"{holdfast('log', path)}", f"{holdfast('log', path)}")
    must("stage", path, image("eighth"))
    with Guest(path) as guest:
        guest.wait_running()
        guest.connect().execute("quit")
        guest.wait()
    expect(life(path) == "trial", f"{holdfast('log', path)}")
    before = both(path, "saved-before")
    with Guest(path, "-incoming", f"exec:cat {state}") as guest:
        expect(guest.wait(60) == 3, f"not refused: {guest.said()}")
        expect("suspended" in guest.said(), guest.said())
    expect(both(path, "saved-after") == before, "the refusal changed the guest")


@case("a rollback that should not wait resets the guest at once, one that hangs too")
def _():
    path = container("now", "confirm-by=manual")
    must("stage", path, image("ninth", HANGS))
    with Guest(path) as guest:
        wait_until(lambda: life(path) == "trial", 120, f"a boot of what was staged: {guest.said()}")
        must("rollback", path, "--variables", "fallback", "--now")
        guest.shell()
        expect(active(path) == digest(CODE), f"not rolled back: {guest.said()}")


main(DIRECTORY.cleanup)
