# SPDX-License-Identifier: BSD-2-Clause
"""Hosts of their own on this machine, and a guest that moves between them while it runs.

    here, there = Host(root / "here"), Host(root / "there", qemu=DEBIAN13)
    with Traveller(here, "-M", "pc-q35-7.2") as guest:
        shell = guest.shell()
        guest.move(there)              # `shell` goes on: serial port and QMP follow the guest
        shell.run("echo hello")
"""
import os
import pathlib
import shlex
import signal
import subprocess

from guest import Guest, TimedOut, wait_until
from program import PROGRAM, SOURCE, alive, await_end, holdfast


def debian13():
    """Debian 13's QEMU as {architecture: program}, or the reason why it cannot be had."""
    found = subprocess.run([SOURCE / "tests" / "lib" / "debian13"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True, timeout=600)
    if found.returncode:
        return found.stderr.strip()
    programs = pathlib.Path(found.stdout.strip()) / "run"
    return {arch: programs / f"qemu-system-{arch}" for arch in ("x86_64", "aarch64")}


class Host:
    """Its own identity, register of epochs and runtime directory; one container."""

    def __init__(self, root, qemu=None, runtime=None):
        self.root, self.qemu = pathlib.Path(root), qemu
        self.runtime = runtime or self.root / "runtime"
        for directory in (self.root, self.runtime, self.root / "state"):
            directory.mkdir(mode=0o700)
        self.container = self.root / "g.hold"
        self.env = {"HOLDFAST_RUNTIME_DIR": str(self.runtime), "HOLDFAST_STATE_DIR": str(self.root / "state")}

    def holdfast(self, *args, **more):
        return holdfast(*args, env=self.env, **more)

    def owner(self):
        return self.holdfast("owner", self.container, "--json").json

    def receive(self, running=True, more=(), env=None):
        """The command that receives a guest here."""
        words = [PROGRAM, "receive", self.container, *(["--qemu", self.qemu] if self.qemu else []), *more]
        words += ["--run", "--take-arguments"] if running else []
        settings = [f"{name}={value}" for name, value in {**self.env, **(env or {})}.items()]
        return shlex.join(["env", *settings, *map(str, words)]) + f" 2>>{shlex.quote(str(self.root / 'errors'))}"

    def supervisor(self):
        """The pid of whoever runs the guest here, or None."""
        for lock in self.runtime.glob("*/owner.lock"):
            try:
                pid = int(lock.read_text().split()[1])
                ours = pathlib.Path(f"/proc/{pid}/comm").read_text() == "holdfast\n"  # or another has its number now
            except (OSError, IndexError, ValueError):
                continue
            if ours and alive(pid):
                return pid
        return None

    def child(self, name):
        """The pid of its child whose program is called `name`..., or None."""
        supervisor = self.supervisor()
        try:
            children = pathlib.Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
            for pid in children:
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
                if any(os.path.basename(word).startswith(name) for word in words[:5]):
                    return int(pid)
        except OSError:
            pass
        return None

    def said(self):
        """What was said to whoever sent the guest, and after that."""
        files = [self.root / "errors", *self.runtime.glob("*/log")]
        return "".join(f.read_text(errors="replace") for f in files if f.exists())

    def part(self, name):
        """The pid of "supervisor", "qemu" or "nbdkit" here, waited for."""
        def find():
            return self.supervisor() if name == "supervisor" else self.child(name)
        wait_until(find, 60, f"{name} of {self.root.name}")
        return find()

    def state(self):
        return self.owner()["state"] if self.container.exists() else "none"

    def clean_up(self):
        """Ends a supervisor that is left, and with it its children."""
        pid = self.supervisor()
        if pid:
            os.kill(pid, signal.SIGTERM)
            await_end(pid)


class Traveller(Guest):
    """A Guest on `host`; arguments as Guest's."""

    def __init__(self, host, *arguments, **more):
        self.at = host
        super().__init__(host.container, *arguments, env=host.env, qemu=host.qemu and str(host.qemu), **more)
        self.hosts = [host]

    def move(self, to, status=0, where=None, arguments=None, timeout=120, options=()):
        """Returns the verb's result. With exit status 0 the guest is `to`'s from then on."""
        before, peers = self.at, [s.peer for s in (self.serial, self.monitor)]
        target = where or "exec:" + to.receive()
        tail = ["--", *map(str, arguments)] if arguments else []
        result = before.holdfast("migrate", before.container, "--to", target, *options, *tail, status=None,
                                 timeout=timeout)
        if status is not None and result.status != status:
            raise AssertionError(f"wanted exit status {status}:\n{result}{self.said()}{to.said()}")
        if result.status == 0 and "--dry-run" not in options:
            self.arrived(to, peers)
        return result

    def arrived(self, to, peers):
        """The guest is with another host: its supervisor here ends, and the other's QEMU is the one that is heard."""
        if self.process.poll() is None:
            self.process.wait(60)
        else:
            wait_until(lambda: self.at.supervisor() is None, 60, "the end of the supervisor that sent the guest")
        self.at = to
        if to not in self.hosts:
            self.hosts.append(to)
        for stream, old in zip((self.serial, self.monitor), peers):
            stream.ended = lambda: to.supervisor() is None
            wait_until(lambda: stream.peer and stream.peer is not old, 60, f"a connection to {stream.path.name}")
        self.qmp_ready = False

    def connect(self):
        if not self.qmp_ready:
            self.qmp.execute("qmp_capabilities")
            self.qmp_ready = True
        return self.qmp

    def child(self, name):
        return self.at.child(name)

    def said(self):
        return super().said() + "".join(h.said() for h in getattr(self, "hosts", []))

    def wait(self, seconds=60):
        """Until nobody runs the guest; the exit status where its supervisor is our child."""
        wait_until(lambda: self.process.poll() is not None or len(self.hosts) > 1, seconds, "the end")
        wait_until(lambda: self.at.supervisor() is None, seconds, f"the end of the guest\n{self.said()}")
        return self.process.wait(seconds)

    def close(self):
        for host in self.hosts:
            host.clean_up()
        super().close()
