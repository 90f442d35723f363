# SPDX-License-Identifier: BSD-2-Clause
"""A running guest moves: QEMU 7.2 to Debian 13's 10.0 and back, with its firmware, variables, clock, and what is staged or on
trial, while it writes; and what happens when a part of it dies or the connection ends."""
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

from guest import MARKER_GUID, OVMF, TimedOut, digest, wait_until
from moving import Host, Traveller, debian13
from program import PROGRAM, scratch
from relay import Relay
from tap import Shared, case, expect, main, skip

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
NEWER = debian13()
CODE, VARS = map(pathlib.Path, OVMF["4m"])
COUNT = 240  # variables that the guest writes while it moves
STATE = Shared()


def needs_guest():
    if isinstance(NEWER, str):
        skip(f"Debian 13's QEMU: {NEWER}")
    if "guest" not in STATE:
        skip("the guest did not start")
    return STATE["guest"], STATE["shell"], STATE["here"], STATE["there"]


def script(folder):
    folder.mkdir()
    (folder / "w.nsh").write_text(f"@echo -off\r\nfor %i run (1001 {1000 + COUNT})\r\n"
                                  f"setvar S%i -guid {MARKER_GUID} -bs -rt -nv =%i\r\nendfor\r\necho all-written\r\n")
    return ["-drive", f"file=fat:{folder},format=raw,if=virtio,readonly=on"]


def code_in_memory(guest, path):
    size = path.stat().st_size
    return guest.bank_digest((1 << 32) - size, size) == digest(path)


def lives(shell, guest):
    """The guest runs, and its firmware can write."""
    STATE["mark"] = STATE.get("mark", 0) + 1
    value = f"{STATE['mark']:04x}"
    try:
        shell.setvar("Mark", value)
    except TimedOut as why:
        raise TimedOut(f"{why}\n{guest.said()}") from None
    expect(shell.getvar("Mark") == value, f"the guest did not write its variable\n{guest.said()}")


def today(shell):
    """The date on the guest's clock."""
    found = re.search(r"^(\d\d/\d\d/\d{4})", shell.run("date"), re.M)
    return found and found.group(1)


def lifecycle(host):
    return host.holdfast("show", host.container, "--json").json["lifecycle"]


@case("a guest boots under QEMU 7.2")
def _():
    if isinstance(NEWER, str):
        skip(f"Debian 13's QEMU: {NEWER}")
    here, there = Host(ROOT / "here"), Host(ROOT / "there", NEWER["x86_64"])
    here.holdfast("create", here.container, "--firmware", CODE, "--vars", VARS, "--machine", "pc-q35-7.2")
    guest = Traveller(here, "-M", "pc-q35-7.2", "-rtc", "base=2001-02-03T04:05:06", *script(ROOT / "disk"))
    STATE.update(here=here, there=there, guest=guest, shell=guest.shell())
    STATE["shell"].setvar("Before", "cafe")
    expect(today(STATE["shell"]) == "02/03/2001", "the owner's date")
    STATE["shell"].run("fs0:")


@case("where the other QEMU does not start, the guest stays, and says why")
def _():
    guest, shell, here, there = needs_guest()
    result = guest.move(there, status=1, arguments=["-M", "pc-q35-7.2", "-no-such-option"])
    expect("exited with status 1" in result.err, result)
    expect("no-such-option" in there.said(), there.said())
    lives(shell, guest)
    expect(here.state() == "held", here.owner())


@case("called off by the operator, the guest stays")
def _():
    guest, shell, here, there = needs_guest()
    moving = threading.Event()

    def watch(step):
        if step == ">STREAM":
            moving.set()
            expect(calling.wait(30) is not None, "the verb goes on")
    with Relay(ROOT / "relay", there.receive(), watch) as relay:
        calling = subprocess.Popen([PROGRAM, "migrate", here.container, "--to", relay.where], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, env={**os.environ, **here.env}, text=True)
        expect(moving.wait(60), "nothing moves")
        calling.send_signal(signal.SIGINT)
        words = calling.communicate(timeout=60)[1]
    expect(calling.returncode == 1 and "cancelled" in words, f"{calling.returncode}: {words}")
    lives(shell, guest)
    expect(here.state() == "held", here.owner())


def cut_at(guest, there, wanted, at_rest=lambda: None, do="cut", connections=1, options=()):
    done = []

    def watch(step):
        if step == ">OFFER.2":
            at_rest()
        if step == wanted:
            done.append(step)
            return do
        return None
    with Relay(ROOT / "relay", there.receive(), watch, connections=connections) as relay:
        result = guest.move(there, where=relay.where, status=None, options=options, timeout=300)
    expect(done, f"step {wanted} never came: {relay.steps}\n{result}")
    return result


