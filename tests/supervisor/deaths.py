# SPDX-License-Identifier: BSD-2-Clause
"""Whatever dies under a running guest: nothing the guest was told is lost, nothing is left behind."""
import os
import pathlib
import signal
import subprocess
import time

import linux
from guest import MARKER_GUID, Guest, create, digest, wait_until
from linux import Linux
from program import BUILD, await_end, holdfast, scratch
from tap import Shared, case, expect, main, note, skip

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
CONTAINER = ROOT / "g.hold"
STATE = Shared()
VARS_ADDRESS, VARS_SIZE = 0xFFC00000, 0x84000  # OVMF 4M


# Sets variables until it is told to stop. Linux cannot have the firmware reclaim what old values used, so each is short.
WRITER = f"""#!/bin/sh
i=0
while [ ! -e /stop ]; do
    file=/sys/firmware/efi/efivars/Marker$((i % 8))-{MARKER_GUID}
    [ ! -e $file ] || changeable $file
    printf '\\007\\000\\000\\000%04d' $i >/value
    cp /value $file && echo $i >/wrote$((i % 8)) && echo $i >/wrote
    i=$((i + 1))
done
""".encode()


def start(path, *options):
    """A guest whose Linux is up, and that."""
    if "linux" not in STATE:
        STATE["linux"] = linux.arguments(ROOT, files={"bin/writer": WRITER})
    guest = Guest(path, "-M", "q35", *STATE["linux"], options=options)
    system = Linux(guest)
    guest.connect()
    return guest, system


def start_writing(system):
    system.run("rm -f /stop /wrote*; writer >/dev/null 2>&1 &")


def stop_writing(system):
    """How many were written; each that the writer knows of is what the guest reads now."""
    system.run("touch /stop; while pidof writer >/dev/null; do sleep 0.1; done; [ -e /wrote ]")
    wrote = int(system.run("cat /wrote").out)
    for n in range(min(8, wrote + 1)):
        value = system.run(f"cat /wrote{n}").out.strip()
        expect(system.getvar(f"Marker{n}") == f"{int(value):04d}".encode().hex(), f"Marker{n} is not {value}")
    return wrote + 1


def same_variables(guest, path=CONTAINER):
    """The container's bank equals what the stopped guest sees. Stopping flushes."""
    guest.qmp.execute("stop")
    seen = guest.bank_digest(VARS_ADDRESS, VARS_SIZE)
    target = ROOT / f"export-{time.monotonic_ns()}"
    holdfast("export", path, target)
    guest.qmp.execute("cont")
    expect(seen == digest(target / "vars.fd"), "the guest and the container differ")


def gone(pids):
    for pid in pids:
        await_end(pid)


GUEST = SYSTEM = None


def settled(deaths):
    """Waits until the guest goes on after so many deaths of its server (some may share one recovery)."""
    wait_until(lambda: GUEST.said().count("is stopped until it is back") >= deaths, 30, f"{deaths} deaths")
    wait_until(lambda: GUEST.said().rstrip().endswith("it continues as before"), 90, "the guest goes on")


@case("the flash server is killed: the guest waits, the server is back, nothing is lost")
def _():
    global GUEST, SYSTEM
    create(CONTAINER, "4m", "q35")
    GUEST, SYSTEM = start(CONTAINER)
    first = GUEST.child("nbdkit")
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: GUEST.qmp.events("STOP"), 20, "the guest's stop")
    wait_until(lambda: GUEST.child("nbdkit") not in (None, first), 20, "another server")
    GUEST.qmp.wait_event("RESUME")
    SYSTEM.setvar("MarkerAfter", "cafe")
    expect(SYSTEM.getvar("MarkerAfter") == "cafe", "the guest does not see what it wrote")
    same_variables(GUEST)


@case("the server killed again and again while the guest writes: what it sees is what is stored")
def _():
    start_writing(SYSTEM)
    for kills in range(1, 5):
        time.sleep(1.3)  # QEMU tries again after a second
        os.kill(GUEST.child("nbdkit"), signal.SIGKILL)
        wait_until(lambda: GUEST.child("nbdkit"), 30, "another server")
        settled(1 + kills)
    note(f"{stop_writing(SYSTEM)} variables set while the server was killed {kills} times")
    same_variables(GUEST)


