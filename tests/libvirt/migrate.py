# SPDX-License-Identifier: BSD-2-Clause
"""Two real libvirtds: a domain and its container go from one to the other and back, and whatever dies on the way, at
most one of them owns the container and the guest runs on one of them."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

from pair import OVMF, Pair, StoppingRelay, free_port, kill_all, mounted, qemu_with
from program import PROGRAM, alive
from sshd import Sshd
from tap import case, expect, main, note, skip


class WatchingRelay(StoppingRelay):
    """Between `migrate` and the other host's `receive`, which is started for each connection."""

    def __init__(self, path, host):
        super().__init__(path, host, "receive", "--timeout", "30")


class MovedPair(Pair):
    """The relay is the destination's: it starts `receive` there."""
    relay = property(lambda self: self.relays[1 - self.at])

    def command(self, *options, via=None):
        return ["libvirt", "migrate", "vm1", self.uris[1 - self.at], "--via", via or f"unix:{self.relay.path}", "--migrate-uri",
                f"tcp://127.0.0.1:{free_port()}", "--unsafe", *options]

    def move(self, *options, status=0, via=None):
        done = self.here.holdfast(*self.command(*options, via=via), status=status)
        if status == 0 and "--dry-run" not in options:
            self.at = 1 - self.at
        return done

    def begin(self, *options):
        return subprocess.Popen(self.here.host.command(PROGRAM, *self.command(*options)), env=self.here.host.env,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


if os.geteuid() != 0 or not shutil.which("libvirtd"):
    def main(*unused):
        print("1..0 # SKIP needs root and libvirtd")
    pair = None
else:
    pair = MovedPair(WatchingRelay)


@case("a dry run asks and leaves nothing")
def _():
    here = pair.here
    here.holdfast("libvirt", "adopt", "vm1")
    tried = bytearray((OVMF / "OVMF_CODE_4M.fd").read_bytes())
    tried[tried.rindex(b"\xff" * 64) + 16] = 0  # where no code looks
    (here.host.root / "tried.fd").write_bytes(tried)
    here.holdfast("stage", here.container, here.host.root / "tried.fd")
    pair.shell = here.start()
    pair.works("Here", "a1")
    pair.move("--dry-run")
    expect(pair.owner(pair.there) == "none", "something is there")
    pair.stays("dry run")


def refused_alike(rule, *parts):
    """As a dry run and really, and nothing has moved then."""
    for options in (["--dry-run"], []):
        said = pair.move(*options, status=3).stderr
        for part in (f"rule '{rule}'", *parts):
            expect(part in said, f"{options}: '{part}' is not in: {said}")
    expect(pair.owner(pair.there) in ("none", "departed"), "something is there")


@case("the QEMU there shows its firmware another file, or is none: refused in the dry run and really")
def _():
    with qemu_with(pair.there, "-fw_cfg", "name=etc/aa-first,string=x"):
        refused_alike("fw-cfg-files", "etc/aa-first")
    with qemu_with(pair.there, "-device", "no-such-device"):
        refused_alike("probe-start", "no-such-device")
    pair.stays("refused")
    done = pair.move("--dry-run", "--json")
    expect(json.loads(done.stdout)["probed"] is True and "not compared" not in done.stderr, done.stdout + done.stderr)


@case("there: the same guest goes on, reset there it runs the same firmware; its container is there alone")
def _():
    code = pair.here.active()
    pair.move()
    expect(pair.one_owner() == ["departed", "held"], pair.one_owner())
    expect(pair.state(pair.here) == "running" and pair.state(pair.there) == "shut off", "states")
    expect(not pair.there.processes("libvirt guard") and not pair.there.processes("nbdkit"), "something is left behind")
    expect(pair.here.counts() == ("trial", 1, 0), f"the move counts in the trial: {pair.here.counts()}")
    pair.works("There", "b2")
    shell = pair.here.reboot()
    expect(shell.getvar("Here") == "a1" and shell.getvar("There") == "b2", "a variable is lost")
    expect(pair.here.running_code() == code == pair.here.active(), "other firmware")
    done = pair.there.host.run("virsh", "start", "vm1", check=False)
    expect(done.returncode and pair.state(pair.there) == "shut off", "it starts from the copy that is left")


@case("and back, where a variable set there is known")
def _():
    pair.move()
    expect(pair.one_owner() == ["held", "departed"], pair.one_owner())
    shell = pair.here.prompt()
    expect(shell.getvar("There") == "b2", "a variable is lost")
    pair.works("Back", "c3")
    expect(pair.here.counts() == ("trial", 1, 0), f"the moves count in the trial: {pair.here.counts()}")
    pair.here.holdfast("confirm", pair.here.container)


@case("there and back by a real ssh")
def _():
    for name in ("Over", "Under"):
        environment, there = pair.here.host.env, pair.there.host
        server = Sshd(there.root / f"ssh-{name}", {"PATH": f"{PROGRAM.parent}:/usr/sbin:/usr/bin:/sbin:/bin"}, there.command)
        try:
            before, environment["PATH"] = environment["PATH"], server.path
            pair.move(via="ssh://beta")
        finally:
            environment["PATH"] = before
            server.close()
        expect(sorted(pair.one_owner()) == ["departed", "held"], pair.one_owner())
        pair.works(name, "0a")


@case("virsh domjobabort, and Ctrl-C, in the middle: everything is as before")
def _():
    for number, stop in enumerate(("abort", "interrupt")):
        pair.here.virsh("migrate-setspeed", "1")
        moving = pair.begin()
        pair.here.host.wait(lambda: "Unbounded" in pair.here.virsh("domjobinfo", check=False), 60, "the migration")
        pair.there.host.wait(lambda: pair.state(pair.there) == "paused", 60, "the guest's shape there")
        if stop == "abort":
            pair.here.virsh("domjobabort")
        else:
            inner = pair.here.processes("libvirt migrate vm1")
            pair.here.host.run("kill", "-INT", inner[0])
        _, words = moving.communicate(timeout=120)
        expect(moving.returncode == 1 and "stays here" in words, f"{stop}: {moving.returncode} {words}")
        pair.stays(stop)
        pair.works("Stop", f"d{number}")
    pair.here.virsh("migrate-setspeed", "8796093022207")


def interrupted(frame, kill, *options):
    """A move in which kill() happens right before that frame arrives. Returns what `migrate` gave."""
    pair.relay.at_stop = kill
    pair.relay.stop_at = frame
    moving = pair.begin(*options)
    out, words = moving.communicate(timeout=900)
    note(f"{frame}: exit {moving.returncode} {words.strip()[:300]}")
    expect(pair.relay.stop_at is None, f"{frame} never came: {out}{words}")
    return moving.returncode


def find_it():
    """After a move that was interfered with: who owns it now runs it, or runs it once the other side was told to end."""
    owners = pair.one_owner()
    expect(owners.count("held") == 1, owners)
    pair.at = owners.index("held")
    pair.stays("after it")


def memory_is_sent(domain):
    found = re.search(r"Memory processed: +([1-9][0-9.]*)", domain.host.run("virsh", "domjobinfo", "vm1", check=False).stdout)
    return found is not None


@case("a domain without KVM is paused before its memory is sent, and resumed where the move fails; --live-emulated: it runs")
def _():
    here = pair.here
    speed = here.host.run("virsh", "migrate-getspeed", "vm1").stdout.strip()
    here.host.run("virsh", "migrate-setspeed", "vm1", "1")
    for options, wanted in ((), "paused"), (("--live-emulated",), "running"):
        mover = pair.begin(*options)
        here.host.wait(lambda: memory_is_sent(here) or mover.poll() is not None, 120, "memory on its way")
        state = pair.state(here)
        here.host.run("virsh", "domjobabort", "vm1", check=False)
        said = mover.communicate(timeout=120)
        expect(state == wanted and mover.returncode == 1, f"{options}: {state}, {mover.returncode}: {said}")
        pair.stays(f"{options}: called off")
    here.host.run("virsh", "migrate-setspeed", "vm1", speed)


@case("the receiver is killed before the grant: the guest stays; after it: it is found out whose it is")
def _():
    for number, frame in enumerate(("ASK", "GRANT", "CLAIMED")):
        interrupted(frame, pair.relay.kill_receivers)
        find_it()
        pair.works("Receiver", f"e{number}")


@case("the other host falls silent for ever: before the grant the guest stays; after it the other host is asked anew")
def _():
    for number, frame in enumerate(("READY", "ASK", "CLAIMED")):
        relay = pair.relay
        begin = time.monotonic()
        pair.move("--dry-run")  # longer than this machine, as busy as it is now, leaves a side that is well without a word
        seconds = max(15, int(4 * (time.monotonic() - begin)))
        limits = ("--timeout", "900", "--pause-limit", str(seconds)) if frame == "ASK" else ("--timeout", str(seconds))
        status = interrupted(frame, lambda: "stall", *limits)
        expect(status == (0 if frame == "CLAIMED" else 1), f"{frame}: {status}")
        find_it()
        # A receiver that nothing reaches any more ends, too, or the domain could not be moved there again.
        pair.here.host.wait(lambda: all(not alive(r.pid) for r in relay.receivers), 120, f"{frame}: the receiver's end")
        pair.works("Silent", f"a{number}")


@case("the container is changed between what was sent last and the grant: it is sent again")
def _():
    here = pair.here
    before = json.loads(here.holdfast("show", here.container, "--json", "--settings").stdout)["settings"]["trial-boots"]
    wanted = "7" if before != "7" else "8"
    status = interrupted("READY.2", lambda: here.holdfast("set", here.container, f"trial-boots={wanted}") and None)
    expect(status == 0, "it was given up")
    pair.at = 1 - pair.at
    pair.stays("after it")
    shown = json.loads(pair.here.holdfast("show", pair.here.container, "--json", "--settings").stdout)
    expect(shown["settings"]["trial-boots"] == wanted, shown["settings"])
    pair.works("Changed", "cd01")


@contextlib.contextmanager
def lingering(domain):
    """Kills the guard when it is called, and leaves its socket for as long as the context lasts."""
    processes = []

    def kill():
        socket_path = f"/run/holdfast-libvirt/{domain.uuid}/guard.sock"
        command = domain.host.command("python3", pathlib.Path(__file__).with_name("linger.py"),
                                      domain.processes("libvirt guard")[0], socket_path)
        processes.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        expect(processes[0].stdout.readline() == "killed\n", "the guard was not killed")

    yield kill
    for process in processes:
        process.communicate()


@case("the guard or the server is killed there, while QEMU's first write waits")
def _():
    interrupted("ASK", lambda: kill_all(pair.there, "nbdkit"))
    find_it()
    pair.works("Killed", "f0")
    with lingering(pair.there) as kill:
        interrupted("ASK", kill)
        find_it()
        pair.works("Killed", "f1")


@case("its container is refused when libvirt has let the guest go there already: it follows")
def _():
    there, relay = pair.there, pair.relay
    if "<reconnect" in pair.here.virsh("dumpxml"):
        skip("this libvirt's QEMU waits for its server, and does not go on without it")
    stored = there.inside(there.container)

    def arrive():
        signal_watch("-STOP")  # the guard's successor comes when the container does, which another receiver has brought
        kill_all(there, "libvirt guard")  # its server ends with it, and QEMU's first write fails instead of waiting
        there.host.wait(lambda: there.host.run("virsh", "domjobinfo", "vm1", check=False).returncode == 0, 60,
                        "libvirt's last step")
        stored.rename(f"{stored}.away")
        relay.at_stop, relay.stop_at = put_back, "OFFER.1"

    def put_back():
        pathlib.Path(f"{stored}.away").rename(stored)
        relay.at_stop, relay.stop_at = lambda: signal_watch("-CONT"), "READY.1"

    def signal_watch(name):
        for pid in there.processes("libvirt watch"):
            there.host.run("kill", name, pid)

    expect(interrupted("ASK", arrive) == 0, "it was given up")
    pair.at = 1 - pair.at
    pair.stays("after it")
    pair.works("Follows", "f2")


@case("the guard is killed here in the middle")
def _():
    interrupted("ASK", lambda: kill_all(pair.here, "libvirt guard"))
    find_it()
    pair.works("Guard", "01")


@case("migrate itself is killed: before the grant the guest can go on here; after it the same command finds out")
def _():
    for number, frame in enumerate(("ASK", "GRANT", "CLAIMED")):
        source = pair.here
        interrupted(frame, lambda: kill_all(source, "libvirt migrate vm1"))
        owners = pair.one_owner()
        note(f"{frame}: {owners}, {[pair.state(d) for d in pair.hosts]}")
        if "granted" in owners:
            done = pair.here.holdfast(*pair.command(), status=None)
            note(done.stdout + done.stderr)
        if pair.one_owner()[pair.at] == "held":
            pair.there.host.run("virsh", "destroy", "vm1", check=False)
            if pair.state(pair.here) == "paused":
                pair.here.virsh("resume", check=False)
        find_it()
        pair.works("Migrate", f"1{number}")


@case("an option ROM that takes other memory there is refused for a guest that runs")
def _():
    here, there = pair.here, pair.there
    here.stop()
    plain = here.virsh("dumpxml", "--inactive")
    here.define(re.sub("</devices>", "<video><model type='vga'/></video></devices>", plain))
    rom = pathlib.Path("/usr/share/seabios/vgabios-stdvga.bin")
    with mounted(there, rom, data=rom.read_bytes() * 4):
        here.virsh("start", "--paused")  # its firmware would draw for a while
        refused_alike("roms", rom.name, "Size mismatch", "<rom file=")
        here.stop()
        said = pair.move("--dry-run").stderr
        expect("compared" not in said, said)
    here.define(plain)


@case("a domain that is shut off moves, too")
def _():
    if pair.state(pair.here) == "running":
        pair.here.stop()
    done = pair.move("--transient", status=3)
    expect("rule 'transient'" in done.stderr and pair.owner(pair.there) == "departed", done.stderr)
    pair.move("--undefine-source")
    expect(pair.state(pair.here) == "shut off" and pair.state(pair.there) == "", "states")
    expect(pair.here.stored("Here") == "a1", "a variable is lost")
    pair.here.virsh("start")
    expect(pair.here.running_code() == pair.here.active(), "other firmware")


@case("--transient: the domain is not defined there, and stays defined here")
def _():
    def persistent(domain):
        return "vm1" in domain.host.run("virsh", "list", "--all", "--persistent", "--name").stdout.split()
    pair.move("--transient")
    expect(pair.state(pair.here) == "running" and not persistent(pair.here), "defined there, or not running")
    expect(pair.state(pair.there) == "shut off" and persistent(pair.there), "not defined here any more")
    pair.here.stop()
    expect(pair.state(pair.here) == "", "it is still there")


main(pair.close if pair else None)