@case("the connection ends at a step before the grant: the guest stays")
def _():
    guest, shell, here, there = needs_guest()
    steps = [">HELLO", "<WANT", "<READY", ">STREAM", *[">STATE.2"] * 4, ">OFFER.2", "<ASK"]
    if os.environ.get("HOLDFAST_LONG"):
        steps = [">HELLO", "<HELLO", "<WANT", ">STATE", ">OFFER", "<READY", ">STREAM", ">OFFER.2", "<READY.2", "<ASK"]
    for step in steps:
        result = cut_at(guest, there, step)
        expect(result.status == 1, f"{step}: {result}")
        expect(here.state() == "held", f"{step}: {here.owner()}")
        wait_until(lambda: there.supervisor() is None, 30, f"{step}: the end of the other side")
        lives(shell, guest)


def patience(guest, there):
    """More seconds than this machine, as busy as it is now, leaves a side without a word that is well."""
    begin = time.monotonic()
    guest.move(there, options=["--dry-run"])
    return str(max(8, int(4 * (time.monotonic() - begin))))


@case("the other side falls silent for ever before the grant: the guest stays")
def _():
    guest, shell, here, there = needs_guest()
    steps = [">HELLO", ">STREAM.2", "<READY.2"]
    if os.environ.get("HOLDFAST_LONG"):
        steps += ["<WANT", "<READY", ">STREAM", ">OFFER.2", "<ASK"]
    for step in steps:
        seconds = patience(guest, there)
        result = cut_at(guest, there, step, do="stall", options=("--timeout", seconds))
        said = (f"for {seconds} s", "paused for 30 s")  # whichever comes first
        expect(result.status == 1 and any(words in result.err for words in said), f"{step}: {result}")
        expect(here.state() == "held", f"{step}: {here.owner()}")
        wait_until(lambda: there.supervisor() is None, 60, f"{step}: the end of the other side")
        lives(shell, guest)


@case("a guest that is paused for longer than --pause-limit is resumed here")
def _():
    guest, shell, here, there = needs_guest()
    result = cut_at(guest, there, "<READY.2", do="stall", options=("--pause-limit", "3"))
    expect(result.status == 1 and "paused for 3 s" in result.err, result)
    expect(here.state() == "held", here.owner())
    wait_until(lambda: there.supervisor() is None, 60, "the end of the other side")
    lives(shell, guest)


@case("it falls silent before it hears the grant: it is asked over another connection, and the guest runs on here")
def _():
    guest, shell, here, there = needs_guest()
    result = cut_at(guest, there, ">GRANT", do="stall", connections=2, options=("--timeout", patience(guest, there)))
    expect(result.status == 1 and "runs on here" in result.err, f"{result}{guest.said()}{there.said()}")
    expect(here.state() == "held" and there.state() == "revoked", f"{here.owner()}{there.owner()}")
    wait_until(lambda: there.supervisor() is None, 60, "the end of the other side")
    lives(shell, guest)


@case("a part of the other side is killed before the grant: the guest stays")
def _():
    guest, shell, here, there = needs_guest()
    for step, part in ((">STREAM", "qemu"), (">OFFER.2", "supervisor")):
        killed = []

        def watch(seen):
            if seen == step:
                killed.append(there.part(part))
                os.kill(killed[0], signal.SIGKILL)
        with Relay(ROOT / "relay", there.receive(), watch) as relay:
            result = guest.move(there, where=relay.where, status=None)
        expect(killed, f"{part} was not there at {step}: {relay.steps}")
        expect(result.status == 1, f"{part} at {step}: {result}")
        expect(here.state() == "held", f"{part} at {step}: {here.owner()}")
        wait_until(lambda: there.supervisor() is None, 30, f"{part} at {step}: the end of the other side")
        lives(shell, guest)


@case("the grant is lost: the guest stands until the other side was asked, and runs on here")
def _():
    guest, shell, here, there = needs_guest()
    result = cut_at(guest, there, ">GRANT", options=("--timeout", patience(guest, there)))
    expect(result.status == 1 and "was granted to host" in result.err and "owner --take" in result.err, result)
    expect(here.state() == "granted", here.owner())
    expect(guest.connect().status() == "postmigrate", "the guest runs, and nobody knows whose it is")
    result = guest.move(there, status=3, options=["--dry-run", "--timeout", "86400"])  # it is not asked again and again
    expect("rule 'granted'" in result.err and here.state() == "granted", result)
    before = here.container.read_bytes()
    guest.qmp.execute("cont")  # by whoever else manages it
    wait_until(lambda: "it is paused again" in guest.said(), 60, "what holdfast says")
    wait_until(lambda: guest.qmp.status() == "paused", 60, "the guest stands again")
    expect(here.state() == "granted" and here.container.read_bytes() == before, "the container was written")
    wait_until(lambda: there.supervisor() is None, 30, "the end of the other side")
    result = guest.move(there, status=1)
    expect("runs on here" in result.err, result)
    expect(here.state() == "held" and there.state() == "revoked", f"{here.owner()}{there.owner()}")
    lives(shell, guest)


