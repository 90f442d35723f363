# SPDX-License-Identifier: BSD-2-Clause
"""Two real libvirtds, and `virsh migrate` as any manager does it: the destination fetches the container by itself, and
whatever dies on the way, the guest runs on exactly one of them."""
import os
import re
import shutil
import subprocess
import time

from pair import OVMF, Pair, StoppingRelay, free_port, kill_all, qemu_with
from program import PROGRAM
from tap import case, expect, main, note


class GivingRelay(StoppingRelay):
    """Between the destination's `fetch` and a host's `give`, which is started for each connection."""

    def __init__(self, path, host):
        self.options = []  # of `give`
        super().__init__(path, host, "give")

    def start(self):
        return subprocess.Popen([*self.command, *self.options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.env, bufsize=0)

    @staticmethod
    def line(connection, source):
        data = b""
        while not data.endswith(b"\n"):
            data += connection.read(source, 1)
        return data

    def open_way(self, connection, way):
        source, sink = connection.ends[way]
        if way == ">":
            connection.write(sink, self.line(connection, source))
        else:
            head = connection.read(source, 4)
            connection.write(sink, head + connection.read(source, int.from_bytes(head, "big")))


class PlainPair(Pair):
    """The relay is the source's: it starts `give` here."""
    relay = property(lambda self: self.relays[self.at])

    def __init__(self, relay_class):
        super().__init__(relay_class)
        for number, domain in enumerate(self.hosts):
            name = self.hosts[1 - number].host.run("hostname").stdout.strip()
            self.peers(domain, f"# the other one\n{name}\tunix:{self.relays[1 - number].path}\n")

    @staticmethod
    def peers(domain, text):
        domain.inside("/etc/holdfast/peers").write_text(text)

    def command(self, *options):
        return ["virsh", "migrate", "vm1", self.uris[1 - self.at], "--migrateuri", f"tcp://127.0.0.1:{free_port()}", "--unsafe",
                "--persistent", *options]

    def is_named(self):
        """The running domain says on which host it is."""
        here = self.here
        name = here.host.run("hostname").stdout.strip()
        here.host.wait(lambda: re.search(rf"<holdfast:source [^>]*host=['\"]{name}['\"]", here.virsh("dumpxml")), 60, "its host's name")

    def move(self, *options, fails=False):
        """Without --live libvirt pauses the guest meanwhile: QEMU's emulation can lose what a running one writes."""
        self.is_named()
        done = self.here.host.run(*self.command(*options), check=False, timeout=600)
        expect((done.returncode != 0) == fails, f"exit {done.returncode}: {done.stdout}{done.stderr}")
        if not fails:
            self.at = 1 - self.at
        return done

    def begin(self, *options):
        self.is_named()
        return subprocess.Popen(self.here.host.command(*self.command(*options)), env=self.here.host.env,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def departed(self, domain):
        """The source heard that it was claimed: its process says so after libvirt did."""
        domain.host.wait(lambda: self.owner(domain) == "departed", 60, f"the source's end: {self.owner(domain)}")


if os.geteuid() != 0 or not shutil.which("libvirtd"):
    def main(*unused):
        print("1..0 # SKIP needs root and libvirtd")
    pair = None
else:
    pair = PlainPair(GivingRelay)


@case("the source cannot be reached: refused before anything moves, with the reason")
def _():
    here, there = pair.here, pair.there
    here.holdfast("libvirt", "adopt", "vm1")
    tried = bytearray((OVMF / "OVMF_CODE_4M.fd").read_bytes())
    tried[tried.rindex(b"\xff" * 64) + 16] = 0  # where no code looks
    (here.host.root / "tried.fd").write_bytes(tried)
    here.holdfast("stage", here.container, here.host.root / "tried.fd")
    here.start().setvar("Here", "a1")
    here.host.wait(lambda: here.stored("Here") == "a1", 120, "Here stored")
    pair.is_named()
    before = there.inside("/etc/holdfast/peers").read_text()
    for line, words in (("testhost exec:exit 9\n", ("testhost", "/etc/holdfast/peers")), ("testhost\n", ("no way",)),
                        ("testhost nowhere\n", ("nowhere",))):
        pair.peers(there, line)
        said = pair.move(fails=True).stderr
        for word in ("stays where it is", *words):
            expect(word in said, f"'{word}' is not in: {said}")
        pair.stays("refused")
        expect(pair.owner(there) == "none", "something is there")
    pair.peers(there, before)


@case("the guest could not live there: the rule that refuses it is in libvirt's error")
def _():
    with qemu_with(pair.there, "-fw_cfg", "name=etc/aa-first,string=x"):
        said = pair.move(fails=True).stderr
    expect("fw_cfg" in said and "etc/aa-first" in said, said)
    pair.stays("refused")


@case("virsh migrate: the same guest goes on there, reset there it runs the same firmware; its container is there alone")
def _():
    source, code = pair.here, pair.here.active()
    pair.move()
    pair.departed(source)
    expect(pair.one_owner() == ["departed", "held"], pair.one_owner())
    expect(pair.state(pair.here) == "running" and pair.state(pair.there) == "shut off", "states")
    source.host.wait(lambda: not source.processes("libvirt guard") and not source.processes("nbdkit"), 60, "the source's processes")
    expect(pair.here.counts() == ("trial", 1, 0), f"the move counts in the trial: {pair.here.counts()}")
    pair.works("There", "b2")
    shell = pair.here.reboot()
    expect(shell.getvar("Here") == "a1" and shell.getvar("There") == "b2", "a variable is lost")
    expect(pair.here.running_code() == code == pair.here.active(), "other firmware")
    done = pair.there.host.run("virsh", "start", "vm1", check=False)
    expect(done.returncode and pair.state(pair.there) == "shut off", "it starts from the copy that is left")


@case("and back, by libvirt's own peer-to-peer; a variable set there is known")
def _():
    source = pair.here
    pair.move("--p2p")
    pair.departed(source)
    expect(pair.here.prompt().getvar("There") == "b2", "a variable is lost")
    pair.works("Back", "c3")
    pair.here.holdfast("confirm", pair.here.container)


@case("--live, of a guest that its operator paused: it is there, paused, and goes on when it is resumed")
def _():
    source = pair.here
    source.virsh("suspend")
    pair.move("--live")
    pair.departed(source)
    expect(pair.state(pair.here) == "paused", pair.state(pair.here))
    pair.here.virsh("resume")
    pair.works("Paused", "d4")


@case("virsh domjobabort, and a manager that is killed, in the middle: everything is as before")
def _():
    here, there = pair.here, pair.there
    for number, stop in enumerate(("abort", "kill")):
        here.virsh("migrate-setspeed", "1")
        moving = pair.begin()
        here.host.wait(lambda: "Unbounded" in here.virsh("domjobinfo", check=False), 120, "the migration")
        there.host.wait(lambda: pair.state(there) == "paused", 60, "the guest's shape there")
        if stop == "abort":
            here.virsh("domjobabort")
        else:
            kill_all(here, "virsh migrate vm1")
        moving.communicate(timeout=120)
        here.virsh("migrate-setspeed", "8796093022207")
        pair.stays(stop)
        here.host.wait(lambda: not here.processes("libvirt give"), 120, f"{stop}: the end of give")
        there.host.wait(lambda: not there.processes("libvirt fetch"), 120, f"{stop}: the end of fetch")
        pair.works("Stop", f"e{number}")


def interrupted(frame, kill):
    """A migration in which kill() happens right before that frame arrives; then who owns the container runs the guest."""
    relay = pair.relay
    relay.at_stop, relay.stop_at = kill, frame
    moving = pair.begin()
    out, words = moving.communicate(timeout=600)
    note(f"{frame}: exit {moving.returncode} {words.strip()[:300]}")
    expect(relay.stop_at is None, f"{frame} never came: {out}{words}")

    def is_settled():
        owners = pair.one_owner()
        return owners.count("held") == 1 and "granted" not in owners

    pair.here.host.wait(is_settled, 180, f"{frame}: one owner, not {pair.one_owner()}")
    pair.at = pair.one_owner().index("held")
    pair.stays(frame)


@case("the source's process is killed at any step: one of the hosts runs the guest, and both know which")
def _():
    for number, frame in enumerate(("READY.1", "ASK", "GRANT", "CLAIMED")):
        interrupted(frame, pair.relay.kill_receivers)
        pair.works("Source", f"f{number}")


@case("and the destination's")
def _():
    for number, frame in enumerate(("ASK", "GRANT", "CLAIMED")):
        interrupted(frame, lambda: kill_all(pair.there, "libvirt fetch"))
        pair.works("Fetch", f"0{number}")


@case("the connection falls silent before the source hears that it was claimed: it is told over another one")
def _():
    begin = time.monotonic()
    pair.move()  # longer than this machine, as busy as it is now, leaves a side that is well without a word
    source, relay = pair.here, pair.relay
    relay.options = ["--timeout", str(max(15, int(2 * (time.monotonic() - begin))))]
    interrupted("CLAIMED", lambda: "stall")
    relay.options = []
    expect(pair.here is not source and pair.owner(source) == "departed", pair.one_owner())
    pair.works("Silent", "ab")


@case("the guard or the server there, the guard here")
def _():
    for number, kill in enumerate((lambda: kill_all(pair.there, "nbdkit"), lambda: kill_all(pair.there, "libvirt guard"),
                                   lambda: kill_all(pair.here, "libvirt guard"))):
        interrupted("ASK", kill)
        pair.works("Guard", f"1{number}")


@case("a domain that is shut off, as virsh migrate --offline asks for it: refused, and the refusal names what moves it")
def _():
    here = pair.here
    pair.is_named()
    named = pair.there.host.root / "named.xml"
    named.write_text(here.virsh("dumpxml", "--migratable"))
    here.stop()
    with named.open() as xml:
        done = pair.there.host.run(PROGRAM, "libvirt", "hook", "--", "vm1", "migrate", "begin", "-", stdin=xml, check=False)
    expect(done.returncode and "holdfast libvirt migrate" in done.stderr, f"{done.returncode} {done.stdout}{done.stderr}")
    expect(pair.one_owner()[pair.at] == "held", pair.one_owner())


main(pair.close if pair else None)
