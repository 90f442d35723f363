# SPDX-License-Identifier: BSD-2-Clause
"""Every way a boot can end, by who watches, and what it counts: the table of docs/upgrading.md, each row a real guest.

libvirt's column is in tests/libvirt/evidence.py.
"""
import os
import pathlib
import shlex
import signal
import subprocess
import uuid

import tiny_firmware
from guest import MARKER_GUID, OVMF, Guest, create, digest, wait_until
from program import PROGRAM, await_end, holdfast, scratch
from serving import Serving
from tap import case, expect, main
from tiny_firmware import HANG, PANIC, POWER_OFF, READS, RESET, TRIPLE_FAULT

DIRECTORY = scratch()
PATH = pathlib.Path(DIRECTORY.name)
CODE = pathlib.Path(OVMF["4m"][0])
DISK = PATH / "disk.raw"
MACHINE = "pc-i440fx-7.2"  # its IDE ports and its power management need no setting up by firmware


def image(name, program):
    file = PATH / f"{name}.fd"
    file.write_bytes(tiny_firmware.image(CODE.read_bytes(), name, program))
    return file


def container(name, *settings):
    path = PATH / f"{name}.hold"
    if not (PATH / "new.hold").exists():
        DISK.write_bytes(bytes(1 << 20))
        create(PATH / "new.hold", "4m", MACHINE)
    holdfast("clone", PATH / "new.hold", path, "--uuid", uuid.uuid4())
    holdfast("set", path, "confirm-by=agent", "trial-timeout=0", *settings)
    return path


def lifecycle(path):
    return holdfast("show", path, "--json").json["lifecycle"]


def counts(path):
    """(state, boots begun, failed)"""
    now = lifecycle(path)
    return now["state"], now["boots"]["started"], now["boots"]["failed"]


def active(path):
    return holdfast("show", path, "--json").json["slots"]["active"]["sha256"]


def boots(path, *arguments, do=None, status=0, **more):
    """One run of the guest, which `do` may end."""
    with Guest(path, "-device", "pvpanic", "-drive", f"file={DISK},format=raw,if=ide", *arguments, **more) as guest:
        if do:
            do(guest)
        ended = guest.wait()
        expect(status is None or ended == status, f"exit status {ended}: {guest.said()}")
        return guest.said()


def runs(guest):
    """The guest executes: its boot is counted, and QEMU says that it runs."""
    guest.wait_running()


def tried(name, program, failed, *arguments, settings=(), do=None, status=0):
    """A trial of a firmware that does that, whose first boot ends so."""
    path = container(name, *settings)
    holdfast("stage", path, image(name, program))
    said = boots(path, *arguments, do=do, status=status)
    now = counts(path)
    expect(now == ("trial", 1, failed), f"{name}: {now}\n{said}{holdfast('log', path).out}")
    return path, said


@case("run: what ended by itself has failed: a reset, a triple fault, a panic, QEMU's crash, no sign of life")
def _():
    tried("reset", RESET, 1, "-no-reboot")
    tried("triple", TRIPLE_FAULT, 1, "-no-reboot")
    tried("panic", PANIC, 1, status=1)
    tried("crash", HANG, 1, status=1, do=lambda g: (runs(g), os.kill(g.child("qemu"), signal.SIGSEGV)))
    tried("silent", HANG, 1, "-no-reboot", settings=["trial-timeout=1"])


@case("run: the guest's own power-off is an orderly end after a sign of life, and a failure without one")
def _():
    path, _ = tried("off-alive", READS + POWER_OFF, 0)
    for _ in range(4):
        boots(path)
    expect(counts(path) == ("trial", 5, 0), f"{counts(path)}\n{holdfast('log', path).out}")
    tried("off-silent", POWER_OFF, 1)


def kill_all(guest):
    """Nobody is left who could say how the boot ended."""
    runs(guest)
    children = [guest.child("qemu"), guest.child("nbdkit")]
    guest.process.kill()
    os.kill(children[0], signal.SIGKILL)
    for child in children:
        await_end(child)


