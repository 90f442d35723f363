# SPDX-License-Identifier: BSD-2-Clause
"""Whatever dies under a running guest: nothing the guest was told is lost, nothing is left behind."""
import os
import pathlib
import signal
import subprocess
import threading
import time

from guest import MARKER_GUID, Guest, TimedOut, create, wait_until
from program import BUILD, await_end, holdfast, scratch
from tap import case, expect, main, note, skip

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
CONTAINER = ROOT / "g.hold"
VARS_ADDRESS, VARS_SIZE = 0xFFC00000, 0x84000  # OVMF 4M


def container_digest():
    target = ROOT / f"export-{time.monotonic_ns()}"
    holdfast("export", CONTAINER, target)
    return subprocess.run(["sha256sum", target / "vars.fd"], stdout=subprocess.PIPE, text=True).stdout.split()[0]


def same_variables(guest):
    """The container's bank equals what the stopped guest sees. Stopping flushes."""
    guest.connect().execute("stop")
    seen = guest.bank_digest(VARS_ADDRESS, VARS_SIZE)
    stored = container_digest()
    guest.qmp.execute("cont")
    expect(seen == stored, f"the guest sees {seen}, the container has {stored}")


def gone(pids):
    for pid in pids:
        await_end(pid)


GUEST = None


def settled(deaths):
    """Waits until the guest goes on after so many deaths of its server (some may share one recovery)."""
    wait_until(lambda: GUEST.said().count("is stopped until it is back") >= deaths, 30, f"{deaths} deaths")
    wait_until(lambda: GUEST.said().rstrip().endswith("it goes on as before"), 90, "the guest goes on")


@case("the flash server is killed: the guest waits, the server is back, nothing is lost")
def _():
    global GUEST
    create(CONTAINER, "4m", "q35")
    GUEST = Guest(CONTAINER, "-M", "q35")
    shell = GUEST.shell()
    GUEST.connect()
    first = GUEST.child("nbdkit")
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: GUEST.qmp.events("STOP"), 20, "the guest's stop")
    wait_until(lambda: GUEST.child("nbdkit") not in (None, first), 20, "another server")
    GUEST.qmp.wait_event("RESUME")
    shell.setvar("MarkerAfter", "cafe")
    expect(shell.getvar("MarkerAfter") == "cafe", "the guest does not see what it wrote")
    same_variables(GUEST)


@case("the server killed again and again while the guest writes: what it sees is what is stored")
def _():
    shell, kills, done = GUEST.shell(), 0, threading.Event()

    def killer():
        nonlocal kills
        while kills < 6 and not done.wait(2.5):  # QEMU tries again after a second
            pid = GUEST.child("nbdkit")
            if pid:
                os.kill(pid, signal.SIGKILL)
                kills += 1
    thread = threading.Thread(target=killer)
    thread.start()
    try:
        number = 0
        while thread.is_alive() or number < 4:
            shell.run(f"setvar Marker{number} -guid {MARKER_GUID} -bs -rt -nv =00{number:02x}", 120)
            number += 1
    finally:
        done.set()
        thread.join()
    note(f"{kills} kills while {number} variables were set")
    settled(1 + kills)
    for n in range(number):
        expect(shell.getvar(f"Marker{n}") == f"00{n:02x}", f"Marker{n} is lost")
    same_variables(GUEST)


@case("a guest that its owner stopped stays stopped when its server dies")
def _():
    GUEST.qmp.execute("stop")
    first = GUEST.child("nbdkit")
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: GUEST.child("nbdkit") not in (None, first), 20, "another server")
    wait_until(lambda: GUEST.said().rstrip().endswith("it goes on as before"), 30, "the recovery's end")
    time.sleep(1)
    expect(GUEST.qmp.status() == "paused", GUEST.qmp.status())
    GUEST.qmp.execute("cont")
    expect(GUEST.shell().getvar("MarkerAfter") == "cafe", "no shell after cont")