@case("a guest that its owner stopped stays stopped when its server dies")
def _():
    GUEST.qmp.execute("stop")
    first = GUEST.child("nbdkit")
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: GUEST.child("nbdkit") not in (None, first), 20, "another server")
    wait_until(lambda: GUEST.said().rstrip().endswith("it continues as before"), 30, "the recovery's end")
    time.sleep(1)
    expect(GUEST.qmp.status() == "paused", GUEST.qmp.status())
    GUEST.qmp.execute("cont")
    expect(SYSTEM.getvar("MarkerAfter") == "cafe", "lost")


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
    SYSTEM.setvar("MarkerMore", "01")
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
    guest, system = start(CONTAINER)
    with guest:
        expect(system.getvar("MarkerAfter") == "cafe", "lost")
        system.setvar("MarkerLast", "01")
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


def small_disk():
    small = ROOT / "small"
    small.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", small], capture_output=True, text=True)
    if done.returncode:
        skip(f"no tmpfs can be mounted: {done.stderr.strip()}")
    STATE["small"] = small
    return small / "g.hold", small / "filler"


def behind(guest, times):
    """Waits until the storage has fallen behind so often; when holdfast said so, as the clock was then."""
    wait_until(lambda: guest.said().count("storage is behind") >= times, 120, f"full, and nobody noticed:\n{guest.said()}")
    return (guest.path / "stderr").stat().st_mtime


@case("storage falls behind on a full disk: the guest is stopped within a moment, goes on when there is room, loses nothing")
def _():
    path, filler = small_disk()
    create(path, "4m", "q35")
    guest, system = STATE["full"] = start(path)
    stops = len(guest.qmp.events("STOP"))
    start_writing(system)
    fill(filler)
    noticed = behind(guest, 1)
    stopped = guest.qmp.wait_event("STOP", stops + 1)[stops]["timestamp"]
    note(f"stopped {stopped['seconds'] * 1000 + stopped['microseconds'] / 1000 - noticed * 1000:.1f} ms after the notice")
    # The log may find room of its own: then the guest goes on by itself.
    wait_until(lambda: "caught up" in guest.said() or (guest.qmp.status() == "paused" and
                                                       holdfast("show", path, "--json").json["behind"]),
               30, "a guest that stands, and `show` that says so")
    filler.unlink()
    wait_until(lambda: "caught up" in guest.said(), 30, "room was noticed")
    wait_until(lambda: guest.qmp.status() == "running", 30, "the guest goes on")


@case("SIGUSR1 lets a stopped guest go on without storage; what it writes meanwhile is stored when there is room")
def _():
    (guest, system), path, filler = STATE["full"], STATE["small"] / "g.hold", STATE["small"] / "filler"
    stops = len(guest.qmp.events("STOP"))
    fill(filler)
    behind(guest, 2)
    guest.qmp.wait_event("STOP", stops + 1)
    guest.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: "continues without storage" in guest.said() and guest.qmp.status() == "running", 30, "it goes on")
    stops = len(guest.qmp.events("STOP"))
    note(f"{stop_writing(system)} variables set")
    system.setvar("MarkerMeanwhile", "cafe")
    expect(len(guest.qmp.events("STOP")) == stops, "stopped again")
    filler.unlink()
    wait_until(lambda: not holdfast("show", path, "--json").json["behind"], 30, "what is behind is stored")
    same_variables(guest, path)
    expect(system.power_off() == 0, guest.said())
    guest.close()


@case("--continue-without-storage never stops the guest, and loses nothing either")
def _():
    path, filler = STATE["small"] / "g.hold", STATE["small"] / "filler"
    guest, system = start(path, "--continue-without-storage")
    with guest:
        expect(system.getvar("MarkerMeanwhile") == "cafe", "lost over a power-off")
        start_writing(system)
        fill(filler)
        behind(guest, 1)
        stop_writing(system)
        expect(not guest.qmp.events("STOP"), "the guest was stopped")
        filler.unlink()
        wait_until(lambda: not holdfast("show", path, "--json").json["behind"], 30, "what is behind is stored")
        same_variables(guest, path)


def cleanup():
    for guest in filter(None, (GUEST, STATE.get("full", (None,))[0])):
        guest.close()
    if "small" in STATE:
        subprocess.run(["umount", "-l", STATE["small"]], check=False)
    DIRECTORY.cleanup()


main(cleanup)