def saved(guest):
    runs(guest)
    qmp = guest.connect()
    qmp.execute("stop")
    qmp.execute("migrate", uri=f"exec:cat>{PATH / 'saved-state'}")
    wait_until(lambda: qmp.execute("query-migrate").get("status") == "completed", 60, "the saved state")
    qmp.execute("quit")


@case("run: what the operator or the host ends does not count: quit, reset, signals, kills, a saved state")
def _():
    tried("quit", HANG, 0, do=lambda g: (runs(g), g.connect().execute("quit")))
    tried("term", HANG, 0, do=lambda g: (runs(g), g.process.send_signal(signal.SIGTERM)), status=None)
    tried("killed", HANG, 0, do=lambda g: (runs(g), os.kill(g.child("qemu"), signal.SIGKILL)), status=1)
    tried("operator", HANG, 0, "-no-reboot", do=lambda g: (runs(g), g.connect().execute("system_reset")))
    path, _ = tried("saved", HANG, 0, do=saved)
    boots(path, "-incoming", f"exec:cat {PATH / 'saved-state'}", do=lambda g: (runs(g), g.connect().execute("quit")))
    expect(counts(path) == ("trial", 1, 0), f"a saved state that goes on is no boot: {counts(path)}\n{holdfast('log', path).out}")
    path, _ = tried("all-killed", HANG, 0, do=kill_all, status=None)
    boots(path, do=lambda g: (runs(g), g.connect().execute("quit")))
    expect(counts(path) == ("trial", 2, 0), f"{counts(path)}\n{holdfast('log', path).out}")


@case("run: a start that fails on the host is no boot and applies nothing: disk lock, program, plugin, argument, port")
def _():
    path = container("no-start", "confirm-by=agent")
    before = active(path)
    holdfast("stage", path, image("no-start", RESET))
    slots = holdfast("show", path, "--json").json["slots"]
    locked = PATH / "locked.raw"
    locked.write_bytes(bytes(1 << 20))
    with Guest(None, "-S", "-drive", f"file={locked},format=raw,if=ide", bare=True) as other:
        other.connect()
        for _ in range(4):
            said = boots(path, "-drive", f"file={locked},format=raw,if=ide,index=1", status=1)
            expect("lock" in said and "staged again" in said, said)
    boots(path, status=None, qemu="/nowhere/qemu-system-x86_64")
    boots(path, "-device", "no-such-device", status=1)
    boots(path, "-vnc", "unix:/nowhere/socket", status=1)
    boots(path, status=None, env={"HOLDFAST_NBDKIT_PLUGIN": "/nowhere/plugin.so"})
    with Guest(path, "-S") as guest:  # the machine is there, its processors never run
        guest.connect()
        expect(lifecycle(path)["state"] == "applied", f"{holdfast('show', path)}")
        guest.qmp.execute("quit")
        guest.wait()
    expect(counts(path) == ("staged", 0, 0), f"{counts(path)}\n{holdfast('log', path).out}")
    expect(active(path) == before, "the firmware was changed by a start that failed")
    expect(holdfast("show", path, "--json").json["slots"] == slots, "other slots than before")


@case("run: the trial that fails says what it sets aside, on the terminal and in the log, and how it comes back")
def _():
    path = container("aside")
    before = active(path)
    new = image("aside", RESET)
    holdfast("stage", path, new)
    for number in range(3):
        said = boots(path, "-no-reboot")
        if number == 1:
            holdfast("vars", "set", path, "Marker", "--guid", MARKER_GUID, "--data", "cafe", "--in-place")
    expect("comes back" in said, said)
    with Guest(path, "-S") as guest:
        guest.connect()
        said = guest.said()
        guest.qmp.execute("quit")
        guest.wait()
    expect(active(path) == before, f"not rolled back: {said}")
    for text in (said, holdfast("log", path).out):
        expect("Marker" in text and "holdfast revert G.hold" in text, text)
    number = said.split("holdfast revert G.hold ")[1].split("'")[0]
    holdfast("revert", path, number)
    expect(active(path) == digest(new), "the command does not bring the firmware back")
    expect(holdfast("vars", "get", path, "Marker", "--json").json["data"] == "cafe", "nor the variable")