@case("it moves to QEMU 10.0 while it writes variables, though a server dies over there; the answer is lost, and told "
      "when asked again")
def _():
    guest, shell, here, there = needs_guest()
    seconds = patience(guest, there)
    shell.tell("w.nsh")
    result = cut_at(guest, there, "<CLAIMED", at_rest=lambda: os.kill(there.part("nbdkit"), signal.SIGKILL),
                    options=("--timeout", seconds))
    expect(result.status == 1 and "was granted to host" in result.err, f"{result}{guest.said()}")
    expect(here.state() == "granted" and there.state() == "held", f"{here.owner()}{there.owner()}")
    result = guest.move(there, status=None)
    expect(result.status == 0 and "runs on host" in result.out, result)
    expect(here.state() == "departed", here.owner())
    guest.wait_text("all-written", 120)
    wanted = {f"S{n}" for n in range(1001, 1001 + COUNT)}

    def lost():  # the last write may be answered and still on its way into the container, half a variable there
        listed = there.holdfast("vars", "list", there.container, "--json", status=None)
        return wanted - {v["name"] for v in listed.json["variables"]} if listed.status == 0 else wanted
    wait_until(lambda: not lost(), 60, "all variables that the guest wrote")
    expect(code_in_memory(guest, CODE), "the memory holds other firmware")
    lives(shell, guest)


@case("reset over there, it runs the firmware that it brought, with its variables")
def _():
    guest, shell, here, there = needs_guest()
    shell.setvar("There", "babe")
    STATE["shell"] = shell = guest.reset()
    expect(code_in_memory(guest, CODE), "the memory holds other firmware")
    expect(shell.getvar("Before") == "cafe" and shell.getvar("There") == "babe", "variables are lost")
    expect(guest.connect().execute("query-version")["qemu"]["major"] == 10, "this is not QEMU 10.0")
    machine = guest.qmp.execute("qom-get", path="/machine", property="type")
    expect(machine == "pc-q35-7.2-machine", machine)
    expect(today(shell) == "02/03/2001", "the clock did not go on")
    shell.run("date 06/07/2010")


@case("back under QEMU 7.2, what was set there is there, and what was staged there is applied at the reset")
def _():
    guest, shell, here, there = needs_guest()
    newer = NEWER["x86_64"].parents[1] / "usr/share/OVMF/OVMF_CODE_4M.fd"
    there.holdfast("stage", there.container, newer)
    guest.move(here)
    expect(there.state() == "departed" and here.state() == "held", f"{here.owner()}{there.owner()}")
    expect(shell.getvar("There") == "babe" and shell.getvar("Before") == "cafe", "variables are lost")
    expect(code_in_memory(guest, CODE), "other firmware before the reset")
    expect(today(shell) == "06/07/2010", "the clock did not go on")
    start = len(guest.serial.data)
    guest.connect().execute("system_reset")
    STATE["shell"] = shell = guest.shell(start=start)
    guest.qmp_ready = False
    expect(code_in_memory(guest, newer), f"the staged firmware was not applied\n{here.holdfast('log', here.container)}")
    expect(shell.getvar("There") == "babe" and shell.getvar("Before") == "cafe", "variables are lost")
    expect(lifecycle(here)["state"] == "trial", lifecycle(here))
    expect(today(shell) == "06/07/2010", "the clock that the guest set elsewhere is lost with QEMU's new start")


@case("a trial that is open moves with its counters and the guest's sign of life, and is confirmed over there")
def _():
    guest, shell, here, there = needs_guest()
    shell.setvar("Trial", "cafe")  # a sign of life
    before = lifecycle(here)
    while guest.move(there, status=None).status:
        expect("try again" in guest.said().splitlines()[-1], guest.said())
    expect(lifecycle(there)["state"] == "trial" and lifecycle(there)["boots"] == before["boots"],
           f"{before} {lifecycle(there)}")
    there.holdfast("set", there.container, "confirm-uptime=2")
    wait_until(lambda: lifecycle(there)["state"] == "steady", 60, "confirmation by uptime")
    expect("confirmed by uptime" in there.holdfast("log", there.container).out, "the log does not tell")
    expect(code_in_memory(guest, NEWER["x86_64"].parents[1] / "usr/share/OVMF/OVMF_CODE_4M.fd"), "other firmware")
    lives(shell, guest)


@case("powered off there, the container is whole")
def _():
    guest, shell, here, there = needs_guest()
    os.kill(there.supervisor(), signal.SIGTERM)
    wait_until(lambda: there.supervisor() is None, 60, "the end of the guest")
    there.holdfast("check", there.container)
    expect(sorted(p.name for p in there.root.glob("g.hold*")) == ["g.hold"], "files are left beside the container")


def clean_up():
    if "guest" in STATE:
        STATE["guest"].close()


main(clean_up)