@case("writes that never reached the container are taken from the stopped guest's memory")
def _():
    first = GUEST.child("nbdkit")
    done = subprocess.run([BUILD / "tests" / "supervisor" / "scribble", CONTAINER], stderr=subprocess.PIPE, text=True)
    expect(done.returncode == 0, done.stderr)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: "taken from the stopped guest's memory" in GUEST.said(), 30, "the doubt was noticed")
    wait_until(lambda: GUEST.qmp.status() == "running", 30, "a running guest")
    same_variables(GUEST)
    expect("bank-copied" in holdfast("log", CONTAINER).out, "it is not in the log")
    expect(GUEST.shell().setvar("MarkerMore", "01") is not None, "no shell")
    same_variables(GUEST)


@case("a second run of the same container is refused and names the holder")
def _():
    result = holdfast("run", CONTAINER, "--", "-display", "none", status=6)
    expect(str(GUEST.process.pid) in result.err, result)


@case("holdfast is killed: QEMU and the server end with it, and the next run opens the container")
def _():
    children = [GUEST.child("qemu"), GUEST.child("nbdkit")]
    expect(all(children), children)
    GUEST.process.kill()
    GUEST.process.wait()
    gone(children)
    GUEST.close()
    with Guest(CONTAINER, "-M", "q35") as guest:
        shell = guest.shell()
        expect(shell.getvar("MarkerAfter") == "cafe", "lost")
        shell.setvar("MarkerLast", "01")
        qemu, server = guest.child("qemu"), guest.child("nbdkit")
        os.kill(qemu, signal.SIGKILL)  # and now QEMU itself
        expect(guest.wait() == 1, guest.said())
        expect("killed by SIGKILL" in guest.said(), guest.said())
        gone([server])
    expect("MarkerLast" in holdfast("vars", "list", CONTAINER).out, "what the guest wrote last is lost")
    expect([p.name for p in ROOT.glob("g.hold*")] == ["g.hold"], "files beside the container at rest")


@case("SIGTERM shuts QEMU down and closes the container in order")
def _():
    with Guest(CONTAINER, "-M", "q35", "-S") as guest:
        guest.connect()
        guest.process.send_signal(signal.SIGTERM)
        expect(guest.wait() == 0, guest.said())


@case("the disk fills under a running guest: it is stopped within a moment, goes on when there is room, loses nothing")
def _():
    small = ROOT / "small"
    small.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", small], capture_output=True, text=True)
    if done.returncode:
        skip(f"no tmpfs can be mounted: {done.stderr.strip()}")
    try:
        disk_full(small)
    finally:
        subprocess.run(["umount", "-l", small], check=False)


def fill(path):
    """Leaves no byte of the file system."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        while os.write(file, bytes(4096)):
            pass
    except OSError:
        pass
    finally:
        os.close(file)


def disk_full(small):
    path, filler = small / "g.hold", small / "filler"
    create(path, "4m", "q35")
    with Guest(path, "-M", "q35") as guest:
        shell = guest.shell()
        shell.setvar("MarkerBefore", "01")
        guest.connect()
        fill(filler)
        for number in range(150):  # until the room that was put aside at the start is used up
            try:
                shell.run(f"setvar Marker{number % 8} -guid {MARKER_GUID} -bs -rt -nv ={number:04x}" + "ab" * 100, 15)
            except TimedOut:
                break
            if "behind" in guest.said():
                break
        note(f"{number + 1} variables set on a full disk")
        expect("storage is behind" in guest.said(), "the disk is full and nobody noticed:\n" + guest.said())
        wait_until(lambda: guest.qmp.status() == "paused", 10, "the guest's stop")
        filler.unlink()
        wait_until(lambda: "caught up" in guest.said(), 30, "room was noticed")
        wait_until(lambda: guest.qmp.status() == "running", 30, "the guest goes on")
        time.sleep(5)  # the guest takes in what was typed while it was stopped
        shell.run("echo")
        expect(shell.getvar("MarkerBefore") == "01", "an old variable is lost")
        shell = guest.reset()
        expect(shell.getvar("MarkerBefore") == "01", "an old variable is lost after a reset")
        guest.qmp.execute("stop")
        seen = guest.bank_digest(VARS_ADDRESS, VARS_SIZE)
        holdfast("export", path, ROOT / "full")
        stored = subprocess.run(["sha256sum", ROOT / "full" / "vars.fd"], stdout=subprocess.PIPE, text=True).stdout.split()[0]
        expect(seen == stored, "the guest and the container differ")


def cleanup():
    if GUEST:
        GUEST.close()
    DIRECTORY.cleanup()


main(cleanup)
