# SPDX-License-Identifier: BSD-2-Clause
"""Two libvirt hosts of this machine and one domain that goes from one to the other."""
import contextlib
import json
import os
import pathlib
import shlex
import signal
import socket
import subprocess

from domain import Domain
from listening import end_listening
from private_host import PrivateHost
from program import PROGRAM, alive
from relay import NAMES, Relay
from tap import expect

QEMU = "/usr/bin/qemu-system-x86_64"
OVMF = pathlib.Path("/usr/share/OVMF")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class StoppingRelay(Relay):
    """`stop_at` names a frame ("READY.2": the second of a connection): when it comes, at_stop() runs, and only then does the
    frame go on, unless at_stop() said "cut" or "stall"."""

    def __init__(self, path, host, *words):
        self.stop_at, self.at_stop = None, None
        super().__init__(path, host.command(PROGRAM, "libvirt", *words), connections=None, intro=True, env=host.env)

    def decide(self, connection, way, kind):
        name, _, number = (self.stop_at or "").partition(".")
        if NAMES.get(kind) != name or (number and connection.passed[way].count(kind) + 1 != int(number)):
            return None
        self.stop_at = None
        return self.at_stop()

    def kill_receivers(self):
        for process in self.receivers:
            children = subprocess.run(["pgrep", "-P", str(process.pid)], stdout=subprocess.PIPE, text=True).stdout.split()
            for pid in [*map(int, children), process.pid]:
                if alive(pid):
                    os.kill(pid, signal.SIGKILL)
            process.wait()
        return "cut"

    def close(self):
        end_listening(self.listener, self.serving)
        self.closing.set()
        self.kill_receivers()


def kill_all(domain, *words):
    for word in words:
        for pid in domain.processes(word):
            domain.host.run("kill", "-9", pid, check=False)


@contextlib.contextmanager
def mounted(domain, target, text=None, data=None):
    """Another file over one of that host's, for a while."""
    source = domain.host.root / "other-file"
    source.write_text(text) if text else source.write_bytes(data)
    source.chmod(0o755)
    domain.host.run("mount", "--bind", source, target)
    try:
        yield
    finally:
        domain.host.run("umount", target)


@contextlib.contextmanager
def qemu_with(domain, *words):
    """That host's QEMU gets more arguments. It stays in its directory, by which it finds its data."""
    spare = "/usr/bin/qemu-system-i386"
    domain.host.run("mount", "--bind", QEMU, spare)
    try:
        with mounted(domain, QEMU, f'#!/bin/sh\ncase "$*" in *-blockdev*) set -- {shlex.join(words)} "$@" ;; esac\n'
                                   f'exec {spare} "$@"\n'):
            yield
    finally:
        domain.host.run("umount", spare)


class Pair:
    """Two hosts, each with its /run where the other sees it, and the domain on the one where it is at the moment."""

    def __init__(self, relay_class):
        a = Domain("vm1")
        host = PrivateHost("otherhost", "5f6d1a3e-93a0-4c6b-8f5e-1d0000000002")
        b = Domain("vm1", host, a.serial, define=False)
        b.uuid = a.uuid
        self.hosts = [a, b]
        self.relays, self.uris = [], []
        for domain in self.hosts:  # each reaches the other through what both see
            self.relays.append(relay_class(domain.host.root / "relay", domain.host))
            self.uris.append(f"qemu+unix:///system?socket={domain.host.root}/run/libvirt/libvirt-sock")
        self.at = 0

    here = property(lambda self: self.hosts[self.at])
    there = property(lambda self: self.hosts[1 - self.at])

    def state(self, domain):
        return domain.host.run("virsh", "domstate", "vm1", check=False).stdout.strip()

    def owner(self, domain):
        path = domain.inside(domain.container)
        if not path.exists():
            return "none"
        return json.loads(domain.holdfast("owner", domain.container, "--json").stdout)["state"]

    def one_owner(self):
        owners = [self.owner(d) for d in self.hosts]
        expect(owners.count("held") <= 1, f"two owners: {owners}")
        return owners

    def stays(self, what):
        """The guest runs on where it was, and its container is there."""
        here = self.here
        here.host.wait(lambda: self.state(here) == "running", 60, f"{what}: the guest going on")
        expect(self.one_owner()[self.at] == "held", f"{what}: {self.one_owner()}")
        here.settled()
        here.host.wait(lambda: self.state(here) == "running", 60, f"{what}: the guest going on")
        self.there.host.wait(lambda: self.state(self.there) in ("", "shut off"), 60, f"{what}: {self.state(self.there)} there")

    def works(self, name, value):
        self.here.prompt().setvar(name, value)
        self.here.host.wait(lambda: self.here.stored(name) == value, 120, f"{name} stored")

    def close(self):
        for relay in self.relays:
            relay.close()
        for domain in self.hosts:
            domain.close()
