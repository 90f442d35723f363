# SPDX-License-Identifier: BSD-2-Clause
"""L8 while the guest runs: a move that would break it, now or at its next reset, is refused before anything moved; the
guest goes on here as if nobody had asked; and a dry run asks the same. The guest's half of the mailbox is played."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess

from guest import wait_until
from moving import Host, Traveller, debian13
from program import BUILD, SOURCE, holdfast, scratch
from relay import Relay
from tap import Shared, case, expect, main, skip

DIRECTORY = scratch()
ROOT = pathlib.Path(DIRECTORY.name)
PLAY = BUILD / "tests" / "mailbox" / "play-guest"
NEWER = debian13()
STATE = Shared()
os.environ["HOLDFAST_MANIFEST_DIR"] = str(SOURCE / "data/manifests")


def guest_here():
    if "guest" not in STATE:
        skip("the guest did not start")
    return STATE["guest"], STATE["here"]


def newer():
    if isinstance(NEWER, str):
        skip(f"Debian 13's QEMU: {NEWER}")
    return NEWER["x86_64"]


def play(host, *words):
    window = next((host.root / "runtime").glob("*/mailbox"))
    return subprocess.run([PLAY, window, *map(str, words)], stdout=subprocess.PIPE, text=True, timeout=120).stdout.strip()


def all_of(host):
    """What the container says, but for the account of what happened since it runs."""
    shown = host.holdfast("show", host.container, "--json").json
    events = host.holdfast("log", host.container, "--json").json["events"]
    return {key: shown[key] for key in ("owner", "contract", "slots")}, [(e["kind"], e["text"]) for e in events]


def asked(rule, there, *parts, **more):
    """Asked, really and as a dry run: refused by that rule with these words, and nothing has happened on either side."""
    guest, here = guest_here()
    before, where = all_of(here), "exec:" + there.receive(**more)
    for options in (["--dry-run"], []):
        result = guest.move(there, status=3, where=where, options=options)
        for part in (f"rule '{rule}'", *parts):
            expect(part in result.err, f"'{part}' is not in: {result}")
        expect(f"  {rule} (refused, " in result.out and "to do: " in result.out, result)
        wait_until(lambda: there.supervisor() is None, 60, "the end of the other side")
        expect(there.state() == "none" and list(there.root.glob("g.hold*")) == [], "something is left over there")
    expect(all_of(here) == before, f"the container changed: {before} {all_of(here)}")
    expect(guest.connect().status() == "running", guest.said())
    expect(here.child("qemu") == STATE["qemu"], "this is another QEMU")
    expect("mode 1" in play(here, "order", 1, 0), "the mailbox is served no more")


def host(**more):
    STATE["hosts"] = STATE.get("hosts", 0) + 1
    return Host(ROOT / f"there{STATE['hosts']}", **more)


def described(change):
    """This host's description of itself, with one thing changed: `receive`'s words that send it."""
    caps = holdfast("caps", "--json").json
    caps["epochs"] = []
    change(caps)
    path = ROOT / "caps.json"
    path.write_text(json.dumps(caps))
    return ["--caps", path]


@case("a guest runs that agreed on two bits with its host")
def _():
    here = Host(ROOT / "here")
    here.holdfast("create", here.container, "--firmware", "seabios", "--machine", "pc-q35-7.2")
    guest = Traveller(here, "-M", "pc-q35-7.2", port="debugcon", options=["--mailbox"])
    STATE.update(guest=guest, here=here)
    guest.wait_text("No bootable device")
    play(here, "start")
    expect(play(here, "agree", "acpi-loader", 3) == "agreed 0x3", "nothing was agreed")
    STATE["qemu"] = here.child("qemu")


@case("machine type missing")
def _():
    guest_here()

    def without(caps):
        for qemu in caps["qemu"]:
            qemu["machines"] = [m for m in qemu["machines"] if m["name"] != "pc-q35-7.2"]
    asked("machine-type", host(), "pc-q35-7.2", "no QEMU of", more=described(without))


@case("a host without nbdkit")
def _():
    guest_here()
    there = host(qemu=shutil.which("qemu-system-x86_64"))
    (there.root / "bin").mkdir()
    for name in ("sh", "env"):
        (there.root / "bin" / name).symlink_to(shutil.which(name))
    asked("nbdkit", there, "nbdkit", env={"PATH": there.root / "bin"})


@case("a locked bit missing")
def _():
    guest_here()

    def without(caps):
        for domain in caps["domains"]:
            domain["bits"] = "1"
    asked("contract", host(), "bit 1", "acpi-loader", "mask=", more=described(without))


@case("an older holdfast, a disk too small")
def _():
    guest_here()
    asked("holdfast", host(), "format 1", "up to 0", more=described(lambda c: c["container"].update(reads=0)))
    asked("room", host(), "4096", more=described(lambda c: c.update({"free-bytes": 4096})))


@case("a known break at its next reset: SeaBIOS 1.16.2 with AHCI to QEMU 10.0")
def _():
    guest, here = guest_here()
    known = json.loads((SOURCE / "data/manifests/debian12-seabios-1.16.2.json").read_text())
    active = here.holdfast("show", here.container, "--json").json
    if not any(i["sha256"] in json.dumps(active) for i in known["images"]):
        skip("this SeaBIOS is another build than Debian 12's 1.16.2")
    asked("known-break", host(qemu=newer()), "SeaBIOS 1.16.2", "QEMU 10.0", "1.16.3")


@case("a QEMU that really lacks the machine type: 7.2's pc-i440fx-1.7 to 10.0")
def _():
    there, here = host(qemu=newer()), host()
    here.holdfast("create", here.container, "--firmware", "seabios", "--machine", "pc-i440fx-1.7")
    with Traveller(here, "-M", "pc-i440fx-1.7", port="debugcon") as guest:
        guest.wait_text("SeaBIOS")
        result = guest.move(there, status=3)
        expect("rule 'machine-type'" in result.err and "pc-i440fx-1.7" in result.err, result)
        expect(guest.connect().status() == "running" and there.state() == "none", guest.said())


class Caller:
    """Who asks the supervisor of the guest at `host` over its control socket."""

    def __init__(self, host):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(next((host.root / "runtime").glob("*/control"))))
        self.lines = self.socket.makefile("r")

    def ask(self, request, fds=()):
        socket.send_fds(self.socket, [json.dumps(request).encode() + b"\n"], list(fds))

    def hear(self, *words):
        """The next line that has one of these."""
        for line in self.lines:
            said = json.loads(line)
            if any(word in said for word in words):
                return said
        raise AssertionError(f"the supervisor hung up without {words}")

    def close(self):
        self.lines.close()
        self.socket.close()


@case("a second request of who asked already ends nothing; nor does one that nobody knows")
def _():
    guest, here = guest_here()
    silent = [os.pipe(), os.pipe()]  # to a host that says nothing
    caller = Caller(here)
    ends = [silent[0][0], silent[1][1]]
    caller.ask({"do": "migrate"}, ends)
    for request in {"do": "migrate"}, {"do": "somersault"}:
        caller.ask(request, ends)
        refused = caller.hear("refused", "ended")
        expect(refused.get("refused"), f"{request}: {refused}")
    caller.ask({"do": "cancel"})
    ended = caller.hear("ended", "refused")
    expect("cancelled" in ended.get("text", "") and ended.get("ended"), ended)
    caller.close()
    for fd in silent[0] + silent[1]:
        os.close(fd)
    expect(guest.connect().status() == "running", guest.said())


def move_and_cut(there, at, options=()):
    """Asks to move; `at` is called at the first frame of QEMU's stream, and the connection ends at the second."""
    guest, here = guest_here()

    def watch(step):
        if step == ">STREAM":
            at()
        return "cut" if step == ">STREAM.2" else None
    with Relay(ROOT / "paused", there.receive(), watch) as relay:
        result = guest.move(there, where=relay.where, options=options, status=1)
    expect(">STREAM.2" in relay.steps, f"{relay.steps}\n{result}")
    wait_until(lambda: there.supervisor() is None, 60, "the end of the other side")
    expect(here.state() == "held", here.owner())
    return result