def served(path, do, *arguments):
    """A power cycle under `serve`: QEMU of somebody else's; `do(guest)` ends it."""
    with Serving(path) as server:
        words = shlex.split(holdfast("qemu-args", path, "--socket", server.socket).out.replace("\\\n", " "))
        with Guest(None, *words, "-device", "pvpanic", "-drive", f"file={DISK},format=raw,if=ide", *arguments,
                   bare=True) as guest:
            do(guest)
            guest.wait()
        return server.said["words"] or ""


@case("serve: nobody watches, so no boot counts, whatever its end; by hand a trial is confirmed")
def _():
    path = container("served", "confirm-by=uptime", "trial-boots=1")
    new = image("served", RESET)
    holdfast("stage", path, new)
    ends = [lambda g: None, lambda g: (runs(g), os.kill(g.child("qemu") or g.process.pid, signal.SIGSEGV)),
            lambda g: (g.connect().execute("quit"))]
    for number, end in enumerate(ends * 2):
        words = served(path, end, *(["-no-reboot"] if number % 3 == 0 else ["-no-shutdown"]))
        expect("holdfast confirm" in words, f"serve does not say who ends the trial: {words}")
        expect(counts(path) == ("trial", number + 1, 0), f"{counts(path)}\n{holdfast('log', path).out}")
    expect(active(path) == digest(new), "rolled back without evidence")
    expect("are not watched" in holdfast("show", path).out, holdfast("show", path).out)
    holdfast("confirm", path)
    expect(lifecycle(path)["state"] == "steady", f"{holdfast('show', path)}")
    told = holdfast("stage", path, image("served2", HANG)).out
    expect("power-on" in told and "reset" not in told and "confirm" in told, told)


@case("serve: a start that fails, or to which nobody connects, is no boot and applies nothing that stays")
def _():
    path = container("unread")
    before = active(path)
    holdfast("stage", path, image("unread", HANG))
    for _ in range(4):
        holdfast("serve", path, "--socket", "/nowhere/there/socket", status=None)
        result = subprocess.run([PROGRAM, "serve", path, "--socket", PATH / "s.sock"], capture_output=True, text=True,
                                env={**os.environ, "HOLDFAST_NBDKIT_PLUGIN": "/nowhere/plugin.so"})
        expect(result.returncode and "staged again" in result.stderr, f"{result}")
        with Serving(path) as server:
            expect(server.said["digest"] != before, "the staged image is not what is served")
            with server.client("vars") as client:
                client.read(0, 4096)  # no boot: a look at the variables
            expect(lifecycle(path)["state"] == "applied", f"{holdfast('show', path)}")
    expect(counts(path) == ("staged", 0, 0), f"{counts(path)}\n{holdfast('log', path).out}")
    expect(active(path) == before, "healthy firmware was replaced by starts that failed")


@case("serve: the boot is open, and written down, before the first byte of code is answered")
def _():
    path = container("first")
    holdfast("stage", path, image("first", HANG))
    with Serving(path) as server:
        with server.client("code") as client:
            expect(lifecycle(path)["state"] == "applied", "connecting is no boot")
            client.read(0, 512)
            expect(counts(path) == ("trial", 1, 0), f"{counts(path)}")
            client.read(0, 512)
        server.kill_server()
        with server.client("code") as client:
            client.read(0, 512)
        expect(counts(path) == ("trial", 1, 0), f"a server that was started again is another boot: {counts(path)}")
    path = container("written")
    holdfast("stage", path, image("written", HANG))
    with Serving(path) as server:
        with server.client("vars") as client:
            client.write(0x30000, b"x" * 16)
            expect(counts(path) == ("trial", 1, 0), "what was written may not be taken back")


main(DIRECTORY.cleanup)
