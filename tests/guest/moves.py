# SPDX-License-Identifier: BSD-2-Clause
"""A real Linux asks through the mailbox without a pause while it is moved live, QEMU 10.0 to 10.0: in each phase an answer
arrives, or the question is put again and answered over there; nothing is answered that was not agreed on."""
import os
import pathlib
import subprocess

import linux
from guest import OVMF, TimedOut, wait_until
from linux import Linux
from moving import Host, Traveller, debian13
from program import BUILD, scratch
from relay import Relay
from tap import Shared, case, expect, main, note, skip

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
PLAY = BUILD / "tests" / "mailbox" / "play-guest"
AGREED = {"lifecycle": [0], "acpi-loader": [0, 1]}
STATE = Shared()
RUNNING = [">HELLO", "<HELLO", ">OFFER", "<READY", ">STREAM", ">STREAM.20"]  # phases in which the guest runs
STANDING = [">OFFER.2", "<READY.2", "<ASK", ">GRANT"]  # and in which it does not


def agreed(host):
    rows = host.holdfast("show", host.container, "--json").json["contract"]
    return {row["domain"]: row["agreed"] for row in rows if row["locked"]}


def window(host):
    return next((host.root / "runtime").glob("*/mailbox"))


def word(host, at):
    return int.from_bytes(window(host).read_bytes()[at:at + 4], "little")


def in_window(host):
    """The same as agreed(), as the guest reads it."""
    said = subprocess.run([PLAY, window(host), "domains"], stdout=subprocess.PIPE, text=True, timeout=60).stdout
    rows = [line.split() for line in said.splitlines()]
    return {row[0]: [b for b in range(8) if int(row[4], 0) >> b & 1] for row in rows if row[2] == "locked"}


def counted():
    """(answers, generations of the host's half) so far; the asker has not complained."""
    said = STATE["system"].run("cat /tmp/asker; cat /tmp/asked; kill -0 $(cat /tmp/pid)", status=None)
    expect(said.status == 0, f"the asker has ended: {said}\n{STATE['guest'].said()}")
    words = said.out.split()
    return int(words[0]), int(words[2])


def goes_on(host):
    """More answers come, and so does the reply to an order."""
    before = counted()[0]
    wait_until(lambda: counted()[0] >= before + 6, 60, "six more answers")
    said = STATE["system"].run("holdfast-guest status").out
    expect("steady" in said, said)
    expect(agreed(host) == in_window(host) == AGREED, f"{agreed(host)} {in_window(host)}")


def needs_guest():
    if "system" not in STATE:
        skip("the guest did not start")
    return STATE["guest"], STATE["here"], STATE["there"]


@case("Linux under QEMU 10.0, its contract locked by the driver, asks without a pause")
def _():
    programs = debian13()
    if isinstance(programs, str):
        skip(f"QEMU 10.0: {programs}")
    here, there = (Host(ROOT / name, qemu=programs["x86_64"]) for name in ("here", "there"))
    code, variables = OVMF["4m"]
    here.holdfast("create", here.container, "--firmware", code, "--vars", variables, "--machine", "pc-q35-10.0")
    files = {"bin/holdfast-guest": BUILD / "guest" / "holdfast-guest", "bin/asker": BUILD / "tests" / "guest" / "asker"}
    guest = Traveller(here, "-M", "pc-q35-10.0", *linux.arguments(ROOT, files=files), options=["--mailbox"])
    STATE.update(here=here, there=there, guest=guest, moves=0)
    STATE["system"] = Linux(guest)
    expect(agreed(here) == AGREED, agreed(here))
    STATE["system"].run("asker /tmp/asked >/tmp/asker 2>&1 & echo $! >/tmp/pid; sleep 1")
    goes_on(here)
    expect(counted()[1] == 1, "not one generation")


def move_in_phases(guest, here, there):
    """Whether a question was open while the guest stood still."""
    seen, wrong, open_ones = [], [], []

    def watch(step):
        try:
            if step in RUNNING:
                goes_on(here)
            elif step in STANDING:
                expect(agreed(here) == in_window(here) == AGREED, f"{agreed(here)} {in_window(here)}")
                open_ones.append(word(here, 8) != word(here, 4096 + 12))
            seen.append(step)
        except (AssertionError, TimedOut) as why:
            wrong.append(f"{step}: {why}")

    with Relay(ROOT / "relay", there.receive(), watch) as relay:
        guest.move(there, where=relay.where, timeout=600, options=["--live-emulated"])  # QEMU 10.0 does not lose stores
    expect(not wrong, "\n".join(wrong))
    expect(set(RUNNING + STANDING) <= set(seen), f"not every phase came: {relay.steps}")
    goes_on(there)
    STATE.update(here=there, there=here, moves=STATE["moves"] + 1)
    expect(counted()[1] == 1 + STATE["moves"], f"{counted()} after {STATE['moves']} moves")
    return all(open_ones)


@case("in each phase of a move answers arrive, or the question is put again; contract and window agree")
def _():
    needs_guest()
    # Most of the time a question is open; the case is about a move at which one was.
    while not move_in_phases(*needs_guest()):
        expect(STATE["moves"] < 10, "no question was open in ten moves")
    note(f"{STATE['moves']} moves")


@case("cut before the grant, and with the grant lost: the guest stays, and its questions are answered by the same half")
def _():
    guest, here, there = needs_guest()
    for step in ("<ASK", ">GRANT"):
        with Relay(ROOT / "relay", there.receive(), lambda seen: "cut" if seen == step else None) as relay:
            result = guest.move(there, where=relay.where, status=None, options=["--timeout", "20"], timeout=300)
        expect(result.status == 1 and step in relay.steps, f"{step}: {relay.steps} {result}")
        wait_until(lambda: there.supervisor() is None, 60, f"{step}: the end of the other side")
        if step == ">GRANT":
            expect("runs on here" in guest.move(there, status=1).err, "not told that it runs on")
        goes_on(here)
        expect(counted()[1] == 1 + STATE["moves"], f"{step}: {counted()}: another generation")


@case("rebooted where it arrived: negotiated anew with what is offered there")
def _():
    guest, here, there = needs_guest()
    generation = word(here, 4096 + 8)
    here.holdfast("set", here.container, "mask=acpi-loader.1")
    expect(agreed(here) == AGREED, "a mask changed what was promised")
    STATE["system"] = STATE["system"].reboot()
    expect(agreed(here) == in_window(here) == {"lifecycle": [0], "acpi-loader": [0]}, agreed(here))
    expect(word(here, 4096 + 8) != generation, "the same generation after a reset")


def cleanup():
    if "guest" in STATE:
        STATE["guest"].close()
    DIRECTORY.cleanup()


main(cleanup)