@case("an emulated guest is paused before any of its memory is sent, and resumed where the move fails; --live-emulated: it "
      "runs")
def _():
    guest, here = guest_here()
    status = []
    for options, wanted in ((), "paused"), (("--live-emulated",), "running"):
        result = move_and_cut(host(), lambda: status.append(guest.connect().status()), options)
        expect(status[-1] == wanted, f"{options}: {status}\n{result}")
        expect(("is emulated and paused" in result.err + result.out) == (wanted == "paused"), result)
        wait_until(lambda: guest.connect().status() == "running", 60, f"{options}: the guest that stays\n{guest.said()}")


@case("a guest that its operator paused stays paused where the move fails")
def _():
    guest, here = guest_here()
    guest.connect().execute("stop")
    move_and_cut(host(), lambda: None)
    resumed = len(guest.qmp.events("RESUME"))
    guest.looked()
    expect(not guest.qmp.status() == "running" and len(guest.qmp.events("RESUME")) == resumed, guest.said())
    guest.qmp.execute("cont")
    wait_until(lambda: guest.qmp.status() == "running", 60, guest.said())


@case("an operator who resumes an emulated guest that moves ends the move, and it runs on here")
def _():
    guest, here = guest_here()
    there, seen = host(), []

    def watch(step):
        if step == ">STREAM":
            guest.connect().execute("cont")
            wait_until(lambda: "resumed" in guest.said(), 60, f"what holdfast says\n{guest.said()}")
        seen.append(step)
    with Relay(ROOT / "resumed", there.receive(), watch) as relay:
        result = guest.move(there, where=relay.where, status=1)
    expect("resumed" in result.err and ">GRANT" not in seen, f"{result}{seen}")
    wait_until(lambda: guest.connect().status() == "running", 60, guest.said())
    wait_until(lambda: there.supervisor() is None, 60, "the end of the other side")
    expect(here.state() == "held", here.owner())


@case("who asks while a move is being called off is told to try again, and hears nothing that is not his")
def _():
    guest, here = guest_here()
    there = host()
    seen = {}

    def call_off(step):
        """While QEMU's state flows: QEMU stops answering, and who asked dies."""
        if step == ">STREAM":
            seen["qemu"] = here.child("qemu")
            os.kill(seen["qemu"], signal.SIGSTOP)
            mover.close()
    with Relay(ROOT / "called-off", there.receive(), call_off) as relay:
        with socket.socket(socket.AF_UNIX) as way:
            way.connect(str(relay.path))
            mover = Caller(here)
            mover.ask({"do": "migrate"}, [way.fileno(), way.fileno()])
        wait_until(lambda: "qemu" in seen, 60, "the stream")
        following = Caller(here)
        try:
            following.ask({"do": "migrate"}, [0, 0])
            told = following.hear("ended", "refused")
        finally:
            os.kill(seen["qemu"], signal.SIGCONT)
            following.close()
    expect("try again" in told["text"], told)
    wait_until(lambda: guest.connect().status() == "running", 60, guest.said())
    wait_until(lambda: there.supervisor() is None, 60, "the end of the other side")
    expect(here.state() == "held", here.state())


@case("a dry run to where it can live moves nothing; then it moves, whatever other commands do meanwhile")
def _():
    guest, here = guest_here()
    there, before = host(), all_of(here)
    result = guest.move(there, options=["--dry-run"])
    expect("can move to host" in result.out and "while it runs" in result.out, result)
    wait_until(lambda: there.supervisor() is None, 60, "the end of the other side")
    expect(there.state() == "none" and here.state() == "held" and all_of(here) == before, all_of(here))
    expect(here.child("qemu") == STATE["qemu"] and guest.connect().status() == "running", guest.said())
    seen = {}

    def meddle(step):
        """Other commands, while the guest stands."""
        if step == ">OFFER.2" and not seen:
            seen["here"] = here.holdfast("set", here.container, "trial-boots=5", status=None)
            seen["again"] = here.holdfast("migrate", here.container, "--to", "exec:false", status=None)
            seen["there"] = there.holdfast("set", there.container, "trial-boots=7", status=None)
            seen["run"] = there.holdfast("run", there.container, "--", "-S", status=None)
    with Relay(ROOT / "relay", there.receive(), meddle) as relay:
        guest.move(there, where=relay.where, options=["--live-emulated"])  # its processor halts: it stores nothing
    late = seen["here"]  # it may come before the promise, and is sent then; behind it it is refused
    expect((late.status == 0 and ">OFFER.3" in relay.steps) or (late.status == 3 and "granted" in late.err),
           f"what came late was lost: {late} {relay.steps}")
    expect(seen["again"].status == 6 and "under way" in seen["again"].err, seen["again"])
    expect(seen["there"].status == 3 and "being received" in seen["there"].err, seen["there"])
    expect(seen["run"].status in (3, 6), seen["run"])
    settings = there.holdfast("show", there.container, "--json", "--settings").json["settings"]
    expect((settings["trial-boots"] == "5") == (late.status == 0), settings)
    expect(play(there, "ask", "acpi-loader", 3) == "status 1 bit -1 agreed 0x3", "what was agreed is gone")


def clean_up():
    if "guest" in STATE:
        STATE["guest"].close()


main(clean_up)
